"""Single values of raw records: reached in nested objects, converted, and told in messages."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

#: How a value's type is called in messages.
_NAMES = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
#: Types that are taken as they are and from nothing else, with the values that have them, and their names in messages.
STRICT: dict[pl.DataType, tuple[set[type], str]] = {
    pl.String(): ({str}, "a string"),
    pl.Float64(): ({int, float}, "a number"),
    pl.Int64(): ({int}, "a whole number"),
    pl.Boolean(): ({bool}, "true or false"),
}
_EXCERPT = 60


def convert(values: list[Any], arrow: pa.DataType) -> tuple[pa.Array, list[int]]:
    """Values as an Arrow array, with null in place of those that do not convert, and their indices.

    Halves the list where it fails, so that a few bad values among many cost little.
    """
    try:
        return pa.array(values, type=arrow), []
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, AttributeError, OverflowError):
        if len(values) <= 1:
            return pa.nulls(len(values), type=arrow), list(range(len(values)))
    middle = len(values) // 2
    left, left_bad = convert(values[:middle], arrow)
    right, right_bad = convert(values[middle:], arrow)
    return pa.concat_arrays([left, right]), left_bad + [middle + i for i in right_bad]


def reach(value: Any, path: list[str]) -> Any:
    """Follow names and list positions into nested objects; None where the way ends."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.lstrip("-").isdigit() and -len(value) <= int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def excerpt(value: Any) -> str:
    """A value short enough for a message."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


def described(value: Any) -> str:
    """A value and its type for a message: a string (Hello)."""
    return f"{_NAMES.get(type(value), type(value).__name__)} ({excerpt(value)})"


def expected(dtype: pl.DataType) -> str:
    """A type for a message: a list of numbers."""
    if dtype in STRICT:
        return STRICT[dtype][1]
    if dtype == pl.List(pl.Float64):
        return "a list of numbers"
    return "a list" if isinstance(dtype, pl.List) else "an object"
