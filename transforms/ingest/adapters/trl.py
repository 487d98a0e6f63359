"""TRL's preference formats: texts or messages, explicit or implicit prompt, tools, margin.

    {"prompt": "…", "chosen": "…", "rejected": "…"}
    {"prompt": [{"role": "user", "content": "…"}], "chosen": [{"role": "assistant", "content": "…"}], "rejected": [...]}
    {"chosen": [{"role": "user", …}, {"role": "assistant", …}], "rejected": [...], "margin": 1.5, "tools": [...]}

Without a prompt, the prompt is the longest run of messages that both sides start with; so it is where both sides start
with the prompt's first message. Texts without a prompt are taken as whole responses.
"""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import chosen_rejected
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.records import Records


def tools(records: Records) -> pl.Series:
    """The tools on offer, as JSON texts."""
    values = records.values("tools")
    texts: list[str | None] = [_json(value) for value in values]
    return pl.Series("tools", texts, dtype=pl.String)


def _json(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, chosen first."""
    pair = chosen_rejected(records)
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
            **pair,
            "judgements": judgements(frame, [judgement(pl.col("value"), strength=pl.col("strength"))]),
            "tools": tools(records),
            "metadata": rest(records, ("prompt", "chosen", "rejected", "margin", "tools")),
        }
    ).with_columns(kind=pl.lit("pair"))


#: Where other layouts have what TRL calls the prompt, or what else makes one of theirs.
_OTHERS = ("instruction", "question", "input", "messages", "conversations")


def fits(records: Records) -> bool:
    """Whether the prompt is where TRL has it, or nowhere but in the sides."""
    if records.has("system") or records.has("chosen_score"):
        return False
    return records.has("prompt") or not any(map(records.has, _OTHERS))


ADAPTER = Adapter(
    name="trl",
    kinds=("pair",),
    about="TRL's preference data: chosen and rejected as texts or messages, with or without a prompt.",
    keeps="system prompts, all turns, tools, tool calls, reasoning, margin; other fields as metadata",
    unknown="who judged, which model wrote what",
    fields=("chosen", "rejected"),
    rows=rows,
    fits=fits,
    generic=True,
    example={"prompt": "Say hi.", "chosen": "Hi.", "rejected": "No."},
)
