"""Columns that are named on the command line: where they lie, and their values for a block's rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from transforms.blocks import read_frame

#: Columns of blocks and of the ledger that rows may be told apart by.
BLOCK = ("source", "kind", "language", "licence", "timestamp", "generators")
LEDGER = ("action", "split", "group_id", "reasons", "published_in", "score")
#: Numbers with more distinct values than this are cut into bins.
_VALUES = 12
BINS = 5


@dataclass(frozen=True)
class Named:
    """Where a column lies.

    Attributes:
        name: as it was given.
        place: the block, the ledger, the block's metadata, or a sidecar.
        column: its name there; for metadata a JSON path.
        folder: of the sidecars.
    """

    name: str
    place: Literal["block", "ledger", "metadata", "sidecar"]
    column: str
    folder: str = ""


def json_path(dotted: str) -> str:
    """A dotted path as a JSON path."""
    return "$" + "".join("['" + part.replace("'", "\\'") + "']" for part in dotted.split("."))


def values(named: Named, block: pl.DataFrame, ledger: pl.DataFrame, sidecar: str) -> pl.Series:
    """A column's values, one a row; texts where it is from metadata.

    Args:
        named: which.
        block: the block's columns `BLOCK` and `metadata`.
        ledger: the block's lines of the ledger.
        sidecar: the name of the block's sidecars.
    """
    if named.place == "metadata":
        found = block.select(pl.col("metadata").str.json_path_match(named.column)).to_series()
    elif named.place == "sidecar":
        found = read_frame(f"{named.folder}/{sidecar}", [named.column])[named.column]
    else:
        found = (block if named.place == "block" else ledger)[named.column]
    return found.alias(named.name)


def numbers(column: pl.Series) -> pl.Series:
    """Numbers, or lists of numbers, of a column of any type; null where a value is none."""
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.Float64), strict=False)
    if column.dtype == pl.String:
        if column.drop_nulls().str.starts_with("[").any():
            inner = column.str.strip_chars("[] ").str.split(",").list.eval(pl.element().str.strip_chars())
            return inner.cast(pl.List(pl.Float64), strict=False)
        return column.cast(pl.Float64, strict=False)
    return column.cast(pl.Float64, strict=False)


def slices(column: pl.Series) -> pl.DataFrame:
    """Which lines are in which slice of a column: `line` and `value`, one line in several where it holds a list.

    Numbers of many values are cut into `BINS` bins of equal size. Lines without a value are in none.
    """
    frame = pl.DataFrame({"line": pl.int_range(len(column), eager=True), "value": column})
    if isinstance(column.dtype, pl.List):
        frame = frame.explode("value", empty_as_null=False, keep_nulls=False)
    frame = frame.drop_nulls("value")
    kind = frame.schema["value"]
    if kind.is_numeric() and frame["value"].n_unique() > _VALUES:
        frame = frame.with_columns(value=binned(frame["value"].cast(pl.Float64)))
    elif kind.is_nested():
        frame = frame.with_columns(pl.col("value").struct.json_encode() if isinstance(kind, pl.Struct) else "value")
    return frame.select(pl.col("line").cast(pl.Int64), pl.col("value").cast(pl.String))


def binned(column: pl.Series, bins: int = BINS) -> pl.Series:
    """Numbers as the bins of equal size that they are in, written `1. up to 12`; equal numbers are in one bin."""
    known = column.drop_nulls()
    if known.is_empty():
        return column.cast(pl.String)
    edges = sorted({known.quantile(i / bins, "lower") for i in range(1, bins + 1)})  # type: ignore[type-var]
    place = pl.Series(edges).search_sorted(column, side="left")
    names = [f"{i + 1}. up to {edge:g}" for i, edge in enumerate(edges)]
    chosen = place.clip(0, len(edges) - 1).to_frame("i").with_columns(v=column)
    return chosen.select(
        pl.when(pl.col("v").is_not_null()).then(
            pl.col("i").cast(pl.Int64).replace_strict(dict(enumerate(names)), return_dtype=pl.String)
        )
    ).to_series()


def needed(named: Sequence[Named], place: str) -> list[str]:
    """The columns that are read from one place."""
    return sorted({one.column for one in named if one.place == place})


def from_dict(told: dict[str, Any]) -> Named:
    """A place as a task names it."""
    return Named(**told)
