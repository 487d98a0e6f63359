"""Runs stages: one Beam job each, files between them, and none twice.

A stage's folder is named by its lineage: a hash of its name and version, its part of the configuration, and the lineage
of what it reads. A folder with `done.json` is complete and is not made again; one without is gone on with, task by
task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.progress import Reporter
from pipelines.runner import runner_of
from transforms import blocks, markers
from transforms.blocks import Block
from transforms.hashing import digest_json
from transforms.markers import Stats


@dataclass(frozen=True)
class Done:
    """A finished stage: where its files lie, what it counted, what it took."""

    name: str
    key: str
    folder: str
    stats: dict[int, Stats]
    seconds: float
    peak: int
    skipped: bool

    @property
    def total(self) -> Stats:
        return markers.total([self.stats[task] for task in sorted(self.stats)])

    def blocks(self, first: int) -> list[Block]:
        """The blocks that the stage wrote, in the order of its tasks, numbered on from `first`."""
        written = [block for task in sorted(self.stats) for block in self.stats[task]["blocks"]]
        return [
            Block(first + i, f"{self.folder}/blocks/{block['name']}", block["rows"]) for i, block in enumerate(written)
        ]


@dataclass
class Engine:
    """Where and how stages run.

    Attributes:
        work: folder of stages' folders, reachable by all workers.
        options: Beam's.
        reporter: says what happens.
        done: the stages of this run so far.
    """

    work: str
    options: PipelineOptions
    reporter: Reporter
    done: list[Done] = field(default_factory=list)

    def run(
        self,
        name: str,
        version: int,
        config: Any,
        inputs: Sequence[str],
        units: int,
        attach: Callable[[beam.Pipeline, str], object],
    ) -> Done:
        """Run a stage, or take what it left.

        Args:
            name: of the stage and its folder.
            version: raised when its code gives other results.
            config: JSON-able, all that its results depend on beside its inputs.
            inputs: lineage keys of what it reads.
            units: how many tasks finish in it.
            attach: puts its transforms on a pipeline, given its folder.
        """
        key = digest_json([name, version, config, list(inputs)])
        folder = f"{self.work}/{name}-{key[:12]}"
        marker = f"{folder}/done.json"
        skipped = blocks.exists(marker)
        if not skipped:
            _sweep(folder)
            self.reporter.event("stage", stage=name, units=units)
            meter = self.reporter.watch(name, folder, units, lambda: self._run(attach, folder))
            blocks.write_json({"seconds": round(meter.seconds, 3), "peak_bytes": meter.peak, "tasks": units}, marker)
        took = blocks.read_json(marker)
        found = markers.finished(folder)
        if len(found) != units:
            raise RuntimeError(f"stage {name}: {len(found)} of {units} tasks left a marker in {folder}/tasks")
        done = Done(name, key, folder, found, took["seconds"], took["peak_bytes"], skipped)
        self.reporter.event("stage_done", stage=name, seconds=done.seconds, peak_bytes=done.peak, skipped=skipped)
        self.done.append(done)
        return done

    def _run(self, attach: Callable[[beam.Pipeline, str], object], folder: str) -> None:
        pipeline = beam.Pipeline(runner=runner_of(self.options), options=self.options)
        attach(pipeline, folder)
        pipeline.run().wait_until_finish()


def _sweep(folder: str) -> None:
    """Remove what a killed worker left half-written."""
    if blocks.is_remote(folder):  # an object that was not finished is not there
        return
    for path in Path(folder).glob("**/.*.tmp"):
        path.unlink()
