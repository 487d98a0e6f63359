"""What images look like, kept between runs: one that is as it was is not opened again.

Kept are rows of bytes (`transforms.embed.cache`), in folders by the partition that an image is opened in: a task reads
no more than its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from transforms.embed import cache
from transforms.images.looks import SMALL
from transforms.images.stamps import stamps

#: Folders; partitions are a multiple of that.
SHARDS = 16
#: Bytes of a hash, and in all.
_HASH = 8
BYTES = _HASH + 3 * SMALL**2


def told_by(names: pl.Expr, places: pl.Expr) -> pl.Expr:
    """What tells the partition of an image: its SHA-256 where it is called by it, else where it lies."""
    return pl.when(names.str.starts_with("sha256:")).then(names).otherwise(places)


def keys_of(asked: pl.DataFrame) -> list[str | None]:
    """What images are kept by.

    The SHA-256 that data state is taken at its word; any other image is known by its stamp.

    Args:
        asked: `name` and `place` of images.

    Returns:
        One key an image; null for one that is not there, or of which the file system does not say whether it changed.
    """
    named = asked["name"].str.starts_with("sha256:")
    stamped = iter(stamps(asked["place"].filter(~named).to_list()))
    return [name if known else next(stamped) for name, known in zip(asked["name"], named, strict=True)]


def read(folder: str, number: int, keys: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
    """What is kept of images, uint8 [keys, BYTES], and of which of them something is; `number` is the partition's."""
    there = np.zeros(len(keys), dtype=bool)
    out = np.zeros((len(keys), BYTES), dtype=np.uint8)
    wanted = pl.DataFrame({"item": keys}, schema={"item": pl.String}).with_row_index("place").drop_nulls()
    where = _folder(folder, number)
    for name in cache.segments(where) if wanted.height else []:
        found = cache.items(where, name).to_frame("item").with_row_index("line").join(wanted, on="item")
        if found.height:
            places = found["place"].to_numpy()
            out[places] = cache.vectors(where, name)[found["line"].to_numpy()]
            there[places] = True
    return out, there


def keep(folder: str, number: int, keys: Sequence[str | None], looks: np.ndarray) -> None:
    """Keep what images look like, those that have a key."""
    some = [line for line, key in enumerate(keys) if key is not None]
    once = {keys[line]: line for line in some}
    if once:
        items = sorted(str(key) for key in once)
        cache.write(_folder(folder, number), items, looks[[once[key] for key in items]])


def as_bytes(found: np.ndarray, small: np.ndarray) -> np.ndarray:
    """Hashes and small pictures as rows of bytes."""
    return np.concatenate([found.astype(">u8").view(np.uint8).reshape(-1, _HASH), small], axis=1)


def of_bytes(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The way back from `as_bytes`: hashes and small pictures."""
    return np.ascontiguousarray(rows[:, :_HASH]).view(">u8").astype(np.uint64).reshape(-1), rows[:, _HASH:]


def _folder(folder: str, number: int) -> str:
    return f"{folder}-{number % SHARDS:02d}"
