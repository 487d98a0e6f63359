"""Parts of two rows side by side: each of the one with each of the other that it may be a copy of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.images.alike import Alike

#: What is said of two rows: how alike the least alike of their images are, what that was held against, and by what
#: they are alike; null where all are the same ones.
LOOKS = pl.Schema({"looks": pl.Float64(), "looks_at": pl.Float64(), "looks_by": pl.String()})


@dataclass(frozen=True)
class Cells:
    """Prompts side by side, and each response of the one row with each of the other.

    Attributes:
        pair: which pair of rows [cells].
        prompts: whether it is their prompts' [cells].
        left: place of the first row's part among all parts [cells].
        right: place of the second's [cells].
        mine: place of the first row's part among those of the pairs, end to end [cells].
        other: of the second's [cells].
        start: where each pair's parts start there [pairs].
        size: how many those are in all.
    """

    pair: np.ndarray
    prompts: np.ndarray
    left: np.ndarray
    right: np.ndarray
    mine: np.ndarray
    other: np.ndarray
    start: np.ndarray
    size: int


def cells_of(counts: np.ndarray, left: np.ndarray, right: np.ndarray) -> Cells:
    """The cells of pairs of rows.

    Args:
        counts: how many parts each row has, its prompt first; the parts of all rows lie end to end.
        left: place of the first row of each pair.
        right: of the second, which has as many parts.
    """
    first, width = np.cumsum(counts) - counts, counts[left]
    many = (width - 1) ** 2 + 1
    pair = np.repeat(np.arange(len(left)), many)
    cell = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    across = np.maximum(width[pair] - 1, 1)
    mine, other = (np.where(cell == 0, 0, 1 + part) for part in ((cell - 1) // across, (cell - 1) % across))
    start = np.cumsum(width) - width
    return Cells(
        pair=pair,
        prompts=cell == 0,
        left=first[left][pair] + mine,
        right=first[right][pair] + other,
        mine=start[pair] + mine,
        other=start[pair] + other,
        start=start,
        size=int(width.sum()),
    )


def matched(cells: Cells, like: np.ndarray) -> np.ndarray:
    """Whether each part of either row is like one of the other's. The order of responses says nothing.

    Args:
        cells: of pairs of rows.
        like: whether the parts of each cell are alike [cells].
    """
    out = np.ones(len(cells.start), dtype=bool)
    if not len(out):
        return out
    for part in (cells.mine, cells.other):
        seen = np.zeros(cells.size, dtype=bool)
        seen[part[like]] = True
        out &= np.logical_and.reduceat(seen, cells.start)
    return out


def turned(cells: Cells, like: np.ndarray) -> np.ndarray:
    """How the two responses of either row belong together; int64 [pairs].

    Returns:
        1 where each is like the one in its own place, -1 where it is like the one in the other's, 0 where both or
        neither hold, and for rows of more or fewer responses.
    """
    out = np.zeros(len(cells.start), dtype=np.int64)
    two = np.flatnonzero(np.diff(np.append(cells.start, cells.size)) == 3)
    first = np.searchsorted(cells.pair, two)  # a prompt's cell, and then two times two
    straight, across = like[first + 1] & like[first + 4], like[first + 2] & like[first + 3]
    out[two] = straight.astype(np.int64) - across
    return out


def seen(cells: Cells, like: np.ndarray, shown: pl.Series, alike: Alike) -> tuple[np.ndarray, pl.DataFrame]:
    """Which cells are still alike where images count, and what that rests on.

    Alike parts show as many images, which are compared in their order.

    Args:
        cells: of pairs of rows.
        like: whether the parts of each cell are alike in all else [cells].
        shown: numbers of the images of each part (`transforms.images.names.as_seen`), less than 0 for those that are
            like none but themselves.
        alike: what is known of images by their numbers.

    Returns:
        bool [cells]; and a frame of `LOOKS`, a line a pair, which counts for copies: the worst of the rows' parts, each
        with the likest of those that it is like.
    """
    counts = shown.list.len().fill_null(0).to_numpy().astype(np.int64)
    starts = np.cumsum(counts) - counts
    numbers = shown.explode(empty_as_null=False, keep_nulls=False).to_numpy().astype(np.int64)
    like = like & (counts[cells.left] == counts[cells.right])
    asked = np.flatnonzero(like & (counts[cells.left] > 0))
    many = counts[cells.left[asked]]
    cell = np.repeat(asked, many)
    nth = np.arange(len(cell)) - np.repeat(np.cumsum(many) - many, many)
    a, b = numbers[starts[cells.left[cell]] + nth], numbers[starts[cells.right[cell]] + nth]
    other = np.abs(a) != np.abs(b)
    cell, a, b = cell[other], a[other], b[other]
    known = (a > 0) & (b > 0)
    found = alike.compare(np.where(known, a - 1, 0), np.where(known, b - 1, 0))
    beyond = np.where(known, found["beyond"].to_numpy(), -1.0)
    least = np.full(len(like), np.inf)
    np.minimum.at(least, cell, beyond)
    like &= least >= 0
    best = np.full(cells.size, np.inf)
    for part in (cells.mine, cells.other):
        likest = np.full(cells.size, -np.inf)
        np.maximum.at(likest, part[like], least[like])
        best = np.minimum(best, likest)
    worst = np.minimum.reduceat(best, cells.start) if len(cells.start) else best
    decides = (beyond == least[cell]) & (beyond == worst[cells.pair[cell]])
    told = found.filter(decides).with_columns(pair=pl.Series(cells.pair[cell[decides]], dtype=pl.Int64))
    every = pl.DataFrame({"pair": pl.int_range(len(cells.start), dtype=pl.Int64, eager=True)})
    once = told.sort("pair", "looks_by", "looks").unique("pair", keep="first")
    return like, every.join(once, on="pair", how="left", maintain_order="left").select(LOOKS.names()).cast(LOOKS)
