"""Judgements to labels: what the raters together say of a row."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.lists import of_counts

#: What is concluded from a row's judgements. `soft_label` is the preference for `responses[0]`; `label` the preferred
#: response, null for a tie; `margin` how far apart the sides are, null where no judgement says it.
LABELS = pl.Schema(
    {
        "label": pl.Int64,
        "soft_label": pl.Float64,
        "margin": pl.Float64,
        "judged": pl.Boolean,
        "scored": pl.Boolean,
        "stepped": pl.Boolean,
    }
)
#: A preference for a pair's first response on one dimension.
SIDE = pl.Struct({"dimension": pl.String(), "value": pl.Float64()})


def sides(judgements: pl.Series, kinds: pl.Series) -> pl.Series:
    """What the judgements of each pair say on each dimension they have, by its name: lists of `SIDE`, one a row."""
    rows = pl.DataFrame({"kind": kinds, "judgements": judgements}).with_row_index("row").filter(kind="pair")
    flat = rows.explode("judgements", empty_as_null=False, keep_nulls=False).unnest("judgements")
    count = pl.col("count")
    means = flat.group_by("row", "dimension").agg(value=((pl.col("value") * count).sum() / count.sum()).round(5))
    said = means.sort("row", "dimension")
    counts = np.bincount(said["row"].to_numpy(), minlength=len(kinds))
    return of_counts(said.select(pl.struct("dimension", "value").cast(SIDE).alias("sides")).to_series(), counts)


def labels(judgements: pl.Series, kinds: pl.Series, dimension: str | None) -> pl.DataFrame:
    """Labels of rows.

    A pair's soft label is the mean value of its judgements, each counted as often as it stands for a rater, first
    within each dimension and then over dimensions. Its margin is the absolute mean of the signed strengths.

    Args:
        judgements: one list a row.
        kinds: one kind a row.
        dimension: only judgements on this dimension count for pairs; all when None.

    Returns:
        Frame of `LABELS`, one line a row. Only pairs have a label; `judged` says whether any judgement counted,
        `scored` whether one on the dimension has a normalised value, `stepped` whether every step up to the last judged
        one is.
    """
    rows = pl.DataFrame({"kind": kinds, "judgements": judgements}).with_row_index("row")
    flat = rows.explode("judgements", empty_as_null=False, keep_nulls=False).unnest("judgements")
    asked = pl.lit(True) if dimension is None else pl.col("dimension") == dimension
    scored = flat.filter(pl.col("normalised").is_not_null() & asked)
    steps = flat.filter(pl.col("step").is_not_null()).group_by("row").agg(
        stepped=pl.col("step").n_unique() == pl.col("step").max() + 1
    )  # fmt: skip
    said = _said(flat.filter((pl.col("kind") != "pair") | asked))
    soft = pl.col("soft_label")
    pair = pl.col("kind") == "pair"
    return (
        rows.select("row", "kind")
        .join(said, on="row", how="left", maintain_order="left")
        .join(steps, on="row", how="left", maintain_order="left")
        .select(
            label=pl.when(pair & (soft > 0.5)).then(0).when(pair & (soft < 0.5)).then(1).cast(pl.Int64),
            soft_label=pl.when(pair).then(soft),
            margin=pl.when(pair).then("margin"),
            judged=soft.is_not_null(),
            scored=pl.col("row").is_in(scored["row"].unique().implode()),
            stepped=pl.col("stepped").fill_null(False),
        )
    )


def _said(flat: pl.DataFrame) -> pl.DataFrame:
    """The soft label and margin of each row that has judgements, from one line a judgement."""
    signed = pl.col("strength") * (2 * pl.col("value") - 1).sign()
    several = flat["row"].is_duplicated()
    alone = flat.filter(~several).select(
        "row", soft_label=pl.col("value").round(5), margin=signed.abs().round(5)
    )  # most rows have one judgement, which is its own mean
    known = pl.col("count").filter(pl.col("strength").is_not_null()).sum()
    by_dimension = (
        flat.filter(several)
        .group_by("row", "dimension", maintain_order=True)
        .agg(
            value=(pl.col("value") * pl.col("count")).sum() / pl.col("count").sum(),
            strength=pl.when(known > 0).then((signed * pl.col("count")).sum() / known),
        )
    )
    means = by_dimension.group_by("row", maintain_order=True).agg(
        soft_label=pl.col("value").mean().round(5), margin=pl.col("strength").mean().abs().round(5)
    )
    return pl.concat([alone, means])
