"""Splits by group: rows of one prompt stay together, and the fractions are met as closely as the groups allow.

Groups stand in the order of a hash of their id. Cutting that order where the wanted shares of rows are reached gives
thresholds on the hash, so a row's split follows from its group alone, and no split is off its fraction by more than the
largest group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.hashing import uniform


@dataclass(frozen=True)
class Cut:
    """A split and the hash below which groups belong to it (those below an earlier split's belong to that)."""

    split: str
    below: float


def cuts(groups: pl.DataFrame, fractions: dict[str, float], seed: int, guarded: Sequence[str] = ()) -> list[Cut]:
    """Thresholds that meet the fractions.

    Args:
        groups: `group_id` and `rows`, one line a group; with `guarded` also `clean`, the rows that stay there.
        fractions: share of each split; they sum to 1.
        seed: which hash orders the groups.
        guarded: splits from which rows that are not clean will be dropped; the fractions are met by what then is left.

    Returns:
        One cut a split, in the order of `fractions`; the last is at 1.
    """
    ordered = groups.with_columns(place=uniform(pl.col("group_id"), seed)).sort("place", "group_id")
    places = ordered["place"]
    weights = [ordered["clean" if name in guarded else "rows"].to_numpy().astype(np.int64) for name in fractions]
    ends, _ = _ends(weights, list(fractions.values()), _total(weights, list(fractions.values())))
    below = [places[end] if end < len(places) else 1.0 for end in ends]
    return [Cut(name, place) for name, place in zip(fractions, [*below, 1.0], strict=True)]


def _ends(weights: Sequence[np.ndarray], fractions: Sequence[float], total: float) -> tuple[list[int], int]:
    """Where each split but the last ends among the groups if all together are `total` rows, and how many they are then.

    `weights` are the rows that each group adds to each split.
    """
    ends: list[int] = []
    first, kept, share = 0, 0, 0.0
    for weight, fraction in zip(weights[:-1], fractions[:-1], strict=True):
        share += fraction
        left = weight[first:]
        middle = kept + np.cumsum(left) - left / 2  # a group goes where its middle lies
        # The first group whose middle is beyond the share; float error must not move a group that lies on it.
        first += int((middle <= share * total + 1e-6).sum())
        kept += int(weight[ends[-1] if ends else 0 : first].sum())
        ends.append(first)
    return ends, kept + int(weights[-1][first:].sum())


def _total(weights: Sequence[np.ndarray], fractions: Sequence[float]) -> float:
    """How many rows all splits have together when each has its fraction of them.

    The more are asked for, the more go where they may be dropped, and the fewer remain: both are equal at the answer.
    """
    low, high = 0.0, float(max(weight.sum() for weight in weights))
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (middle, high) if _ends(weights, fractions, middle)[1] >= middle else (low, middle)
    return high


def assign(group_ids: pl.Expr, found: Sequence[Cut], seed: int, settled: str | None = None) -> pl.Expr:
    """The split of each group: the one in the column `settled` where that says one, else that of its hash."""
    place = uniform(group_ids, seed)
    chain = (
        pl.coalesce(pl.when(place < cut.below).then(pl.lit(cut.split)) for cut in found[:-1])
        if len(found) > 1
        else None
    )
    last = pl.lit(found[-1].split)
    return pl.coalesce(part for part in (pl.col(settled) if settled else None, chain, last) if part is not None)
