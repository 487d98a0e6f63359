"""Derivation as Beam stages: units of one comparison group meet in a partition, which writes blocks of new rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
import polars as pl

from schemas.config import Derive
from transforms import blocks as storage
from transforms.blocks import BLOCK_ROWS, Block, read_frame
from transforms.derive import build
from transforms.derive.pairs import pair_up, units
from transforms.hashing import digest, partition
from transforms.markers import Stats, finish
from transforms.raters.normalise import moments, normalise
from transforms.shuffle import split

_UNITS = ("row_id", "source", "kind", "prompt", "prompt_id", "response_ids", "judgements", "scales")
#: Units of one partition; fewer than the shuffle's usual rows, since a unit becomes several pairs with their texts.
_PARTITION_UNITS = 20_000


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _EmitUnits(beam.DoFn):
    def __init__(self, rule: Derive, partitions: int, moments: str | None) -> None:
        self.rule, self.partitions, self.moments = rule, partitions, moments

    def process(self, block: Block) -> Iterator[tuple[int, pl.DataFrame]]:
        flat = units(read_frame(block.path, _UNITS), block.index, self.rule)
        if self.moments:
            flat = normalise(flat, read_frame(self.moments))
        to = digest(flat["group"]).to_frame().select(partition(pl.col("group"), self.partitions)).to_series()
        for number, part in split(flat.with_columns(to.alias("_to")), "_to"):
            yield number, part
        # A partition that nothing falls into still has to say that it is done.
        for number in range(self.partitions):
            yield number, flat.head(0)


class _PairUp(beam.DoFn):
    def __init__(self, rule: Derive, blocks: Sequence[Block], folder: str) -> None:
        self.rule, self.blocks, self.folder = rule, list(blocks), folder

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> None:
        number, frames = element
        flat = pl.concat(frames).sort("block", "row", "response", "dimension", "rater", nulls_last=True)
        found = pair_up(flat, self.rule)
        order = found["pair_id"].unique().sort()
        written: list[dict[str, Any]] = []
        for start in range(0, len(order), BLOCK_ROWS):
            part = found.filter(pl.col("pair_id").is_in(order[start : start + BLOCK_ROWS].implode()))
            written.append(_write(build.pairs(part, self.blocks), self.folder, number, len(written)))
        rows = sum(block["rows"] for block in written)
        finish(self.folder, number, {"rows": rows, "kinds": {"pair": rows}, "blocks": written})


@dataclass
class DerivePairs(beam.PTransform):
    """Write blocks of pairs made of the given blocks' rankings or ratings.

    Attributes:
        rule: what to make of what.
        blocks: all blocks of raw rows.
        folder: where the new blocks go.
        moments: file of all raters' moments, where the rule normalises raters.
    """

    rule: Derive
    blocks: Sequence[Block]
    folder: str
    moments: str | None = None

    @property
    def partitions(self) -> int:
        """How many tasks the stage has; it depends on the data alone."""
        return min(256, max(2, -(-sum(block.rows for block in self.blocks) // _PARTITION_UNITS)))

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        return (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "units" >> beam.ParDo(_EmitUnits(self.rule, self.partitions, self.moments))
            | "group" >> beam.GroupByKey()
            | "pair up" >> beam.ParDo(_PairUp(self.rule, self.blocks, self.folder))
        )


@dataclass
class MeasureMoments(beam.PTransform):
    """Write the moments of all raters' values, from which their means and spreads follow."""

    rule: Derive
    blocks: Sequence[Block]
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        return (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "moments" >> beam.Map(_moments, self.rule).with_output_types(tuple[int, pl.DataFrame])
            | "together" >> beam.GroupByKey()
            | "write" >> beam.MapTuple(partial(_write_moments, folder=self.folder))
        )


def _moments(block: Block, rule: Derive) -> tuple[int, pl.DataFrame]:
    flat = units(read_frame(block.path, _UNITS), block.index, rule)
    return 0, moments(flat).with_columns(block=pl.lit(block.index))


def _write_moments(number: int, frames: Iterable[pl.DataFrame], folder: str) -> None:
    # Sums of floats depend on their order: by block, whatever arrived first.
    table = pl.concat(frames).sort("block", "source", "rater", "dimension", nulls_last=True)
    storage.write_frame(table, f"{folder}/moments.parquet")
    finish(folder, number, {"rows": table.height})


def derive_ratings(task: dict[str, Any], folder: str) -> Stats:
    """One block's rankings as ratings; a task for `RunTasks`."""
    rows = build.ratings(read_frame(task["path"]), task["dimensions"])
    written = [_write(rows, folder, task["number"], 0)] if rows.height else []
    return {"rows": rows.height, "kinds": {"rating": rows.height}, "blocks": written}


def _write(rows: pl.DataFrame, folder: str, number: int, nth: int) -> dict[str, Any]:
    name = f"{number:06d}-{nth:04d}.parquet"
    storage.write_frame(rows, f"{folder}/blocks/{name}")
    return {"name": name, "rows": rows.height}
