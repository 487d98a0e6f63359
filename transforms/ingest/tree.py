"""Objects that hold their replies, which hold theirs: as columns over all trees at once."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import polars as pl

from transforms.ingest.listed import Listed
from transforms.ingest.records import Records
from transforms.lists import of_counts


class Tree(Listed):
    """The objects of one tree a record, depth first.

    Attributes:
        parents: for each object the index of the one that it replies to, -1 for a root.
    """

    def __init__(self, records: Records, name: str, roots: list[Any], below: str = "replies") -> None:
        """Walk the trees; one that is no object all through makes its record a dead letter.

        Args:
            records: the batch.
            name: how messages call the tree.
            roots: the root of each record.
            below: the field of an object that lists its replies.
        """
        walked = [_walked(root, below) for root in roots]
        items = [{name: found} for found, _ in walked]
        super().__init__(Records(records.lines, items=items, problems=records.problems), name)
        # A record that is no tree has no objects here.
        places = [parents for (_, parents), count in zip(walked, self.counts, strict=True) if count]
        above = np.fromiter(chain.from_iterable(places), np.int64, len(self))
        starts = np.cumsum(self.counts) - self.counts
        self.parents = np.where(above < 0, -1, above + starts[self.owners])

    def above(self, values: pl.Series) -> pl.Series:
        """For each object the values of all that are above it, from the root down."""
        levels = [self.parents]
        while (levels[-1] >= 0).any():
            levels.append(np.where(levels[-1] >= 0, self.parents[levels[-1]], -1))
        chains = np.stack(levels[::-1], axis=1)
        return of_counts(values[chains[chains >= 0]], (chains >= 0).sum(axis=1))


def _walked(root: Any, below: str) -> tuple[list[Any] | None, list[int]]:
    """An object and all below it, depth first, with the place of what each replies to."""
    found: list[Any] = []
    parents: list[int] = []
    left = [] if root is None else [(root, -1)]
    while left:
        one, parent = left.pop()
        replies = one.get(below) if isinstance(one, dict) else None
        # What is no list of replies is taken for one reply, which then is no object.
        each = replies if isinstance(replies, list) else [] if replies is None else [replies]
        left += [(reply, len(found)) for reply in reversed(each)]
        found.append(one)
        parents.append(parent)
    return found or None, parents
