"""A batch of raw records, and typed columns out of it.

Readers make `Records`, adapters ask them for columns. A value that is missing or of another type does not raise: its
record is marked with a problem, becomes a dead letter, and the column holds null in its place, so an adapter can be
written as plain column expressions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import polars as pl

from schemas.mapping import label_text
from transforms.ingest.values import STRICT, convert, described, expected, reach


@dataclass(frozen=True)
class Broken:
    """A record that cannot be used: where it is, what is wrong (a code of `DEAD_LETTERS`), and itself."""

    line: int
    code: str
    message: str
    raw: str
    file: str = ""


@dataclass
class Records:
    """Raw records in their order in the file.

    Exactly one of `items` (parsed objects: JSON, XML) and `frame` (columns: CSV, Parquet, Arrow) is given.

    Attributes:
        lines: int64, 1-based line, element or row number of each record.
        items: one dict a record.
        frame: one row a record; `textual` says that its values are text that has yet to be parsed (CSV), `parsed` that
            they were made of JSON objects, which `raws` still hold as they were.
        raws: the records as read, for dead letters; made from the values where absent.
        broken: records that the reader could not parse. They are not in `lines`.
        files: the file of each record, where they are of several.
        units: for each record the index of the first one of its unit, where several records are one (see `unite`).
    """

    lines: np.ndarray
    items: list[dict[str, Any]] | None = None
    frame: pl.DataFrame | None = None
    textual: bool = False
    parsed: bool = False
    raws: Sequence[bytes | str] | None = None
    broken: list[Broken] = field(default_factory=list)
    problems: dict[int, tuple[str, str]] = field(default_factory=dict)
    files: pl.Series | None = None
    units: np.ndarray | None = None
    _seen: dict[str, list[Any]] = field(default_factory=dict, repr=False, init=False)

    def like(self, other: Records) -> bool:
        """Whether two batches can be one as they are: of one kind, with the same fields of the same types."""
        if self.frame is not None and other.frame is not None:
            return self.frame.schema == other.frame.schema and self.parsed == other.parsed
        return self.frame is other.frame and set(self.names()) == set(other.names())

    def __len__(self) -> int:
        return len(self.lines)

    def head(self, n: int) -> Records:
        """The first `n` records, and everything that was broken; of one file."""
        return Records(
            self.lines[:n],
            items=None if self.items is None else self.items[:n],
            frame=None if self.frame is None else self.frame[:n],
            textual=self.textual,
            parsed=self.parsed,
            raws=self.raws,  # to make a part of them may mean to read them
            broken=self.broken,
        )

    def as_objects(self) -> Records:
        """The same records as objects, where they are columns that were made of objects."""
        if not self.parsed:
            return self
        return Records(self.lines, items=self.objects(), raws=self.raws, broken=self.broken)

    def names(self) -> list[str]:
        """All field names, in order of first appearance."""
        if self.frame is not None:
            return self.frame.columns
        seen: dict[str, None] = {}
        for keys in {tuple(item): None for item in self.items or []}:
            seen.update(dict.fromkeys(keys))
        return list(seen)

    def objects(self) -> list[dict[str, Any]] | None:
        """The records as JSON objects with just the fields that each has; None where they never were any."""
        if self.parsed and self.items is None:
            self.items = [orjson.loads(self.raws[i]) for i in range(len(self))]  # type: ignore[index]
        return self.items

    def has(self, name: str) -> bool:
        """Whether any record has the field (a dotted path reaches into objects)."""
        return name.split(".")[0] in self.names()

    def values(self, name: str) -> list[Any]:
        """The field's values as Python objects, None where absent; a dotted path reaches into objects and lists."""
        if name not in self._seen:
            self._seen[name] = self._read(name)
        return self._seen[name]

    def _read(self, name: str) -> list[Any]:
        if self.frame is not None:
            if name in self.frame.columns:
                return self.frame[name].to_list()
            head, _, rest = name.partition(".")
            values: list[Any] = self.frame[head].to_list() if head in self.frame.columns else [None] * len(self)
            return [reach(value, rest.split(".")) for value in values] if rest else values
        items = self.items or []
        if "." in name and not any(name in item for item in items[:1]):
            path = name.split(".")
            return [reach(item, path) for item in items]
        return [item.get(name) for item in items]

    def texts_only(self, name: str) -> bool:
        """Whether every value of a field is a text or absent."""
        if self.frame is not None and name in self.frame.columns:
            return bool(self.frame.schema[name] == pl.String)
        return set(map(type, self.values(name))) <= {str, type(None)}

    def column(self, name: str, dtype: Any, *, required: bool = True, absent: Sequence[str] = ()) -> pl.Series:
        """One field as a series of a type.

        Args:
            name: the field, or a dotted path into objects.
            dtype: polars type; String, Float64, Int64 and Boolean are checked strictly (no text to number, no boolean
                to number), except that the text of a CSV is parsed.
            required: whether a missing or null value makes its record a dead letter.
            absent: scalars, as `label_text` writes them, that count as null.

        Returns:
            A series with one value a record, null where missing or unusable.
        """
        dtype = dtype() if isinstance(dtype, type) else dtype
        found = self._in_frame(name)
        if found is not None:
            series = self._from_frame(name, _without(found, absent), dtype)
        else:
            values = self.values(name)
            values = [None if label_text(value) in absent else value for value in values] if absent else values
            series = self._from_values(name, values, dtype)
        if required and series.null_count():
            for index in series.is_null().arg_true().to_list():
                self.problem(index, "missing_field", f"field {name!r} is missing or null")
        return series.alias(name)

    def problem(self, index: int, code: str, message: str) -> None:
        """Mark one record as a dead letter; the first problem of a record is the one reported."""
        self.problems.setdefault(index, (code, message))

    def reject(self, mask: pl.Series, code: str, message: str) -> None:
        """Mark the records where `mask` holds."""
        for index in mask.fill_null(False).arg_true().to_list():
            self.problem(index, code, message)

    def keys(self, names: Sequence[str]) -> pl.DataFrame:
        """The fields as texts, null where absent; the same whether the records were read as objects or as columns."""
        if self.frame is not None:
            known = set(self.frame.columns)
            return self.frame.select(
                (pl.col(name).cast(pl.String) if name in known else pl.lit(None, dtype=pl.String)).alias(name)
                for name in names
            )
        texts = {name: [None if value is None else str(value) for value in self.values(name)] for name in names}
        return pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String))

    def unite(self, names: Sequence[str]) -> pl.Series:
        """Take records of a file with the same values in these fields for one unit: a problem of one is one of all.

        Returns:
            For each record the index of the first one of its unit.
        """
        keys = self.keys(names)
        keys = keys if self.files is None else keys.with_columns(self.files.alias("\x1ffile"))
        firsts = keys.with_row_index("\x1ffirst").select(
            first=pl.col("\x1ffirst").first().over(keys.columns).cast(pl.Int64)
        )["first"]
        self.units = firsts.to_numpy()
        return firsts

    def spread(self) -> None:
        """Mark every record of a unit that has one with a problem: what is made of the others would be wrong."""
        if self.units is None:
            return
        bad = {int(self.units[index]): index for index in sorted(self.problems, reverse=True)}
        for index in np.flatnonzero(np.isin(self.units, list(bad))).tolist():
            line = self.lines[bad[int(self.units[index])]]
            self.problem(index, "incomplete_unit", f"record {line}, which belongs to the same unit, cannot be used")

    def pick(self, indices: np.ndarray) -> Records:
        """Some of the records, without what was said of them."""
        numbers = indices.tolist()
        return Records(
            self.lines[indices],
            items=None if self.items is None else [self.items[i] for i in numbers],
            frame=None if self.frame is None else self.frame[indices],
            textual=self.textual,
            parsed=self.parsed,
            raws=None if self.raws is None else [self.raws[i] for i in numbers],
            files=None if self.files is None else self.files.gather(indices),
        )

    def raw(self, index: int) -> str:
        """The record as read, as text."""
        if self.raws is not None:
            raw = self.raws[index]
            return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        value = self.items[index] if self.items is not None else self._frame_row(index)
        return orjson.dumps(value, default=str).decode()

    def dead_letters(self) -> list[Broken]:
        """What was broken when read and what an adapter rejected, by line."""
        rejected = [
            Broken(int(self.lines[i]), *problem, self.raw(i), "" if self.files is None else self.files[i])
            for i, problem in self.problems.items()
        ]
        return sorted([*self.broken, *rejected], key=lambda b: (b.file, b.line, b.code))

    def _frame_row(self, index: int) -> dict[str, Any]:
        assert self.frame is not None
        return self.frame.row(index, named=True)

    def _in_frame(self, name: str) -> pl.Series | None:
        """A column of the frame, or what a dotted path reaches in its struct columns."""
        if self.frame is None:
            return None
        if name in self.frame.columns:
            return self.frame[name]
        head, *path = name.split(".")
        series = self.frame[head] if head in self.frame.columns else None
        for step in path:
            if series is None or not isinstance(series.dtype, pl.Struct):
                return None
            series = series.struct.field(step) if step in {field.name for field in series.dtype.fields} else None
        return series

    def _from_frame(self, name: str, series: pl.Series, dtype: pl.DataType) -> pl.Series:
        if series.dtype == dtype:
            return series
        if isinstance(series.dtype, (pl.Categorical, pl.Enum)):
            series = series.cast(pl.String)
        if self.parsed and series.dtype.is_float() and dtype.is_integer():  # the objects tell 1 from 1.0
            return self._from_values(name, [item.get(name) for item in self.objects() or []], dtype)
        numeric = series.dtype.is_numeric() and dtype.is_numeric()
        if self.textual or numeric or series.dtype == pl.Null:
            typed = series.cast(dtype, strict=False)
            wrong = series.is_not_null() & typed.is_null()
            if series.dtype.is_float() and dtype.is_integer():
                wrong |= (typed != series).fill_null(False)
                typed = typed.set(wrong, None)
            for index in wrong.arg_true().to_list():
                self.problem(index, "wrong_type", f"field {name!r} is {series[index]!r}; {expected(dtype)} is expected")
            return typed
        return self._from_values(name, series.to_list(), dtype)

    def _from_values(self, name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
        if dtype in STRICT:
            allowed, _ = STRICT[dtype]
            if not set(map(type, values)) <= allowed | {type(None)}:
                wrong = [i for i, value in enumerate(values) if value is not None and type(value) not in allowed]
                values = list(values)
                for index in wrong:
                    self._wrong_type(index, name, values[index], dtype)
                    values[index] = None
            return pl.Series(name, values, dtype=dtype, strict=False)
        return self._nested(name, values, dtype)

    def _nested(self, name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
        arrow = pl.Series(dtype=dtype).to_arrow(compat_level=pl.CompatLevel.oldest()).type
        if isinstance(dtype, pl.List):  # Arrow takes a text for a list of characters, and true for 1
            numbers = dtype.inner == pl.Float64
            values = list(values)
            for index, value in enumerate(values):
                listed = type(value) is list and not (numbers and bool in map(type, value))
                if value is not None and not listed:
                    self._wrong_type(index, name, value, dtype)
                    values[index] = None
        good, bad = convert(values, arrow)
        for index in bad:
            self._wrong_type(index, name, values[index], dtype)
        series = pl.Series(name, pl.from_arrow(good))
        return series if series.dtype == dtype else series.cast(dtype)

    def _wrong_type(self, index: int, name: str, value: Any, dtype: pl.DataType) -> None:
        self.problem(index, "wrong_type", f"field {name!r} is {described(value)}; {expected(dtype)} is expected")


def _without(values: pl.Series, absent: Sequence[str]) -> pl.Series:
    """Values with null in place of those that are, as `label_text` writes them, one of the absent ones."""
    if not absent or values.dtype.is_nested():
        return values
    distinct = values.unique()
    gone = [label_text(value) in absent for value in distinct.to_list()]
    return values.set(values.is_in(distinct.filter(pl.Series(gone, dtype=pl.Boolean)).implode()), None)


def concat(batches: Sequence[Records], files: Sequence[str] | None = None) -> Records:
    """Batches as one, with all that was said of them.

    Args:
        batches: of one format.
        files: the file of each batch, where they are of several.
    """
    broken = [letter for batch in batches for letter in batch.broken]
    if files is not None:
        named = zip(files, batches, strict=True)
        broken = [dataclasses.replace(letter, file=file) for file, batch in named for letter in batch.broken]
    places = [place for place, batch in enumerate(batches) if len(batch)]
    full = [batches[place] for place in places]
    if not full:
        return Records(np.empty(0, np.int64), items=[], broken=broken)
    first = full[0]
    out = Records(np.concatenate([batch.lines for batch in full]), broken=broken)
    if files is not None:
        names = pl.Series([files[place] for place in places], dtype=pl.String)
        out.files = names.gather(np.repeat(np.arange(len(full)), [len(batch) for batch in full]))
    starts = np.cumsum([0, *map(len, full)]).tolist()
    for start, batch in zip(starts, full, strict=False):
        out.problems |= {start + index: problem for index, problem in batch.problems.items()}
    if all(batch.raws is not None for batch in full):
        out.raws = _Chain([batch.raws or [] for batch in full])
    if first.frame is not None and all(first.like(batch) for batch in full):
        out.frame = pl.concat([batch.frame for batch in full if batch.frame is not None])
        out.textual, out.parsed = first.textual, first.parsed
    else:  # JSON lines may be columns in one batch and objects in the next
        out.items = [item for batch in full for item in batch.objects() or []]
    return out


class _Chain(Sequence[bytes | str]):
    """Sequences end to end, without a copy: most raw records are never asked for."""

    def __init__(self, parts: Sequence[Sequence[bytes | str]]) -> None:
        self._parts, self._ends = parts, np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: Any) -> Any:
        part = int(np.searchsorted(self._ends, index, side="right"))
        return self._parts[part][index - int(self._ends[part]) + len(self._parts[part])]
