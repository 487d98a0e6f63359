"""Publication as tasks: runs of blocks become one Parquet file for each configuration and split, and their ledger."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import polars as pl

from schemas.verdict import LEDGER_SCHEMA, MERGED
from transforms import blocks
from transforms.blocks import Block, read_frame
from transforms.decide.split import Cut, assign
from transforms.markers import Stats, counts
from transforms.parquet import RowGroups
from transforms.publish.shapes import KEPT, Facts, shape
from transforms.signals.masking import mask_rows
from transforms.tasks import THREADS

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
    files: dict[str, dict[str, RowGroups]] = {name: {} for name in task["configurations"]}
    ledger = RowGroups()
    splits: Counter[str] = Counter()
    rows_in = 0

    def tell(decided: pl.DataFrame, path: str) -> None:
        ledger.add(_ledger(read_frame(path, _LEDGER), decided))

    def write(configuration: str, rows: pl.DataFrame) -> None:
        mine = rows.filter(pl.col("published_in").list.contains(configuration)).drop("row")
        for (split,), share in mine.partition_by("split", as_dict=True).items():
            frame = shape(configuration).build(share, facts)
            if frame.height:  # a shape may have no use for any of these rows, and no reader likes an empty file
                files[configuration].setdefault(f"{configuration}/{split}", RowGroups()).add(frame)

    with ThreadPoolExecutor(THREADS) as pool:
        for part in task["blocks"]:
            decided = read_frame(f"{part.get('decided', task['decided'])}/{part['name']}").with_columns(
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
    published, parts = {}, []
    for name, file in sorted(item for made in files.values() for item in made.items()):
        data, path = file.close(), f"{name}-{task['number']:05d}.parquet"
        blocks.write_bytes(data, f"{folder}/{path}")
        published[name] = file.rows
        # Hashed while it is at hand: what lies there later can be told to be this.
        sha256 = hashlib.sha256(data).hexdigest()
        parts.append({"name": name, "file": path, "rows": file.rows, "bytes": len(data), "sha256": sha256})
    blocks.write_bytes(ledger.close(), f"{folder}/ledger/{task['number']:05d}.parquet")
    return {
        "rows": rows_in, "published": published, "splits": dict(splits), "files": dict.fromkeys(published, 1),
        "parts": parts,
    }  # fmt: skip


def _kept(task: dict[str, Any], part: dict[str, Any], decided: pl.DataFrame) -> pl.DataFrame:
    """The rows of a block that are published, with their texts and all their judgements."""
    kept = decided.with_row_index("row").filter(pl.col("published_in").list.len() > 0)
    if kept.is_empty():
        return kept
    identity = read_frame(f"{part.get('identity', task['identity'])}/{part['name']}", ["judgements", "scales"])
    texts = read_frame(part["path"], _BLOCK)[kept["row"]].hstack(
        identity[kept["row"]].select(pl.all().name.prefix("of "))
    )
    whole = texts.with_columns(
        judgements=pl.coalesce("of judgements", "judgements"), scales=pl.coalesce("of scales", "scales")
    ).drop("of judgements", "of scales")
    rows = kept.hstack(whole.rename({"content_id": "id"}))
    # Pairs that balancing made have a folder of their own, and nobody rated them.
    if Facts(**task["facts"]).harmonised and "decided" not in part:
        rows = rows.hstack(read_frame(f"{task['ratings']}/{part['name']}", ["ratings"])[kept["row"]])
    if not rows["masked"].any():
        return rows
    return pl.concat([rows.filter(~pl.col("masked")), mask_rows(rows.filter("masked"))]).sort("row")


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
    return lines.select(
        (pl.col(name) if name in lines.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in LEDGER_SCHEMA.items()
    )
