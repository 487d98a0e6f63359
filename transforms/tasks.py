"""Units of work that finish once.

A stage is a folder and a number of tasks. A task writes its files and then its marker, a small JSON of what it counted.
A task whose marker is there is skipped: that is resume after a crash, on any runner. Markers are also how the driver
sees progress, since workers may be other processes or other machines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import polars as pl

from transforms import blocks
from transforms.blocks import Block
from transforms.markers import Stats, finish, marker

#: Tasks that a worker process runs at once: while one of them holds Python's lock, another's columns can be computed.
#: What comes out is the same with any number; memory is that of so many blocks.
THREADS = 2


class _Run(beam.DoFn):
    def __init__(self, run: Callable[[dict[str, Any], str], Stats], folder: str) -> None:
        self.run, self.folder = run, folder

    def start_bundle(self) -> None:
        self.pool, self.running = ThreadPoolExecutor(THREADS), deque[Future[None]]()

    def process(self, element: tuple[int, dict[str, Any]]) -> None:
        index, task = element
        if len(self.running) > THREADS:
            self.running.popleft().result()
        self.running.append(self.pool.submit(self._one, index, task))

    def finish_bundle(self) -> None:
        with self.pool:  # which waits for all
            while self.running:
                self.running.popleft().result()

    def _one(self, index: int, task: dict[str, Any]) -> None:
        if not blocks.exists(marker(self.folder, index)):
            finish(self.folder, index, self.run(task, self.folder))


@dataclass
class RunTasks(beam.PTransform):
    """Run each task that is not done yet.

    Attributes:
        tasks: JSON-able descriptions, references only; a task's place is its number.
        run: from a task and the stage's folder to what was counted; writes the task's files itself.
        folder: the stage's.
    """

    tasks: Sequence[dict[str, Any]]
    run: Callable[[dict[str, Any], str], Stats]
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        return (
            start
            | "tasks" >> beam.Create(list(enumerate(self.tasks)), reshuffle=False)
            | "spread" >> beam.Reshuffle()
            | "run" >> beam.ParDo(_Run(self.run, self.folder))
        )


class _WriteSidecar(beam.DoFn):
    def __init__(self, blocks_: Sequence[Block], folder: str, schema: pl.Schema, defaults: dict[str, Any]) -> None:
        self.blocks, self.folder = {block.index: block for block in blocks_}, folder
        self.schema, self.defaults = schema, defaults

    def process(self, element: tuple[int, Any]) -> None:
        index, frames = element
        block = self.blocks[index]
        said = pl.concat(
            [frame for frame in frames if frame.height] or [pl.DataFrame(schema={"row": pl.Int64, **self.schema})]
        )
        whole = (
            pl.DataFrame({"row": pl.int_range(block.rows, dtype=pl.Int64, eager=True)})
            .join(said.with_columns(_said=True), on="row", how="left", maintain_order="left")
            .select(
                pl.when(pl.col("_said").is_null())
                .then(pl.lit(self.defaults[name], dtype=dtype))
                .otherwise(name)
                .alias(name)
                for name, dtype in self.schema.items()
            )
        )
        blocks.write_frame(whole, f"{self.folder}/{block.sidecar}")
        finish(self.folder, index, {"rows": block.rows})


@dataclass
class WriteSidecars(beam.PTransform):
    """Write what a stage says of single rows as one sidecar a block; rows it says nothing of get the defaults.

    The input is (block index, frame with `row` and the schema's columns).
    """

    blocks: Sequence[Block]
    folder: str
    schema: pl.Schema
    defaults: dict[str, Any]

    def expand(self, said: beam.PCollection) -> beam.PCollection:
        empty = pl.DataFrame(schema={"row": pl.Int64, **self.schema})
        every = (
            said.pipeline
            | "every block" >> beam.Create([block.index for block in self.blocks], reshuffle=False)
            | "says nothing" >> beam.Map(lambda index: (index, empty)).with_output_types(tuple[int, pl.DataFrame])
        )
        return (
            (said, every)
            | "with the silent" >> beam.Flatten()
            | "home" >> beam.GroupByKey()
            | "write" >> beam.ParDo(_WriteSidecar(self.blocks, self.folder, self.schema, self.defaults))
        )
