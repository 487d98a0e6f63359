"""Trajectories as stages: what rows say of their frames beside each block; then, once, what follows time and how well.

Between blocks only names of trajectories, numbers of frames, values and margins move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import Block, read_frame
from transforms.decide.labels import labels
from transforms.hashing import digest, partition
from transforms.markers import Stats, counts, finish
from transforms.publish.shapes import KEPT
from transforms.shuffle import Shuffle, partitions_for, split
from transforms.trajectories.frames import frames_of
from transforms.trajectories.order import pair_order, value_order

_BLOCK = ("source", "file", "line", "kind", "metadata", "judgements")
_FILE = "trajectories.parquet"
#: What is found: for each trajectory and scorer how many frames it gave a value, their value-order correlation (NaN
#: where there is none), and why there is none.
ORDERS = pl.Schema(
    {
        "source": pl.String(),
        "trajectory": pl.String(),
        "scorer": pl.String(),
        "frames": pl.Int64(),
        "voc": pl.Float64(),
        "why": pl.String(),
    }
)
#: Scorers that every run has: the frames' own values; the labels of pairs as recorded; those that are kept.
VALUE, RECORDED, FINAL = "value", "recorded", "kept"


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


def orders(rows: pl.DataFrame) -> pl.DataFrame:
    """Value-order correlations of everything that is said of the frames of trajectories.

    Args:
        rows: source, trajectory, frame, earlier_frame (null where the row is no pair), value, earlier_value, and
            `margin_NAME`, how much better the row's first frame is by each scorer.

    Returns:
        Frame of `ORDERS`, sorted; a trajectory that a scorer says nothing of has no line.
    """
    rows = rows.sort(pl.all())
    known = rows.select("source", "trajectory").unique().sort("source", "trajectory").with_row_index("owner")
    rows = rows.join(known, on=["source", "trajectory"], how="left", maintain_order="left")
    sides = [
        rows.select("owner", frame="frame", value="value"),
        rows.select("owner", frame="earlier_frame", value="earlier_value"),
    ]
    frames = (
        pl.concat(sides)
        .filter(pl.col("frame").is_not_null())
        .group_by("owner", "frame")
        .agg(pl.col("value").drop_nulls().sort().mean())
        .sort("owner", "frame")
        .with_row_index("number")
    )
    owners = frames["owner"].to_numpy().astype(np.int64)
    times = frames["frame"].to_numpy().astype(np.float64)
    found = [(VALUE, value_order(owners, times, frames["value"].cast(pl.Float64).fill_null(np.nan).to_numpy()))]
    pairs = rows.filter(pl.col("earlier_frame").is_not_null() & (pl.col("frame") != pl.col("earlier_frame")))
    numbers = frames.select("owner", "frame", "number")
    left = pairs.join(numbers, on=["owner", "frame"], how="left", maintain_order="left")["number"].to_numpy()
    early = numbers.rename({"frame": "earlier_frame"})
    right = pairs.join(early, on=["owner", "earlier_frame"], how="left", maintain_order="left")["number"].to_numpy()
    for column in (name for name in rows.columns if name.startswith("margin_")):
        margins = pairs[column].fill_null(np.nan).to_numpy()
        found.append((column.removeprefix("margin_"), pair_order(owners, left, right, margins, times)))
    parts = [part.with_columns(pl.col("owner").cast(pl.UInt32), scorer=pl.lit(name)) for name, part in found]
    named = pl.concat(parts, how="vertical_relaxed").join(known, on="owner", how="left")
    made = named.select(pl.col(name).cast(dtype) for name, dtype in ORDERS.items())
    return made.sort("source", "trajectory", "scorer")


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
