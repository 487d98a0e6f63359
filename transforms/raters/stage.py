"""Raters as Beam stages: judgements of all blocks meet once, and what comes of them is applied prompt by prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import apache_beam as beam
import polars as pl

from schemas.config import Raters
from transforms.blocks import Block, gather, read_frame, write_frame
from transforms.markers import finish
from transforms.raters.conclude import DEFAULTS, SIGNALS, Known, conclude
from transforms.raters.judgements import BLOCK, IDENTITY, judgements, votes
from transforms.raters.measure import Measured, measure
from transforms.shuffle import Shuffle, partitions_for, split
from transforms.tasks import WriteSidecars

#: Judgements that raters are measured by at most (about 2 GiB); past it, those on a sample of the units, by hash.
MEASURED = 2_000_000
_TABLES = ("raters", "pairs", "copies", "model")


@dataclass
class MeasureRaters(beam.PTransform):
    """Write what is known of each rater: `raters`, `pairs`, `copies` and `model`, Parquet, and figures with its task.

    Attributes:
        blocks: all blocks.
        identity: folder of their identity sidecars.
        config: which consensus is asked for, and when a rater is known.
        folder: the stage's.
    """

    blocks: Sequence[Block]
    identity: str
    config: Raters
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        return (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "judgements" >> beam.Map(_judgements, self.identity).with_output_types(tuple[int, pl.DataFrame])
            | "together" >> beam.GroupByKey()
            | "measure" >> beam.MapTuple(partial(_measure, config=self.config, folder=self.folder))
        )


@dataclass
class Conclude(beam.PTransform):
    """Write, for each block, what the raters of its pairs say together, and which are in cycles.

    Attributes:
        blocks: all blocks.
        identity: folder of their identity sidecars.
        raters: folder that `MeasureRaters` wrote.
        folder: the stage's.
    """

    blocks: Sequence[Block]
    identity: str
    raters: str
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        partitions = partitions_for(sum(block.rows for block in self.blocks))
        kernel = partial(_conclude, blocks=list(self.blocks), raters=self.raters)
        return (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "votes" >> beam.ParDo(_EmitVotes(partitions, self.identity))
            | "conclude" >> Shuffle(kernel, home="block")
            | "sidecars" >> WriteSidecars(self.blocks, self.folder, SIGNALS, DEFAULTS)
        )


def _judgements(block: Block, identity: str) -> tuple[int, pl.DataFrame]:
    known = read_frame(f"{identity}/{block.sidecar}", IDENTITY)
    return 0, judgements(read_frame(block.path, BLOCK), known, block.index)


def _measure(number: int, frames: Iterable[pl.DataFrame], config: Raters, folder: str) -> None:
    every = pl.concat(frames)
    share = MEASURED / max(every.height, 1)
    if share < 1:
        below = pl.lit(int(share * 2**64), dtype=pl.UInt64)
        every = every.filter(pl.col("unit").is_null() | (pl.col("unit") < below))
    found: Measured = measure(every, config)
    for name in _TABLES:
        write_frame(getattr(found, name), f"{folder}/{name}.parquet")
    finish(folder, number, {"rows": every.height, "sampled": min(share, 1.0), "figures": found.figures})


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _EmitVotes(beam.DoFn):
    def __init__(self, partitions: int, identity: str) -> None:
        self.partitions, self.identity = partitions, identity

    def process(self, block: Block) -> Iterator[tuple[int, pl.DataFrame]]:
        known = read_frame(f"{self.identity}/{block.sidecar}", IDENTITY)
        frame = votes(read_frame(block.path, BLOCK), known, block.index)
        yield from split(frame.with_columns(_to=pl.col("group") % self.partitions), "_to")


def _conclude(lines: pl.DataFrame, blocks: Sequence[Block], raters: str) -> pl.DataFrame:
    known = Known(read_frame(f"{raters}/model.parquet"), read_frame(f"{raters}/copies.parquet"))
    return conclude(lines, known, lambda addresses: gather(blocks, addresses, ["row_id"])["row_id"])
