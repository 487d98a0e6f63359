"""Ingest as tasks: each reads its references, adapts the records, and writes blocks and dead letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import polars as pl

from schemas.arrow import ROW_SCHEMA
from transforms import blocks
from transforms.blocks import BLOCK_BYTES, BLOCK_ROWS
from transforms.identity.keys import identify
from transforms.images.places import in_folders
from transforms.ingest.adapters import adapter
from transforms.ingest.adapters.base import Adapter
from transforms.ingest.canonical import Origin, to_rows
from transforms.ingest.files import FileRef
from transforms.ingest.readers import read
from transforms.ingest.records import Broken, Records, concat
from transforms.ingest.units import parts, whole_units
from transforms.markers import Stats, counts
from transforms.publish.shapes import OPTIONAL_FIELDS

#: Small files are read together until they have this many bytes, so that a block is worth its overhead.
TASK_BYTES = 32 * 2**20
#: About so much text is read at once.
BATCH_BYTES = 16 * 2**20
#: Dead letters hold the raw record, but no more of it than this.
RAW_CHARACTERS = 10_000


def tasks_of(source: dict[str, Any], refs: list[FileRef]) -> list[dict[str, Any]]:
    """Consecutive references as tasks of about `TASK_BYTES`, independent of workers."""
    tasks: list[dict[str, Any]] = []
    room = 0
    for ref in refs:
        if ref.size > room or not tasks:
            tasks.append({"source": source, "refs": []})
            room = TASK_BYTES
        tasks[-1]["refs"].append(ref.to_dict())
        room -= ref.size
    return tasks


def ingest(task: dict[str, Any], folder: str) -> Stats:
    """Read one task's references and write its blocks and dead letters.

    Returns:
        Counts (`records`, `rows`, `dead`, `joined`: parts of rows that are made of several records, `kinds`, `codes`,
        `generators`: rows that name theirs),
        and `blocks`: name and rows of each block in order.
    """
    number, source = task["number"], task["source"]
    writer = _Blocks(folder, number)
    codes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    records = 0
    dead: list[bytes] = []
    joined: list[pl.DataFrame] = []
    for rows, broken, joins, read_records in _rows(task):
        records += read_records
        kinds.update(counts(rows["kind"]))
        codes.update(letter.code for letter in broken)
        dead.extend(_letter(source["name"], letter) for letter in broken)
        joined.append(joins)
        writer.add(rows)
    writer.close()
    if dead:
        blocks.write_bytes(b"".join(dead), f"{folder}/dead/{number:06d}.jsonl")
    merged = pl.concat(joined) if joined else pl.DataFrame()
    if merged.height:
        blocks.write_frame(merged, f"{folder}/joined/{number:06d}.parquet")
    return {
        "records": records,
        "source_records": {source["name"]: records},
        "rows": sum(block["rows"] for block in writer.blocks),
        "extra": writer.extra,
        "dead": len(dead),
        "joined": merged.height,
        "kinds": dict(kinds),
        "codes": dict(codes),
        "fields": dict(writer.fields),
        "generators": writer.generators,
        "blocks": writer.blocks,
    }


def _rows(task: dict[str, Any]) -> Iterator[tuple[pl.DataFrame, list[Broken], pl.DataFrame, int]]:
    source = task["source"]
    adapt = adapter(source["format"])
    origin = Origin(source["name"], "", source["licence"], source["pseudonymise"], source["key"].encode())
    for records in batches([FileRef.from_dict(raw) for raw in task["refs"]], adapt):
        count = len(records) + len(records.broken)
        if len(records):
            rows, broken = to_rows(records, adapt.rows(records, source["options"]), origin)
            rows = in_folders(rows) if source["below"] else rows
        else:
            rows, broken = pl.DataFrame(schema=ROW_SCHEMA), records.dead_letters()
        yield rows, broken, parts(records, rows, source["name"]), count


def batches(refs: list[FileRef], adapt: Adapter) -> Iterator[Records]:
    """Records about a block at a time, each with its file; small files go together where their fields are the same.

    Records that are one unit to the adapter are in one batch.
    """
    waiting: list[tuple[str, Records]] = []
    last: Records | None = None  # of those that wait, with any record
    size = rows = 0
    for ref in refs:
        reading = partial(read, ref, batch_records=BLOCK_ROWS, batch_bytes=BATCH_BYTES)
        for records in whole_units(reading, adapt.joins) if adapt.joins else reading():
            other = last is not None and len(records) > 0 and not last.like(records)
            if waiting and (other or size >= BATCH_BYTES or rows + len(records) > BLOCK_ROWS):
                yield _joined(waiting)
                waiting, last, size, rows = [], None, 0, 0
            waiting.append((ref.file, records))
            last = records if len(records) else last
            size, rows = size + min(ref.size, BATCH_BYTES), rows + len(records)
    if waiting:
        yield _joined(waiting)


def _joined(waiting: list[tuple[str, Records]]) -> Records:
    return concat([records for _, records in waiting], [file for file, _ in waiting])


def _letter(source: str, broken: Broken) -> bytes:
    raw = broken.raw if len(broken.raw) <= RAW_CHARACTERS else broken.raw[:RAW_CHARACTERS] + "…"
    return orjson.dumps(
        {
            "source": source,
            "file": broken.file,
            "line": broken.line,
            "code": broken.code,
            "message": broken.message,
            "raw": raw,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


class _Blocks:
    """Gathers rows and writes a block whenever there are enough."""

    def __init__(self, folder: str, task: int) -> None:
        self.folder, self.task = folder, task
        self.waiting: list[pl.DataFrame] = []
        self.blocks: list[dict[str, Any]] = []
        self.fields: Counter[str] = Counter()
        self.extra = self.generators = 0

    def add(self, rows: pl.DataFrame) -> None:
        # Rows beyond the first of a record were made by the adapter: they name it as parent and count as derived.
        self.extra += rows["parents"].count()
        self.waiting.append(rows)
        while self._rows() >= BLOCK_ROWS:
            whole = pl.concat(self.waiting)
            self._write(whole.head(BLOCK_ROWS))
            self.waiting = [whole.slice(BLOCK_ROWS)]
        if sum(frame.estimated_size() for frame in self.waiting) >= BLOCK_BYTES:
            self.close()

    def close(self) -> None:
        if self._rows():
            self._write(pl.concat(self.waiting))
        self.waiting = []

    def _rows(self) -> int:
        return sum(frame.height for frame in self.waiting)

    def _write(self, rows: pl.DataFrame) -> None:
        self.fields.update(_optional_fields(rows))
        self.generators += rows["generators"].count()
        name = f"{self.task:06d}-{len(self.blocks):04d}.parquet"
        blocks.write_frame(identify(rows), f"{self.folder}/blocks/{name}")
        self.blocks.append({"name": name, "rows": rows.height})


def _optional_fields(rows: pl.DataFrame) -> dict[str, int]:
    """How often each optional part of a message occurs: shapes leave out what the dataset never has."""
    turns = pl.concat([rows["prompt"], rows["responses"].explode(empty_as_null=False, keep_nulls=False)]).explode(
        empty_as_null=False, keep_nulls=False
    )
    found = {name: turns.struct.field(name).count() for name in OPTIONAL_FIELDS}
    return {**found, "tools": rows["tools"].count()}
