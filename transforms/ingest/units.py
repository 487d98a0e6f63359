"""Formats in which several records are one unit: a line an error, a line a frame.

A unit's records need not stand together, and a batch or a range may end in the middle of one. So a file is gone through
twice: first its keys alone, to know where each unit ends, then its records, each held back until its unit is whole.
Where a unit's records stand together, that is no more than a batch in memory; where they are scattered, up to the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl

from transforms.ingest.files import FileRef
from transforms.ingest.records import Records, concat

#: A line for each record that is part of a row made of several: its own name, and the row's.
PARTS = pl.Schema(
    {
        "row_id": pl.String(),
        "source": pl.String(),
        "file": pl.String(),
        "line": pl.Int64(),
        "kind": pl.String(),
        "counterpart": pl.String(),
        "records": pl.Int64(),
    }
)


def whole_files(refs: Sequence[FileRef]) -> list[FileRef]:
    """One reference a file, in place of those of its ranges."""
    files: dict[tuple[str, str | None], FileRef] = {}
    for ref in refs:
        first = files.get((ref.path, ref.split))
        files[ref.path, ref.split] = (
            ref if first is None else dataclasses.replace(first, end=ref.end, size=first.size + ref.size)
        )
    return list(files.values())


def whole_units(read: Callable[[], Iterator[Records]], names: Sequence[str]) -> Iterator[Records]:
    """Batches of a file in which no unit is cut.

    Nobody knows which unit a record that cannot be read belongs to. It may be that of the records beside it, so those
    have a problem: what would be made of their unit without it may be wrong.

    Args:
        read: begins to read the file; called twice.
        names: fields by which the records of a unit are known; those that a file lacks say nothing.
    """
    hashes: list[np.ndarray] = []
    broken: list[int] = []
    for batch in read():
        hashes += [batch.keys(names).hash_rows().to_numpy()] if len(batch) else []
        broken += [letter.line for letter in batch.broken]
    if not hashes:
        yield from read()
        return
    _, units = np.unique(np.concatenate(hashes), return_inverse=True)
    last = np.zeros(units.max() + 1, np.int64)
    np.maximum.at(last, units, np.arange(len(units)))
    ends = last[units]
    waiting, places, at = None, np.empty(0, np.int64), 0
    for batch in read():
        places = np.concatenate([places, np.arange(at, at + len(batch))])
        at += len(batch)
        whole = batch if waiting is None else concat([waiting, batch])
        done = ends[places] < at
        ready = whole if done.all() else whole.pick(np.flatnonzero(done))
        ready.broken = whole.broken
        _doubt(ready, broken)
        yield ready
        waiting, places = (None, places[:0]) if done.all() else (whole.pick(np.flatnonzero(~done)), places[~done])


def _doubt(records: Records, broken: Sequence[int]) -> None:
    """Mark the records beside one that cannot be read."""
    for side in (1, -1):
        beside = np.array(broken, np.int64) + side
        for index in np.flatnonzero(np.isin(records.lines, beside)).tolist():
            line = records.lines[index] - side
            message = f"record {line} beside it cannot be read, and may belong to the same unit"
            records.problem(index, "incomplete_unit", message)


def parts(records: Records, rows: pl.DataFrame, source: str) -> pl.DataFrame:
    """The records that are part of a row whose first record is another one, as `PARTS`; `records` name their files."""
    if records.units is None or records.files is None or rows.is_empty():
        return pl.DataFrame(schema=PARTS)
    lines = pl.Series(records.lines, dtype=pl.Int64)
    frame = pl.DataFrame(
        {"file": records.files, "line": lines, "first": lines.gather(records.units)},
        schema_overrides={"file": pl.String},
    ).with_columns(records=pl.len().over("file", "first").cast(pl.Int64))
    made = rows.group_by("file", "line").agg(pl.col("kind", "row_id").first())
    return (
        frame.filter(pl.col("line") != pl.col("first"))
        .join(made.rename({"line": "first", "row_id": "counterpart"}), on=["file", "first"], maintain_order="left")
        .with_columns(row_id=pl.concat_str(pl.lit(f"{source}:"), "file", pl.lit(":"), "line"), source=pl.lit(source))
        .select(PARTS.names())
    )
