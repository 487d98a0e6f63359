"""How alike two responses are as texts."""

from __future__ import annotations

import numpy as np
import polars as pl

_WORD = r"\w+"


def likeness(first: pl.Series, second: pl.Series) -> np.ndarray:
    """Distinct words that both texts have, by those that either has, in [0, 1]; 1 for the same text, without words too.

    Args:
        first: one text each.
        second: the other.
    """
    words = [pl.col(side).fill_null("").str.to_lowercase().str.extract_all(_WORD).list.unique() for side in ("a", "b")]
    frame = pl.DataFrame({"a": first, "b": second})
    lists = frame.select("a", "b", left=words[0], right=words[1])
    both = pl.col("left").list.set_intersection("right").list.len()
    either = pl.col("left").list.len() + pl.col("right").list.len() - both
    alike = pl.when(pl.col("a").eq_missing(pl.col("b"))).then(1.0).when(either > 0).then(both / either).otherwise(0.0)
    return lists.select(alike=alike.cast(pl.Float64))["alike"].to_numpy()
