"""Ratings as z-scores of their rater: some are strict, some use half of the scale."""

from __future__ import annotations

import polars as pl

#: Whose values are one rater's: a name means nothing in another source, nor a scale in another dimension.
RATER = ("source", "rater", "dimension")
#: A spread below this is none: floating-point dust of normalised values.
_DUST = 1e-9


def moments(flat: pl.DataFrame) -> pl.DataFrame:
    """Count, sum and sum of squares of each rater's values, to be added up over blocks.

    Args:
        flat: columns of `RATER` and `value`.
    """
    value = pl.col("value")
    return flat.group_by(RATER).agg(n=pl.len(), sum=value.sum(), squares=(value**2).sum())


def spreads(found: pl.DataFrame) -> pl.DataFrame:
    """Each rater's `n`, `mean` and population standard deviation `sd`, from moments of any number of blocks."""
    total = found.group_by(RATER, maintain_order=True).agg(pl.col("n", "sum", "squares").sum())
    mean = pl.col("sum") / pl.col("n")
    return total.select(*RATER, "n", mean=mean, sd=(pl.col("squares") / pl.col("n") - mean**2).clip(0).sqrt())


def normalise(flat: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Values as (value - mean) / sd of their rater; raters without spread, or with one value, say nothing and go.

    Args:
        flat: columns of `RATER`, `value` and any others.
        found: `moments` of all blocks.
    """
    usable = spreads(found).filter((pl.col("n") > 1) & (pl.col("sd") > _DUST))
    return (
        flat.join(usable, on=RATER, nulls_equal=True, maintain_order="left")
        .with_columns(value=(pl.col("value") - pl.col("mean")) / pl.col("sd"))
        .select(flat.columns)
    )
