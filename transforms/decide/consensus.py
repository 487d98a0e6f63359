"""What raters' consensus and their prompts' graphs mean for a row's label."""

from __future__ import annotations

import polars as pl

#: Of a row's consensus on all dimensions asked for: what raters conclude in place of the mean of the judgements, votes
#: of unreliable raters and the worst's reliability, and the cycle it is in.
CONCLUDED = pl.Schema(
    {
        "concluded": pl.Boolean,
        "consensus_label": pl.Float64,
        "consensus_tied": pl.Float64,
        "left_out": pl.Int64,
        "reliability": pl.Float64,
        "component": pl.Int64,
        "reversal": pl.Boolean,
        "onward": pl.String,
    }
)


def concluded(consensus: pl.Series, dimension: str | None) -> pl.DataFrame:
    """The consensus of each row, over its dimensions: their mean.

    Args:
        consensus: a list a row (`transforms.raters.conclude.CONSENSUS`); null where there is none.
        dimension: only this one; the mean of all when None.

    Returns:
        Frame of `CONCLUDED`, one line a row. `concluded` says whether anything was; the label, a preference for
        `responses[0]`, and the probability of a tie within it are null where all votes were left out.
    """
    rows = consensus.alias("consensus").to_frame().with_row_index("line")
    flat = rows.explode("consensus", empty_as_null=False, keep_nulls=False).unnest("consensus")
    if dimension is not None:
        flat = flat.filter(pl.col("dimension") == dimension)
    told = flat.group_by("line", maintain_order=True).agg(
        concluded=pl.lit(True),
        consensus_label=pl.col("soft_label").mean().round(5),
        consensus_tied=pl.col("tied").mean().round(5),
        left_out=pl.col("left_out").sum(),
        reliability=pl.col("reliability").min(),
        component=pl.col("component").max(),
        reversal=pl.col("reversal").any(),
        onward=pl.col("onward").sort_by("reversal", "component").last(),
    )
    out = rows.select("line").join(told, on="line", how="left", maintain_order="left")
    return out.select(pl.col(name).cast(dtype) for name, dtype in CONCLUDED.items()).with_columns(
        pl.col("concluded", "reversal").fill_null(False), pl.col("left_out", "component").fill_null(0)
    )


def even(soft: pl.Expr, tied: pl.Expr) -> pl.Expr:
    """Whether a tie is the most probable of a pair's three labels, which their mean does not show.

    Args:
        soft: preference for the first response, half of ties within it.
        tied: the probability of a tie.
    """
    return (tied > soft - tied / 2) & (tied > 1 - soft - tied / 2)
