"""Many sets of hashes in two arrays: what a block's texts become, and all that travels of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.lists import of_counts

#: About so many hashes are worked on at once.
CHUNK = 1 << 19


@dataclass(frozen=True)
class Sets:
    """Sets of hashes end to end: set i is `values[offsets[i]:offsets[i + 1]]`, where a hash may stand twice.

    Attributes:
        values: uint32.
        offsets: int64, one more than there are sets.
    """

    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> np.ndarray:
        """How many hashes stand in each set."""
        return np.diff(self.offsets)

    def take(self, places: np.ndarray) -> Sets:
        """The sets at these places, in their order."""
        counts = self.counts[places]
        offsets = _offsets(counts)
        # Each value's place: where its set starts here, and how far it stands behind its start there.
        at = np.repeat(self.offsets[:-1][places] - offsets[:-1], counts) + np.arange(offsets[-1])
        return Sets(self.values[at], offsets)

    def joined(self, counts: np.ndarray) -> Sets:
        """The unions of consecutive sets: the first `counts[0]`, then the next `counts[1]`, and so on."""
        return Sets(self.values, self.offsets[_offsets(counts)])

    def lists(self) -> pl.Series:
        """The sets as a column."""
        return of_counts(pl.Series("hashes", self.values), self.counts)


def of_lists(lists: pl.Series) -> Sets:
    """A column as sets."""
    flat = lists.explode(empty_as_null=False, keep_nulls=False)
    return Sets(flat.to_numpy(), _offsets(lists.list.len().to_numpy()))


def together(parts: Sequence[Sets]) -> Sets:
    """Sets end to end."""
    return Sets(np.concatenate([part.values for part in parts]), _offsets(np.concatenate([p.counts for p in parts])))


def runs(counts: np.ndarray, most: int = CHUNK) -> Iterator[slice]:
    """Runs of consecutive sets that hold about `most` hashes together; at least one set each."""
    ends = np.cumsum(counts, dtype=np.int64)
    start = 0
    while start < len(counts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield slice(start, stop)
        start = stop


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
