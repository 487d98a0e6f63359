"""Parquet and Arrow (IPC files, Feather, IPC streams): frames of rows, in ranges of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.blocks import is_remote
from transforms.ingest.readers.features import with_names
from transforms.ingest.readers.streams import open_raw
from transforms.ingest.records import Broken, Records

if TYPE_CHECKING:
    from transforms.ingest.files import FileRef

PARQUET_MAGIC, ARROW_MAGIC = b"PAR1", b"ARROW1"


class Unreadable(ValueError):
    """Nothing of a file can be read."""


def ranges(path: str, format: str, range_bytes: int) -> list[tuple[int, int, int]]:
    """Ranges of rows of about `range_bytes`: first row, end, and bytes. Parquet is cut between row groups only.

    Raises:
        Unreadable: the file is not of the format, or its end is missing.
    """
    try:
        with _opened(path) as source:
            if format == "parquet":
                return _group_ranges(pq.ParquetFile(source).metadata, range_bytes)
            rows, size = _count(source)
    except (pa.ArrowException, OSError) as error:
        _check(error)
        raise Unreadable(_said(error)) from error
    step = max(1, range_bytes * rows // max(1, size))
    return [(at, min(at + step, rows), size * min(step, rows - at) // rows) for at in range(0, rows, step)]


def about(path: str, format: str, size: int | None) -> tuple[int, bool]:
    """How many rows a file has, and whether that is exact: Parquet says it, Arrow is judged by its first batch.

    Raises:
        Unreadable: the file is not of the format, or its end is missing.
    """
    try:
        with _opened(path) as source:
            if format == "parquet":
                return int(pq.ParquetFile(source).metadata.num_rows), True
            reader, is_file = _reader(source)
            if is_file:
                batches = reader.num_record_batches
                return len(reader.get_batch(0)) * batches if batches else 0, batches <= 1
            rows = len(next(reader, ()))
            position = source.tell()
            rest = len(next(reader, ()))
    except (pa.ArrowException, OSError) as error:
        _check(error)
        raise Unreadable(_said(error)) from error
    if not rest or size is None:
        return rows, not rest
    return rows * size // position, False


def read(ref: FileRef, *, batch_records: int, batch_bytes: int, max_line_bytes: int) -> Iterator[Records]:
    """The rows of a range, numbered from 1. What is corrupt is lost as one broken record that names its rows."""
    with _opened(ref.path) as source:
        reader = _parquet if ref.format == "parquet" else _arrow
        yield from reader(source, ref, batch_records, batch_bytes)


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    with open_raw(path) if is_remote(path) else pa.memory_map(path) as source:
        yield source


def _group_ranges(metadata: pq.FileMetaData, range_bytes: int) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    start = end = size = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        if size and size + group.total_byte_size > range_bytes:
            found.append((start, end, size))
            start, size = end, 0
        end, size = end + group.num_rows, size + group.total_byte_size
    return [*found, (start, end, size)] if end > start else found


def _parquet(source: Any, ref: FileRef, batch_records: int, batch_bytes: int) -> Iterator[Records]:
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        yield _lost(ref.start, ref.end, error)
        return
    first = 0
    for index in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(index)
        end = first + group.num_rows
        if first >= ref.start and (ref.end is None or end <= ref.end):
            fitting = batch_bytes * group.num_rows // max(1, group.total_byte_size)
            at = first
            try:
                for batch in file.iter_batches(max(1, min(batch_records, fitting)), row_groups=[index]):
                    yield from _frames(batch, at)
                    at += len(batch)
            except (pa.ArrowException, OSError) as error:
                yield _lost(at, end, error)
        first = end


def _arrow(source: Any, ref: FileRef, batch_records: int, batch_bytes: int) -> Iterator[Records]:
    at = 0
    for batch in _loaded(source):
        if ref.end is not None and at >= ref.end:
            return
        if isinstance(batch, OSError | pa.ArrowException):
            if at >= ref.start:
                yield _lost(at, None, batch)
            at += 1
            continue
        stop = len(batch) if ref.end is None else min(len(batch), ref.end - at)
        step = max(1, min(batch_records, batch_bytes * len(batch) // max(1, batch.nbytes)))
        for cut in range(max(ref.start - at, 0), stop, step):
            yield from _frames(batch.slice(cut, min(step, stop - cut)), at + cut)
        at += len(batch)


def _loaded(source: Any) -> Iterator[pa.RecordBatch | OSError | pa.ArrowException]:
    """Each batch of an IPC file or stream, or why it cannot be read. A stream ends there, a file goes on."""
    try:
        reader, is_file = _reader(source)
    except (pa.ArrowException, OSError) as error:
        _check(error)
        yield error
        return
    index = 0
    while not is_file or index < reader.num_record_batches:
        try:
            yield reader.get_batch(index) if is_file else reader.read_next_batch()
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as error:
            _check(error)
            yield error
            if not is_file:
                return
        index += 1


def _reader(source: Any) -> tuple[Any, bool]:
    """A reader of an IPC file, or of a stream of them; and whether it is a file."""
    source.seek(0)
    is_file = bytes(source.read(len(ARROW_MAGIC))) == ARROW_MAGIC
    source.seek(0)
    return (pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)), is_file


def _count(source: Any) -> tuple[int, int]:
    """Rows and bytes of an IPC file or stream; a batch that cannot be read counts as one row, its dead letter's."""
    rows = size = 0
    for index, batch in enumerate(_loaded(source)):
        if isinstance(batch, OSError | pa.ArrowException):
            if index == 0:
                raise batch
            rows += 1
            continue
        rows, size = rows + len(batch), size + batch.nbytes
    return rows, size


def _frames(batch: pa.RecordBatch, first: int) -> Iterator[Records]:
    """A batch as a frame. Values that Arrow did not check (text that is not UTF-8) break their rows alone."""
    try:
        batch.validate(full=True)
        frame = pl.DataFrame(pl.from_arrow(batch))
    except (pa.ArrowException, pl.exceptions.PolarsError) as error:
        if len(batch) > 1:
            middle = len(batch) // 2
            yield from _frames(batch.slice(0, middle), first)
            yield from _frames(batch.slice(middle), first + middle)
            return
        code = "invalid_utf8" if "UTF8" in str(error).upper().replace("-", "") else "unreadable"
        broken = Broken(first + 1, code, f"row {first + 1} is not valid: {_said(error)}", "")
        yield Records(np.empty(0, np.int64), frame=pl.DataFrame(), broken=[broken])
        return
    frame = with_names(frame, batch.schema.metadata)
    yield Records(np.arange(first + 1, first + 1 + len(batch), dtype=np.int64), frame=frame)


def _lost(first: int, end: int | None, error: Exception) -> Records:
    _check(error)
    rows = f"rows {first + 1} to {end}" if end is not None else f"rows from {first + 1} on, to the end of their batch,"
    broken = Broken(first + 1, "unreadable", f"{rows} cannot be read: {_said(error)}", "")
    return Records(np.empty(0, np.int64), frame=pl.DataFrame(), broken=[broken])


def _check(error: Exception) -> None:
    """Let faults of the system through: Arrow reports corrupt data as an OSError too, but without a number."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error


def _said(error: Exception) -> str:
    return str(error).split("\n")[0]
