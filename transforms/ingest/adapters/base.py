"""What an adapter is: from a batch of raw records to canonical rows, in column expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import polars as pl

from transforms.ingest.records import Records

Options = dict[str, Any]


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


def rest(records: Records, taken: Sequence[str]) -> pl.Series:
    """The fields an adapter does not read, as a JSON object a record: nobody's columns are lost."""
    left = [name for name in records.names() if name not in set(taken)]
    if not left:
        return pl.Series("metadata", [None], dtype=pl.String).new_from_index(0, len(records))
    items = records.objects()
    if items is not None:
        kept = ({name: item[name] for name in left if name in item} for item in items)
        return pl.Series("metadata", [orjson.dumps(value, default=str).decode() for value in kept], dtype=pl.String)
    assert records.frame is not None
    return records.frame.select(pl.struct(left).struct.json_encode().alias("metadata"))["metadata"]


def starts_with(records: Records, name: str, prefix: str) -> bool:
    """Whether the first text of a field starts with a prefix."""
    first = next((value for value in records.values(name) if value is not None), None)
    return isinstance(first, str) and first.startswith(prefix)
