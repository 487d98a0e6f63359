"""UltraFeedback made into pairs, in the layouts of HuggingFaceH4 and of Argilla.

    {"prompt": "…", "prompt_id": "…", "chosen": [{"role": "user", …}, {"role": "assistant", …}], "rejected": [messages],
     "messages": [messages], "score_chosen": 8.5, "score_rejected": 7.5}
    {"source": "…", "prompt": "…", "chosen": [messages], "chosen-rating": 4.5, "chosen-model": "…", "rejected": …}
    {"source": "…", "instruction": "…", "chosen_response": "…", "rejected_response": "…", "chosen_avg_rating": 4.5, …}

Equal scores are a tie, whichever side was called chosen. `messages`, a copy of `chosen`, is left out.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, fits_one, nearest, rest
from transforms.ingest.adapters.parts import chosen_rejected, generators, towards_first
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.records import Records

#: Of each layout: the prompt, the two sides and their scores.
_LAYOUTS = {
    "h4": ("prompt", "chosen", "rejected", "score_chosen", "score_rejected"),
    "argilla": ("prompt", "chosen", "rejected", "chosen-rating", "rejected-rating"),
    "notus": ("instruction", "chosen_response", "rejected_response", "chosen_avg_rating", "rejected_avg_rating"),
}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, chosen first; the scores as recorded stay in the metadata."""
    layout = nearest(records, _LAYOUTS)
    prompt, chosen, rejected, better, worse = _LAYOUTS[layout]
    models = ("chosen-model", "rejected-model") if layout == "argilla" else ("chosen_model", "rejected_model")
    scores = [records.column(name, pl.Float64, required=False) for name in (better, worse)]
    gap = pl.col(better) - pl.col(worse)
    made = judgement(pl.coalesce(towards_first(gap), 1.0), strength=gap.abs())
    return pl.DataFrame(
        {
            **chosen_rejected(records, (chosen, rejected), prompt, required=layout == "notus"),
            "judgements": judgements(pl.DataFrame(scores), [made]),
            "generators": generators(records, models),
            "metadata": rest(records, (prompt, chosen, rejected, "messages", *models)),
        }
    ).with_columns(kind=pl.lit("pair"))


_CHOSEN = [{"role": "user", "content": "Say hi."}, {"role": "assistant", "content": "Hi."}]
_REJECTED = [{"role": "user", "content": "Say hi."}, {"role": "assistant", "content": "No."}]

ADAPTER = Adapter(
    name="ultrafeedback_binarized",
    kinds=("pair",),
    about="UltraFeedback as pairs: HuggingFaceH4/ultrafeedback_binarized, argilla/ultrafeedback-binarized-preferences.",
    keeps="the gap of the scores as strength, ties, models where named; scores and the rest as metadata",
    unknown="the ratings of aspects and their reasons (format `ultrafeedback` has them)",
    fields=(),
    rows=rows,
    fits=fits_one(_LAYOUTS),
    example={
        "prompt": "Say hi.",
        "prompt_id": "f0e1",
        "chosen": _CHOSEN,
        "rejected": _REJECTED,
        "messages": _CHOSEN,
        "score_chosen": 8.5,
        "score_rejected": 7.5,
    },
    variants=(
        {"source": "evol_instruct", "prompt": "Say hi.", "chosen": _CHOSEN, "chosen-rating": 4.5, "chosen-model": "m1",
         "rejected": _REJECTED, "rejected-rating": 2.0, "rejected-model": "m2"},
        {"source": "evol_instruct", "instruction": "Say hi.", "chosen_response": "Hi.", "rejected_response": "No.",
         "chosen_avg_rating": 4.5, "rejected_avg_rating": 2.0, "chosen_model": "m1"},
    ),
)  # fmt: skip
