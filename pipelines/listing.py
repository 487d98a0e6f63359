"""What files are: their sizes, hashes and rows, so that copies of them can be told to be whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from transforms import blocks

_CHUNK = 8 * 2**20


@dataclass(frozen=True, order=True)
class Entry:
    """A file: its name below a folder, its size, its SHA-256, and its rows where it is Parquet."""

    file: str
    bytes: int
    sha256: str
    rows: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry as a manifest has it."""
        return asdict(self)


def opened(folder: str) -> tuple[Any, str]:
    """The file system of a folder and the path there; what it remembers is forgotten."""
    fs, root = fsspec.core.url_to_fs(folder) if blocks.is_remote(folder) else (LocalFileSystem(), folder)
    fs.invalidate_cache()
    return fs, str(fs._strip_protocol(root)).rstrip("/")


def names(fs: Any, root: str) -> dict[str, int]:
    """The files below a folder and their sizes; none where it is not there."""
    found = fs.find(root, detail=True)
    return {path[len(root) + 1 :]: facts["size"] for path, facts in sorted(found.items()) if facts["type"] == "file"}


def listing(folder: str) -> list[Entry]:
    """All files below a folder, by name; each is read once."""
    fs, root = opened(folder)
    return [entry(fs, root, name) for name in names(fs, root)]


def entry(fs: Any, root: str, name: str) -> Entry:
    """What one file is, from its own bytes."""
    path, sha, size = f"{root}/{name}", hashlib.sha256(), 0
    for chunk in _chunks(fs, path):
        sha.update(chunk)
        size += len(chunk)
    return Entry(name, size, sha.hexdigest(), rows(fs, path))


def rows(fs: Any, path: str) -> int | None:
    """How many rows a Parquet file has, from its footer; None for another file."""
    if PurePosixPath(path).suffix != ".parquet":
        return None
    with fs.open(path, "rb") as file:
        return int(pq.ParquetFile(file).metadata.num_rows)


def _chunks(fs: Any, path: str) -> Iterator[bytes]:
    # Read straight through, so nothing has to be kept of what was read.
    with fs.open(path, "rb", block_size=_CHUNK, cache_type="readahead") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
