"""Errors that raters mark in a text: where the marks are, and how much each kind of error counts."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

#: The marks around an error in MQM's texts.
_OPEN, _CLOSE = "<v>", "</v>"


def unmarked(text: pl.Expr) -> pl.Expr:
    """A text without the marks around an error."""
    return text.str.replace_all(f"{_OPEN}|{_CLOSE}", "")


def marked(name: str) -> pl.Expr:
    """The first error marked in a text as {in, start, end, text}, in characters of the text without marks; or null."""
    parts = pl.col(name).str.splitn(_OPEN, 2).struct
    text = parts.field("field_1").str.splitn(_CLOSE, 2).struct.field("field_0")
    start = parts.field("field_0").str.len_chars().cast(pl.Int64)
    found = pl.struct(pl.lit(name).alias("in"), start.alias("start"), (start + text.str.len_chars()).alias("end"),
                      text.alias("text"))  # fmt: skip
    return pl.when(parts.field("field_1").is_not_null()).then(found)


def name_of(error: str) -> str:
    """A severity or category as it is compared: formats differ in case, in dashes, and in exclamation marks."""
    return error.lower().replace("_", "-").replace(" ", "-").replace("!", "")


def weights(severity: pl.Series, category: pl.Series, known: Mapping[str, float]) -> pl.Series:
    """How much each error counts.

    Args:
        severity: of each error.
        category: of each error; it may have parts, `Fluency/Punctuation`.
        known: weights by severity, severity/category, or severity/category/subcategory, in the form of `name_of`.

    Returns:
        The weight of the most specific name of each error that is known; null where none is.
    """
    errors = pl.DataFrame({"severity": severity, "category": category})
    kinds = errors.unique()
    found: list[float | None] = []
    for level, kind in kinds.iter_rows():
        names = [name_of(level or ""), *(name_of(kind).split("/") if kind else [])]
        paths = ["/".join(names[:length]) for length in range(len(names), 0, -1)]
        found.append(next((known[path] for path in paths if path in known), None))
    weighed = kinds.with_columns(pl.Series("weight", found, dtype=pl.Float64))
    return errors.join(weighed, on=errors.columns, how="left", nulls_equal=True, maintain_order="left")["weight"]
