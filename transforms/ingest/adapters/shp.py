"""Stanford Human Preferences: two comments on a post, of which people voted one up more.

    {"post_id": "qt3nxl", "domain": "askculinary_train", "upvote_ratio": 0.98, "history": "…", "c_root_id_A": "hkh25sc",
     "c_root_id_B": "hkh25lp", "created_at_utc_A": 1636822112, "created_at_utc_B": 1636822110, "score_A": 340,
     "score_B": 166, "human_ref_A": "…", "human_ref_B": "…", "labels": 1, "seconds_difference": 2.0,
     "score_ratio": 2.048}

A label of 1 is for A. The strength is the ratio of the scores; scores and ages stay in the metadata, since an older
comment had more time to be voted up.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import choice, two_texts
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.records import Records

_SIDES = ("human_ref_A", "human_ref_B")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, A first."""
    value = choice(records, "labels", {1: 1.0, 0: 0.0})
    scores = [records.column(name, pl.Float64, required=False) for name in ("score_A", "score_B")]
    lower = ((scores[0] < scores[1]) & (value == 1)) | ((scores[0] > scores[1]) & (value == 0))
    records.reject(lower, "unknown_label", "'labels' names the comment with the lower score")
    frame = pl.DataFrame({"value": value, "ratio": records.column("score_ratio", pl.Float64, required=False)})
    return pl.DataFrame(
        {
            **two_texts(records, "history", _SIDES),
            "judgements": judgements(frame, [judgement(pl.col("value"), strength=pl.col("ratio"))]),
            "metadata": rest(records, ("history", *_SIDES, "labels")),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="shp",
    kinds=("pair",),
    about="Stanford Human Preferences, SHP and SHP-2 (stanfordnlp): two comments and their votes.",
    keeps="the ratio of the scores as strength; scores, ages, post and comment ids as metadata",
    unknown="who voted, how many of them",
    fields=("history", *_SIDES, "labels"),
    rows=rows,
    example={
        "post_id": "qt3nxl", "domain": "askculinary_train", "upvote_ratio": 0.98, "history": "How do I say hi?",
        "c_root_id_A": "hkh25sc", "c_root_id_B": "hkh25lp", "created_at_utc_A": 1636822112,
        "created_at_utc_B": 1636822110, "score_A": 340, "score_B": 166, "human_ref_A": "Hi.", "human_ref_B": "No.",
        "labels": 1, "seconds_difference": 2.0, "score_ratio": 2.0482,
    },
)  # fmt: skip
