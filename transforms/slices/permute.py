"""The null of the scan: values laid anew over the rows, whole groups at a time.

Rows of one group (one prompt) are alike, and so are their values. A permutation of single rows breaks that likeness and
makes every cluster of prompts look like a discovery. So groups change places with groups of about their size, and
within a group the rows turn.
"""

from __future__ import annotations

import numpy as np

from transforms.strength.folds import uniform

#: Groups that change places among each other, at least: those of one size always do.
_STRATUM = 50


class Permutations:
    """Orders of rows that leave groups together.

    Args:
        keys: uint64, a hash of each row.
        groups: uint64, a hash of each row's group.
        seed: other draws.
    """

    def __init__(self, keys: np.ndarray, groups: np.ndarray, seed: int = 0) -> None:
        self.seed = seed
        named, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        rank = np.empty(len(named), dtype=np.int64)
        by_size = np.lexsort((named, sizes))
        rank[by_size] = np.arange(len(named))
        self.places = np.lexsort((keys, rank[which]))  # rows by their group's size, group by group
        self.named, self.sizes = named[by_size], sizes[by_size]
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.strata = _strata(self.sizes)

    def laid(self, values: np.ndarray, number: int) -> np.ndarray:
        """The values in another order, one for each number; [rows]."""
        salt = 1_000_003 * (self.seed + 1) + number
        order = np.lexsort((uniform(self.named, salt), self.strata))
        sizes, starts = self.sizes[order], self.starts[order]
        ends = np.cumsum(sizes)
        turn = (uniform(self.named, salt + 500_000)[order] * sizes).astype(np.int64)
        inside = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes) + np.repeat(turn, sizes)
        source = np.repeat(starts, sizes) + inside % np.repeat(sizes, sizes)
        out = np.empty_like(values)
        out[self.places] = values[self.places[source]]
        return out


def _strata(sizes: np.ndarray) -> np.ndarray:
    """The stratum of each group, by rising size: groups of one size are in one, and none has fewer than `_STRATUM`."""
    _, first = np.unique(sizes, return_index=True)
    counts = np.diff(np.append(first, len(sizes)))
    begins, room = [], 0
    for start, count in zip(first, counts, strict=True):  # over distinct sizes
        if room <= 0:
            begins.append(start)
            room = _STRATUM
        room -= count
    if room > 0 and len(begins) > 1:
        begins.pop()
    return np.searchsorted(np.array(begins), np.arange(len(sizes)), side="right")
