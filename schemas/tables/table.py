"""What a table is made of, in words."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

#: Column -> type, range or form, meaning.
Columns = dict[str, tuple[str, str, str]]


@dataclass(frozen=True)
class Table:
    """A Parquet file that a run leaves.

    Attributes:
        path: below the output folder; KEY is a stage's lineage, N a number. `{a,b}` are several stages alike.
        stage: what makes it.
        about: what a line of it is.
        columns: in words; a name that ends with `*` stands for columns that the data or the configuration names.
    """

    path: str
    stage: str
    about: str
    columns: Columns


def type_words(dtype: pl.DataType) -> str:
    """A column's type in words: text, number, whole number, yes or no, object, list of …."""
    if isinstance(dtype, (pl.List, pl.Array)):
        return f"list of {type_words(dtype.inner)}"  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return "object"
    if dtype.is_integer():
        return "whole number"
    if dtype.is_float():
        return "number"
    names = {pl.String: "text", pl.Boolean: "yes or no"}
    return next(name for known, name in names.items() if dtype == known)


def field(meaning: str, type: str = "text", range: str = "–") -> tuple[str, str, str]:
    """A column's type, range and meaning."""
    return type, range, meaning


def number(meaning: str, range: str = "any") -> tuple[str, str, str]:
    return "number", range, meaning


def share(meaning: str) -> tuple[str, str, str]:
    return "number", "0 to 1", meaning


def whole(meaning: str, range: str = "0 or more") -> tuple[str, str, str]:
    return "whole number", range, meaning


def truth(meaning: str) -> tuple[str, str, str]:
    return "yes or no", "–", meaning
