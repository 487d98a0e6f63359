"""What the gate looks at in published files: figures over all of them, and a view of each without its texts.

Files are read in batches of rows, so that memory is bounded whatever their size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import fsspec
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from schemas.expectations import SIDES

#: Rows read at once: about a block.
BATCH_ROWS = 16_384
#: Text columns that are names, not texts.
_NAMES = ("id", "source", "dimension")
_FILE = re.compile(r"([a-z][a-z0-9_]*)-(\d{5,})-of-(\d{5,})\.parquet")
#: What a column holds, for the types that published files have.
_LISTS = {pl.String(): "texts", pl.Boolean(): "booleans"}


@dataclass(frozen=True)
class Shard:
    """A published file.

    Attributes:
        configuration: of the dataset.
        split: whose rows it holds.
        path: where it lies.
        name: its path inside the dataset.
    """

    configuration: str
    split: str
    path: str
    name: str


def shards(dataset: str, configuration: str, splits: Sequence[str]) -> tuple[list[Shard], int]:
    """The files of a configuration, and how many are missing from or do not belong to the numbered series of its splits."""
    fs, root = fsspec.core.url_to_fs(f"{dataset}/{configuration}")
    fs.invalidate_cache()
    try:
        listed = sorted(path.rsplit("/", 1)[-1] for path in fs.ls(root, detail=False))
    except FileNotFoundError:  # no rows for it: a folder is only made for a file
        return [], 0
    found, amiss, series = [], 0, dict[str, set[tuple[int, int]]]()
    for name in listed:
        match = _FILE.fullmatch(name)
        if match is None or match[1] not in splits:
            amiss += name.endswith(".parquet")
            continue
        series.setdefault(match[1], set()).add((int(match[2]), int(match[3])))
        found.append(Shard(configuration, match[1], f"{dataset}/{configuration}/{name}", f"{configuration}/{name}"))
    for numbers in series.values():
        total = max(of for _, of in numbers)
        amiss += len(numbers ^ {(number, total) for number in range(total)})
    return found, amiss


@contextmanager
def _opened(path: str) -> Iterator[pq.ParquetFile]:
    with fsspec.open(path, "rb") as file, pq.ParquetFile(file) as parquet:
        yield parquet


def batches(path: str) -> Iterator[pl.DataFrame]:
    """A published file's rows, some at a time; one empty frame for a file without rows."""
    with _opened(path) as parquet:
        if parquet.metadata.num_rows == 0:
            yield _frame(parquet.schema_arrow.empty_table())
        for batch in parquet.iter_batches(BATCH_ROWS):
            yield _frame(batch)


def _frame(table: object) -> pl.DataFrame:
    frame = pl.from_arrow(table)  # type: ignore[arg-type]
    assert isinstance(frame, pl.DataFrame)
    return frame


def layout(path: str) -> dict[str, str]:
    """What each column of a published file holds, in words, in the columns' order."""
    with _opened(path) as parquet:
        schema = _frame(parquet.schema_arrow.empty_table()).schema
    return {name: kind(dtype) for name, dtype in schema.items()}


def kind(dtype: pl.DataType) -> str:
    """What a column of this type holds: text, number, messages …; the type's own name where it is none of ours."""
    if dtype == pl.String:
        return "text"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.List):
        inner = dtype.inner
        if _is_message(inner):
            return "messages"
        if isinstance(inner, pl.List) and _is_message(inner.inner):
            return "lists of messages"
        return "numbers" if inner.is_numeric() else _LISTS.get(inner, str(dtype))  # type: ignore[union-attr, call-overload]
    return str(dtype)


def _is_message(dtype: object) -> bool:
    return isinstance(dtype, pl.Struct) and [field.name for field in dtype.fields][:2] == ["role", "content"]


def view(shard: pl.DataFrame) -> pl.DataFrame:
    """The scalar view of published rows: what can be judged of them without their texts.

    Numbers, booleans and names stay as they are. A text `x` becomes `x_characters` and `x_is_null`; messages become
    `x_messages` and `x_is_empty` (no text, tool call or image) besides; of several texts, numbers, booleans or responses
    there are `x_count` and `x_is_null`, and the characters, nulls, extremes or empty ones. Counts are 0 where `x` is null.
    """
    out: list[pl.Expr] = []
    for name, dtype in shard.schema.items():
        column, what = pl.col(name), kind(dtype)
        if what in ("number", "boolean") or (what == "text" and name in _named(shard)):
            out.append(column)
            continue
        out.append(column.is_null().alias(f"{name}_is_null"))
        for suffix, expression in _facts(column, what, dtype).items():
            out.append(expression.alias(f"{name}_{suffix}"))
    return shard.select(out)


def _named(shard: pl.DataFrame) -> tuple[str, ...]:
    # MetricX calls the text to translate `source`, which elsewhere is the name of where a row comes from.
    return tuple(name for name in _NAMES if not (name == "source" and "hypothesis" in shard.columns))


def _facts(column: pl.Expr, what: str, dtype: pl.DataType) -> dict[str, pl.Expr]:
    size = column.list.len().fill_null(0).cast(pl.Int64)
    if what == "text":
        return {"characters": _count(column.str.len_chars())}
    if what == "messages":
        return {"messages": size, "characters": _characters(column), "is_empty": ~_says(column, dtype)}
    if what == "lists of messages":
        assert isinstance(dtype, pl.List)
        flat = column.list.eval(_says(pl.element(), dtype.inner))  # type: ignore[arg-type]
        characters = column.list.eval(_characters(pl.element())).list.sum()
        return {"count": size, "characters": _count(characters), "empty": _count((~flat.list.explode()).sum()) if False else _count(flat.list.eval(~pl.element()).list.sum())}
    if what == "texts":
        return {"count": size, "characters": _count(column.list.eval(pl.element().str.len_chars()).list.sum())}
    if what in ("numbers", "booleans"):
        facts = {"count": size, "nulls": _count(column.list.eval(pl.element().is_null()).list.sum())}
        if what == "numbers":
            facts |= {"minimum": column.list.min(), "maximum": column.list.max()}
        return facts
    return {}


def _count(counted: pl.Expr) -> pl.Expr:
    return counted.fill_null(0).cast(pl.Int64)


def _characters(dialogue: pl.Expr) -> pl.Expr:
    return _count(dialogue.list.eval(pl.element().struct.field("content").str.len_chars()).list.sum())


def _says(dialogue: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether any message has visible text, a tool call or an image."""
    assert isinstance(dtype, pl.List)
    field = pl.element().struct.field
    says = field("content").str.contains(r"\S").fill_null(False)
    for name in ("tool_calls", "images"):
        if name in [known.name for known in dtype.inner.fields]:  # type: ignore[union-attr]
            says = says | (field(name).list.len() > 0).fill_null(False)
    return dialogue.list.eval(says).list.any().fill_null(False)
