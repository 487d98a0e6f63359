"""Judgements as votes: how many raters are for each side of a pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl


def voices(judgements: pl.Series, dimension: str | None, trusted: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Votes on pairs.

    A named rater has one voice, the mean of what they said of a row; anonymous judgements are as many voices as their
    counts say, in the dimension where they are most.

    Args:
        judgements: a list a row, with values that are preferences for the first response.
        dimension: only judgements on this one; all when None.
        trusted: raters whose word is taken as the truth; they are counted among no votes.

    Returns:
        `votes` [rows, 2]: what was said for each side, added up, 0.9 and 0.1 for one judge who is that sure; `voices`
        [rows, 2]: raters who took each side; `trusted` [rows]: the trusted raters' mean, NaN where they said nothing.
    """
    rows = judgements.len()
    flat = (
        judgements.alias("j").to_frame().with_row_index("row").explode("j", empty_as_null=False, keep_nulls=False)
    ).unnest("j")
    if dimension is not None:
        flat = flat.filter(pl.col("dimension") == dimension)
    believed = pl.col("rater").is_in(list(trusted)).fill_null(False)
    value, count = pl.col("value"), pl.col("count")
    others = flat.filter(~believed)
    # Dimensions in the order of their names, so that sums never depend on that of judgements.
    named = (
        others.filter(pl.col("rater").is_not_null())
        .group_by("row", "rater")
        .agg(value.sort().mean(), count=pl.lit(1))
        .select("row", "value", "count", dimension=pl.lit(""))
    )
    nameless = others.filter(pl.col("rater").is_null()).select("row", "value", "count", "dimension")
    said = (
        pl.concat([named, nameless], how="vertical_relaxed")
        .sort("row", "dimension", "value", "count")
        .group_by("row", "dimension", maintain_order=True)
        .agg(
            first=(value * count).sum(),
            second=((1 - value) * count).sum(),
            for_first=count.filter(value > 0.5).sum(),
            for_second=count.filter(value < 0.5).sum(),
        )
    )
    # Named voices (no dimension) and the dimension with most anonymous ones, added up.
    kept = said.with_columns(_n=pl.col("first") + pl.col("second"), _named=pl.col("dimension") == "").sort(
        "row", "_named", "_n", "dimension", descending=[False, True, True, False]
    )
    once = kept.unique(["row", "_named"], keep="first", maintain_order=True)
    sums = once.group_by("row", maintain_order=True).agg(pl.col("first", "second", "for_first", "for_second").sum())
    sure = flat.filter(believed).group_by("row").agg(trusted=value.sort().mean())
    whole = (
        pl.DataFrame({"row": np.arange(rows)})
        .with_columns(pl.col("row").cast(flat.schema["row"]))
        .join(sums, on="row", how="left", maintain_order="left")
        .join(sure, on="row", how="left", maintain_order="left")
    )
    return {
        "votes": whole.select(pl.col("first", "second").fill_null(0.0).round(9)).to_numpy().astype(np.float64),
        "voices": whole.select(pl.col("for_first", "for_second").fill_null(0)).to_numpy().astype(np.float64),
        "trusted": whole["trusted"].fill_null(float("nan")).to_numpy().astype(np.float64),
    }
