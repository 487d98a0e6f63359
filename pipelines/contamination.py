"""Rows against benchmarks: the stages, and what the run tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.plan import Planned
from schemas.config import Benchmark, Config
from transforms import blocks
from transforms.blocks import Block
from transforms.contamination.benchmarks import read_benchmarks
from transforms.contamination.stage import judge_all, mark, scan
from transforms.ingest.adapters import adapter
from transforms.ingest.units import whole_files
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"benchmarks": 1, "scan": 1, "judge": 1, "overlaps": 1}


@dataclass(frozen=True)
class Overlaps:
    """What the stages left: the benchmarks' items, the matches that count, and a sidecar a block."""

    planned: Sequence[Planned[Benchmark]]
    read: Done
    judged: Done
    marked: Done


def find_overlaps(
    config: Config,
    planned: Sequence[Planned[Benchmark]],
    every: list[Block],
    made: list[Done],
    identity: Done,
    near: Done | None,
    engine: Engine,
) -> Overlaps | None:
    """Run every stage that is not done yet; None where there is no benchmark.

    Raises:
        UserError: a benchmark has no text that could be looked for.
    """
    if not planned:
        return None
    settings = config.contamination.model_dump(exclude={"benchmarks"})
    read = _read(planned, engine)
    for name, counted in read.total["benchmarks"].items():
        if not counted["items"]:
            raise UserError(
                f"benchmark {name!r}: none of its {counted['records']:,} records has a text to look for; see its "
                "`format`, `fields` and `parts`"
            )
    common: dict[str, Any] = {"items": f"{read.folder}/items.parquet", "settings": settings}
    beside = {"identity": identity.folder, "near": near.folder if near else None}
    work = [{"number": i, "path": block.path, "name": block.sidecar, **beside} for i, block in enumerate(every)]
    scanned = engine.run(
        "contamination-scan",
        VERSIONS["scan"],
        settings,
        [read.key, *(done.key for done in made)],
        len(work),
        lambda p, folder: p | "scan blocks" >> RunTasks([{**common, **task} for task in work], scan, folder),
    )
    total = {"rows": scanned.total["rows"], "words": scanned.total["words"]}
    whole = {**common, **total, "scanned": scanned.folder, "blocks": work}
    judged = engine.run(
        "contamination-judge",
        VERSIONS["judge"],
        settings,
        [scanned.key, identity.key, *([near.key] if near else [])],
        1,
        lambda p, folder: p | "judge matches" >> RunTasks([whole], judge_all, folder),
    )
    marked = engine.run(
        "contamination",
        VERSIONS["overlaps"],
        None,
        [judged.key],
        len(work),
        lambda p, folder: (
            p | "tell rows" >> RunTasks([{**task, "judged": judged.folder} for task in work], mark, folder)
        ),
    )
    return Overlaps(planned, read, judged, marked)


def _read(planned: Sequence[Planned[Benchmark]], engine: Engine) -> Done:
    """The benchmarks' files to items."""
    tasks, lineage = [], []
    for one in planned:
        benchmark = one.source
        refs = whole_files(one.refs) if one.format == "text" else one.refs
        task = {
            "name": benchmark.name,
            "format": one.format,
            "fields": benchmark.fields,
            "parts": benchmark.parts,
        }
        tasks.append({**task, "options": one.options, "refs": [ref.to_dict() for ref in refs]})
        read_as = [benchmark.reader, benchmark.quoting, benchmark.record, benchmark.columns]
        # Where companions lie is no part of what comes out; what is in them is.
        beside = () if one.format in ("text", "fields") else adapter(one.format).companions
        options = {name: value for name, value in one.options.items() if name not in beside}
        hashes = [[file.file, file.hash] for file in [*one.files, *one.companions]]
        lineage.append([task, options, read_as, hashes])
    work = [{"benchmarks": tasks}]
    return engine.run(
        "contamination-benchmarks",
        VERSIONS["benchmarks"],
        lineage,
        [],
        1,
        lambda p, folder: p | "read benchmarks" >> RunTasks(work, read_benchmarks, folder),
    )


def summary(overlaps: Overlaps | None) -> dict[str, Any] | None:
    """What a run tells of its benchmarks: what was looked for, what was found, and examples of it."""
    if overlaps is None:
        return None
    judged, marked = overlaps.judged.total, overlaps.marked.total
    return {
        "rows": marked["contaminated"],
        "rows_by_duplicates": marked["by_set"],
        "matches": judged["matches"],
        "common_speech": judged["common"],
        "rules": judged["rules"],
        "benchmarks": {
            one.source.name: {
                "format": one.format,
                "files": [{"file": file.file, "bytes": file.bytes, "hash": file.hash} for file in one.files],
                **overlaps.read.total["benchmarks"][one.source.name],
                "rows": judged["benchmarks"].get(one.source.name, 0),
                "examples": [example for example in judged["examples"] if example["benchmark"] == one.source.name],
            }
            for one in overlaps.planned
        },
    }


def write_matches(out: str, overlaps: Overlaps | None) -> None:
    """Put the matches of all blocks together as `contamination.jsonl`; an older run's is removed without benchmarks."""
    path = f"{out}/contamination.jsonl"
    if overlaps is None:
        blocks.remove(path)
        return
    folder = f"{overlaps.marked.folder}/matches"
    parts = [blocks.read_bytes(f"{folder}/{task:06d}.jsonl") for task in sorted(overlaps.marked.stats)]
    blocks.write_bytes(b"".join(parts), path)
