"""What an adapter is: from a batch of raw records to canonical rows, in column expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import polars as pl
from pydantic import BaseModel, ConfigDict

from transforms.ingest.records import Records

Options = dict[str, Any]


class Switches(BaseModel):
    """What an adapter can be told under `options`; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Adapter:
    """One raw format.

    Attributes:
        name: what `format:` and `--format` call it.
        kinds: kinds of rows it makes.
        about: where such files come from, in a line.
        keeps: what of a record beyond texts and labels survives.
        unknown: what the format does not record, so nobody can know.
        fields: fields that every record has; `fits` is asked only of files that have them.
        rows: from records to canonical columns (`transforms.ingest.canonical.to_rows` says which).
        fits: whether records with those fields are of this format.
        example: a record.
        variants: records of its other layouts, where it has several.
        options: what it can be told in a source's `options`.
        companions: options that name other files (paths and patterns), which are then read with the records.
        joins: fields by which the records of one unit are known, where several records are one.
        generic: whether it is a general layout, which is taken only where no format in particular fits.
    """

    name: str
    kinds: tuple[str, ...]
    about: str
    keeps: str
    unknown: str
    fields: tuple[str, ...]
    rows: Callable[[Records, Options], pl.DataFrame]
    fits: Callable[[Records], bool] = field(default=lambda records: True)
    example: dict[str, Any] = field(default_factory=dict)
    variants: tuple[dict[str, Any], ...] = ()
    options: type[Switches] = Switches
    companions: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    generic: bool = False


def nearest(records: Records, layouts: Mapping[str, Sequence[str]]) -> str:
    """Which of a format's layouts, each given by its fields, the records have most fields of."""
    names = set(records.names())
    return max(layouts, key=lambda name: len(names & set(layouts[name])) / len(layouts[name]))


def fits_one(layouts: Mapping[str, Sequence[str]]) -> Callable[[Records], bool]:
    """For `Adapter.fits`: whether records have all fields of a layout."""
    return lambda records: any(set(fields) <= set(records.names()) for fields in layouts.values())


def rest(records: Records, taken: Sequence[str], within: Mapping[str, Callable[[Any], Any]] | None = None) -> pl.Series:
    """What an adapter does not read, as a JSON object a record: nobody's columns are lost.

    Args:
        records: the batch.
        taken: fields that are read.
        within: for fields that are read in part, what is left of a value: `without(…)`, or a function of the adapter's.
    """
    within = within or {}
    left = [name for name in records.names() if name not in set(taken)]
    if not left:
        return pl.Series("metadata", [None], dtype=pl.String).new_from_index(0, len(records))
    items = records.objects()
    if items is None:
        return _rest_of_frame(records, left, within)
    kept: Iterator[dict[str, Any]] = ({name: item[name] for name in left if name in item} for item in items)
    if within:
        parts = ({name: within[name](v) if name in within else v for name, v in one.items()} for one in kept)
        kept = ({name: v for name, v in one.items() if v != {} or name not in within} for one in parts)
    return pl.Series("metadata", [orjson.dumps(value, default=str).decode() for value in kept], dtype=pl.String)


def _rest_of_frame(records: Records, left: list[str], within: Mapping[str, Callable[[Any], Any]]) -> pl.Series:
    """`rest` for columns: those that are read in part go through Python, the others need not."""
    assert records.frame is not None
    plain = [name for name in left if name not in within]
    whole = pl.Series("metadata", ["{}"] * len(records), dtype=pl.String)
    if plain:
        whole = records.frame.select(pl.struct(plain).struct.json_encode().alias("metadata"))["metadata"]
    if len(plain) == len(left):
        return whole
    parts = {name: list(map(within[name], records.values(name))) for name in left if name in within}
    each = (dict(zip(parts, values, strict=True)) for values in zip(*parts.values(), strict=True))
    texts = (orjson.dumps({n: v for n, v in one.items() if v != {}}, default=str).decode() for one in each)
    joined = [
        f"{a[:-1]},{b[1:]}" if a != "{}" and b != "{}" else max(a, b, key=len)
        for a, b in zip(whole, texts, strict=True)
    ]
    return pl.Series("metadata", joined, dtype=pl.String)


def without(*names: str, unless: Callable[[dict[str, Any]], bool] | None = None) -> Callable[[Any], Any]:
    """For `rest`: a value without fields of these names, at any depth, and without what is empty for it.

    Objects for which `unless` holds stay whole.
    """

    def left(value: Any) -> Any:
        if isinstance(value, list):
            each = [left(part) for part in value]
            return each if any(part != {} for part in each) else {}
        if not isinstance(value, dict) or (unless is not None and unless(value)):
            return value
        parts = {name: left(part) for name, part in value.items() if name not in names}
        return {name: part for name, part in parts.items() if part != {}}

    return left


def starts_with(records: Records, name: str, prefix: str) -> bool:
    """Whether the first text of a field starts with a prefix."""
    first = next((value for value in records.values(name) if value is not None), None)
    return isinstance(first, str) and first.startswith(prefix)
