"""In the environment of the last TRL with a PRMTrainer: two steps of it on what the card's code loads."""

from __future__ import annotations

import json
import sys
from typing import Any

from tiny import llama, tokenizer
from trl.experimental.prm import PRMConfig, PRMTrainer


def main(code: str, folder: str) -> dict[str, Any]:
    words = tokenizer()
    names: dict[str, Any] = {"DIR": folder}
    exec(code, names)
    arguments = PRMConfig(
        output_dir="out", max_steps=2, per_device_train_batch_size=4, logging_steps=1, step_separator="\n",
        report_to="none", save_strategy="no", use_cpu=True, bf16=False, disable_tqdm=True,
    )  # fmt: skip
    model = llama("TokenClassification", words, "model")
    trainer = PRMTrainer(model=model, args=arguments, train_dataset=names["data"], processing_class=words)
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    trainer.train()
    rows = trainer.train_dataset
    return {
        "steps": trainer.state.global_step,
        "losses": [line["loss"] for line in trainer.state.log_history if "loss" in line],
        "moved": any(not value.equal(before[key]) for key, value in trainer.model.state_dict().items()),
        "texts": [words.decode(ids) for ids in rows["input_ids"]],
        "labels": [[label for label in labels if label != -100] for labels in rows["labels"]],
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
