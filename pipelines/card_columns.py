"""The card's tables of columns: type, meaning, and how each came to be."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from schemas.published import COLUMNS
from schemas.tables import type_words


def columns_of(configuration: str, schema: pa.Schema) -> list[tuple[str, str, str, str]]:
    """Name, type in words, meaning and making of each column of a configuration's files."""
    known = COLUMNS[configuration]
    return [
        (
            name,
            type_words(dtype),
            known[name].meaning if name in known else "",
            known[name].how if name in known else "",
        )
        for name, dtype in pl.Schema(schema).items()
    ]
