"""Probes in a run: fitted on the run's ratings and on those of other files, applied to its pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.probes.stage import apply_probes, fit_probes
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"probe": 1, "probes": 1}


@dataclass(frozen=True)
class Rated:
    """Ratings of files beside the run's: how they were read, their blocks, which are copies, and their vectors."""

    read: Done
    blocks: list[Block]
    identity: Done
    texts: Vectors


@dataclass(frozen=True)
class Probes:
    """The stages, the last of which has the signals, and the fit's report."""

    fitted: Done
    done: Done
    report: dict[str, Any]
    rated: Rated | None

    def to_dict(self) -> dict[str, Any]:
        """How well each dimension is known, and how far preferences express it, for the manifest."""
        total = self.done.total
        sided = max(total["sided"], 1)
        expressed = {
            name: {
                **told,
                "preferred_higher": round(total["preferred_higher"].get(name, 0) / sided, 5),
                "preferred_by": round(total["preferred_by"].get(name, 0.0) / sided, 5),
            }
            for name, told in self.report["dimensions"].items()
        }
        read = self.rated.read.total if self.rated else None
        beside = {"rows": read["rows"], "dead_letters": read["dead"]} if read else None
        counts = {"pairs": total["pairs"], "outliers": total["outliers"]}
        return {**self.report, "beside": beside, "dimensions": expressed, **counts}

    def notes(self) -> list[str]:
        """What a reader must know of it, for the card."""
        told = self.to_dict()
        if not told["dimensions"]:
            return []
        each = "; ".join(
            f"{name} {one['preferred_higher']:.0%} (held-out correlation with ratings {one['correlation']:.2f})"
            for name, one in told["dimensions"].items()
        )
        return [f"By probes on {told['rows']:,} ratings, the preferred side is the better one on: {each}."]


def find_probes(
    config: Config,
    every: Sequence[Block],
    identity: Done,
    groups: Done,
    texts: Vectors | None,
    rated: Rated | None,
    kinds: Sequence[str],
    engine: Engine,
) -> Probes | None:
    """Signals on what pairs express; None where nothing is embedded, or there are no ratings or no pairs."""
    asked = config.probes
    if texts is None or not asked.find or "pair" not in kinds or (rated is None and "rating" not in kinds):
        return None
    own: dict[str, str | None] = {"identity": identity.folder, "groups": groups.folder, "texts": texts.done.folder}
    lying = [{"path": block.path, "name": block.sidecar, **own} for block in every]
    if rated is not None:
        folders = {"identity": rated.identity.folder, "texts": rated.texts.done.folder}
        beside: dict[str, str | None] = {**folders, "groups": None}
        lying += [{"path": block.path, "name": block.sidecar, **beside} for block in rated.blocks]
    settings = {
        "dimensions": asked.dimensions,
        "folds": asked.folds,
        "seed": asked.seed,
        "ceiling": asked.ceiling,
        "device": texts.model.device,
    }
    fitting = {"blocks": lying, **settings}
    fitted = engine.run(
        "probe",
        VERSIONS["probe"],
        settings,
        [texts.done.key, groups.key, *([rated.texts.done.key] if rated else [])],
        1,
        lambda p, folder: p | "probe" >> RunTasks([fitting], fit_probes, folder),
    )
    common = {**own, "fitted": fitted.folder, "dimension": config.policy.dimension, "seed": asked.seed}
    work = [{**common, "path": block.path, "name": block.sidecar} for block in every]
    done = engine.run(
        "probes",
        VERSIONS["probes"],
        config.policy.dimension,
        [fitted.key],
        len(work),
        lambda p, folder: p | "probes" >> RunTasks(work, apply_probes, folder),
    )
    return Probes(fitted, done, blocks.read_json(f"{fitted.folder}/report.json"), rated)
