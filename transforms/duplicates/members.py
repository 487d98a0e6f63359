"""The rows that take part: the representatives of exact copies, and rows that are published already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from transforms.blocks import Block, read_frame
from transforms.duplicates.quality import PUBLISHED, quality
from transforms.images.names import as_seen
from transforms.lists import end_to_end, of_counts

_SIGNALS = ("characters", "empty_response", "pii", "too_long")


@dataclass(frozen=True, order=True)
class Member:
    """A block whose rows take part.

    Attributes:
        block: its rows.
        identity: folder of the identity stage's sidecars; None for rows that are published already.
        signals: folder of the signals' sidecars; None likewise.
        known: folder that tells copies of published rows, where there are any.
        same: file of images that look the same (`transforms.images.alike.ALIKE`), which have one name; None without.
        frames: folder of trajectories' frames, which look like none but themselves; None without.
    """

    block: Block
    identity: str | None = None
    signals: str | None = None
    known: str | None = None
    same: str | None = None
    frames: str | None = None

    @classmethod
    def of(cls, told: dict[str, Any]) -> Member:
        """A member from `asdict` of it."""
        return cls(**{**told, "block": Block(**told["block"])})

    def rows(self, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of the rows that take part, and `row`, their place in the block.

        `judgements` are those of all copies together. Where images look the same, prompts and responses have them by
        one name. With both there is `shown`: for the prompt and for each response the numbers of its images
        (`as_seen`), less than 0 for those of frames.
        """
        rows = self._seen(columns).with_row_index("row")
        if self.identity is None:
            return rows
        if "judgements" in columns:
            rows = rows.with_columns(self._merged()).with_columns(judgements=pl.coalesce("merged", "judgements"))
            rows = rows.drop("merged")
        copied = read_frame(f"{self.identity}/{self.block.sidecar}", ["copy_of"])["copy_of"].is_not_null()
        if self.known is not None:
            copied |= read_frame(f"{self.known}/{self.block.sidecar}", ["published_of"])["published_of"].is_not_null()
        return rows.filter(~copied)

    def _merged(self) -> pl.Series:
        return read_frame(f"{self.identity}/{self.block.sidecar}", ["judgements"])["judgements"].alias("merged")

    def _seen(self, columns: Sequence[str]) -> pl.DataFrame:
        if self.same is None or not {"prompt", "responses"} & set(columns):
            return read_frame(self.block.path, columns)
        rows = read_frame(self.block.path, [*{*columns, "source"}])
        alike = read_frame(self.same, ["name", "stands"])
        named, numbers = {}, []
        if "prompt" in columns:
            named["prompt"], number = as_seen(rows["prompt"], rows["source"], alike)
            numbers.append(of_counts(number, np.ones(rows.height, dtype=np.int64)))
        if "responses" in columns:
            counts = rows["responses"].list.len().fill_null(0).to_numpy()
            sources = rows["source"][np.repeat(np.arange(rows.height), counts)]
            said = rows["responses"].explode(empty_as_null=False, keep_nulls=False)
            seen, number = as_seen(said, sources, alike)
            named["responses"] = of_counts(seen, counts, rows["responses"].is_null().to_numpy())
            numbers.append(of_counts(number, counts))
        rows = rows.with_columns(**named).select(columns)
        return rows.with_columns(self._as_frames(end_to_end(numbers))) if len(numbers) == 2 else rows

    def _as_frames(self, shown: pl.Series) -> pl.Series:
        """Numbers of images, turned negative where a row shows frames."""
        if self.frames is None or self.identity is None:
            return shown.alias("shown")
        said = read_frame(f"{self.frames}/{self.block.sidecar}", ["trajectory"])["trajectory"].is_not_null()
        turned = pl.col("shown").list.eval(pl.element().list.eval(-pl.element()))
        return pl.DataFrame({"shown": shown, "frames": said}).select(
            shown=pl.when("frames").then(turned).otherwise("shown")
        )["shown"]

    def quality(self) -> np.ndarray:
        """The quality of each row of the block."""
        if self.identity is None or self.signals is None:
            return np.full(self.block.rows, PUBLISHED, dtype=np.uint16)
        rows = read_frame(self.block.path, ["kind", "response_ids", "judgements"])
        merged = self._merged()
        signals = read_frame(f"{self.signals}/{self.block.sidecar}")
        known = signals.select(name for name in _SIGNALS if name in signals.columns)
        return quality(rows.with_columns(merged, judgements=pl.coalesce(merged, "judgements")).hstack(known))
