"""Ratings of several aspects by several annotators, as a list of objects: one object an annotator."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms.ingest.canonical import judgement, normalise, outside
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records


def by_annotators(
    records: Records, name: str, aspects: Sequence[str], minimum: float, maximum: float, rater: str
) -> pl.Series:
    """The judgements that a field lists, annotator by annotator.

    Args:
        records: the batch.
        name: the field, a list of objects with a number for each aspect.
        aspects: their names, which become dimensions.
        minimum: of their scale.
        maximum: of their scale.
        rater: what annotators are called before the number of their place.
    """
    listed = Listed(records, name)
    scores = pl.DataFrame({aspect: listed.column(aspect, pl.Float64) for aspect in aspects})
    for aspect in aspects:
        for item in outside(scores[aspect], minimum, maximum).arg_true().to_list():
            said = f"{name!r}, item {listed.places[item] + 1}: {aspect!r} is not in [{minimum:g}, {maximum:g}]"
            records.problem(int(listed.owners[item]), "value_out_of_range", said)
    who = pl.concat_str(pl.lit(rater), pl.col("response") + 1)
    return listed.judgements(
        scores,
        [
            judgement(
                pl.col(aspect), dimension=aspect, rater=who, normalised=normalise(pl.col(aspect), minimum, maximum)
            )
            for aspect in aspects
        ],
    )
