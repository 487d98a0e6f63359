"""Images that look like others: what is known of each, and how alike two of them are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.arrays import read_array
from transforms.blocks import read_frame
from transforms.images.looks import SMALL, likeness

#: An image that looks like another, the one whose name stands for all that do, what it looks like, and from which
#: likeness on others are near-copies of it.
ALIKE = pl.Schema({"name": pl.String(), "stands": pl.String(), "hash": pl.UInt64(), "small": pl.Binary(),
                   "least": pl.Float64()})  # fmt: skip
#: How alike two images are: by how much that is beyond what was asked (0 just so, 1 as alike as can be, less than 0 no
#: near-copies), the number itself, what it was held against, and by what they are alike.
COMPARED = pl.Schema({"beyond": pl.Float64(), "looks": pl.Float64(), "looks_at": pl.Float64(), "looks_by": pl.String()})
#: Ways of being alike: by their small pictures, or by their vectors.
LIKENESS, COSINE = "likeness", "cosine"
_NONE = -1.0


@dataclass(frozen=True)
class Asked:
    """What makes near-copies of images.

    Attributes:
        file: of images that look like others, a frame of `ALIKE`.
        bits: of the hashes that may differ.
        vectors: array of vectors of the images in the file; None where there are none.
        cosine: from which on two are near-copies by these.
    """

    file: str
    bits: int
    vectors: str | None = None
    cosine: float = 1.0


@dataclass(frozen=True)
class Alike:
    """Images that look like others, by their place in the file.

    Attributes:
        asked: what makes near-copies.
        hash: perceptual hashes; uint64 [images].
        small: small pictures; uint8 [images, 3 SMALL²].
        least: likeness from which on others are near-copies of each [images].
        vectors: of length 1, or 0 for an image without one; float16 [images, dimensions]; None without any.
    """

    asked: Asked
    hash: np.ndarray
    small: np.ndarray
    least: np.ndarray
    vectors: np.ndarray | None = None

    @classmethod
    def read(cls, asked: Asked) -> Alike:
        """What the file holds."""
        same = read_frame(asked.file, ["hash", "small", "least"])
        vectors = read_array(asked.vectors) if asked.vectors else None
        return cls(asked, same["hash"].to_numpy(), as_smalls(same["small"]), same["least"].to_numpy(), vectors)

    def compare(self, a: np.ndarray, b: np.ndarray) -> pl.DataFrame:
        """How alike images are, two by two: frame of `COMPARED`. Vectors count where pictures are not near enough.

        Args:
            a: place of the first of each two.
            b: of the second.
        """
        asked = self.asked
        alike = likeness(self.small[a], self.small[b])
        least = np.maximum(self.least[a], self.least[b])
        near = (np.bitwise_count(self.hash[a] ^ self.hash[b]) <= asked.bits) & (alike >= least)
        said = pl.DataFrame(
            {
                "beyond": np.where(near, _beyond(alike, least), _NONE),
                "looks": alike.round(5),
                "looks_at": least,
                "looks_by": [LIKENESS] * len(a),
            },
            schema=COMPARED,
        )
        if self.vectors is None:
            return said
        cosine = self._cosine(a, b)
        by = pl.Series(~near & (cosine >= asked.cosine))
        other = {"beyond": _beyond(cosine, asked.cosine), "looks": cosine, "looks_at": asked.cosine, "looks_by": COSINE}
        return said.select(
            pl.when(by).then(pl.Series(value) if isinstance(value, np.ndarray) else pl.lit(value)).otherwise(name)
            .alias(name)
            for name, value in other.items()
        )  # fmt: skip

    def _cosine(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Cosines of vectors, 0 where there is none; float16 keeps a length to three digits only."""
        assert self.vectors is not None
        x, y = (self.vectors[places].astype(np.float32) for places in (a, b))
        size = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
        product = (x * y).sum(axis=1)
        return np.where(size > 0, product / np.where(size > 0, size, 1), 0).astype(np.float64).round(5)


def as_smalls(column: pl.Series) -> np.ndarray:
    """Small pictures as bytes to an array: uint8 [images, 3 SMALL²]."""
    return np.frombuffer(b"".join(column.to_list()), np.uint8).reshape(len(column), 3 * SMALL**2)


def _beyond(score: np.ndarray, least: np.ndarray | float) -> np.ndarray:
    beyond: np.ndarray = (score - least) / np.maximum(1 - least, 1e-9)
    return beyond
