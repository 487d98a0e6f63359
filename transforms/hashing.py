"""Hashes that are the same on every machine and in every process (xxh3-128, as 32 hexadecimal characters)."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import polars as pl
import polars_hash  # noqa: F401 - brings the name space `nchash` to expressions
import pyarrow as pa
from xxhash import xxh3_128_hexdigest

from transforms.lists import totals

#: An odd factor with its bits well spread (the 64-bit golden ratio, below 2^63).
_ODD = 0x1E3779B97F4A7C15


def digest(texts: pl.Series) -> pl.Series:
    """xxh3-128 of each text's UTF-8 bytes; null stays null."""
    hashed = texts.to_frame("t").select(h=pl.col("t").nchash.xxh3_128())  # type: ignore[attr-defined]
    halves = hashed.select(
        high=(pl.col("h") // 2**64).cast(pl.UInt64).fill_null(0), low=(pl.col("h") % 2**64).cast(pl.UInt64).fill_null(0)
    )
    # NumPy knows no integers of 128 bits: two of 64, the greater first, are the digest's bytes.
    raw = np.stack([halves["high"].to_numpy(), halves["low"].to_numpy()], axis=1).astype(">u8").tobytes()
    known = None if not texts.null_count() else texts.is_not_null().to_arrow().buffers()[1]
    binary = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(texts), [known, pa.py_buffer(raw)])
    hexadecimal = pl.Series(texts.name, pl.from_arrow(binary.cast(pa.large_binary())))
    return hexadecimal.bin.encode("hex")


def fingerprint(values: pl.Series) -> np.ndarray:
    """A 64-bit hash of each value of any type: for telling versions of one thing apart, not for naming things.

    Texts by their bytes, numbers by their bits, lists by their elements in order, structs by the fields that are not
    null; null is 0. So a field that a whole batch does not have changes nothing.
    """
    dtype, known = values.dtype, values.is_not_null().to_numpy()
    if not known.any():
        return np.zeros(len(values), dtype=np.uint64)
    if isinstance(dtype, pl.Struct):
        fields = [fingerprint(values.struct.field(field.name)) for field in dtype.fields]
        hashed = sum((_mixed(part, place) for place, part in enumerate(fields, 1)), np.zeros(len(values), np.uint64))
    elif isinstance(dtype, pl.List):
        counts = values.list.len().fill_null(0).to_numpy().astype(np.int64)
        inner = fingerprint(values.explode(empty_as_null=False, keep_nulls=False))
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        hashed = _mixed(totals(_mixed(inner, np.arange(len(inner)) - starts + 1), counts), counts + 1)
    elif dtype == pl.String:
        hashed = values.to_frame("t").select(h=pl.col("t").nchash.xxh3_64().fill_null(0))["h"].to_numpy()  # type: ignore[attr-defined]
    else:
        hashed = _mixed(values.cast(pl.Float64).fill_null(0).to_numpy().view(np.uint64), 1)
    return np.where(known, hashed, np.uint64(0))


def _mixed(hashes: np.ndarray, salt: np.ndarray | int) -> np.ndarray:
    """Hashes changed by a salt, so that their sum tells places apart; 0, which is null, stays 0 (splitmix64)."""
    with np.errstate(over="ignore"):
        out = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        out = out * (np.asarray(salt).astype(np.uint64) * np.uint64(2) + np.uint64(1))
        out = (out ^ (out >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(out ^ (out >> np.uint64(31)))


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


def as_number(hashes: pl.Expr) -> pl.Expr:
    """The first 64 bits of hexadecimal hashes as a number: half the room, and far sooner compared."""
    return hashes.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)


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
