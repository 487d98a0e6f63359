"""Blocks with images: which of their rows are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from transforms.blocks import Block, read_frame


@dataclass(frozen=True)
class Showing:
    """A block whose images are looked at.

    Attributes:
        block: its rows.
        identity: folder of the identity stage: images of copies are those of what they are copies of. None for rows
            that are published already.
        frames: folder of trajectories' frames, which are left out; None without any.
        roots: what relative paths of its images count from, see `transforms.images.places.located`.
    """

    block: Block
    identity: str | None = None
    frames: str | None = None
    roots: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Showing:
        """One from `asdict` of it."""
        return cls(**{**told, "block": Block(**told["block"])})

    def counts(self) -> np.ndarray:
        """Which rows count; bool [rows]."""
        out = np.ones(self.block.rows, dtype=bool)
        for folder, column in ((self.identity, "copy_of"), (self.frames, "trajectory")):
            if folder is not None:
                out &= read_frame(f"{folder}/{self.block.sidecar}", [column])[column].is_null().to_numpy()
        return out

    def rows(self) -> pl.DataFrame:
        """What is known of these: source, prompt and responses."""
        return read_frame(self.block.path, ["source", "prompt", "responses"]).filter(pl.Series(self.counts()))
