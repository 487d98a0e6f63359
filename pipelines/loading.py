"""How a published dataset is opened in the trainers that it is for, and how it is cited, as the card tells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Recipe(NamedTuple):
    """How one trainer reads one configuration.

    Attributes:
        who: the trainer.
        shape: the configuration.
        language: of the code.
        how: the code, with DATA where the dataset's name goes.
    """

    who: str
    shape: str
    language: str
    how: str


def _trl(trainer: str, shape: str, more: str = "") -> Recipe:
    """A trainer of TRL, which takes the dataset as it is."""
    code = f"""\
from datasets import load_dataset
from trl import {trainer}

data = load_dataset(DATA, "{shape}")
trainer = {trainer}(model=MODEL, train_dataset=data["train"]{more})"""
    return Recipe(f"TRL's {trainer}", shape, "python", code)


def _export(who: str, shape: str, lines: str, imports: str = "") -> Recipe:
    """A program that reads a file: how the training rows are written to it."""
    code = f"""\
from datasets import load_dataset

data = load_dataset(DATA, "{shape}", split="train")
"""
    return Recipe(who, shape, "python", f"{imports}\n\n{code}{lines}" if imports else code + lines)


#: What those of them share that read no tool calls.
_CALLS = """

def calls(messages):
    return any(message.get("tool_calls") for message in messages)
"""
#: OpenRLHF gives the template all fields of a message, and messages that call no tool would have null for their calls.
_OPENRLHF = f"""{_CALLS}

with open("train.jsonl", "w") as file:
    for row in data:
        sides = {{name: row[name] for name in ("prompt", "chosen", "rejected")}}
        if not any(map(calls, sides.values())):
            plain = {{
                name: [{{key: message[key] for key in ("role", "content")}} for message in side]
                for name, side in sides.items()
            }}
            file.write(json.dumps(plain) + "\\n")
# --data.dataset train.jsonl --data.apply_chat_template
# --data.prompt_key prompt --data.chosen_key chosen --data.rejected_key rejected"""
#: RewardBench takes the turns of both sides from chosen, and every other one for the user's, whatever its role is.
_REWARDBENCH = f"""{_CALLS}

def in_turns(row):
    roles, alike = [one["role"] for one in row["chosen"]], row["chosen"][:-1] == row["rejected"][:-1]
    return alike and roles == ["user", "assistant"] * (len(roles) // 2) and not calls(row["chosen"] + row["rejected"])


data = data.filter(in_turns)
data.to_json("pairs.jsonl")  # rewardbench --model MODEL --dataset pairs.jsonl --load_json"""
#: LLaMA-Factory wants one message a side, reads no tool calls in this layout, and is told what the fields are.
_LLAMAFACTORY = f"""{_CALLS}

def single(row):
    one = len(row["chosen"]) == len(row["rejected"]) == 1
    return one and not calls(row["prompt"] + row["chosen"] + row["rejected"])


columns = {{"messages": "prompt", "chosen": "chosen", "rejected": "rejected"}}
tags = {{"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}}
tags |= {{"system_tag": "system", "observation_tag": "tool"}}
data = data.filter(single).select_columns(list(columns.values()))
data = data.map(lambda row: {{"chosen": row["chosen"][0], "rejected": row["rejected"][0]}})
data.to_json("preference.jsonl")
info = {{"file_name": "preference.jsonl", "formatting": "sharegpt", "ranking": True, "columns": columns, "tags": tags}}
with open("dataset_info.json", "w") as file:  # dataset_dir is the folder with both files, dataset is preference
    json.dump({{"preference": info}}, file, indent=2)"""
#: COMET reads its file with pandas, which takes an empty text for a missing one, and a lone carriage return for the end
#: of a line where nothing is quoted. What is missing is the word "nan" to COMET.
_COMET = """\
data = data.select_columns([{columns}]).filter(lambda row: "" not in row.values())
data.to_csv("train.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)  # comet-train: train_data"""

_RECIPES = (
    _trl("RewardTrainer", "preference"),
    _trl("DPOTrainer", "preference", ", processing_class=TOKENIZER"),
    _export("OpenRLHF, on what calls no tool", "preference", _OPENRLHF, "import json"),
    _export(
        "RewardBench's command, on turns of user and assistant that differ in the last", "preference_full",
        _REWARDBENCH,
    ),
    _export(
        "LLaMA-Factory (stages rm and dpo), on what differs in one message and calls no tool", "preference",
        _LLAMAFACTORY, "import json",
    ),
    _trl("KTOTrainer", "kto", ", processing_class=TOKENIZER"),
    _export(
        "COMET, on what has a reference", "comet", _COMET.format(columns='"src", "mt", "ref", "score"'), "import csv"
    ),
    _export("COMET, without references", "comet", _COMET.format(columns='"src", "mt", "score"'), "import csv"),
    _export(
        "MetricX", "metricx",
        'data.select_columns(["source", "hypothesis", "reference", "label"]).to_json("train.jsonl")',
    ),
    _export(
        "Process reward models, such as the PRMTrainer that TRL had up to 1.13", "stepwise",
        'data = data.select_columns(["prompt", "completions", "labels"])',
    ),
)  # fmt: skip


def trainers(shapes: Sequence[str], address: str | None) -> list[Recipe]:
    """The recipes for configurations that are there.

    Args:
        shapes: their names.
        address: what `load_dataset` calls the dataset; DIR when None.
    """
    data = "DIR" if address is None else f'"{address}"'
    called = f"load_dataset({data}, "
    return [one._replace(how=one.how.replace("load_dataset(DATA, ", called)) for one in _RECIPES if one.shape in shapes]


def citation(title: str, name: str, version: str, address: str | None) -> str:
    """A BibTeX entry; of the title only what means nothing to LaTeX or Markdown."""
    key = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "dataset"
    where = f",\n  howpublished = {{\\url{{{address}}}}}" if address else ""
    plain = " ".join(re.sub(r"[^\w\s.,:;()'/+-]", "", title).split())
    return f"@misc{{{key},\n  title = {{{plain}}},\n  note = {{Curated with Trenchcoat {version}}}{where}\n}}"
