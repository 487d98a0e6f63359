"""List columns built by their offsets; polars' own concat_list is a hundred times slower on nested types."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa


def side_by_side(parts: Sequence[pl.Series], present: Sequence[pl.Series] | None = None) -> pl.Series:
    """A list a row, holding the row's value in each part.

    Args:
        parts: series of one type and length.
        present: for each part, whether its value goes into the row's list; all do when absent.

    Returns:
        A series of lists of the parts' type, in the order of the parts.
    """
    rows, width = len(parts[0]), len(parts)
    order = np.arange(rows * width).reshape(width, rows).T.ravel()  # row by row instead of part by part
    counts = np.full(rows, width)
    if present is not None:
        mask = np.stack([p.to_numpy() for p in present], axis=1).astype(bool)
        order, counts = order[mask.ravel()], mask.sum(axis=1)
    return of_counts(pl.concat(parts, rechunk=True)[order], counts)


def of_counts(values: pl.Series, counts: np.ndarray, absent: np.ndarray | None = None) -> pl.Series:
    """Lists cut from consecutive values: the first `counts[0]` values, then the next `counts[1]`, and so on.

    Where `absent` holds the list is null, and its count 0.
    """
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    arrow = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    mask = None if absent is None else pa.array(absent)
    # Not by pa.array: to look at what it is given, pyarrow imports pandas.
    places = pa.Int64Array.from_buffers(pa.int64(), len(offsets), [None, pa.py_buffer(offsets)])
    nested = pa.LargeListArray.from_arrays(places, arrow, mask=mask)
    return pl.Series(values.name, pl.from_arrow(nested))


def end_to_end(parts: Sequence[pl.Series]) -> pl.Series:
    """The lists of each row one after another, as one list a row."""
    counts = [part.list.len().fill_null(0).to_numpy() for part in parts]
    owners = np.concatenate([np.repeat(np.arange(len(count)), count) for count in counts])
    values = pl.concat([part.explode(empty_as_null=False, keep_nulls=False) for part in parts], rechunk=True)
    return of_counts(values.gather(np.argsort(owners, kind="stable")), np.sum(counts, axis=0))


def totals(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The sums of consecutive values: of the first `counts[0]`, then of the next `counts[1]`, and so on."""
    if (counts == 1).all():
        return values
    ends = np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values)])
    stops = np.cumsum(counts)
    return ends[stops] - ends[stops - counts]


def element(lists: pl.Series, index: int) -> pl.Series:
    """The value at one place of each list; null where the list is shorter."""
    return lists.list.get(index, null_on_oob=True)
