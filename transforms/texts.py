"""A block's texts as plain strings: what was said, without roles and without what else a message holds."""

from __future__ import annotations

import numpy as np
import polars as pl


def plain(dialogue: pl.Expr, between: str = "\n") -> pl.Expr:
    """A dialogue's contents as one text, a line end between messages; empty where nothing was said."""
    return dialogue.list.eval(pl.element().struct.field("content").fill_null("")).list.join(between)


def prompt_texts(rows: pl.DataFrame, between: str = "\n") -> pl.Series:
    """One text a row: its prompt's messages."""
    return rows.select(text=plain(pl.col("prompt"), between))["text"]


def response_texts(rows: pl.DataFrame, between: str = "\n") -> tuple[pl.Series, np.ndarray]:
    """The texts of all responses, row by row, and how many each row has."""
    counts = rows["responses"].list.len().fill_null(0).to_numpy()
    flat = rows["responses"].explode(empty_as_null=False, keep_nulls=False).to_frame("response")
    return flat.select(text=plain(pl.col("response"), between))["text"], counts


def reference_texts(rows: pl.DataFrame) -> tuple[pl.Series, np.ndarray]:
    """All references, row by row, and how many each row has."""
    flat = rows["references"].explode(empty_as_null=False, keep_nulls=False)
    return flat, rows["references"].list.len().fill_null(0).to_numpy()
