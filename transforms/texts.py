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


def beyond(dialogue: pl.Series) -> pl.Series:
    """What a dialogue holds that is not text, as one text: tool calls and images; null where there is neither."""
    each = pl.element().struct
    calls, images = each.field("tool_calls"), each.field("images")
    has = dialogue.list.eval((calls.list.len() > 0) | (images.list.len() > 0)).list.any().fill_null(False)
    some = has.arg_true()
    out = pl.Series(dialogue.name, [None], dtype=pl.String).new_from_index(0, len(dialogue))
    if some.is_empty():
        return out
    said = dialogue[some].list.eval(pl.struct(calls=calls, images=images).struct.json_encode()).list.join("\x1e")
    return out.scatter(some, said)


def blank(rows: pl.DataFrame) -> pl.Series:
    """Whether a row's prompt holds nothing: no visible text, tool call or image, and no tools on offer."""
    said = rows.select(plain(pl.col("prompt")).str.contains(r"\S")).to_series()
    return ~(said | beyond(rows["prompt"]).is_not_null() | (rows["tools"].fill_null("") != ""))
