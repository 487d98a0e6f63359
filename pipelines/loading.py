"""How a published dataset is opened in the trainers that it is for, and how it is cited, as the card tells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Recipe(NamedTuple):
    """How one trainer reads one configuration; `how` has `{data}` where the dataset's name goes."""

    who: str
    shape: str
    language: str
    how: str


_TRL = """\
from datasets import load_dataset
from trl import {trainer}

data = load_dataset({{data}}, "{shape}")
trainer = {trainer}(model=MODEL, train_dataset=data["train"]{more})"""
_EXPORT = """\
from datasets import load_dataset

data = load_dataset({{data}}, "{shape}", split="train")
{line}"""

_RECIPES = (
    Recipe(
        "TRL's RewardTrainer", "preference", "python",
        _TRL.format(trainer="RewardTrainer", shape="preference", more=""),
    ),
    Recipe(
        "TRL's DPOTrainer", "preference", "python",
        _TRL.format(trainer="DPOTrainer", shape="preference", more=", processing_class=TOKENIZER"),
    ),
    Recipe(
        "OpenRLHF (chosen and rejected are its keys, with a chat template)", "preference_full", "python",
        _EXPORT.format(shape="preference_full", line='data.to_json("train.jsonl")'),
    ),
    Recipe(
        # It takes the turns of both sides from chosen, and every other one for the user's whatever its role is.
        "RewardBench's command, on what differs in the last message of user and assistant in turns", "preference_full",
        "python",
        _EXPORT.format(
            shape="preference_full",
            line="""

def in_turns(row):
    roles = [message["role"] for message in row["chosen"]]
    return row["chosen"][:-1] == row["rejected"][:-1] and roles == ["user", "assistant"] * (len(roles) // 2)


data = data.filter(in_turns)
data.to_json("pairs.jsonl")  # rewardbench --model MODEL --dataset pairs.jsonl --load_json""",
        ),
    ),
    Recipe(
        "TRL's KTOTrainer", "kto", "python",
        _TRL.format(trainer="KTOTrainer", shape="kto", more=", processing_class=TOKENIZER"),
    ),
    Recipe(
        # COMET reads its file with pandas, which takes an empty text for a missing one and a lone carriage return for a
        # line's end where nothing is quoted; and COMET takes what is missing for the word "nan".
        "COMET, on what has a reference", "comet", "python",
        "import csv\n\n" + _EXPORT.format(
            shape="comet",
            line='data = data.select_columns(["src", "mt", "ref", "score"]).filter(lambda row: "" not in row.values())\n'
            'data.to_csv("train.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)  # comet-train: train_data',
        ),
    ),
    Recipe(
        "MetricX", "metricx", "python",
        _EXPORT.format(
            shape="metricx",
            line='data.select_columns(["source", "hypothesis", "reference", "label"]).to_json("train.jsonl")',
        ),
    ),
    Recipe(
        "Process reward models (as TRL's PRMTrainer took them)", "stepwise", "python",
        _EXPORT.format(shape="stepwise", line='data = data.select_columns(["prompt", "completions", "labels"])'),
    ),
)  # fmt: skip


def trainers(shapes: Sequence[str], address: str | None) -> list[Recipe]:
    """The recipes for configurations that are there.

    Args:
        shapes: their names.
        address: what `load_dataset` calls the dataset; DIR when None.
    """
    data = "DIR" if address is None else f'"{address}"'
    return [one._replace(how=one.how.format(data=data)) for one in _RECIPES if one.shape in shapes]


def citation(title: str, name: str, version: str, address: str | None) -> str:
    """A BibTeX entry; of the title only what means nothing to LaTeX or Markdown."""
    key = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "dataset"
    where = f",\n  howpublished = {{\\url{{{address}}}}}" if address else ""
    plain = " ".join(re.sub(r"[^\w\s.,:;()'/+-]", "", title).split())
    return f"@misc{{{key},\n  title = {{{plain}}},\n  note = {{Curated with Trenchcoat {version}}}{where}\n}}"
