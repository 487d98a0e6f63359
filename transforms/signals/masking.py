"""Rows with personal data hidden, wherever a published row can hold it."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from schemas.arrow import MESSAGE, TOOL_CALL
from transforms.lists import of_counts
from transforms.signals import pii

#: What masking reads and changes.
MASKED = ("prompt", "responses", "tools", "steps", "references")


def mask_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their texts masked: prompt, responses, tools, steps and references; other columns as they are."""
    flat = rows["responses"].explode(empty_as_null=False, keep_nulls=False)
    return rows.with_columns(
        mask_dialogues(rows["prompt"]).alias("prompt"),
        of_counts(mask_dialogues(flat), rows["responses"].list.len().to_numpy()).alias("responses"),
        mask_json(rows["tools"]).alias("tools"),
        *(_mask_lists(rows[name]).alias(name) for name in ("steps", "references")),
    )


def mask_dialogues(dialogues: pl.Series) -> pl.Series:
    """Dialogues with contents, reasoning and the arguments of tool calls masked."""
    flat = dialogues.explode(empty_as_null=False, keep_nulls=False)
    hidden = [pii.mask(flat.struct.field(name)).alias(name) for name in ("content", "reasoning")]
    calls = _mask_calls(flat.struct.field("tool_calls")).alias("tool_calls")
    changed = flat.struct.unnest().with_columns(*hidden, calls).select(pl.struct(pl.all()).cast(MESSAGE)).to_series()
    return of_counts(changed, dialogues.list.len().to_numpy())


def _mask_calls(calls: pl.Series) -> pl.Series:
    if not calls.count():
        return calls
    flat = calls.explode(empty_as_null=False, keep_nulls=False)
    arguments = mask_json(flat.struct.field("arguments")).alias("arguments")
    hidden = flat.struct.unnest().with_columns(arguments).select(pl.struct(pl.all()).cast(TOOL_CALL)).to_series()
    return _like(hidden, calls)


def _mask_lists(lists: pl.Series) -> pl.Series:
    return _like(pii.mask(lists.explode(empty_as_null=False, keep_nulls=False)), lists)


def _like(flat: pl.Series, lists: pl.Series) -> pl.Series:
    """Values as lists of the lengths of others; null where those are."""
    listed = of_counts(flat, lists.list.len().fill_null(0).to_numpy())
    return pl.DataFrame({"t": listed, "n": lists}).select(pl.when(pl.col("n").is_not_null()).then("t"))["t"]


def mask_json(texts: pl.Series) -> pl.Series:
    """JSON texts masked, and still JSON: a number that is hidden becomes a text."""
    hidden = pii.mask(texts)
    changed = (hidden != texts).fill_null(False).arg_true()
    for index in changed.to_list():  # few ever are
        if not _is_json(hidden[index]) and _is_json(texts[index]):
            value = orjson.dumps(_mask_value(orjson.loads(texts[index]))).decode()
            hidden = hidden.scatter(index, value)
    return hidden


def _mask_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {_mask_value(name): _mask_value(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_mask_value(part) for part in value]
    if isinstance(value, bool) or value is None:
        return value
    said = str(value)
    masked = pii.mask(pl.Series([said], dtype=pl.String))[0]
    return value if masked == said else masked


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
