"""Families of candidate slices: the cells of a partition, and balls of several sizes around many centres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transforms.duplicates import kmeans
from transforms.slices.regions import Ball, Cell, Region
from transforms.strength.folds import uniform

#: Vectors that k-means is fitted on at most; groups that balls are made of; centres of balls for each seed.
SAMPLE, GROUPS, CENTRES = 10_000, 20_000, 400
#: Sizes of balls as shares of the groups.
SHARES = (0.01, 0.02, 0.04, 0.08)


@dataclass(frozen=True)
class Cells:
    """Rows cut into clusters, each a candidate.

    Attributes:
        view: which vectors were clustered: prompts, rows or differences.
        method: `clusters` or `mixture`.
        seed: of the clustering.
        members: each row's cluster, -1 for none [rows].
        count: of clusters.
        regions: from a cluster's number to its region.
        counted: rows whose values count; all when None. A mixture that saw the values of some rows is tested on others.
    """

    view: str
    method: str
    seed: int
    members: np.ndarray
    count: int
    regions: Callable[[int], Region]
    counted: np.ndarray | None = None

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sum of the rows' values in each candidate."""
        used = values if self.counted is None else np.where(self.counted, values, 0.0)
        return np.bincount(self.members + 1, weights=used, minlength=self.count + 1)[1:]

    def spread(self, groups: np.ndarray) -> np.ndarray:
        """How many groups are in each candidate; groups are numbered from 0."""
        inside = (self.members >= 0) & (True if self.counted is None else self.counted)
        cells = np.unique(self.members[inside] * np.int64(groups.max(initial=0) + 1) + groups[inside])
        return np.bincount(cells // np.int64(groups.max(initial=0) + 1), minlength=self.count)

    def rows(self, candidate: int) -> np.ndarray:
        """Whether each row is in a candidate [rows]."""
        return np.asarray(self.members == candidate)

    def region(self, candidate: int) -> Region:
        """The candidate as a region."""
        return self.regions(candidate)


@dataclass(frozen=True)
class Balls:
    """The groups nearest to each of some centres, at several sizes (a scan statistic: Kulldorff 1997).

    Attributes:
        seed: which groups are centres.
        group: each row's group, numbered from 0; -1 for rows of no group among these [rows].
        vectors: of the groups [groups, dimensions].
        centres: groups [centres].
        near: the groups nearest to them, the nearest first [centres, largest size].
        sizes: how many groups make a ball, rising.
        view: prompts.
        method: balls.
        counted: None, all rows count.
    """

    seed: int
    group: np.ndarray
    vectors: np.ndarray
    centres: np.ndarray
    near: np.ndarray
    sizes: np.ndarray
    view: str = "prompts"
    method: str = "balls"
    counted: np.ndarray | None = None

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sum of the rows' values in each candidate."""
        each = np.bincount(self.group + 1, weights=values, minlength=len(self.vectors) + 1)[1:]
        return np.asarray(np.cumsum(each[self.near], axis=1)[:, self.sizes - 1].ravel())

    def spread(self, groups: np.ndarray) -> np.ndarray:
        """How many groups are in each candidate."""
        return np.tile(self.sizes, len(self.near))

    def rows(self, candidate: int) -> np.ndarray:
        """Whether each row is in a candidate [rows]."""
        centre, size = divmod(candidate, len(self.sizes))
        inside = np.zeros(len(self.vectors) + 1, dtype=bool)
        inside[self.near[centre, : self.sizes[size]]] = True
        return np.asarray(inside[self.group])

    def region(self, candidate: int) -> Region:
        """The candidate as a region."""
        centre, size = divmod(candidate, len(self.sizes))
        middle = self.vectors[self.centres[centre]]
        return Ball(middle, float(np.round(self.vectors[self.near[centre, self.sizes[size] - 1]] @ middle, 4)))


Family = Cells | Balls


def clusters(
    view: str, vectors: np.ndarray, keys: np.ndarray, count: int, seed: int, device: str = "cpu"
) -> Cells | None:
    """k-means clusters of the rows that have a vector, or None; of rows with one key the first is fitted on."""
    there = np.flatnonzero(np.abs(vectors).sum(axis=1) > 0)
    if not len(there):
        return None
    named, first = np.unique(keys[there], return_index=True)
    order = np.argsort(uniform(named, 211 + seed), kind="stable")[:SAMPLE]
    sample = vectors[there[first[order]]]
    draws = uniform(np.arange(count, dtype=np.uint64), 977 + seed)
    centres = kmeans.fit(sample[_spread_first(sample, draws)], count, device)
    members = np.full(len(vectors), -1, dtype=np.int64)
    members[there] = kmeans.nearest(vectors[there], centres, 1, device)[:, 0]
    return Cells(view, "clusters", seed, members, len(centres), lambda index: Cell(centres, index))


def balls(vectors: np.ndarray, groups: np.ndarray, seed: int) -> Balls | None:
    """Balls of prompts; None where no row has a vector. A group has its first row's vector.

    Args:
        vectors: float32 [rows, dimensions], of length 1 or 0.
        groups: uint64, a hash of each row's group.
        seed: which groups are centres.
    """
    some = np.abs(vectors).sum(axis=1) > 0
    there = np.flatnonzero(some)
    if not len(there):
        return None
    named, first = np.unique(groups[there], return_index=True)
    chosen = np.sort(np.argsort(uniform(named, 307), kind="stable")[:GROUPS])
    each, named = vectors[there[first[chosen]]].astype(np.float32), named[chosen]
    at = np.searchsorted(named, groups).clip(max=len(named) - 1)
    group = np.where(some & (named[at] == groups), at, -1)
    sizes = np.unique([max(2, round(share * len(named))) for share in SHARES]).clip(max=len(named))
    centres = np.sort(np.argsort(uniform(named, 401 + seed), kind="stable")[:CENTRES])
    near = np.argsort(-(each[centres] @ each.T).round(4), axis=1, kind="stable")[:, : sizes.max()]
    return Balls(seed, group, each, centres, near, np.unique(sizes))


def _spread_first(vectors: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Places of vectors, first centres that are far apart before the others (k-means++: Arthur and Vassilvitskii 2007).

    Args:
        vectors: [n, dimensions].
        draws: numbers in [0, 1) that choose the centres, one each.
    """
    chosen: list[int] = []
    far = np.full(len(vectors), np.inf)
    squares = np.einsum("nd,nd->n", vectors, vectors)
    for draw in draws[: len(vectors)]:
        room = np.cumsum(np.where(np.isinf(far), 1.0, far))
        place = min(int(np.searchsorted(room, draw * room[-1], side="right")), len(vectors) - 1)
        if chosen and far[place] <= 0:
            break
        chosen.append(place)
        # Rounded, so that the last bits of products do not choose centres.
        far = np.minimum(far, (squares + squares[place] - 2 * (vectors @ vectors[place])).round(4).clip(0))
        far[place] = 0
    return np.concatenate([np.array(chosen, dtype=np.int64), np.setdiff1d(np.arange(len(vectors)), chosen)])
