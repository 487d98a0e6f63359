"""Candidates to verified neighbours: exact Jaccard of sets of shingles."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.duplicates.candidates import CANDIDATE
from transforms.duplicates.cells import LOOKS, cells_of, matched, seen, turned
from transforms.duplicates.sets import Sets, of_lists, runs
from transforms.images.alike import Alike
from transforms.lists import of_counts

#: Verified pairs, the better one first: how alike they are, whether they are copies, on which dimensions both name a
#: side and whether it is the same (nothing where it cannot be said which side is which), what of their images that
#: rests on, their names, and their groups.
AGREES = pl.Struct({"dimension": pl.String(), "agree": pl.Boolean()})
NEIGHBOUR = pl.Schema(
    {
        **CANDIDATE,
        "score": pl.Float64(),
        "copies": pl.Boolean(),
        "sides": pl.List(AGREES),
        **LOOKS,
        **{
            f"{name}_{side}": dtype
            for side in "ab"
            for name, dtype in (("row_id", pl.String()), ("group", pl.UInt64()))
        },
    }
)


def neighbours(pairs: pl.DataFrame, texts: pl.DataFrame, threshold: float, alike: Alike | None = None) -> pl.DataFrame:
    """The candidates that are neighbours.

    Two texts are neighbours when the Jaccard similarity of their shingles is at least the threshold. For rows the
    shingles are those of the prompt and of all responses together. Rows that are neighbours are copies when, moreover,
    each response of one is as alike to a response of the other, and their prompts are at least half as alike: else a
    long prompt and one response in common would outweigh that the other response is a different one. Where images that
    look the same have one name, those of copies must be near-copies of each other, not only of the same third ones.

    Args:
        pairs: frame of `CANDIDATE`.
        texts: frame of `transforms.duplicates.sketch.SHINGLED`, with every text of the pairs; one may be there twice.
        threshold: Jaccard similarity.
        alike: what is known of the images that look like others; None where that was not asked.

    Returns:
        Frame of `NEIGHBOUR`.
    """
    once = texts.unique("node").sort("node")
    left, right = (np.searchsorted(once["node"].to_numpy(), pairs[f"node_{side}"].to_numpy()) for side in "ab")
    counts = once["parts"].list.len().to_numpy().astype(np.int64)
    parts = of_lists(once["parts"].explode(empty_as_null=False, keep_nulls=False))
    form = once["form"].to_numpy()
    near = np.flatnonzero(form[left] == form[right])  # others meet by chance alone
    score = np.zeros(len(left))
    score[near] = jaccard(parts.joined(counts), left[near], right[near])
    near = near[score[near] >= threshold]
    cells = cells_of(counts, left[near], right[near])
    # The prompts of copies are half as alike at least.
    least = np.where(cells.prompts, threshold / 2, threshold)
    like = jaccard(parts, cells.left, cells.right) >= least
    looks = pl.DataFrame(schema=LOOKS).clear(len(near))
    if alike is not None and once["shown"].count():
        like, looks = seen(cells, like, once["shown"].explode(empty_as_null=False, keep_nulls=False), alike)
    named = [
        once[where[near]].select(pl.col(name).alias(f"{name}_{side}") for name in ("row_id", "group"))
        for side, where in (("a", left), ("b", right))
    ]
    found = pairs[near].with_columns(
        pl.Series("score", score[near], dtype=pl.Float64).round(5),
        pl.Series("copies", matched(cells, like)),
        _agree(once["sides"][left[near]], once["sides"][right[near]], turned(cells, like)),
    )
    return pl.concat([found, looks, *named], how="horizontal").select(NEIGHBOUR.names())


def _agree(one: pl.Series, other: pl.Series, turn: np.ndarray) -> pl.Series:
    """On which dimensions two pairs name a side, and whether one side: `AGREES`, a list for each two pairs.

    Args:
        one: lists of `transforms.decide.labels.SIDE`.
        other: likewise.
        turn: whether the second's responses are turned round (-1) or not (1); 0 where nobody can say.
    """
    first, second = (_flat(sides) for sides in (one, other))
    turns = pl.DataFrame({"pair": np.arange(len(turn)), "turn": turn}, schema={"pair": pl.Int64, "turn": pl.Float64})
    joined = first.join(second, on=["pair", "dimension"], suffix="_b").join(turns, on="pair")
    side, other_side = (pl.col(name) - 0.5 for name in ("value", "value_b"))
    named = joined.select("pair", "dimension", both=side.sign() * other_side.sign() * pl.col("turn"))
    said = named.filter(pl.col("both") != 0).sort("pair", "dimension")
    lists = said.select(pl.struct("dimension", agree=pl.col("both") > 0).cast(AGREES).alias("sides")).to_series()
    return of_counts(lists, np.bincount(said["pair"].to_numpy(), minlength=len(turn)))


def _flat(sides: pl.Series) -> pl.DataFrame:
    counts = sides.list.len().fill_null(0).to_numpy()
    flat = sides.explode(empty_as_null=False, keep_nulls=False).struct.unnest()
    return flat.with_columns(pair=pl.Series(np.repeat(np.arange(len(sides)), counts), dtype=pl.Int64))


def jaccard(sets: Sets, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The share of the hashes of either set that are in both, for each pair of sets.

    Args:
        sets: a hash that stands twice in one counts once.
        left: place of the first set of each pair.
        right: place of the second.

    Returns:
        float64 in [0, 1]; 1 where both are empty.
    """
    counts = sets.counts
    out = np.empty(len(left))
    for run in runs(counts[left] + counts[right]):
        out[run] = _jaccard(sets.take(left[run]), sets.take(right[run]))
    return out


def _jaccard(left: Sets, right: Sets) -> np.ndarray:
    # One number for a pair, a hash and a side, so that after sorting a hash of both sides stands next to itself.
    keys = np.concatenate([_keys(left, 0), _keys(right, 1)])
    keys.sort()
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]]
    shared = keys[1:][(keys[1:] ^ keys[:-1]) == 1]
    both = np.bincount((shared >> np.uint64(33)).astype(np.int64), minlength=len(left))
    either = np.bincount((keys >> np.uint64(33)).astype(np.int64), minlength=len(left)) - both
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def _keys(sets: Sets, side: int) -> np.ndarray:
    pair = np.repeat(np.arange(len(sets), dtype=np.uint64), sets.counts)
    return pair << np.uint64(33) | sets.values.astype(np.uint64) << np.uint64(1) | np.uint64(side)
