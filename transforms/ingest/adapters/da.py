"""Direct assessments of translations by several raters, as in MLQE-PE (tab separated).

    index  original  translation  scores               mean  z_scores      z_mean  model_scores
    0      Hello.    Hallo.       [20, 35, 30, 100]    46.2  [-2.4, …]     -0.31   -0.29

Scores are 0 to 100, higher is better. The file does not say who gave which score; a score's place in the list is taken
as its rater, which is what the z-scores beside it were computed with.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.canonical import judgement, judgements, normalise, outside, scale_of
from transforms.ingest.dialogue import prompt_turns, response_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_MINIMUM, _MAXIMUM = 0.0, 100.0


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a record, with a judgement for each score."""
    if records.textual:
        listed = records.column("scores", pl.String).str.strip_chars(" []").str.split(",")
        scores = listed.to_frame("s").select(
            pl.col("s").list.eval(pl.element().str.strip_chars().cast(pl.Float64, strict=False))
        )["s"]
    else:
        scores = records.column("scores", pl.List(pl.Float64))
    unread = scores.list.eval(pl.element().is_null()).list.any() | (scores.list.len() == 0)
    records.reject(unread, "wrong_type", "'scores' is not a list of numbers such as [20, 35, 100]")
    beyond = outside(scores.list.max(), _MINIMUM, _MAXIMUM) | outside(scores.list.min(), _MINIMUM, _MAXIMUM)
    records.reject(beyond, "value_out_of_range", "a score is not in [0, 100]")
    raters = max(scores.list.len().drop_nulls().to_list(), default=0) or 1  # a batch may be bad altogether
    frame = scores.to_frame("s").select(pl.col("s").list.get(i, null_on_oob=True).alias(str(i)) for i in range(raters))
    parts = [
        judgement(pl.col(name), rater=f"annotator{name}", normalised=normalise(pl.col(name), _MINIMUM, _MAXIMUM))
        for name in frame.columns
    ]
    return pl.DataFrame(
        {
            "prompt": prompt_turns(records.column("original", pl.String)),
            "responses": side_by_side([response_turn(records.column("translation", pl.String))]),
            "judgements": judgements(frame, parts),
            "scales": scale_of(len(records), [("overall", _MINIMUM, _MAXIMUM, True)]),
            "metadata": rest(records, ("original", "translation", "scores")),
        }
    ).with_columns(kind=pl.lit("rating"))


ADAPTER = Adapter(
    name="da",
    kinds=("rating",),
    about="Direct assessments of translations, 0 to 100, by several raters (MLQE-PE's TSV, or JSON alike).",
    keeps="each rater's score; means, z-scores and the rest as metadata",
    unknown="who the raters are beyond their place in the list, the languages (the file's name says them)",
    fields=("original", "translation", "scores"),
    rows=rows,
    example={"index": 0, "original": "Hello.", "translation": "Hallo.", "scores": [20, 35, 100]},
)
