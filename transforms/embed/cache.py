"""Vectors kept by what they are of: a hash of the text, under the fingerprint of the model.

A segment is two files of one name: the vectors (`.npy`, float16; scores are float32) and, written after them, the
hashes in the same order (`.parquet`). Its name is a hash of those hashes, so two workers that write the same segment
write the same bytes, none is ever changed, and one that is half there is not listed. Anything may be removed between
runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import fsspec
import numpy as np
import polars as pl
from xxhash import xxh3_128_hexdigest

from transforms import blocks
from transforms.arrays import read_array, write_array


def name_of(items: Sequence[str]) -> str:
    """The name of the segment that holds these, in this order."""
    return xxh3_128_hexdigest("\n".join(items).encode())


def write(folder: str, items: Sequence[str], vectors: np.ndarray) -> str:
    """Write a segment; returns its name."""
    name = name_of(items)
    write_array(vectors, f"{folder}/{name}.npy")
    blocks.write_frame(pl.DataFrame({"item": items}, schema={"item": pl.String}), f"{folder}/{name}.parquet")
    return name


def segments(folder: str) -> list[str]:
    """The names of all segments, in order."""
    fs, path = fsspec.core.url_to_fs(folder)
    fs.invalidate_cache()
    if not fs.exists(path):
        return []
    names = (str(name).rsplit("/", 1)[-1] for name in fs.ls(path, detail=False))
    return sorted(name[: -len(".parquet")] for name in names if name.endswith(".parquet"))


def items(folder: str, name: str) -> pl.Series:
    """What a segment holds, in its order."""
    return blocks.read_frame(f"{folder}/{name}.parquet")["item"]


def vectors(folder: str, name: str) -> np.ndarray:
    """A segment's vectors; float16, of scores float32 [items, dimensions]."""
    return read_array(f"{folder}/{name}.npy")
