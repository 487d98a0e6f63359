"""Margins of the user's own voices: the first response's score less the second's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.embed.sidecars import read_texts
from transforms.markers import Stats

_BLOCK = ("source", "kind", "metadata", "responses")


def of_fields(rows: pl.DataFrame, fields: Sequence[str] | str, source: str | None) -> pl.Series:
    """Margins from numbers in the metadata.

    Args:
        rows: source, kind and metadata (a JSON object).
        fields: of the first and the second response's score, as dotted paths; or of a list of both.
        source: of the rows that have them; all when None.

    Returns:
        One number a row; null where a number is missing, and for rows that are no pairs.
    """
    paths = [f"{path(fields)}[{i}]" for i in (0, 1)] if isinstance(fields, str) else [path(one) for one in fields]
    first, second = (
        pl.col("metadata").str.json_path_match(one).cast(pl.Float64, strict=False).fill_nan(None) for one in paths
    )
    mine = pl.col("kind") == "pair" if source is None else (pl.col("kind") == "pair") & (pl.col("source") == source)
    return rows.select(margin=pl.when(mine & first.is_finite() & second.is_finite()).then(first - second))["margin"]


def path(field: str) -> str:
    """A dotted path as a JSON path."""
    return "$" + "".join(f"['{step}']" for step in field.split("."))


def of_scores(vectors: np.ndarray, counts: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Margins from scores of all responses, row by row; NaN for rows that were not asked about [rows].

    Args:
        vectors: scores [responses, 1].
        counts: responses of each row [rows].
        asked: which rows are pairs that have scores [rows].
    """
    out = np.full(len(counts), np.nan)
    first = (np.cumsum(counts) - counts)[asked]
    scores = vectors[:, 0].astype(np.float64) if vectors.shape[1] else np.full(len(vectors), np.nan)
    out[asked] = scores[first] - scores[first + 1]
    return out


def write_margins(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's margins, a column a voice; counts how many there are and adds up their squares.

    Args:
        task: `path` and `name` of the block, `identity` (its stage's folder), `models` (name to the folder of its
            scores), `scores` (name, fields, source and higher_is_better of each).
        folder: to write to.
    """
    rows = read_frame(task["path"], _BLOCK)
    copies = read_frame(f"{task['identity']}/{task['name']}", ["copy_of"])["copy_of"].is_not_null()
    pairs = (rows["kind"] == "pair") & ~copies
    columns: dict[str, pl.Series] = {}
    for name, place in task["models"].items():
        known = read_texts(place, task["name"])
        margins = of_scores(known.responses, known.counts, pairs.to_numpy())
        columns[name] = pl.Series(margins).fill_nan(None)
    for one in task["scores"]:
        margin = of_fields(rows, one["fields"], one["source"]) * (1 if one["higher_is_better"] else -1)
        before = columns.get(one["name"])  # of another source
        columns[one["name"]] = margin if before is None else before.zip_with(before.is_not_null(), margin)
    made = pl.DataFrame(columns).select(pl.when(pairs).then(pl.all()).round(5))
    blocks.write_frame(made, f"{folder}/{task['name']}")
    return {
        "rows": rows.height,
        "pairs": int(pairs.sum()),
        "known": {name: int(made[name].count()) for name in made.columns},
        "squares": {name: float((made[name] ** 2).sum()) for name in made.columns},
    }


def write_together(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's `external_NAME`, and of all voices `external_mu` and `external_sigma`.

    Voices have units of their own: mean and deviation are of margins over their root mean square in the whole run, over
    the voices that a pair has; the deviation, of the population, is null where there is one.

    Args:
        task: `margins` (the folder of `write_margins`), `name` and `sizes` (root mean squares, in columns' order).
        folder: to write to.
    """
    margins = read_frame(f"{task['margins']}/{task['name']}")
    sizes = np.array(task["sizes"])
    even = margins.to_numpy().astype(np.float64) / np.where(sizes > 0, sizes, np.nan)
    known = (~np.isnan(even)).sum(axis=1)
    mean = np.divide(np.nansum(even, axis=1), known, out=np.full(len(even), np.nan), where=known > 0)
    spread = np.nansum((even - mean[:, None]) ** 2, axis=1)
    sigma = np.sqrt(np.divide(spread, known, out=np.full(len(even), np.nan), where=known > 1))
    named = margins.rename({name: f"external_{name}" for name in margins.columns})
    both = pl.DataFrame({"external_mu": mean, "external_sigma": sigma}).fill_nan(None).select(pl.all().round(5))
    blocks.write_frame(named.hstack(both), f"{folder}/{task['name']}")
    return {"rows": margins.height}
