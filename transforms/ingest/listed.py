"""What one field lists (answers with ranks, annotations, messages), as columns over all records at once.

Arrow converts nested Python objects at about 7 µs each; flat columns take a third of that, and can say which item of
which list is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import polars as pl

from transforms.ingest.canonical import judgements
from transforms.ingest.records import Records
from transforms.ingest.values import described
from transforms.lists import of_counts


class Places:
    """The items of one list a record, end to end.

    Attributes:
        counts: items of each record.
        owners: index of the record of each item.
        places: 0-based place of each item in its list.
    """

    def __init__(self, counts: np.ndarray) -> None:
        self.counts = counts.astype(np.int64)
        self.owners = np.repeat(np.arange(len(counts)), self.counts)
        self.places = np.arange(len(self.owners)) - (np.cumsum(self.counts) - self.counts)[self.owners]

    def __len__(self) -> int:
        return len(self.owners)

    def lists(self, values: pl.Series) -> pl.Series:
        """A value for each item, as a list a record."""
        return of_counts(values, self.counts)

    def most(self, values: pl.Series) -> pl.Series:
        """The largest value of each record's items; null where there is none."""
        return self.lists(values).list.max()

    def judgements(self, frame: pl.DataFrame, parts: Sequence[pl.Expr]) -> pl.Series:
        """Judgements that each speak of one item, as a list a record.

        Args:
            frame: one line an item.
            parts: as for `canonical.judgements`; they may use the column `response`, the item's place.
        """
        each = judgements(frame.with_columns(response=pl.Series(self.places)), parts)
        counts = np.bincount(self.owners, weights=each.list.len().to_numpy(), minlength=len(self.counts))
        return of_counts(each.explode(empty_as_null=False, keep_nulls=False), counts.astype(np.int64))


class Listed(Places):
    """The objects that one field lists; a record whose field is no list of objects is a dead letter and has none.

    `alone` says that one object need not be in a list, as in XML.
    """

    def __init__(self, records: Records, name: str, *, required: bool = True, alone: bool = False) -> None:
        self._records, self._name, self._alone = records, name, alone
        lists = records.frame[name] if records.frame is not None and name in records.frame.columns else None
        if lists is None or lists.dtype.base_type() != pl.List or lists.dtype.inner.base_type() != pl.Struct:  # type: ignore[attr-defined]
            items = [self._checked(index, value, required) for index, value in enumerate(records.values(name))]
            super().__init__(np.fromiter(map(len, items), np.int64, len(items)))
            self._items = Records(self.owners, items=list(chain.from_iterable(items)))
            return
        if required:
            records.reject(lists.is_null(), "missing_field", f"field {name!r} is missing or null")
        super().__init__(lists.list.len().fill_null(0).to_numpy())
        flat = lists.explode(empty_as_null=False, keep_nulls=False)
        self._items = Records(self.owners, frame=flat.struct.unnest())

    def _checked(self, index: int, value: Any, required: bool) -> list[dict[str, Any]]:
        if type(value) is list:
            if set(map(type, value)) <= {dict}:
                return value
            place, item = next((place, item) for place, item in enumerate(value, 1) if type(item) is not dict)
            said = f"item {place} of {self._name!r} is {described(item)}; an object is expected"
            self._records.problem(index, "wrong_type", said)
        elif type(value) is dict and self._alone:
            return [value]
        elif value is not None:
            said = f"field {self._name!r} is {described(value)}; a list of objects is expected"
            self._records.problem(index, "wrong_type", said)
        elif required:
            self._records.problem(index, "missing_field", f"field {self._name!r} is missing or null")
        return []

    def names(self) -> list[str]:
        """All field names of the objects."""
        return self._items.names()

    def values(self, name: str) -> list[Any]:
        """One field of all objects, as in `Records.values`."""
        return self._items.values(name)

    def objects(self) -> list[dict[str, Any]]:
        """The objects themselves."""
        if self._items.items is not None:
            return self._items.items
        assert self._items.frame is not None
        return self._items.frame.to_dicts()

    def column(self, name: str, dtype: Any, *, required: bool = True) -> pl.Series:
        """One field of all objects, as in `Records.column`; what is wrong is said of the record and the item."""
        series = self._items.column(name, dtype, required=required)
        for place, (code, message) in self._items.problems.items():
            said = f"{self._name!r}, item {self.places[place] + 1}: {message}"
            self._records.problem(int(self.owners[place]), code, said)
        self._items.problems.clear()
        return series
