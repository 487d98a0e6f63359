"""LLMBar: two outputs for an instruction, of which one is objectively better.

{"input": "…", "output_1": "…", "output_2": "…", "label": 2}
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import choice, two_texts
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.records import Records

_SIDES = ("output_1", "output_2")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, output_1 first."""
    value = choice(records, "label", {1: 1.0, 2: 0.0})
    return pl.DataFrame(
        {
            **two_texts(records, "input", _SIDES),
            "judgements": judgements(value.to_frame(), [judgement(pl.col(value.name))]),
            "metadata": rest(records, ("input", *_SIDES, "label")),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="llmbar",
    kinds=("pair",),
    about="LLMBar (princeton-nlp): outputs of which one is objectively better; its processed FairEval, MT-Bench, …",
    keeps="all that it has; other fields as metadata",
    unknown="which model wrote what, who judged",
    fields=("input", *_SIDES, "label"),
    rows=rows,
    example={"input": "Say hi.", "output_1": "No.", "output_2": "Hi.", "label": 2},
)
