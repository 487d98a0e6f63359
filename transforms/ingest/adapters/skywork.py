"""Skywork's reward preferences: two whole conversations and where they come from.

    {"chosen": [messages], "rejected": [messages], "source": "magpie_ultra"}

What both start with is the prompt.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import chosen_rejected, first_wins
from transforms.ingest.records import Records

_FIELDS = ("chosen", "rejected", "source")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, chosen first; the source stays in the metadata."""
    return pl.DataFrame(
        {
            **chosen_rejected(records),
            "judgements": first_wins(len(records)),
            "metadata": rest(records, ("chosen", "rejected")),
        }
    ).with_columns(kind=pl.lit("pair"))


def _talk(answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": "Say hi."}, {"role": "assistant", "content": answer}]


ADAPTER = Adapter(
    name="skywork",
    kinds=("pair",),
    about="Skywork-Reward-Preference-80K: chosen and rejected conversations, each with its source.",
    keeps="all turns; the source as metadata",
    unknown="who judged and how sure they were, which model wrote what",
    fields=_FIELDS,
    rows=rows,
    fits=lambda records: (
        set(records.names()) == set(_FIELDS) and any(isinstance(value, list) for value in records.values("chosen"))
    ),
    example={"chosen": _talk("Hi."), "rejected": _talk("No."), "source": "magpie_ultra"},
)
