"""Verified neighbours to duplicate sets: representatives, and the rows that are near-copies of one."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.duplicates.cells import LOOKS
from transforms.duplicates.quality import PUBLISHED

#: What is said of each row: the row it is a near-copy of, and how alike they are; and where their images are not the
#: same ones, how alike the least alike of these are, what that was held against, and by what they are alike. Of a row
#: with near-copies, by dimension, how many of them name the same side as it does, how many the other, and one of these.
SIDES = pl.Struct({"dimension": pl.String(), "agree": pl.Int64(), "against": pl.Int64(), "contrary": pl.String()})
SIGNALS = pl.Schema(
    {
        "near_of": pl.String(),
        "near_score": pl.Float64(),
        "near_looks": pl.Float64(),
        "near_looks_at": pl.Float64(),
        "near_looks_by": pl.String(),
        "near_sides": pl.List(SIDES),
    }
)
DEFAULTS = dict.fromkeys(SIGNALS)


def told(copies: pl.DataFrame) -> pl.DataFrame:
    """What is said of the rows of near-copies and of their representatives: block, row and `SIGNALS`.

    Args:
        copies: frame of `transforms.duplicates.verify.NEIGHBOUR`, as `choose` leaves it.
    """
    looks = {f"near_{name}": pl.col(name) for name in LOOKS}
    theirs = copies.select(block="block_b", row="row_b", near_of="row_id_a", near_score="score", **looks)
    other = ~pl.col("agree")
    own = (
        copies.filter(pl.col("quality_a") != PUBLISHED)
        .select("row_id_b", "sides", block="block_a", row="row_a")
        .explode("sides", empty_as_null=False, keep_nulls=False)
        .unnest("sides")
        .group_by("block", "row", "dimension")
        .agg(agree=pl.col("agree").sum(), against=other.sum(), contrary=pl.col("row_id_b").filter(other).min())
        .sort("block", "row", "dimension")
        .group_by("block", "row", maintain_order=True)
        .agg(near_sides=pl.struct("dimension", "agree", "against", "contrary").cast(SIDES))
    )
    return pl.concat([theirs, own], how="diagonal").select(
        "block", pl.col("row").cast(pl.Int64), *(pl.col(name).cast(dtype) for name, dtype in SIGNALS.items())
    )


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
