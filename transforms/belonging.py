"""Rows that belong together for what they show: frames of one trajectory, or the same image. Links for groups.

An image that very many prompts share, such as a blank frame or the state that every episode begins in, links nothing,
as text that very many share does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import Block, read_frame
from transforms.duplicates.template import FEW
from transforms.groups import NODE_COLUMNS, group_nodes
from transforms.hashing import as_nodes, digest
from transforms.images.names import image_names
from transforms.markers import Stats, finish
from transforms.shuffle import partitions_for, split

#: What rows can have in common.
TRAJECTORY, IMAGE = "trajectory", "image"
#: Links that groups are made of, and what they are for.
_LINK = pl.Schema({"group_a": pl.UInt64(), "group_b": pl.UInt64(), "what": pl.String()})
#: What moves: the node of a row's group, and what it has in common with others.
_HELD = pl.Schema({"node": pl.UInt64(), "name": pl.String(), "key": pl.UInt64(), "what": pl.String()})
#: So many images that link nothing are named.
_SHOWN = 20
#: By so many characters.
_NAMED = 200


def links(held: pl.DataFrame, most: float) -> pl.DataFrame:
    """What links rows that have something in common.

    Args:
        held: `node` (of a row's group), `key` (hash of what it has), `what` (kind of that) and `name`.
        most: an image that more nodes have links none of them.

    Returns:
        Frame of `_LINK` and `name`, `nodes`: each node of a key with the smallest; for an image that is too common one
        line without nodes, with its name and how many have it.
    """
    once = held.group_by("key", "what", "node").agg(pl.col("name").min())
    sized = once.with_columns(
        group_b=pl.col("node").min().over("key", "what"), nodes=pl.len().over("key", "what").cast(pl.Int64)
    )
    common = (pl.col("what") == IMAGE) & (pl.col("nodes") > most)
    none = pl.lit(None, dtype=pl.UInt64)
    told = sized.filter(common).group_by("key", "what").agg(pl.col("name").min(), pl.col("nodes").first())
    told = told.select("what", "name", "nodes", group_a=none, group_b=none)
    linked = sized.filter(~common & (pl.col("node") != pl.col("group_b")))
    return pl.concat([linked.rename({"node": "group_a"}).select(*_LINK, "name", "nodes"),
                      told.select(*_LINK, "name", "nodes")]).sort(pl.all())  # fmt: skip


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Emit(beam.DoFn):
    def __init__(self, frames: str | None, images: bool, same: str | None, partitions: int) -> None:
        self.frames, self.images, self.same, self.partitions = frames, images, same, partitions

    def process(self, block: Block) -> Iterator[tuple[int, pl.DataFrame]]:
        rows = read_frame(block.path, [*NODE_COLUMNS, "source", "responses"])
        nodes = group_nodes(rows)
        parts = []
        if self.frames:
            said = read_frame(f"{self.frames}/{block.sidecar}", ["trajectory"])["trajectory"]
            name = pl.select(pl.concat_str(rows["source"], said, separator=": ")).to_series()
            parts.append(_held(nodes, name, TRAJECTORY))
        if self.images:
            name, counts = image_names(rows)
            if self.same:
                alike = read_frame(self.same)
                name = name.replace(alike["name"], alike["stands"])
            parts.append(_held(np.repeat(nodes, counts), name, IMAGE))
        held = pl.concat(parts).unique(["node", "key"], keep="any")
        yield from split(held.with_columns(_to=pl.col("key") % self.partitions), "_to")


def _held(nodes: np.ndarray, names: pl.Series, what: str) -> pl.DataFrame:
    frame = pl.DataFrame({"node": pl.Series(nodes, dtype=pl.UInt64), "name": names}).drop_nulls()
    hashed = as_nodes(digest(frame.select(pl.concat_str(pl.lit(f"{what}\x1f"), "name")).to_series()))
    # Names are for messages alone: their begin will do.
    made = frame.with_columns(
        pl.col("name").str.slice(0, _NAMED), key=pl.Series(hashed, dtype=pl.UInt64), what=pl.lit(what)
    )
    return made.select(_HELD.names())


class _Link(beam.DoFn):
    def __init__(self, most: float, folder: str) -> None:
        self.most, self.folder = most, folder

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> None:
        number, frames = element
        found = links(pl.concat(frames), self.most)
        linked = found.filter(pl.col("group_a").is_not_null())
        for what in (TRAJECTORY, IMAGE):
            mine = linked.filter(what=what).select("group_a", "group_b")
            blocks.write_frame(mine, f"{self.folder}/{what}/{number:03d}.parquet")
        finish(self.folder, number, _counted(found, linked))


def _counted(found: pl.DataFrame, linked: pl.DataFrame) -> Stats:
    common = found.filter(pl.col("group_a").is_null()).select("name", "nodes").to_dicts()
    return {
        "links": {what: int((linked["what"] == what).sum()) for what in (TRAJECTORY, IMAGE)},
        "common": sorted(common, key=lambda one: (-one["nodes"], one["name"]))[:_SHOWN],
        "common_images": len(common),
    }


@dataclass
class Belong(beam.PTransform):
    """Write links between rows of one trajectory, and between rows that show the same image, a file a partition.

    Attributes:
        blocks: all blocks.
        frames: folder of `transforms.trajectories.stage.find_frames`; None where trajectories are no groups.
        images: whether images link.
        same: file of images that look the same (`transforms.images.stage.SAME`), which count as one; None without.
        share: an image that more prompts than this share of the rows have, and more than a few, links none.
        folder: where files go, `WHAT/PARTITION.parquet`.
    """

    blocks: Sequence[Block]
    frames: str | None
    images: bool
    same: str | None
    share: float
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        partitions = partitions_of(self.blocks)
        most = max(self.share * sum(block.rows for block in self.blocks), FEW)
        none = pl.DataFrame(schema=_HELD)
        held = (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "held" >> beam.ParDo(_Emit(self.frames, self.images, self.same, partitions))
        )
        every = start | "every" >> beam.Create([(n, none) for n in range(partitions)]).with_output_types(
            tuple[int, pl.DataFrame]
        )
        return (
            (held, every)
            | "with none" >> beam.Flatten()
            | "in common" >> beam.GroupByKey()
            | "link" >> beam.ParDo(_Link(most, self.folder))
        )


def partitions_of(every: Sequence[Block]) -> int:
    """How many files of each kind there are."""
    return partitions_for(sum(block.rows for block in every))
