"""Markers: what a task leaves when it is done, with what it counted. Reading them needs no Beam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from transforms import blocks

Stats = dict[str, Any]


def marker(folder: str, task: int) -> str:
    return f"{folder}/tasks/{task:06d}.json"


def finish(folder: str, task: int, stats: Stats) -> None:
    """Say that a task is done, and what it counted."""
    blocks.write_json(stats, marker(folder, task))


def finished(folder: str) -> dict[int, Stats]:
    """The statistics of all tasks that are done, by task."""
    paths = [path for path in blocks.listed(f"{folder}/tasks") if path.endswith(".json")]
    return {int(path.rsplit("/", 1)[-1][:-5]): blocks.read_json(path) for path in paths}


def total(stats: Sequence[Stats]) -> Stats:
    """Counts added up, key by key and through nested counts; lists are put end to end."""
    out: Stats = {}
    for part in stats:
        for key, value in part.items():
            if isinstance(value, dict):
                out[key] = total([out.get(key, {}), value])
            elif isinstance(value, list):
                out[key] = out.get(key, []) + value
            else:
                out[key] = out.get(key, 0) + value
    return dict(sorted(out.items()))


def counts(values: pl.Series) -> dict[str, int]:
    """How often each value occurs, the commonest first; nulls are not counted."""
    names, numbers = values.drop_nulls().value_counts(sort=True).get_columns()
    return dict(zip(names.to_list(), numbers.to_list(), strict=True))
