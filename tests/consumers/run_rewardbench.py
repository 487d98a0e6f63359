"""In RewardBench's environment: its command with a tiny reward model. Says what it wrote, and what the model gives."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import entry_points
from pathlib import Path

import torch
from tiny import llama, tokenizer
from transformers import BatchEncoding


def without_a_card() -> None:
    """Let "cuda" be the processor: the command asks for it by name, and for nothing else that needs it."""
    to = BatchEncoding.to
    BatchEncoding.to = lambda self, device, **other: to(self, "cpu" if device == "cuda" else device, **other)


def main(command: str) -> dict:
    words = tokenizer()
    model = llama("SequenceClassification", words, "MODEL")
    if not torch.cuda.is_available():
        without_a_card()
    sys.argv = shlex.split(command)
    (said,) = entry_points(group="console_scripts", name=sys.argv[0])
    said.load()()
    rows = [json.loads(line) for line in Path("results/MODEL_outputs.jsonl").read_text().splitlines()]
    with torch.no_grad():
        own = {
            text: model(**words(text, return_tensors="pt").to(model.device)).logits.item()
            for row in rows
            for text in (row["text_chosen"], row["text_rejected"])
        }
    return {"rows": rows, "own": own, "result": json.loads(Path("results/MODEL.json").read_text())}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
