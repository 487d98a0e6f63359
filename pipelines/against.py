"""Datasets that this run adds to: what they hold counts as published already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.gate import Shard, shards
from transforms.ingest.readers.lines import scan
from transforms.published.rows import CONFIGURATIONS
from transforms.published.stage import FindKnown, read_published
from transforms.tasks import RunTasks

#: As `pipelines.rows.VERSIONS`.
VERSIONS = {"published": 2, "known": 1}
#: What the groups of a run show, of images and trajectories: for runs that add to it.
BELONGINGS = "belongings.parquet"


@dataclass(frozen=True)
class Earlier:
    """The output folder of an earlier run.

    Attributes:
        out: where it lies.
        name: of its dataset.
        files: published ones, of one configuration for each kind of rows.
        ledger: its path; None where there is none.
        shown: path of what its groups show (`pipelines.belonging`); None where there is none.
        roots: the folder that relative paths of each source's images count from, where it says so.
        hashes: of these files.
    """

    out: str
    name: str
    files: list[Shard]
    ledger: str | None
    shown: str | None
    roots: dict[str, str]
    hashes: list[str]


@dataclass(frozen=True)
class Published:
    """What the earlier runs published.

    Attributes:
        done: the stage that read them.
        known: the stage that found copies of their rows.
        blocks: their rows, behind the new ones.
        earlier: the runs.
    """

    done: Done
    known: Done
    blocks: list[Block]
    earlier: list[Earlier]

    def links(self) -> list[str]:
        """Files of the groups that published rows are in."""
        return [f"{self.done.folder}/groups/{task:06d}.parquet" for task in sorted(self.done.stats)]

    def image_roots(self) -> list[dict[str, str]]:
        """For each block the folders that relative paths of its sources' images count from, as its run says."""
        of = [one.roots for one in self.earlier for _ in one.files]
        return [of[task] for task, stats in sorted(self.done.stats.items()) for _ in stats["blocks"]]

    def settled(self) -> list[str]:
        """Files of the splits that groups are in."""
        return [f"{self.done.folder}/settled/{task:06d}.parquet" for task in sorted(self.done.stats)]

    def to_list(self) -> list[dict[str, Any]]:
        """What the manifest says of them."""
        rows = [stats["rows"] for _, stats in sorted(self.done.stats.items())]
        out, start = [], 0
        for one in self.earlier:
            mine = rows[start : start + len(one.files)]
            start += len(one.files)
            out.append({"name": one.name, "out": one.out, "files": len(one.files), "rows": sum(mine)})
        return out


def plan_earlier(config: Config, out: str) -> list[Earlier]:
    """Find the datasets that this run adds to; raises UserError for a folder that holds none."""
    return [_plan(path.rstrip("/"), out) for path in config.against]


def _plan(path: str, out: str) -> Earlier:
    if path == out:
        raise UserError(f"against: {path} is the folder for this run's own results")
    if not blocks.exists(f"{path}/manifest.json"):
        raise UserError(f"against: {path} has no manifest.json: it is not the output of a finished run")
    told = blocks.read_json(f"{path}/manifest.json")
    files: list[Shard] = []
    for names in CONFIGURATIONS.values():
        name = next((name for name in names if name in told["configurations"]), None)
        if name is not None:
            files += shards(f"{path}/dataset", name, list(told["config"]["split"]["fractions"]))[0]
    if not files:
        raise UserError(f"against: {path} has no published files in dataset/")
    ledger = f"{path}/ledger.parquet"
    there = ledger if blocks.exists(ledger) else None
    shown = f"{path}/{BELONGINGS}"
    held = shown if blocks.exists(shown) else None
    beside = [one for one in (there, held) if one]
    hashes = [scan(file, None)[1] for file in [*(shard.path for shard in files), *beside]]
    return Earlier(path, told["name"], files, there, held, told.get("image_roots") or {}, hashes)


def find_published(
    earlier: Sequence[Earlier], every: Sequence[Block], identity: Done, engine: Engine
) -> Published | None:
    """Read what earlier runs published, and find its copies among the new rows; None where there are no such runs."""
    if not earlier:
        return None
    named = [(one, shard) for one in earlier for shard in one.files]
    work = [
        {
            "number": number,
            "path": shard.path,
            "configuration": shard.configuration,
            "split": shard.split,
            "ledger": one.ledger,
        }
        for number, (one, shard) in enumerate(named)
    ]
    lineage = [[one.hashes, [shard.name for shard in one.files]] for one in earlier]
    done = engine.run(
        "published",
        VERSIONS["published"],
        lineage,
        [],
        len(work),
        lambda p, folder: p | "published" >> RunTasks(work, read_published, folder),
    )
    theirs = done.blocks(len(every))
    known = engine.run(
        "known",
        VERSIONS["known"],
        None,
        [identity.key, done.key],
        len(every),
        lambda p, folder: p | "known" >> FindKnown(every, theirs, identity.folder, folder),
    )
    return Published(done, known, theirs, list(earlier))
