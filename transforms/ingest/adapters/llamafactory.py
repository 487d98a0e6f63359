"""LLaMA-Factory's preference layouts: alpaca's and ShareGPT's, for DPO and reward models, and for KTO.

    {"instruction": "…", "input": "…", "chosen": "…", "rejected": "…", "system": "…", "history": [["…", "…"]]}
    {"conversations": [{"from": "human", "value": "…"}, …], "chosen": {"from": "gpt", "value": "…"}, "rejected": {…},
     "system": "…", "tools": "[…]", "images": ["a.png"]}
    {"instruction": "…", "input": "…", "output": "…", "kto_tag": true}
    {"messages": [{"role": "user", …}, {"role": "assistant", …}], "label": true}     (`conversations` and `kto_tag` too)

Instruction and input are one message, with a line end between, as LLaMA-Factory makes it. Images belong to the prompt's
last message. In the KTO layouts of messages the last message is the response.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from schemas.arrow import DIALOGUE
from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.images import images
from transforms.ingest.adapters.parts import first_wins
from transforms.ingest.adapters.single import desirable
from transforms.ingest.adapters.trl import tools
from transforms.ingest.dialogue import dialogues, prompt_turns, with_images, with_system
from transforms.ingest.listed import Places
from transforms.ingest.records import Records
from transforms.lists import end_to_end, of_counts, side_by_side

_LAYOUTS = (("instruction", "chosen", "rejected"), ("conversations", "chosen", "rejected"),
            ("instruction", "output", "kto_tag"), ("conversations", "kto_tag"), ("messages", "kto_tag"),
            ("conversations", "label"), ("messages", "label"))  # fmt: skip
_TALK, _LABELS = ("conversations", "messages"), ("kto_tag", "label")
_TAKEN = (
    "instruction",
    "input",
    "output",
    "chosen",
    "rejected",
    "system",
    "history",
    "tools",
    "images",
    *_TALK,
    *_LABELS,
)


def _history(records: Records) -> pl.Series:
    """Earlier rounds, each a user's and an assistant's text, as one dialogue a record."""
    rounds = records.column("history", pl.List(pl.List(pl.String)), required=False)
    items = Places(rounds.list.len().fill_null(0).to_numpy())
    flat = rounds.explode(empty_as_null=False, keep_nulls=False)
    said = [flat.list.get(at, null_on_oob=True) for at in (0, 1)]
    turns = end_to_end([prompt_turns(said[0]), prompt_turns(said[1], role="assistant")])
    counts = items.lists(turns.list.len()).list.sum().fill_null(0).to_numpy()
    return of_counts(turns.explode(empty_as_null=False, keep_nulls=False), counts).cast(DIALOGUE)


def _images(records: Records) -> pl.Series:
    lists = [value if isinstance(value, list) else [] for value in records.values("images")]
    items = Places(np.array([len(one) for one in lists], np.int64))
    return items.lists(images(records, [one for value in lists for one in value], items.owners.tolist(), "images"))


def _asked(records: Records) -> pl.Series:
    """The prompt of records with an instruction."""
    parts = [records.column("instruction", pl.String), records.column("input", pl.String, required=False)]
    parts[1] = parts[1].replace("", None)
    whole = pl.select(pl.concat_str(parts, separator="\n", ignore_nulls=True)).to_series()
    return end_to_end([_history(records), prompt_turns(whole)])


def rows(records: Records, options: Options) -> pl.DataFrame:
    """A pair (chosen first), or a rating of a single response a record."""
    talk = next(filter(records.has, _TALK), None)
    label = next(filter(records.has, _LABELS), None)
    prompt = dialogues(records, talk, role="user") if talk and not records.has("instruction") else _asked(records)
    if label is None:
        sides = [dialogues(records, name, role="assistant") for name in ("chosen", "rejected")]
        said = {"kind": pl.Series(["pair"]).new_from_index(0, len(records)), "judgements": first_wins(len(records))}
    else:
        sides = [dialogues(records, "output", role="assistant")] if records.has("output") else [prompt.list.tail(1)]
        if not records.has("output"):
            records.reject(prompt.list.len() == 0, "no_message", f"{talk!r} holds no message")
            last = prompt.list.last().struct.field("role")
            records.reject(
                last != "assistant", "no_assistant_turn", f"{talk!r} does not end with an assistant's message"
            )
            before = pl.col("p").list.head(pl.col("p").list.len().cast(pl.Int64) - 1)
            prompt = prompt.to_frame("p").select(before)["p"]
        said = desirable(records, label)
    if records.has("images"):
        prompt = with_images(prompt, _images(records))
    return pl.DataFrame(
        {
            "prompt": with_system(prompt, records.column("system", pl.String, required=False)),
            "responses": side_by_side(sides),
            **said,
            "tools": tools(records),
            "metadata": rest(records, _TAKEN),
        }
    )


def fits(records: Records) -> bool:
    """Whether records are in one of the layouts; with a prompt of that name, they are another format's."""
    return not records.has("prompt") and any(all(map(records.has, fields)) for fields in _LAYOUTS)


_TURNS = [{"from": "human", "value": "Say hi."}]

ADAPTER = Adapter(
    name="llamafactory",
    kinds=("pair", "rating"),
    about="LLaMA-Factory's preference and KTO layouts: alpaca's and ShareGPT's.",
    keeps="system prompts, history, all turns, tools and calls, images; the rest as metadata",
    unknown="who judged, which model wrote what",
    fields=(),
    rows=rows,
    fits=fits,
    generic=True,
    example={
        "conversations": _TURNS,
        "chosen": {"from": "gpt", "value": "Hi."},
        "rejected": {"from": "gpt", "value": "No."},
    },
    variants=(
        {"instruction": "Say hi.", "input": "In French.", "chosen": "Salut.", "rejected": "No."},
        {"instruction": "Say hi.", "input": "", "output": "Hi.", "kto_tag": True},
        {"messages": [{"role": "user", "content": "Say hi."}, {"role": "assistant", "content": "Hi."}], "label": False},
    ),
)
