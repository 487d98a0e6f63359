"""What `datasets` notes in a file of the types of its columns: numbers that stand for names become the names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
import polars as pl

_KEY = b"huggingface"
Change = Callable[[pl.Expr], pl.Expr]


def with_names(frame: pl.DataFrame, metadata: dict[bytes, bytes] | None) -> pl.DataFrame:
    """A frame in which class labels, also within lists and objects, are their names; the number -1 is none.

    Args:
        frame: rows as they lie in the file.
        metadata: of the file's Arrow schema.
    """
    noted = (metadata or {}).get(_KEY, b"")
    if b'"ClassLabel"' not in noted:  # hardly any file has one
        return frame
    changes = {name: change for name, change in _changes(noted).items() if name in frame.columns}
    return frame.with_columns(change(pl.col(name)).alias(name) for name, change in changes.items())


@cache
def _changes(noted: bytes) -> dict[str, Change]:
    """What is to be done with which column."""
    try:
        features = orjson.loads(noted)["info"]["features"]
        found = {name: _change(feature) for name, feature in features.items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):  # notes of another kind
        return {}
    return {name: change for name, change in found.items() if change}


def _change(feature: Any) -> Change | None:
    if isinstance(feature, list):  # how older versions note a list
        return _in_list(_change(feature[0])) if len(feature) == 1 else None
    kind = feature.get("_type")
    if kind == "ClassLabel":
        return _named(feature["names"]) if feature.get("names") else None
    if kind in ("List", "LargeList", "Sequence"):
        # A sequence of objects is kept as an object of lists.
        inner = feature["feature"]
        if kind == "Sequence" and isinstance(inner, dict) and not isinstance(inner.get("_type"), str):
            return _in_object({name: _in_list(_change(part)) for name, part in inner.items()})
        return _in_list(_change(inner))
    if isinstance(kind, str):
        return None
    return _in_object({name: _change(part) for name, part in feature.items()})


def _named(names: list[str]) -> Change:
    numbers = list(range(len(names)))

    def change(value: pl.Expr) -> pl.Expr:
        known = value.replace_strict(numbers, names, default=value.cast(pl.String), return_dtype=pl.String)
        return pl.when(value >= 0).then(known)

    return change


def _in_list(change: Change | None) -> Change | None:
    return None if change is None else lambda value: value.list.eval(change(pl.element()))


def _in_object(changes: dict[str, Change | None]) -> Change | None:
    found = {name: change for name, change in changes.items() if change}
    if not found:
        return None
    return lambda value: value.struct.with_fields(change(pl.field(name)).alias(name) for name, change in found.items())
