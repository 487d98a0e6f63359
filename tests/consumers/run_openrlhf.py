"""In OpenRLHF's environment: what its dataset makes of the exported file, under the flags that the card prints.

Its trainers are out of reach without DeepSpeed and flash-attn. All that is used here is its own code.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from types import SimpleNamespace
from typing import Any

from openrlhf.datasets import RewardDataset
from openrlhf.datasets.utils import blending_datasets
from tiny import tokenizer


def data_arguments(flags: str) -> argparse.Namespace:
    """The flags `--data.NAME`, as its commands keep them."""
    parser = argparse.ArgumentParser()
    for name in ("dataset", "prompt_key", "chosen_key", "rejected_key"):
        parser.add_argument(f"--data.{name}", dest=name)
    parser.add_argument("--data.apply_chat_template", dest="apply_chat_template", action="store_true")
    return parser.parse_args(shlex.split(flags))


def main(stage: str, flags: str) -> dict[str, Any]:
    words, data = tokenizer(), data_arguments(flags)
    strategy = SimpleNamespace(args=SimpleNamespace(data=data), print=lambda *said: None, is_rank_0=lambda: True)
    rows = blending_datasets(data.dataset, strategy=strategy)
    made = RewardDataset(rows, words, 4096, strategy, is_dpo=stage == "dpo", num_processors=1)
    items = [made[i] for i in range(len(made))]
    chosen, chosen_mask, rejected, rejected_mask, extras = made.collate_fn(items)
    return {
        "chosen": [words.decode(ids[mask.bool()]) for ids, mask in zip(chosen, chosen_mask, strict=True)],
        "rejected": [words.decode(ids[mask.bool()]) for ids, mask in zip(rejected, rejected_mask, strict=True)],
        "prompts": [words.decode(item[0][0][:extra]) for item, extra in zip(items, extras, strict=True)],
        "shapes": [list(chosen.shape), list(rejected.shape)],
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
