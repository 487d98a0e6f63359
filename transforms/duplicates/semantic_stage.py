"""The search for semantic likeness as stages: partitions are fitted on a sample, then each is searched.

Addresses and keys travel, vectors do not: a partition's are taken from the sidecars of the blocks that its rows lie
in. Memory is that of the sample, or of one partition's vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import polars as pl

from transforms import blocks
from transforms.arrays import read_array, write_array
from transforms.blocks import Block
from transforms.duplicates import kmeans
from transforms.duplicates.semantic import PAIRS, ROWS, links, neighbours, slices
from transforms.duplicates.semantic_members import MEMBER, gather, members
from transforms.shuffle import split
from transforms.tasks import Stats, finish

#: Vectors that partitions are fitted on, at most: those with the smallest keys.
SAMPLE = 65_536
WHAT = ("prompts", "rows")
_ENTRY = pl.Schema({**MEMBER, "own": pl.Boolean()})
_Frames = tuple[int, pl.DataFrame]


@dataclass(frozen=True)
class Search:
    """How likeness is looked for.

    Attributes:
        identity: folder of the identity stage.
        vectors: folder of the blocks' vectors.
        threshold: from which on rows are duplicates.
        group_threshold: from which on prompts belong together.
        probes: partitions that a row is searched in.
        device: cpu or cuda.
    """

    identity: str
    vectors: str
    threshold: float
    group_threshold: float
    probes: int
    device: str


def fit(task: dict[str, Any], folder: str) -> Stats:
    """Centres of partitions for prompts and for rows, as `prompts.npy` and `rows.npy`; one task for all blocks.

    Args:
        task: `blocks` (index, path and rows of each) and `search`.
        folder: to write to.
    """
    search, every = Search(**task["search"]), [Block(*block) for block in task["blocks"]]
    found: dict[str, list[pl.DataFrame]] = {what: [] for what in WHAT}
    for block in every:
        own = members(block, search.identity, search.vectors)
        for what in WHAT:
            found[what].append(getattr(own, what))
    out: dict[str, dict[str, int]] = {"members": {}, "partitions": {}}
    for what in WHAT:
        distinct = pl.concat(found[what]).sort("key", "block", "row").unique("key", keep="first", maintain_order=True)
        sample = distinct.head(SAMPLE)
        count = max(1, round(distinct.height / ROWS))
        centres = np.zeros((1, 0), dtype=np.float32)
        if sample.height:
            points = [
                members(every[index], search.identity, search.vectors).points(part)
                for (index,), part in sample.partition_by("block", as_dict=True, maintain_order=True).items()
            ]
            order = np.argsort(np.concatenate([part["_n"] for part in _numbered(sample)]))
            centres = kmeans.fit(np.concatenate(points)[order], count, search.device)
        write_array(centres, f"{folder}/{what}.npy")
        out["members"][what], out["partitions"][what] = distinct.height, len(centres)
    return {"rows": sum(block.rows for block in every), **out}


def _numbered(sample: pl.DataFrame) -> list[pl.DataFrame]:
    return sample.with_row_index("_n").partition_by("block", maintain_order=True)


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(_Frames)
class _Assign(beam.DoFn):
    """Each row to the partition it lies in and to those where it looks for others."""

    def __init__(self, search: Search, fitted: str) -> None:
        self.search, self.fitted = search, fitted

    def process(self, block: Block) -> Iterator[_Frames]:
        own = members(block, self.search.identity, self.search.vectors)
        first = 0
        for what in WHAT:
            frame: pl.DataFrame = getattr(own, what)
            centres = read_array(f"{self.fitted}/{what}.npy")
            if frame.height:
                near = kmeans.nearest(own.points(frame), centres, self.search.probes, self.search.device)
                for probe in range(near.shape[1]):
                    to = pl.Series(near[:, probe] + first)
                    yield from split(frame.with_columns(own=pl.lit(probe == 0), _to=to), "_to")
            first += len(centres)


class _Find(beam.DoFn):
    """One partition: what is alike in it, written as `found/NUMBER.parquet`."""

    def __init__(self, every: Sequence[Block], search: Search, prompts: int, folder: str) -> None:
        self.blocks, self.search, self.prompts, self.folder = list(every), search, prompts, folder

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> None:
        number, frames = element
        if blocks.exists(f"{self.folder}/tasks/{number:06d}.json"):
            return
        entries = pl.concat([pl.DataFrame(schema=_ENTRY), *frames]).sort("key", "block", "row")
        entries = entries.unique("key", keep="first", maintain_order=True)  # a prompt may come from several blocks
        found = [
            self._class(part, number < self.prompts)
            for part in entries.partition_by("kind", "count", maintain_order=True)
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


@dataclass
class FindAlike(beam.PTransform):
    """Search every partition of prompts, and of rows; each is a task and a file of `PAIRS`.

    Attributes:
        blocks: all blocks, at their index.
        search: how.
        fitted: folder of the fitted partitions.
        partitions: how many there are of prompts, and of rows.
        folder: the stage's.
    """

    blocks: Sequence[Block]
    search: Search
    fitted: str
    partitions: tuple[int, int]
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        empty = pl.DataFrame(schema=_ENTRY)
        every = (
            start
            | "every partition" >> beam.Create(range(sum(self.partitions)), reshuffle=False)
            | "is empty" >> beam.Map(lambda number: (number, empty)).with_output_types(_Frames)
        )
        assigned = (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "assign" >> beam.ParDo(_Assign(self.search, self.fitted))
        )
        return (
            (assigned, every)
            | "with the empty" >> beam.Flatten()
            | "partitions" >> beam.GroupByKey()
            | "find" >> beam.ParDo(_Find(self.blocks, self.search, self.partitions[0], self.folder))
        )
