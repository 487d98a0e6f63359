"""Splits by group: rows of one prompt stay together, and the fractions are met as closely as the groups allow.

Groups stand in the order of a hash of their id. Cutting that order where the wanted shares of rows are reached gives
thresholds on the hash, so a row's split follows from its group alone, and no split is off its fraction by more than the
largest group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from transforms.hashing import uniform


@dataclass(frozen=True)
class Cut:
    """A split and the hash below which groups belong to it (those below an earlier split's belong to that)."""

    split: str
    below: float


def cuts(groups: pl.DataFrame, fractions: dict[str, float], seed: int) -> list[Cut]:
    """Thresholds that meet the fractions.

    Args:
        groups: `group_id` and `rows`, one line a group.
        fractions: share of each split; they sum to 1.
        seed: which hash orders the groups.

    Returns:
        One cut a split, in the order of `fractions`; the last is at 1.
    """
    ordered = groups.with_columns(place=uniform(pl.col("group_id"), seed)).sort("place", "group_id")
    places, rows = ordered["place"], ordered["rows"]
    total = int(rows.sum())
    middle = rows.cum_sum() - rows / 2  # a group goes where its middle lies
    out, share = [], 0.0
    names = list(fractions)
    for name in names[:-1]:
        share += fractions[name]
        # The first group whose middle is beyond the share; float error must not move a group that lies on it.
        after = int((middle <= share * total + 1e-6).sum())
        out.append(Cut(name, places[after] if after < len(places) else 1.0))
    return [*out, Cut(names[-1], 1.0)]


def assign(group_ids: pl.Expr, found: Sequence[Cut], seed: int) -> pl.Expr:
    """The split of each group."""
    place = uniform(group_ids, seed)
    chain = (
        pl.coalesce(pl.when(place < cut.below).then(pl.lit(cut.split)) for cut in found[:-1])
        if len(found) > 1
        else None
    )
    last = pl.lit(found[-1].split)
    return last if chain is None else pl.coalesce(chain, last)
