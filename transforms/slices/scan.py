"""The scan: which candidates have more of a signal than chance gives any of them.

All candidates of all families are tested together. Each one's sum is measured against its own mean and deviation under
permutations, and the largest of these z under each permutation is the null of the largest z (Westfall and Young's
max-T), so a slice's p-value holds for the whole family. The observed order is one of the permutations, which makes the
test exact where groups can be exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transforms.slices.families import Family
from transforms.slices.permute import Permutations

#: A candidate that has more than this share of its rows, or of the other's, in common with a stronger one is that one.
_OVERLAP = 0.5


@dataclass(frozen=True)
class Null:
    """Every candidate that was tested, and what chance gives.

    Attributes:
        largest: the largest z of each order of the values, the observed one's first [permutations + 1].
        z: of each candidate [candidates].
        family: its family's place [candidates].
        candidate: its number there [candidates].
    """

    largest: np.ndarray
    z: np.ndarray
    family: np.ndarray
    candidate: np.ndarray

    def p(self, z: float) -> float:
        """The share of orders in which the largest z is at least this one, the observed among them."""
        return float((self.largest >= z - 1e-6).mean())


@dataclass(frozen=True)
class Found:
    """A candidate with more of the signal than chance.

    Attributes:
        family: its family's place.
        candidate: its number there.
        z: how many deviations its sum is above its mean under permutations.
        p: the share of orders in which any candidate has such a z.
        stability: the mean over the other seeds of the best Jaccard index with one of their candidates; NaN where
            there is no other.
        rows: whether each row is in it [rows].
    """

    family: int
    candidate: int
    z: float
    p: float
    stability: float
    rows: np.ndarray


def measure(
    values: np.ndarray, families: Sequence[Family], keys: np.ndarray, groups: np.ndarray, count: int, smallest: int
) -> Null:
    """Measure every candidate against permutations.

    Args:
        values: the signal, higher is worse; finite [rows].
        families: of the same rows.
        keys: uint64, a hash of each row.
        groups: uint64, a hash of each row's group: groups change places as wholes.
        count: permutations.
        smallest: rows of the smallest candidate that is looked at, and five times the groups it must have.
    """
    permutations = Permutations(keys, groups)
    number = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    used = [
        np.flatnonzero((one.sums(np.ones(len(values))) >= smallest) & (one.spread(number) * 5 >= smallest))
        for one in families
    ]
    family = np.concatenate([np.zeros(0, np.int64), *(np.full(len(one), place) for place, one in enumerate(used))])
    candidate = np.concatenate([np.zeros(0, np.int64), *used])
    if not len(family):
        return Null(np.full(count + 1, -np.inf), np.zeros(0), family, candidate)
    centred = values - values.mean()
    sums = np.empty((count + 1, len(family)), dtype=np.float32)
    for order in range(count + 1):
        laid = permutations.laid(centred, order) if order else centred
        sums[order] = np.concatenate([one.sums(laid)[some] for one, some in zip(families, used, strict=True)])
    spread = sums.std(axis=0)
    z = ((sums - sums.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf)).round(5)
    return Null(z.max(axis=1), z[0].astype(np.float64), family, candidate)


def select(null: Null, families: Sequence[Family], alpha: float, most: int) -> list[Found]:
    """The candidates that chance does not give, the strongest first, each standing for those that it overlaps with.

    Args:
        null: of `measure`.
        families: that it measured.
        alpha: the family-wise level.
        most: how many to return.
    """
    chosen: list[Found] = []
    for place in np.argsort(-null.z, kind="stable"):
        z = float(null.z[place])
        p = null.p(z)
        if len(chosen) == most or p > alpha:
            break
        family, candidate = int(null.family[place]), int(null.candidate[place])
        rows = families[family].rows(candidate)
        if not any((rows & one.rows).sum() > _OVERLAP * min(rows.sum(), one.rows.sum()) for one in chosen):
            chosen.append(Found(family, candidate, z, p, _stability(rows, families, family), rows))
    return chosen


def _stability(rows: np.ndarray, families: Sequence[Family], place: int) -> float:
    mine, best = families[place], dict[int, float]()
    for other in families:
        if (other.view, other.method) == (mine.view, mine.method) and other.seed != mine.seed:
            both, sizes = other.sums(rows.astype(np.float64)), other.sums(np.ones(len(rows)))
            mine_there = (rows if other.counted is None else rows & other.counted).sum()
            index = both / np.maximum(mine_there + sizes - both, 1)
            best[other.seed] = max(best.get(other.seed, 0.0), float(index.max(initial=0.0)))
    return float(np.mean(list(best.values()))) if best else float("nan")
