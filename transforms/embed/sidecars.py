"""Vectors as sidecars of blocks: `NUMBER.npy` with one line a place, and `NUMBER.parquet` with what each row has there.

The vectors are of length 1, up to the rounding of float16; a line of zeros is a place with nothing to embed: a copy of
another row, an empty text, a text without a known token, an image that cannot be had.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms import blocks
from transforms.arrays import read_array, write_array
from transforms.blocks import read_frame
from transforms.embed import cache
from transforms.embed.items import What
from transforms.lists import of_counts


@dataclass(frozen=True)
class TextVectors:
    """The vectors of a block's texts.

    Attributes:
        prompts: one line a row; float16 [rows, dimensions].
        responses: one line a response, row by row; float16 [responses, dimensions].
        counts: how many responses each row has [rows].
    """

    prompts: np.ndarray
    responses: np.ndarray
    counts: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """The place of each row's first response in `responses` [rows]."""
        starts: np.ndarray = np.cumsum(self.counts) - self.counts
        return starts


def read_texts(folder: str, sidecar: str) -> TextVectors:
    """The vectors of a block's texts, from the stage's folder and the name of the block's sidecars."""
    counts = read_frame(f"{folder}/{sidecar}", ["responses"])["responses"].list.len().to_numpy().astype(np.int64)
    every = read_array(f"{folder}/{sidecar.removesuffix('.parquet')}.npy")
    return TextVectors(every[: len(counts)], every[len(counts) :], counts)


def read_images(folder: str, sidecar: str) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of a block's images, row by row, and how many images each row has."""
    counts = read_frame(f"{folder}/{sidecar}", ["images"])["images"].list.len().to_numpy().astype(np.int64)
    return read_array(f"{folder}/{sidecar.removesuffix('.parquet')}.npy"), counts


def assemble(name: str, folder: str, found: str, kept: str, what: What) -> None:
    """Put one block's vectors together from the segments that hold them.

    Args:
        name: of the block's sidecars.
        folder: to write to.
        found: with the block's items and what it was told of them.
        kept: with the segments.
        what: texts or images.
    """
    items = read_frame(f"{found}/items/{name}")
    told = read_frame(f"{found}/told/{name}", ["item", "owner", "segment", "row"])
    foreign = told.filter(pl.col("segment").is_null())
    lying = [told.filter(pl.col("segment").is_not_null()).select("item", "segment", "row")]
    for (owner,), part in foreign.select("item", "owner").partition_by("owner", as_dict=True).items():
        theirs = read_frame(f"{found}/told/{owner:06d}.parquet", ["item", "segment", "row"])
        lying.append(part.join(theirs, on="item", how="left").select("item", "segment", "row"))
    where = pl.concat(lying)
    placed = items.with_row_index("place").join(where, on="item", how="inner")
    out: np.ndarray | None = None
    for (segment,), part in placed.partition_by("segment", as_dict=True).items():
        vectors = cache.vectors(kept, segment)
        if out is None:
            out = np.zeros((items.height, vectors.shape[1]), dtype=vectors.dtype)
        out[part["place"].to_numpy()] = vectors[part["row"].to_numpy()]
    write_array(out if out is not None else np.zeros((items.height, 0), np.float16), f"{folder}/{name[:-8]}.npy")
    counts = read_frame(f"{found}/counts/{name}")["count"].to_numpy()
    if what == "image":
        listed = pl.DataFrame({"images": of_counts(items["item"], counts)})
    else:
        rows = len(counts)
        listed = pl.DataFrame({"prompt": items["item"][:rows], "responses": of_counts(items["item"][rows:], counts)})
    blocks.write_frame(listed, f"{folder}/{name}")
