"""Steps in a run: what solutions come to, and what a reader must know of the way steps are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.engine import Done, Engine
from transforms.blocks import Block
from transforms.steps.aggregate import AGGREGATORS
from transforms.steps.stage import find_steps as find
from transforms.tasks import RunTasks

#: Raised where the stage's code gives other results than before.
VERSIONS = {"steps": 2}


@dataclass(frozen=True)
class Steps:
    """The stage."""

    done: Done

    def to_dict(self) -> dict[str, Any]:
        """Of each aggregator its mean and its correlation with the number of steps, for the manifest."""
        total = self.done.total
        count = max(total["solutions"], 1)
        return {
            "solutions": total["solutions"],
            "contradicted": total["contradicted"],
            "aggregators": {name: _figures(total["moments"][name]) for name in AGGREGATORS},
            "same_verdict": {two: round(same / count, 5) for two, same in total["same"].items()},
        }

    def notes(self) -> list[str]:
        """What a reader must know of them, for the card."""
        total = self.done.total
        if not total["solutions"]:
            return []
        return [
            f"Of {total['solutions']:,} solutions in steps, {total['contradicted']:,} are right or wrong depending on "
            "how their steps are put together (product, minimum, mean, last, length-normalised product, log-odds)."
        ]


def _figures(sums: dict[str, float]) -> dict[str, float | None]:
    n = sums["n"]
    if not n:
        return {"mean": None, "correlation_with_steps": None}
    x, y = n * sums["xx"] - sums["x"] ** 2, n * sums["yy"] - sums["y"] ** 2
    # What sums of floats leave of no spread is no spread, however small the values are.
    spread = x > 1e-12 * n * sums["xx"] and y > 1e-12 * n * sums["yy"]
    r = (n * sums["xy"] - sums["x"] * sums["y"]) / np.sqrt(x * y) if spread else None
    return {"mean": round(sums["x"] / n, 5), "correlation_with_steps": None if r is None else round(float(r), 5)}


def find_steps(every: Sequence[Block], kinds: Sequence[str], identity: Done, engine: Engine) -> Steps | None:
    """Put the steps of solutions together; None where there are none."""
    if "stepwise" not in kinds:
        return None
    work = [{"path": block.path, "name": block.sidecar, "identity": identity.folder} for block in every]
    done = engine.run(
        "steps",
        VERSIONS["steps"],
        None,
        [identity.key],
        len(work),
        lambda p, folder: p | "steps" >> RunTasks(work, find, folder),
    )
    return Steps(done)
