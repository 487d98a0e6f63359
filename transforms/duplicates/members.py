"""The rows that take part: the representatives of exact copies, and rows that are published already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from transforms.blocks import Block, read_frame
from transforms.duplicates.quality import PUBLISHED, quality

_SIGNALS = ("characters", "empty_response", "pii", "too_long")


@dataclass(frozen=True, order=True)
class Member:
    """A block whose rows take part.

    Attributes:
        block: its rows.
        identity: folder of the identity stage's sidecars; None for rows that are published already.
        signals: folder of the signals' sidecars; None likewise.
        known: folder that tells copies of published rows, where there are any.
    """

    block: Block
    identity: str | None = None
    signals: str | None = None
    known: str | None = None

    @classmethod
    def of(cls, told: dict[str, Any]) -> Member:
        """A member from `asdict` of it."""
        return cls(**{**told, "block": Block(**told["block"])})

    def rows(self, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of the rows that take part, and `row`, their place in the block."""
        rows = read_frame(self.block.path, columns).with_row_index("row")
        if self.identity is None:
            return rows
        copied = read_frame(f"{self.identity}/{self.block.sidecar}", ["copy_of"])["copy_of"].is_not_null()
        if self.known is not None:
            copied |= read_frame(f"{self.known}/{self.block.sidecar}", ["published_of"])["published_of"].is_not_null()
        return rows.filter(~copied)

    def quality(self) -> np.ndarray:
        """The quality of each row of the block."""
        if self.identity is None or self.signals is None:
            return np.full(self.block.rows, PUBLISHED, dtype=np.uint16)
        rows = read_frame(self.block.path, ["kind", "response_ids", "judgements"])
        merged = read_frame(f"{self.identity}/{self.block.sidecar}", ["judgements"])["judgements"].alias("merged")
        signals = read_frame(f"{self.signals}/{self.block.sidecar}")
        known = signals.select(name for name in _SIGNALS if name in signals.columns)
        return quality(rows.with_columns(merged, judgements=pl.coalesce(merged, "judgements")).hstack(known))
