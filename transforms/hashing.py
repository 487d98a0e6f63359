"""Hashes that are the same on every machine and in every process (xxh3-128, as 32 hexadecimal characters)."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from xxhash import xxh3_128_hexdigest

#: An odd factor with its bits well spread (the 64-bit golden ratio, below 2^63).
_ODD = 0x1E3779B97F4A7C15


def digest(texts: pl.Series) -> pl.Series:
    """xxh3-128 of each text's UTF-8 bytes; null stays null."""
    hashes = [None if text is None else xxh3_128_hexdigest(text.encode()) for text in texts.to_list()]
    return pl.Series(texts.name, hashes, dtype=pl.String)


def digest_json(value: Any) -> str:
    """xxh3-128 of a JSON-able value, whatever the order of its keys."""
    return xxh3_128_hexdigest(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def uniform(hashes: pl.Expr, seed: int = 0) -> pl.Expr:
    """The first 52 bits of hexadecimal hashes as a number in [0, 1), in another order for each seed."""
    bits = hashes.str.slice(0, 13).str.to_integer(base=16, dtype=pl.Int64)
    salt = pl.lit(int(xxh3_128_hexdigest(str(seed).encode())[:13], 16), dtype=pl.Int64)
    # The product wraps; its low 52 bits are a one-to-one mix of the 52 that went in, since the factor is odd.
    mixed = ((bits ^ salt) * pl.lit(_ODD, dtype=pl.Int64)) & pl.lit((1 << 52) - 1, dtype=pl.Int64)
    return mixed / float(1 << 52)


def partition(hashes: pl.Expr, count: int) -> pl.Expr:
    """The partition in [0, count) of hexadecimal hashes; uses the last characters, which `uniform` does not read."""
    return hashes.str.slice(-6).str.to_integer(base=16, dtype=pl.Int64) % count


def as_nodes(hashes: pl.Series) -> np.ndarray:
    """The first 64 bits of hexadecimal hashes as numbers: what stands for a text or a row in graphs."""
    return hashes.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64).to_numpy()


def as_hashes(nodes: np.ndarray) -> pl.Series:
    """Numbers of 64 bits as 16 hexadecimal characters: the way back from `as_nodes`."""
    binary = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), len(nodes), [None, pa.py_buffer(nodes.astype(">u8"))])
    hashes = pl.from_arrow(binary.cast(pa.large_binary()))
    assert isinstance(hashes, pl.Series)
    return hashes.bin.encode("hex")
