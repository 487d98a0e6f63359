"""Blocks: Parquet files of rows, the unit of work; and the storage they lie on.

A block is written once, at ingest (or when rows are derived). Stages add sidecars: files of the same name in their own
folder, with the same number of rows in the same order. Storage is anything that fsspec opens; a file appears whole or
not at all.
"""

from __future__ import annotations

import io
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import orjson
import polars as pl

from schemas.arrow import MESSAGE

#: A block is closed at this many rows or bytes, whichever comes first; fixed, so that blocks do not depend on workers.
BLOCK_ROWS = 65_536
BLOCK_BYTES = 32 * 2**20


@dataclass(frozen=True, order=True)
class Block:
    """Where a block lies and how many rows it has. `index` orders blocks and names rows' addresses."""

    index: int
    path: str
    rows: int

    @property
    def sidecar(self) -> str:
        """The name of the block's sidecars; its index tells blocks of different stages apart."""
        return f"{self.index:06d}.parquet"


def is_remote(path: str) -> bool:
    return "://" in path


def join(*parts: str) -> str:
    return "/".join(part.rstrip("/") for part in parts)


def storage(path: str) -> tuple[Any, str]:
    """The file system that a path lies in, and the path there.

    Listings that the file system remembers are forgotten: workers in other processes write, too.
    """
    fs, rest = fsspec.core.url_to_fs(path)
    fs.invalidate_cache()
    return fs, rest


def exists(path: str) -> bool:
    if is_remote(path):
        fs, rest = storage(path)
        return bool(fs.exists(rest))
    return os.path.exists(path)


def listed(folder: str) -> list[str]:
    """The paths of the files and folders in a folder, sorted; none where it is not there."""
    fs, rest = storage(folder)
    try:
        names = fs.ls(rest, detail=False)
    except FileNotFoundError:
        return []
    return sorted(fs.unstrip_protocol(name) if is_remote(folder) else name for name in names)


def missing_bucket(path: str) -> str | None:
    """The bucket of an object store that a path names, if it is not there; writing would otherwise make one."""
    if not path.startswith(("s3://", "s3a://", "gs://", "gcs://")):
        return None
    fs, rest = storage(path)
    bucket = str(rest).split("/")[0]
    return None if fs.exists(bucket) else bucket


def read_bytes(path: str) -> bytes:
    with fsspec.open(path, "rb") if is_remote(path) else open(path, "rb") as file:
        return file.read()


def write_bytes(data: bytes, path: str) -> None:
    """Write a file so that it appears whole or not at all."""
    if is_remote(path):  # object stores publish an object when its upload ends; a file that is closed early is uploaded
        fs, rest = fsspec.core.url_to_fs(path)
        fs.makedirs(fs._parent(rest), exist_ok=True)
        fs.pipe_file(rest, data)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_frame(frame: pl.DataFrame, path: str, *, compression: str = "lz4", row_group_size: int | None = None) -> None:
    """Write a frame as Parquet; the bytes depend on its values alone."""
    buffer = io.BytesIO()
    narrow(frame).rechunk().write_parquet(buffer, compression=compression, row_group_size=row_group_size or BLOCK_ROWS)  # type: ignore[arg-type]
    write_bytes(buffer.getvalue(), path)


def read_frame(path: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Read a Parquet file, or some of its columns."""
    source = io.BytesIO(read_bytes(path)) if is_remote(path) else path
    frame = pl.read_parquet(source, columns=None if columns is None else list(columns), glob=False)
    return frame.with_columns(
        pl.col(name).cast(_of_messages(dtype, MESSAGE))
        for name, dtype in frame.schema.items()
        if _messages(dtype) not in (None, MESSAGE)
    )


def narrow(frame: pl.DataFrame) -> pl.DataFrame:
    """Dialogues without those fields of messages that none of them has: half of what is written and read otherwise."""
    casts = []
    for name, dtype in frame.schema.items():
        if _messages(dtype) is None:
            continue
        flat = frame[name]
        while isinstance(flat.dtype, pl.List):
            flat = flat.explode(empty_as_null=False, keep_nulls=False)
        fields = flat.struct.unnest()
        used = {field: fields.schema[field] for field in fields.columns if field in _SAID or fields[field].count()}
        casts.append(pl.col(name).cast(_of_messages(dtype, pl.Struct(used))))
    return frame.with_columns(casts)


#: What every message has.
_SAID = ("role", "content")


def _messages(dtype: pl.DataType) -> pl.Struct | None:
    """The type of the messages in a column of dialogues, or of lists of them; None for other columns."""
    while isinstance(dtype, pl.List):
        dtype = dtype.inner  # type: ignore[assignment]
    return dtype if isinstance(dtype, pl.Struct) and set(_SAID) <= set(dtype.to_schema()) else None


def _of_messages(dtype: pl.DataType, message: pl.Struct) -> pl.DataType:
    """The same nesting of lists, of messages of another type."""
    return pl.List(_of_messages(dtype.inner, message)) if isinstance(dtype, pl.List) else message  # type: ignore[arg-type]


def write_json(value: object, path: str) -> None:
    write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n", path)


def read_json(path: str) -> dict:
    value = orjson.loads(read_bytes(path))
    assert isinstance(value, dict)
    return value


def remove(path: str) -> None:
    """Remove a file or folder if it is there."""
    if is_remote(path):
        fs, rest = storage(path)
        if fs.exists(rest):
            fs.rm(rest, recursive=True)
    elif os.path.isdir(path):
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)


def gather(blocks: Sequence[Block], addresses: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Columns of single rows, wherever they lie.

    Args:
        blocks: all blocks, at their index.
        addresses: `block` and `row` of each row asked for (duplicates allowed).
        columns: columns asked for.

    Returns:
        One line an address, in the order of `addresses`.
    """
    wanted = addresses.select("block", "row").with_row_index("_order")
    parts = [
        read_frame(blocks[index].path, columns)[part["row"]].with_columns(part["_order"])
        for (index,), part in wanted.partition_by("block", as_dict=True).items()
    ]
    return pl.concat(parts).sort("_order").drop("_order") if parts else pl.DataFrame(schema=list(columns))


def copy(source: str, target: str) -> None:
    """Make a file appear in a second place; on one local file system without copying its bytes."""
    if is_remote(source) or is_remote(target):
        write_bytes(read_bytes(source), target)
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        write_bytes(read_bytes(source), target)


def replace_folder(new: str, target: str) -> None:
    """Put a finished folder in a folder's place. Locally the target is never half old and half new.

    Object stores have no folders and rename nothing: there the files are copied one by one, and who reads the target
    meanwhile sees some of them. A run's manifest, which is written behind all of it, says that it is whole.
    """
    if is_remote(target):
        remove(target)
        fs, source = storage(new)
        _, place = storage(target)
        for path in sorted(fs.find(source)):
            to = place + path[len(source) :]
            fs.makedirs(fs._parent(to), exist_ok=True)
            fs.cp_file(path, to)
        fs.rm(source, recursive=True)
        return
    old = f"{target}.old"
    remove(old)
    if os.path.exists(target):
        os.replace(target, old)
    os.replace(new, target)
    remove(old)
