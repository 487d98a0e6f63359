"""What a run says while it works: bars on a terminal, JSON lines on request, silence otherwise."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from transforms import blocks

_EVERY = 0.25


class Meter:
    """The largest resident memory of this process and its children, and the time that passed."""

    def __init__(self) -> None:
        self.process, self.peak, self.started = psutil.Process(), 0, time.perf_counter()

    def look(self) -> None:
        """Take one more measurement."""
        used = 0
        for process in [self.process, *self.process.children(recursive=True)]:
            try:
                used += process.memory_info().rss
            except psutil.NoSuchProcess:  # it ended between being listed and being asked
                continue
        self.peak = max(self.peak, used)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started


class Reporter:
    """Says what happens.

    Attributes:
        json: one JSON object a line on standard output, for machines.
        terminal: whether standard error is one; bars go there.
    """

    def __init__(self, json: bool = False) -> None:
        self.json, self.console = json, Console(stderr=True, highlight=False)
        self.terminal = self.console.is_terminal and not json

    def say(self, text: str) -> None:
        """A line for people."""
        if not self.json:
            print(text, flush=True)

    def event(self, name: str, **values: Any) -> None:
        """A line for machines."""
        if self.json:
            sys.stdout.write(orjson.dumps({"event": name, **values}).decode() + "\n")
            sys.stdout.flush()

    def watch(self, stage: str, folder: str, units: int, work: Callable[[], None]) -> Meter:
        """Run a stage's work and show its finished tasks while it runs.

        Args:
            stage: its name.
            folder: where its tasks leave their markers.
            units: how many tasks it has.
            work: what to run.

        Returns:
            What the stage took.
        """
        meter, stop = Meter(), threading.Event()
        bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.terminal,
        )
        task = bars.add_task(stage, total=units, rate="")
        look = threading.Thread(target=self._look, args=(meter, stop, bars, task, folder, stage), daemon=True)
        with bars:
            look.start()
            try:
                work()
            finally:
                stop.set()
                look.join()
                meter.look()
        return meter

    def _look(self, meter: Meter, stop: threading.Event, bars: Progress, task: TaskID, folder: str, stage: str) -> None:
        seen: dict[str, int] = {}
        while not stop.wait(_EVERY):
            meter.look()
            if not (self.terminal or self.json) or "://" in folder:
                continue
            done = _new_markers(folder, seen)
            if done:
                rows = sum(seen.values())
                rate = rows / max(meter.seconds, 1e-9)
                bars.update(task, completed=len(seen), rate=f"{rows:,} rows, {rate:,.0f}/s")
                self.event(
                    "progress",
                    stage=stage,
                    done=len(seen),
                    of=bars.tasks[0].total,
                    rows=rows,
                    rows_per_second=round(rate),
                )


def _new_markers(folder: str, seen: dict[str, int]) -> bool:
    """Read the markers that were not there before; each is read once."""
    try:
        names = [name for name in os.listdir(f"{folder}/tasks") if name.endswith(".json") and name not in seen]
    except FileNotFoundError:
        return False
    for name in names:
        seen[name] = int(blocks.read_json(f"{folder}/tasks/{name}").get("rows", 0))
    return bool(names)
