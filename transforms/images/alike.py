"""Images that look like others: what is known of each, and how alike two of them are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.blocks import read_frame
from transforms.images.looks import SMALL, likeness

#: An image that looks like another, the one whose name stands for all that do, and what it looks like.
ALIKE = pl.Schema({"name": pl.String(), "stands": pl.String(), "hash": pl.UInt64(), "small": pl.Binary()})
#: How alike two images are: by how much that is beyond what was asked (0 just so, 1 as alike as can be, less than 0 no
#: near-copies), the number itself, what it was held against, and by what they are alike.
COMPARED = pl.Schema({"beyond": pl.Float64(), "looks": pl.Float64(), "looks_at": pl.Float64(), "looks_by": pl.String()})
#: Ways of being alike.
LIKENESS = "likeness"
_NONE = -1.0


@dataclass(frozen=True)
class Asked:
    """What makes near-copies of images.

    Attributes:
        file: of images that look like others, a frame of `ALIKE`.
        bits: of the hashes that may differ.
        likeness: from which on two are near-copies.
    """

    file: str
    bits: int
    likeness: float


@dataclass(frozen=True)
class Alike:
    """Images that look like others, by their place in the file.

    Attributes:
        asked: what makes near-copies.
        hash: perceptual hashes; uint64 [images].
        small: small pictures; uint8 [images, 3 SMALL²].
    """

    asked: Asked
    hash: np.ndarray
    small: np.ndarray

    @classmethod
    def read(cls, asked: Asked) -> Alike:
        """What the file holds."""
        same = read_frame(asked.file, ["hash", "small"])
        return cls(asked, same["hash"].to_numpy(), as_smalls(same["small"]))

    def compare(self, a: np.ndarray, b: np.ndarray) -> pl.DataFrame:
        """How alike images are, two by two: frame of `COMPARED`.

        Args:
            a: place of the first of each two.
            b: of the second.
        """
        asked = self.asked
        alike = likeness(self.small[a], self.small[b])
        near = (np.bitwise_count(self.hash[a] ^ self.hash[b]) <= asked.bits) & (alike >= asked.likeness)
        return pl.DataFrame(
            {
                "beyond": np.where(near, _beyond(alike, asked.likeness), _NONE),
                "looks": alike.round(5),
                "looks_at": np.full(len(a), asked.likeness),
                "looks_by": [LIKENESS] * len(a),
            },
            schema=COMPARED,
        )


def as_smalls(column: pl.Series) -> np.ndarray:
    """Small pictures as bytes to an array: uint8 [images, 3 SMALL²]."""
    return np.frombuffer(b"".join(column.to_list()), np.uint8).reshape(len(column), 3 * SMALL**2)


def _beyond(score: np.ndarray, least: float) -> np.ndarray:
    beyond: np.ndarray = (score - least) / max(1 - least, 1e-9)
    return beyond
