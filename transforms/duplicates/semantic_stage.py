"""The search for semantic likeness as a stage: partitions are fitted on a sample, each is searched, and it is said.

Addresses and keys travel, vectors do not: a partition's are taken from the sidecars of the blocks that its rows lie
in. Memory is that of the sample, or of one partition's vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import polars as pl

from transforms import blocks
from transforms.arrays import read_array, write_array
from transforms.blocks import Block
from transforms.duplicates import kmeans
from transforms.duplicates.semantic import PAIRS, ROWS, links, neighbours, slices
from transforms.duplicates.semantic_members import MEMBER, Search, gather, members
from transforms.duplicates.semantic_signals import conclude
from transforms.markers import finish, marker
from transforms.shuffle import split

#: Vectors that partitions are fitted on, at most: those with the smallest keys.
SAMPLE = 65_536
WHAT = ("prompts", "rows")
#: Written when the centres are: how many take part, in how many partitions.
FITTED = "fitted.json"
_ENTRY = pl.Schema({**MEMBER, "own": pl.Boolean()})
_Frames = tuple[int, pl.DataFrame]


def fit(every: Sequence[Block], search: Search, most: int, folder: str) -> dict[str, dict[str, int]]:
    """Write centres of partitions for prompts and for rows, `prompts.npy` and `rows.npy`.

    Args:
        every: all blocks.
        search: how likeness is looked for.
        most: partitions of each, at most.
        folder: to write to.

    Returns:
        How many prompts and rows take part (`members`), in how many `partitions`, and how many rows are `left_out`.
    """
    own = [members(block, search) for block in every]
    out: dict[str, dict[str, int]] = {
        "members": {},
        "partitions": {},
        "left_out": {"rows": sum(o.showing for o in own)},
    }
    for what in WHAT:
        distinct = pl.concat([getattr(one, what) for one in own]).sort("key", "block", "row")
        distinct = distinct.unique("key", keep="first", maintain_order=True)
        sample = distinct.head(SAMPLE).with_row_index("_order")
        centres = np.zeros((1, 0), dtype=np.float32)
        if sample.height:
            parts = sample.partition_by("block", maintain_order=True)
            points = np.concatenate([own[part["block"][0]].points(part) for part in parts])
            order = np.argsort(np.concatenate([part["_order"].to_numpy() for part in parts]))
            count = min(max(1, round(distinct.height / ROWS)), most)
            centres = kmeans.fit(points[order], count, search.device)
        write_array(centres, f"{folder}/{what}.npy")
        out["members"][what], out["partitions"][what] = distinct.height, len(centres)
    blocks.write_json(out, f"{folder}/{FITTED}")
    return out


class _Fit(beam.DoFn):
    def __init__(self, every: Sequence[Block], search: Search, most: int, folder: str) -> None:
        self.blocks, self.search, self.most, self.folder = list(every), search, most, folder

    def process(self, _: None) -> Iterator[str]:
        if not blocks.exists(f"{self.folder}/{FITTED}"):
            fit(self.blocks, self.search, self.most, self.folder)
        yield self.folder


@beam.typehints.with_output_types(_Frames)
class _Assign(beam.DoFn):
    """Each row to the partition it lies in and to those where it looks for others."""

    def __init__(self, search: Search, most: int) -> None:
        self.search, self.most = search, most

    def process(self, block: Block, fitted: str) -> Iterator[_Frames]:
        own = members(block, self.search)
        for first, what in zip((0, self.most), WHAT, strict=True):
            frame: pl.DataFrame = getattr(own, what)
            centres = read_array(f"{fitted}/{what}.npy")
            if frame.height:
                near = kmeans.nearest(own.points(frame), centres, self.search.probes, self.search.device)
                for probe in range(near.shape[1]):
                    to = pl.Series(near[:, probe] + first)
                    yield from split(frame.with_columns(own=pl.lit(probe == 0), _to=to), "_to")


@beam.typehints.with_output_types(int)
class _Find(beam.DoFn):
    """One partition: what is alike in it, written as `found/NUMBER.parquet`."""

    def __init__(self, every: Sequence[Block], search: Search, most: int, folder: str) -> None:
        self.blocks, self.search, self.most, self.folder = list(every), search, most, folder

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> Iterator[int]:
        number, frames = element
        if not blocks.exists(marker(self.folder, number)):
            self._find(number, frames)
        yield number

    def _find(self, number: int, frames: Iterable[pl.DataFrame]) -> None:
        entries = pl.concat([pl.DataFrame(schema=_ENTRY), *frames]).sort("key", "block", "row")
        entries = entries.unique("key", keep="first", maintain_order=True)  # a prompt may come from several blocks
        found = [
            self._class(part, number < self.most) for part in entries.partition_by("kind", "count", maintain_order=True)
        ]
        pairs = pl.concat([pl.DataFrame(schema=PAIRS), *found])
        blocks.write_frame(pairs, f"{self.folder}/found/{number:06d}.parquet")
        finish(self.folder, number, {"rows": int(entries["own"].sum()), "pairs": pairs.height})

    def _class(self, entries: pl.DataFrame, prompts: bool) -> pl.DataFrame:
        """Pairs of rows of one kind and number of responses."""
        own, looking = entries["own"].arg_true().to_numpy(), entries["group"].arg_sort().to_numpy()
        every, keys = gather(self.search.vectors, self.blocks, entries), entries["key"].to_numpy()
        threshold = self.search.group_threshold if prompts else self.search.threshold
        found = []
        for base, askers in slices(len(own), len(entries)):
            there, asking = own[base], looking[askers]
            look = links if prompts else neighbours
            found.append(look(every[asking], keys[asking], every[there], keys[there], threshold, self.search.device))
        a, b, cosine = (np.concatenate(part) for part in zip(*found, strict=True))
        return _addressed(pl.DataFrame({"key_a": a, "key_b": b, "cosine": cosine}), entries)


def _addressed(pairs: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    for side in "ab":
        known = entries.select(pl.col(name).alias(f"{name}_{side}") for name in ("key", "block", "row", "group"))
        pairs = pairs.join(known, on=f"key_{side}", how="left", maintain_order="left")
    return pairs.select(pl.col(name).cast(dtype) for name, dtype in PAIRS.items())


class _Conclude(beam.DoFn):
    def __init__(self, every: Sequence[Block], search: Search, most: int, folder: str) -> None:
        self.blocks, self.search, self.most, self.folder = list(every), search, most, folder

    def process(self, number: int, found: Iterable[int]) -> None:
        if not blocks.exists(marker(self.folder, number)):
            assert len(list(found)) == 2 * self.most
            told = conclude(self.blocks, self.search, self.most, self.folder)
            finish(self.folder, number, {**told, **blocks.read_json(f"{self.folder}/{FITTED}")})


def partitions_at_most(every: Sequence[Block]) -> int:
    """How many partitions there can be of prompts, and of rows; the stage has a task for each, and one more."""
    return max(1, round(sum(block.rows for block in every) / ROWS))


@dataclass
class FindAlike(beam.PTransform):
    """Find rows and prompts that are alike: the signals of all blocks, and the edges of groups.

    Attributes:
        blocks: all blocks, at their index.
        search: how.
        folder: the stage's; its last task has the figures.
    """

    blocks: Sequence[Block]
    search: Search
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        most = partitions_at_most(self.blocks)
        fixed = (self.blocks, self.search, most, self.folder)
        empty = pl.DataFrame(schema=_ENTRY)
        fitted = start | "once" >> beam.Create([None]) | "fit" >> beam.ParDo(_Fit(*fixed))
        every = (
            start
            | "every partition" >> beam.Create(range(2 * most), reshuffle=False)
            | "is empty" >> beam.Map(lambda number: (number, empty)).with_output_types(_Frames)
        )
        assigned = (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "assign" >> beam.ParDo(_Assign(self.search, most), beam.pvalue.AsSingleton(fitted))
        )
        found = (
            (assigned, every)
            | "with the empty" >> beam.Flatten()
            | "partitions" >> beam.GroupByKey()
            | "find" >> beam.ParDo(_Find(*fixed))
        )
        return (
            start
            | "last" >> beam.Create([2 * most])
            | "conclude" >> beam.ParDo(_Conclude(*fixed), beam.pvalue.AsIter(found))
        )
