"""Published datasets as blocks beside the new ones, and new rows that are exact copies of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import polars as pl

from schemas.signals import PUBLISHED
from transforms import blocks
from transforms.blocks import Block
from transforms.gate import batches
from transforms.groups import group_nodes
from transforms.hashing import as_nodes, partition
from transforms.identity.keys import identify
from transforms.markers import Stats
from transforms.published.rows import published_rows
from transforms.shuffle import Shuffle, partitions_for, split
from transforms.tasks import WriteSidecars

DEFAULTS = {"published_of": None}
_NAMED = ("content_id", "row_id", "group_id", "source")


def read_published(task: dict[str, Any], folder: str) -> Stats:
    """Write the rows of one published file as blocks; beside them the groups they are in, and their split.

    Rows are named as in the ledger of the run that published them, which also says their source; where there is none,
    by their published id.

    Args:
        task: number, path, configuration, split, and ledger (None where there is none).
        folder: where the files go: `blocks/`, and `groups/` and `settled/` as `transforms.groups` reads them.
    """
    number, ledger = task["number"], _ledger(task["ledger"])
    written, links, settled = [], [pl.DataFrame(schema=_LINKS)], [pl.DataFrame(schema=_SETTLED)]
    for place, shard in enumerate(_whole(task["path"], task["configuration"])):
        rows = published_rows(shard, task["configuration"])
        named = rows.select("content_id").join(ledger, on="content_id", how="left", maintain_order="left")
        # A published text may have personal data masked, or a field less: only its id is what it was.
        keyed = identify(rows).with_columns(
            rows["content_id"], named["source"], row_id=named.select(pl.coalesce("row_id", "content_id")).to_series()
        )
        node = pl.Series("node", group_nodes(keyed), dtype=pl.UInt64)
        grouped = named.filter(pl.col("group_id").is_not_null())["group_id"]
        own = node.filter(named["group_id"].is_not_null())
        links.append(pl.DataFrame([own.alias("group_a"), pl.Series("group_b", as_nodes(grouped), dtype=pl.UInt64)]))
        settled.append(pl.DataFrame([node]).with_columns(split=pl.lit(task["split"])))
        name = f"{number:06d}-{place:05d}.parquet"
        blocks.write_frame(keyed, f"{folder}/blocks/{name}")
        written.append({"name": name, "rows": keyed.height})
    linked = pl.concat(links).filter(pl.col("group_a") != pl.col("group_b")).unique(maintain_order=True)
    blocks.write_frame(linked, f"{folder}/groups/{number:06d}.parquet")
    counted = pl.concat(settled).group_by("node", "split", maintain_order=True).agg(rows=pl.len().cast(pl.Int64))
    blocks.write_frame(counted, f"{folder}/settled/{number:06d}.parquet")
    return {"rows": sum(block["rows"] for block in written), "blocks": written}


_LINKS = {"group_a": pl.UInt64, "group_b": pl.UInt64}
_SETTLED = {"node": pl.UInt64, "split": pl.String}


def _ledger(path: str | None) -> pl.DataFrame:
    """Name, group and source of each row that was published, by its content."""
    if path is None:
        return pl.DataFrame(schema=dict.fromkeys(_NAMED, pl.String))
    lines = blocks.read_frame(path, [*_NAMED, "published_in"]).filter(pl.col("published_in").list.len() > 0)
    return lines.select(_NAMED).sort("row_id").unique("content_id", keep="first")


def _whole(path: str, configuration: str) -> Iterator[pl.DataFrame]:
    """A file's rows some at a time; of KTO's never one line of a row without the other."""
    held: pl.DataFrame | None = None
    for batch in batches(path):
        whole = batch if held is None else pl.concat([held, batch])
        held = None
        if configuration == "kto" and whole.height:
            last = whole["id"] == whole["id"][-1]
            held, whole = whole.filter(last), whole.filter(~last)
        yield whole
    if held is not None:
        yield held


@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Names(beam.DoFn):
    """What rows are recognised by; published ones have a name, new ones none."""

    def __init__(self, partitions: int, identity: str, first: int) -> None:
        self.partitions, self.identity, self.first = partitions, identity, first

    def process(self, block: Block) -> Iterator[tuple[int, pl.DataFrame]]:
        published = block.index >= self.first
        rows = blocks.read_frame(block.path, ["content_id", "row_id"]).with_row_index("row")
        if not published:
            copied = blocks.read_frame(f"{self.identity}/{block.sidecar}", ["copy_of"])["copy_of"].is_not_null()
            rows = rows.filter(~copied)
        frame = rows.select(
            "content_id",
            published_of=pl.col("row_id") if published else pl.lit(None, dtype=pl.String),
            block=pl.lit(block.index, dtype=pl.Int64),
            row=pl.col("row").cast(pl.Int64),
            _to=partition(pl.col("content_id"), self.partitions),
        )
        yield from split(frame, "_to")


def known(rows: pl.DataFrame) -> pl.DataFrame:
    """New rows that have a published row's content: block, row, and the name of that row, the first of several."""
    published = (
        rows.filter(pl.col("published_of").is_not_null()).group_by("content_id").agg(pl.col("published_of").min())
    )
    new = rows.filter(pl.col("published_of").is_null()).drop("published_of")
    return new.join(published, on="content_id").select("block", "row", "published_of")


@dataclass
class FindKnown(beam.PTransform):
    """Write, for each new block, which rows are copies of published ones.

    Attributes:
        blocks: new ones.
        published: those of published datasets, their indexes behind.
        identity: folder of the new blocks' copies.
        folder: where the sidecars go.
    """

    blocks: Sequence[Block]
    published: Sequence[Block]
    identity: str
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        every = [*self.blocks, *self.published]
        partitions = partitions_for(sum(block.rows for block in every))
        return (
            start
            | "blocks" >> beam.Create(every)
            | "names" >> beam.ParDo(_Names(partitions, self.identity, len(self.blocks)))
            | "known" >> Shuffle(known, home="block")
            | "sidecars" >> WriteSidecars(self.blocks, self.folder, PUBLISHED, DEFAULTS)
        )
