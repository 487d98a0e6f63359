"""Cheap signals as tasks: one block in, one sidecar out."""

from __future__ import annotations

from functools import cache
from typing import Any

import polars as pl

from schemas.config import Length, Signals
from transforms import blocks
from transforms.blocks import read_frame
from transforms.markers import Stats, counts
from transforms.signals.rows import row_signals
from transforms.signals.tokens import TokenCounter

_COLUMNS = ("kind", "prompt", "responses", "language", "tools", "steps", "references")


@cache
def _counter(tokenizer: str, chat_template: str | None, max_tokens: int | None) -> TokenCounter:
    """A token counter, loaded once a worker."""
    return TokenCounter(tokenizer, chat_template, max_tokens)


def counter_of(length: Length | None) -> TokenCounter | None:
    """The counter that the configuration asks for."""
    return None if length is None else _counter(length.tokenizer, length.chat_template, length.max_tokens)


def measure(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's signals; returns how many rows have personal data of which kind, and the languages.

    Copies of other rows are dropped whatever their language: only sizes and emptiness are said of them.
    """
    config = Signals.model_validate(task["signals"])
    copies = read_frame(f"{task['identity']}/{task['name']}", ["copy_of"])["copy_of"].is_not_null()
    block = read_frame(task["path"], _COLUMNS).with_row_index("place")
    parts = [
        row_signals(
            part,
            language=config.language and not copied,
            pii=config.pii and not copied,
            counter=None if copied else counter_of(config.length),
        ).with_columns(part["place"])
        for copied in (False, True)
        if (part := block.filter(copies if copied else ~copies)).height
    ]
    signals = pl.concat(parts, how="diagonal").sort("place").drop("place")
    blocks.write_frame(signals, f"{folder}/{task['name']}")
    return {
        "rows": block.height,
        "pii": counts(signals["pii"].explode(empty_as_null=False, keep_nulls=False)),
        "languages": counts(signals["language"]),
    }
