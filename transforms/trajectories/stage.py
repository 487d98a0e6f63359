"""Trajectories as stages: what rows say of their frames beside each block; then, once, what follows time and how well.

Between blocks only names of trajectories, numbers of frames, values and margins move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import polars as pl

from transforms import blocks
from transforms.blocks import Block, read_frame
from transforms.decide.labels import labels
from transforms.hashing import digest, partition
from transforms.markers import Stats, counts, finish
from transforms.publish.shapes import KEPT
from transforms.shuffle import Shuffle, partitions_for, split
from transforms.trajectories.frames import frames_of
from transforms.trajectories.voices import FINAL, ORDERS, RECORDED, orders

_BLOCK = ("source", "file", "line", "kind", "metadata", "judgements")
_FILE = "trajectories.parquet"


def find_frames(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's sidecar of `FRAMES`; counts what the manifest tells.

    Args:
        task: `path` and `name` of the block, and `identity` (its stage's folder).
        folder: to write to.
    """
    rows = read_frame(task["path"], _BLOCK)
    identity = read_frame(f"{task['identity']}/{task['name']}", ["copy_of", "judgements"])
    merged = pl.coalesce(identity["judgements"].alias("merged"), rows["judgements"])
    found = frames_of(rows.with_columns(judgements=pl.select(merged).to_series()))
    blocks.write_frame(found, f"{folder}/{task['name']}")
    mine = found.filter(identity["copy_of"].is_null() & found["trajectory"].is_not_null())
    pairs = mine.filter(pl.col("frame_gap").is_not_null())
    valued = pairs.filter(pl.col("value_gap").is_not_null())
    # A gap of 2^n frames and more, and less than the double.
    late = (pl.col("frame") - pl.col("earlier_frame")).sign() * pl.col("value_gap")
    apart = pl.col("frame_gap").clip(1).log(2).floor().cast(pl.Int64).cast(pl.String)
    by_gap = valued.filter(pl.col("value_gap") != 0).select(apart.alias("gap"), rises=late > 0)
    return {
        "rows": mine.height,
        "pairs": pairs.height,
        "valued": valued.height,
        "even": int((valued["value_gap"] == 0).sum()),
        "contradicted": int(pairs["contradicted_by"].count()),
        "compared": counts(by_gap["gap"]),
        "rising": counts(by_gap.filter("rises")["gap"]),
    }


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Emit(beam.DoFn):
    def __init__(self, folders: dict[str, str | None], dimension: str | None, partitions: int) -> None:
        self.folders, self.dimension, self.partitions = folders, dimension, partitions

    def process(self, block: Block) -> Iterator[tuple[int, pl.DataFrame]]:
        rows = read_frame(block.path, ["source", "kind", "judgements"])
        identity = self._beside("identity", block, ["copy_of", "judgements"])
        frames = self._beside("frames", block, ["trajectory", "frame", "earlier_frame", "value", "earlier_value"])
        decided = self._beside("decided", block, ["action", "soft_label"])
        merged = pl.DataFrame({"own": rows["judgements"], "merged": identity["judgements"]})
        judged = merged.select(pl.coalesce("merged", "own")).to_series()
        said = labels(judged, rows["kind"], self.dimension)["soft_label"]
        kept = pl.when(decided["action"].is_in(KEPT)).then(decided["soft_label"])
        margins = {RECORDED: 2 * said - 1, FINAL: pl.select(2 * kept - 1).to_series()}
        if self.folders["external"]:
            voices = read_frame(f"{self.folders['external']}/{block.sidecar}")
            margins |= {f"external_{name}": voices[name] for name in voices.columns}
        named = {f"margin_{name}": column for name, column in margins.items()}
        mine = frames.with_columns(rows["source"], block=pl.lit(block.index, dtype=pl.Int64), **named)
        mine = mine.filter(identity["copy_of"].is_null() & frames["trajectory"].is_not_null())
        name = mine.select(pl.concat_str("source", "trajectory", separator="\x1f")).to_series()
        to = pl.DataFrame({"h": digest(name)}).select(partition(pl.col("h"), self.partitions)).to_series()
        yield from split(mine.with_columns(_to=to), "_to")

    def _beside(self, name: str, block: Block, columns: list[str]) -> pl.DataFrame:
        return read_frame(f"{self.folders[name]}/{block.sidecar}", columns)


class _Write(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> None:
        whole = pl.concat(element[1]).sort("source", "trajectory", "scorer")
        blocks.write_frame(whole, f"{self.folder}/{_FILE}")
        finish(self.folder, 0, {"lines": whole.height})


@dataclass
class MeasureOrder(beam.PTransform):
    """Write the value-order correlation of each trajectory by each scorer, one table (`read_orders`).

    Attributes:
        blocks: all blocks.
        folders: of the stages `identity`, `frames`, `decided`, and of the margins of the user's own voices, `external`.
        dimension: whose judgements make the recorded label; all when None.
        folder: where the table goes.
    """

    blocks: Sequence[Block]
    folders: dict[str, str | None]
    dimension: str | None
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        partitions = partitions_for(sum(block.rows for block in self.blocks))
        found = (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "frames" >> beam.ParDo(_Emit(self.folders, self.dimension, partitions))
            | "trajectories" >> Shuffle(orders)
            | "to one" >> beam.Map(lambda element: (0, element[1])).with_output_types(tuple[int, pl.DataFrame])
        )
        none = start | "none" >> beam.Create([(0, pl.DataFrame(schema=ORDERS))]).with_output_types(
            tuple[int, pl.DataFrame]
        )
        return (
            (found, none)
            | "with none" >> beam.Flatten()
            | "all" >> beam.GroupByKey()
            | "write" >> beam.ParDo(_Write(self.folder))
        )


def read_orders(folder: str) -> pl.DataFrame:
    """What `MeasureOrder` left in its folder: frame of `ORDERS`."""
    return read_frame(f"{folder}/{_FILE}")
