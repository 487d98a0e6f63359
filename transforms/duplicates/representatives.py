"""Verified neighbours to duplicate sets: representatives, and the rows that are near-copies of one."""

from __future__ import annotations

import numpy as np
import polars as pl

#: What is said of each row: the row it is a near-copy of, and how alike they are.
SIGNALS = pl.Schema({"near_of": pl.String(), "near_score": pl.Float64()})
DEFAULTS = {"near_of": None, "near_score": None}


def choose(pairs: pl.DataFrame) -> pl.DataFrame:
    """Which rows are near-copies of which representative.

    Rows are taken from the best to the worst. One that is no neighbour of a representative so far becomes one itself,
    so a near-copy is always verified against its representative, and nothing is removed through a chain.

    Args:
        pairs: `CANDIDATE` with the columns `score` and any others, one line a verified pair, in any order.

    Returns:
        Lines of `pairs`, one for each near-copy: with its first representative as `a` and itself as `b`.
    """
    if pairs.is_empty():
        return pairs
    nodes = pl.concat(
        [pairs.select(node=f"node_{side}", quality=f"quality_{side}") for side in "ab"], how="vertical"
    ).unique()
    ranks = nodes.sort("quality", "node").with_row_index("rank").select("node", "rank")
    ranked = pairs.with_columns(
        pairs.select(
            pl.col(f"node_{side}").replace_strict(ranks["node"], ranks["rank"]).alias(f"rank_{side}") for side in "ab"
        )
    ).sort("rank_a", "rank_b")
    # Each decision needs those before it. A pair takes a fifth of a microsecond, and few are no near-copy's.
    owned = bytearray(len(ranks))
    taken = np.zeros(ranked.height, dtype=bool)
    for line, (better, worse) in enumerate(zip(ranked["rank_a"].to_list(), ranked["rank_b"].to_list(), strict=True)):
        if not owned[better] and not owned[worse]:
            owned[worse] = True
            taken[line] = True
    return ranked.filter(taken).drop("rank_a", "rank_b")
