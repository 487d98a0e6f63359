"""JudgeBench: two responses of one model to a question, of which one is right.

{"pair_id": "…", "original_id": "10646", "source": "mmlu-pro-computer science", "question": "…",
 "response_model": "gpt-4o-2024-05-13", "response_A": "…", "response_B": "…", "label": "B>A"}
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import choice, generators, two_texts
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.records import Records

_SIDES = ("response_A", "response_B")
_WINNERS = {"A>B": 1.0, "B>A": 0.0, "A=B": 0.5, "B=A": 0.5}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, response_A first."""
    value = choice(records, "label", _WINNERS)
    return pl.DataFrame(
        {
            **two_texts(records, "question", _SIDES),
            "judgements": judgements(value.to_frame(), [judgement(pl.col(value.name))]),
            "generators": generators(records, ("response_model", "response_model")),
            "metadata": rest(records, ("question", *_SIDES, "label", "response_model")),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="judgebench",
    kinds=("pair",),
    about="JudgeBench (ScalerLab/JudgeBench): pairs of one model's responses of which one is objectively right.",
    keeps="the model, ties; ids and the question's source as metadata",
    unknown="why a response is right",
    fields=("question", *_SIDES, "label"),
    rows=rows,
    example={
        "pair_id": "81ec57f2",
        "original_id": "10646",
        "source": "mmlu-pro-computer science",
        "question": "Which is a greeting, (A) hi or (B) no?",
        "response_model": "gpt-4o-2024-05-13",
        "response_A": "BBBBB",
        "response_B": "AAAAA",
        "label": "B>A",
    },
)
