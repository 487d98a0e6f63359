"""This project's stages that remove duplicates, as the pipeline runs them, on a corpus that is read already.

python -m benchmarks.own CONFIG OUT KEPT.json    (after `trenchcoat curate CONFIG --out OUT`)
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import polars as pl

from pipelines import config as configuration
from pipelines.engine import Engine
from pipelines.groups import group
from pipelines.likeness import find_near
from pipelines.plan import plan_sources
from pipelines.progress import Reporter
from pipelines.rows import find_copies, ingest_rows, measure_signals
from pipelines.runner import beam_options
from transforms import blocks


def seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    path, out, target = sys.argv[1:4]
    config = configuration.load(path, [], None, [])
    engine = Engine(f"{out}/work", beam_options([]), Reporter(json=False))
    ingested = ingest_rows(plan_sources(config), engine)
    every = ingested.blocks(0)
    for name in ("identity", "template", "sketch", "candidates", "near", "groups"):
        for folder in Path(out, "work").glob(f"{name}-*"):
            blocks.remove(str(folder))
    started = seconds()
    identity = find_copies(config, every, [ingested], engine)
    before = seconds()
    signals = measure_signals(config, every, identity, engine)  # there already: nothing is measured here
    between = seconds() - before
    near = find_near(config, every, identity, signals, None, False, engine)
    assert near is not None
    group(every, identity, {near.done.key: near.links()}, [], engine)
    cpu = seconds() - started - between
    said = [(identity.folder, "copy_of"), (near.done.folder, "near_of")]
    kept = []
    for block in every:
        gone = [blocks.read_frame(f"{folder}/{block.sidecar}", [column]) for folder, column in said]
        named = blocks.read_frame(block.path, ["line"]).hstack(pl.concat(gone, how="horizontal"))
        kept += named.filter(pl.col("copy_of").is_null() & pl.col("near_of").is_null())["line"].to_list()
    with open(config.sources[0].input[0], "rb") as lines:
        ids = [json.loads(line)["id"] for line in lines]
    Path(target).write_text(json.dumps([ids[line - 1] for line in kept]))
    print(json.dumps({"cpu": cpu}))


if __name__ == "__main__":
    main()
