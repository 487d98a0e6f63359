"""Publication as tasks: runs of blocks become one Parquet file for each configuration and split, and their ledger."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import MESSAGE
from schemas.verdict import LEDGER_SCHEMA, MERGED
from transforms import blocks
from transforms.blocks import Block, read_frame
from transforms.decide.split import Cut, assign
from transforms.lists import of_counts
from transforms.publish.shapes import KEPT, Facts, shape
from transforms.signals import pii
from transforms.tasks import THREADS, Stats, counts

_BLOCK = (
    "row_id", "source", "file", "line", "content_id", "prompt", "responses", "tools", "steps", "references",
    "judgements", "scales",
)  # fmt: skip
_LEDGER = ("row_id", "content_id", "source", "file", "line")


def shards(blocks_: Sequence[Block], rows: int) -> list[list[Block]]:
    """Runs of consecutive blocks of about this many rows."""
    out: list[list[Block]] = []
    room = 0
    for block in blocks_:
        if room <= 0:
            out.append([])
            room = rows
        out[-1].append(block)
        room -= block.rows
    return out


def publish(task: dict[str, Any], folder: str) -> Stats:
    """Write one shard's files: `CONFIGURATION/SPLIT-NUMBER.parquet` under the folder, and the ledger of its rows."""
    found = [Cut(**cut) for cut in task["cuts"]]
    facts = Facts(**{**task["facts"], "message_fields": tuple(task["facts"]["message_fields"])})
    # Each configuration has its own files, so they can be written side by side.
    files: dict[str, dict[str, _File]] = {name: {} for name in task["configurations"]}
    ledger = _File()
    splits: Counter[str] = Counter()
    rows_in = 0

    def tell(decided: pl.DataFrame, path: str) -> None:
        ledger.add(_ledger(read_frame(path, _LEDGER), decided))

    def write(configuration: str, rows: pl.DataFrame) -> None:
        mine = rows.filter(pl.col("published_in").list.contains(configuration)).drop("row")
        for (split,), share in mine.partition_by("split", as_dict=True).items():
            frame = shape(configuration).build(share, facts)
            if frame.height:  # a shape may have no use for any of these rows, and no reader likes an empty file
                files[configuration].setdefault(f"{configuration}/{split}", _File()).add(frame)

    with ThreadPoolExecutor(THREADS) as pool:
        for part in task["blocks"]:
            decided = read_frame(f"{task['decided']}/{part['name']}").with_columns(
                split=pl.when(pl.col("action").is_in(KEPT)).then(
                    assign(pl.col("group_id"), found, task["seed"], "settled")
                )
            )
            rows_in += decided.height
            told = pool.submit(tell, decided, part["path"])
            splits.update(counts(decided["split"]))
            rows = _kept(task, part, decided)
            if rows.height:
                list(pool.map(write, task["configurations"], repeat(rows)))
            told.result()
    published = {}
    for name, file in sorted(item for made in files.values() for item in made.items()):
        blocks.write_bytes(file.close(), f"{folder}/{name}-{task['number']:05d}.parquet")
        published[name] = file.rows
    blocks.write_bytes(ledger.close(), f"{folder}/ledger/{task['number']:05d}.parquet")
    return {"rows": rows_in, "published": published, "splits": dict(splits), "files": dict.fromkeys(published, 1)}


def _kept(task: dict[str, Any], part: dict[str, Any], decided: pl.DataFrame) -> pl.DataFrame:
    """The rows of a block that are published, with their texts and all their judgements."""
    kept = decided.with_row_index("row").filter(pl.col("published_in").list.len() > 0)
    if kept.is_empty():
        return kept
    merged = read_frame(f"{task['identity']}/{part['name']}", ["judgements"])["judgements"][kept["row"]]
    texts = read_frame(part["path"], _BLOCK)[kept["row"]].with_columns(merged.alias("merged"))
    whole = texts.with_columns(judgements=pl.coalesce("merged", "judgements")).drop("merged")
    return _masked(kept.hstack(whole.rename({"content_id": "id"})))


def _ledger(names: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """A line for each row: where it went, and why; the first reason's numbers beside it."""
    first = pl.col("details").list.first().struct
    return (
        names.hstack(decided.select("kind", "action", "reasons", "group_id", "split", "published_in", "details"))
        .with_columns(
            counterpart=first.field("counterpart"), score=first.field("score"), threshold=first.field("threshold")
        )
        .select(pl.col(name).cast(dtype) for name, dtype in LEDGER_SCHEMA.items())
    )


def joined_lines(parts: pl.DataFrame) -> pl.DataFrame:
    """The ledger's lines for records that are part of a row made of several (`transforms.ingest.units.PARTS`)."""
    said = pl.struct(
        reason=pl.lit("part_of_row"),
        score=pl.col("records").cast(pl.Float64),
        threshold=pl.lit(1.0),
        counterpart=pl.col("counterpart"),
    )
    lines = parts.with_columns(
        action=pl.lit(MERGED),
        reasons=pl.concat_list(pl.lit("part_of_row")),
        split=pl.lit(None),
        published_in=pl.lit([], dtype=pl.List(pl.String)),
        score=pl.col("records"),
        threshold=pl.lit(1.0),
        details=pl.concat_list(said),
    )
    return lines.select(pl.col(name).cast(dtype) for name, dtype in LEDGER_SCHEMA.items())


def _masked(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with personal data hidden where the policy says so."""
    if not rows["masked"].any():
        return rows
    some, rest = rows.filter("masked"), rows.filter(~pl.col("masked"))
    prompts = _mask(some["prompt"])
    flat = some["responses"].explode(empty_as_null=False, keep_nulls=False)
    responses = of_counts(_mask(flat), some["responses"].list.len().to_numpy()).alias("responses")
    texts = [_mask_texts(some[name]) for name in ("steps", "references")]
    tools = pii.mask(some["tools"]).alias("tools")
    return pl.concat([rest, some.with_columns(prompts.alias("prompt"), responses, tools, *texts)]).sort("row")


def _mask_texts(lists: pl.Series) -> pl.Series:
    hidden = pii.mask(lists.explode(empty_as_null=False, keep_nulls=False))
    listed = of_counts(hidden, lists.list.len().fill_null(0).to_numpy())
    return pl.DataFrame({"t": listed, "n": lists}).select(
        pl.when(pl.col("n").is_not_null()).then("t").alias(lists.name)
    )[lists.name]


def _mask(dialogues: pl.Series) -> pl.Series:
    flat = dialogues.explode(empty_as_null=False, keep_nulls=False)
    hidden = [pii.mask(flat.struct.field(name)).alias(name) for name in ("content", "reasoning")]
    changed = flat.struct.unnest().with_columns(hidden).select(pl.struct(pl.all()).cast(MESSAGE)).to_series()
    return of_counts(changed, dialogues.list.len().to_numpy())


class _File:
    """A Parquet file in the making, a row group for each frame, in the plain types that every reader knows."""

    def __init__(self) -> None:
        self.buffer, self.rows = io.BytesIO(), 0
        self.writer: pq.ParquetWriter | None = None

    def add(self, frame: pl.DataFrame) -> None:
        table = plain(frame)
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.buffer, table.schema, compression="zstd")
        self.writer.write_table(table)
        self.rows += frame.height

    def close(self) -> bytes:
        if self.writer is not None:
            self.writer.close()
        return self.buffer.getvalue()


def plain(frame: pl.DataFrame) -> pa.Table:
    """A frame as an Arrow table with plain strings and lists in place of large ones."""
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.cast(pa.schema([(field.name, _plain(field.type)) for field in table.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _plain(field.type)) for field in kind])
    return kind
