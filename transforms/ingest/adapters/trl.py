"""TRL's preference formats: texts or messages, explicit or implicit prompt, tools, margin.

    {"prompt": "…", "chosen": "…", "rejected": "…"}
    {"prompt": [{"role": "user", "content": "…"}], "chosen": [{"role": "assistant", "content": "…"}], "rejected": [...]}
    {"chosen": [{"role": "user", …}, {"role": "assistant", …}], "rejected": [...], "margin": 1.5, "tools": [...]}

Without a prompt, the prompt is the longest run of messages that both sides start with. Texts without a prompt are taken
as whole responses.
"""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest, starts_with
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.dialogue import dialogues, split_prompt
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_SIDES = ("chosen", "rejected")


def _tools(records: Records) -> pl.Series:
    values = records.values("tools")
    texts: list[str | None] = [_json(value) for value in values]
    return pl.Series("tools", texts, dtype=pl.String)


def _json(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, chosen first."""
    sides = [dialogues(records, side, role="assistant") for side in _SIDES]
    if records.has("prompt"):
        prompt = dialogues(records, "prompt", role="user")
    else:
        prompt, sides = split_prompt(records, sides)
    for name, side in zip(_SIDES, sides, strict=True):
        records.reject(side.list.len() == 0, "no_message", f"{name!r} holds no message of its own")
    margin = records.column("margin", pl.Float64, required=False) if records.has("margin") else None
    strength = pl.Series("strength", [None] * len(records), dtype=pl.Float64) if margin is None else margin.abs()
    frame = (
        strength.alias("strength")
        .to_frame()
        .with_columns(
            # A negative margin says that the rejected side is the better one.
            value=pl.lit(1.0) if margin is None else pl.when(pl.lit(margin) < 0).then(0.0).otherwise(1.0)
        )
    )
    return pl.DataFrame(
        {
            "prompt": prompt,
            "responses": side_by_side(sides),
            "judgements": judgements(frame, [judgement(pl.col("value"), strength=pl.col("strength"))]),
            "tools": _tools(records),
            "metadata": rest(records, ("prompt", *_SIDES, "margin", "tools")),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="trl",
    kinds=("pair",),
    about="TRL's preference data: chosen and rejected as texts or messages, with or without a prompt.",
    keeps="system prompts, all turns, tools, tool calls, reasoning, margin; other fields as metadata",
    unknown="who judged, which model wrote what",
    fields=("chosen", "rejected"),
    rows=rows,
    fits=lambda records: not starts_with(records, "chosen", "\n\nHuman:"),
    example={"prompt": "Say hi.", "chosen": "Hi.", "rejected": "No."},
)
