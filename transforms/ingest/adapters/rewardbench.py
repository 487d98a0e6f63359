"""RewardBench: a prompt with a chosen and a rejected answer, and the models that wrote them.

    {"prompt": "…", "chosen": "…", "chosen_model": "gpt-4", "rejected": "…", "rejected_model": "alpaca-7b",
     "subset": "alpacaeval-easy", "id": 0}

M-RewardBench is the same with a field `language`.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import chosen_rejected, first_wins, generators
from transforms.ingest.records import Records

_MODELS = ("chosen_model", "rejected_model")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, chosen first."""
    return pl.DataFrame(
        {
            **chosen_rejected(records, required=True),
            "judgements": first_wins(len(records)),
            "generators": generators(records, _MODELS),
            "language": records.column("language", pl.String, required=False),
            "metadata": rest(records, ("prompt", "chosen", "rejected", "language", *_MODELS)),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="rewardbench",
    kinds=("pair",),
    about="RewardBench and M-RewardBench (allenai/reward-bench): chosen and rejected answers with their models.",
    keeps="both models, the language; subset and id as metadata",
    unknown="who judged, and how sure they were",
    fields=("prompt", "chosen", "rejected", *_MODELS, "subset"),
    rows=rows,
    example={
        "prompt": "Say hi.",
        "chosen": "Hi.",
        "chosen_model": "gpt-4",
        "rejected": "No.",
        "rejected_model": "alpaca-7b",
        "subset": "alpacaeval-easy",
        "id": 0,
    },
)
