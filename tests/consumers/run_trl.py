"""In TRL's environment: trainers as a card sets them up, and two steps of each."""

from __future__ import annotations

import functools
import json
import sys
from typing import Any

import trl
from tiny import llama, tokenizer

#: What the card leaves to its reader: where to, how much, and that there is no graphics card.
ARGUMENTS = {
    "max_steps": 2, "per_device_train_batch_size": 4, "logging_steps": 1, "max_length": 4096, "report_to": "none",
    "save_strategy": "no", "use_cpu": True, "bf16": False, "disable_tqdm": True,
}  # fmt: skip
#: Trainer -> the head of its model.
HEADS = {"RewardTrainer": "SequenceClassification", "DPOTrainer": "CausalLM", "KTOTrainer": "CausalLM"}


def train(name: str, code: str, data: str, folder: str) -> dict[str, Any]:
    """Run a card's code, and two steps of the trainer that it sets up.

    Args:
        name: the trainer.
        code: it makes `trainer` of DIR, MODEL and TOKENIZER.
        data: the dataset's folder.
        folder: for the model, from where TRL reads its tokenizer and the reference model too.
    """
    words = tokenizer()
    arguments = getattr(trl, name.replace("Trainer", "Config"))(output_dir=f"{folder}/out", **ARGUMENTS)
    own = getattr(trl, name)
    setattr(trl, name, functools.partial(own, args=arguments))
    names: dict[str, Any] = {"DIR": data, "MODEL": llama(HEADS[name], words, folder), "TOKENIZER": words}
    exec(code, names)
    setattr(trl, name, own)
    trainer = names["trainer"]
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    trainer.train()
    rows = trainer.train_dataset
    ids = [column for column in rows.column_names if column.endswith("_ids")]
    return {
        "steps": trainer.state.global_step,
        "losses": [line["loss"] for line in trainer.state.log_history if "loss" in line],
        "moved": any(not value.equal(before[key]) for key, value in trainer.model.state_dict().items()),
        "texts": {column.removesuffix("_ids"): [words.decode(one) for one in rows[column]] for column in ids},
        **{column: rows[column][:] for column in ("label", "margin") if column in rows.column_names},
    }


def main(jobs: str) -> list[dict[str, Any]]:
    """Jobs are lists of a trainer's name, code and a folder."""
    return [train(*job, f"model-{i}") for i, job in enumerate(json.loads(jobs))]


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
