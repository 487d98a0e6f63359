"""The judged steps of a block's stepwise rows, one value a step, rater by rater or all raters together."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms.steps.aggregate import aggregate

#: What begins the dimension of a pair that was made of aggregated steps; the aggregator's name follows.
DIMENSION = "steps."


def judged(rows: pl.DataFrame, by: Sequence[str] = ()) -> pl.DataFrame:
    """The mean value of each judged step.

    Args:
        rows: `row`, `kind`, `judgements`.
        by: `rater`, for each rater apart.

    Returns:
        `row`, the columns of `by`, `step` and `value` in [0, 1], sorted. A value without a scale says nothing.
    """
    flat = (
        rows.filter(pl.col("kind") == "stepwise")
        .select("row", "judgements")
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
        .filter(pl.col("step").is_not_null() & pl.col("normalised").is_not_null())
    )
    count = pl.col("count")
    means = flat.group_by("row", *by, "step").agg(value=(pl.col("normalised") * count).sum() / count.sum())
    return means.sort("row", *by, "step", nulls_last=True)


def aggregated(steps: pl.DataFrame, by: Sequence[str] = ()) -> pl.DataFrame:
    """The solutions of `judged` steps by every aggregator, with `judged`, the number of steps, beside."""
    solutions = steps.group_by("row", *by, maintain_order=True).agg(judged=pl.len())
    found = aggregate(steps["value"].to_numpy(), solutions["judged"].to_numpy().astype("int64"))
    return solutions.hstack(found)


def units(block: pl.DataFrame, index: int, aggregators: Sequence[str], unknown: bool) -> pl.DataFrame:
    """Solutions as what pairs are made of: each aggregator is a dimension.

    Args:
        block: `source`, `kind`, `prompt`, `prompt_id`, `response_ids`, `judgements`.
        index: the block's.
        aggregators: which.
        unknown: whether judgements of nobody in particular are taken.

    Returns:
        As `transforms.derive.pairs.units`.
    """
    rows = block.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    rows = rows.filter(pl.col("prompt").list.len() > 0)
    found = aggregated(judged(rows, ["rater"]), ["rater"])
    if not unknown:
        found = found.filter(pl.col("rater").is_not_null())
    flat = found.unpivot(
        list(aggregators), index=["row", "rater"], variable_name="dimension", value_name="value"
    ).with_columns(dimension=DIMENSION + pl.col("dimension"))
    texts = rows.select("row", "source", unit_id=pl.col("response_ids").list.first(), group="prompt_id")
    whole = flat.join(texts, on="row", how="left", maintain_order="left").with_columns(
        block=pl.lit(index, dtype=pl.Int64), response=pl.lit(0, dtype=pl.Int64)
    )
    return whole.select("block", "row", "group", "source", "rater", "dimension", "response", "unit_id", "value").filter(
        pl.col("value").is_not_null()
    )
