"""Rows that belong together for what they show: frames of one trajectory, or the same image. Links for groups.

An image that very many prompts share, such as a blank frame or the state that every episode begins in, links nothing,
as text that very many share does not. What the groups of an earlier run show links rows that show it to these.
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
#: What rows show: a hash of its name tells it, beside a block by the row, and of a run by its groups.
SHOWN = pl.Schema({"what": pl.String(), "name": pl.String(), "key": pl.UInt64()})
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
    """What a block's rows show, to what is told of it; written beside the block as well."""

    def __init__(self, frames: str | None, images: bool, same: str | None, partitions: int, folder: str) -> None:
        self.frames, self.images, self.same, self.partitions, self.folder = frames, images, same, partitions, folder

    def process(self, block: Block) -> Iterator[tuple[int, pl.DataFrame]]:
        rows = read_frame(block.path, [*NODE_COLUMNS, "source", "responses"])
        every = np.arange(rows.height)
        parts = []
        if self.frames:
            said = read_frame(f"{self.frames}/{block.sidecar}", ["trajectory"])["trajectory"]
            name = pl.select(pl.concat_str(rows["source"], said, separator=": ")).to_series()
            parts.append(_shown(every, name, TRAJECTORY))
        if self.images:
            name, counts = image_names(rows)
            parts.append(_shown(np.repeat(every, counts), name, IMAGE))
        shown = pl.concat(parts).unique(["row", "key"], keep="first", maintain_order=True)
        blocks.write_frame(shown, f"{self.folder}/shown/{block.sidecar}")
        nodes = pl.Series("node", group_nodes(rows)[shown["row"].to_numpy()], dtype=pl.UInt64)
        yield from _to_partitions(shown.with_columns(nodes), self.same, self.partitions)


@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _EmitEarlier(beam.DoFn):
    """What the groups of an earlier run show."""

    def __init__(self, kinds: Sequence[str], same: str | None, partitions: int) -> None:
        self.kinds, self.same, self.partitions = kinds, same, partitions

    def process(self, path: str) -> Iterator[tuple[int, pl.DataFrame]]:
        shown = read_frame(path).filter(pl.col("what").is_in(self.kinds))
        node = pl.Series("node", as_nodes(shown["group_id"]), dtype=pl.UInt64)
        yield from _to_partitions(shown.with_columns(node), self.same, self.partitions)


def _to_partitions(shown: pl.DataFrame, same: str | None, partitions: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Nodes and what they show by the partition of that, images by the name that stands for what looks the same."""
    if same:
        alike = read_frame(same, ["name", "stands"])
        own, stands = (pl.Series(_keys(alike[name], IMAGE), dtype=pl.UInt64) for name in ("name", "stands"))
        shown = shown.with_columns(shown["key"].replace(own, stands))
    held = shown.select(_HELD.names()).unique(["node", "key"], keep="any")
    yield from split(held.with_columns(_to=pl.col("key") % partitions), "_to")


def _keys(names: pl.Series, what: str) -> np.ndarray:
    return as_nodes(digest(names.to_frame("name").select(pl.concat_str(pl.lit(f"{what}\x1f"), "name")).to_series()))


def _shown(rows: np.ndarray, names: pl.Series, what: str) -> pl.DataFrame:
    """What rows show: row and `SHOWN`."""
    frame = pl.DataFrame({"row": pl.Series(rows, dtype=pl.Int64), "name": names}).drop_nulls()
    # Names are for messages alone: their beginning will do.
    made = frame.with_columns(
        pl.col("name").str.slice(0, _NAMED),
        key=pl.Series(_keys(frame["name"], what), dtype=pl.UInt64),
        what=pl.lit(what),
    )
    return made.select("row", *SHOWN)


def of_groups(shown: pl.DataFrame, groups: pl.Series) -> pl.DataFrame:
    """What groups show, each thing once: `SHOWN` and `group_id`.

    Args:
        shown: what a block's rows show, as the stage wrote it beside the block.
        groups: the `group_id` of each of the block's rows; null for rows that do not count.
    """
    named = shown.with_columns(group_id=groups[shown["row"]])
    return named.filter(pl.col("group_id").is_not_null()).select(*SHOWN, "group_id").unique(["key", "group_id"])


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

    What each row shows is written beside its block, `shown/NAME`.

    Attributes:
        blocks: all blocks.
        earlier: what the groups of earlier runs show, files of `of_groups`.
        frames: folder of `transforms.trajectories.stage.find_frames`; None where trajectories are no groups.
        images: whether images link.
        same: file of images that look the same (`transforms.images.alike.ALIKE`), which count as one; None without.
        share: an image that more prompts than this share of the rows have, and more than a few, links none.
        folder: where files go, `WHAT/PARTITION.parquet`.
    """

    blocks: Sequence[Block]
    earlier: Sequence[str]
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
            | "held" >> beam.ParDo(_Emit(self.frames, self.images, self.same, partitions, self.folder))
        )
        kinds = [*([TRAJECTORY] if self.frames else []), *([IMAGE] if self.images else [])]
        before = (
            start
            | "earlier" >> beam.Create(list(self.earlier)).with_output_types(str)
            | "held before" >> beam.ParDo(_EmitEarlier(kinds, self.same, partitions))
        )
        every = start | "every" >> beam.Create([(n, none) for n in range(partitions)]).with_output_types(
            tuple[int, pl.DataFrame]
        )
        return (
            (held, before, every)
            | "with none" >> beam.Flatten()
            | "in common" >> beam.GroupByKey()
            | "link" >> beam.ParDo(_Link(most, self.folder))
        )


def partitions_of(every: Sequence[Block]) -> int:
    """How many files of each kind there are."""
    return partitions_for(sum(block.rows for block in every))
