"""In LLaMA-Factory's environment: two steps of `llamafactory-cli train` in a stage, and the texts it was trained on."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import transformers  # noqa: F401  it looks for torchaudio when it is imported, and must find that there is none
import yaml
from tiny import llama, tokenizer

if importlib.util.find_spec("torchaudio") is None:
    # Imported where sound may be read, and asked for nothing where there is none.
    sys.modules["torchaudio"] = ModuleType("torchaudio")

from llamafactory.cli import main as command
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.hparams import get_train_args
from llamafactory.model import load_tokenizer


def texts(arguments: dict[str, Any]) -> list[dict[str, str]]:
    """Both sides of each pair as the trainer's dataset has them, prompt included."""
    model, data, training, *_ = get_train_args(arguments | {"output_dir": "read"})
    words = load_tokenizer(model)
    template = get_template_and_fix_tokenizer(words["tokenizer"], data)
    made = get_dataset(template, model, data, training, stage="rm", **words)["train_dataset"]
    decode = words["tokenizer"].decode
    return [{side: decode(row[f"{side}_input_ids"]) for side in ("chosen", "rejected")} for row in made]


def main(stage: str) -> dict[str, Any]:
    llama("CausalLM", tokenizer(), "model")
    arguments = {
        "model_name_or_path": "model", "stage": stage, "do_train": True, "finetuning_type": "full",
        "dataset_dir": ".", "dataset": "preference", "template": "default", "cutoff_len": 512,
        "output_dir": "trained", "max_steps": 2, "per_device_train_batch_size": 4, "logging_steps": 1,
        "report_to": "none", "save_strategy": "no", "use_cpu": True, "preprocessing_num_workers": 1,
        "overwrite_cache": True,
    }  # fmt: skip
    Path("train.yaml").write_text(yaml.safe_dump(arguments))
    sys.argv = ["llamafactory-cli", "train", "train.yaml"]
    command()
    log = [json.loads(line) for line in Path("trained/trainer_log.jsonl").read_text().splitlines()]
    return {"losses": [line["loss"] for line in log if "loss" in line], "texts": texts(arguments)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
