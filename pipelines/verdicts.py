"""The stages that act on signals: verdicts, splits, and the published rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.engine import Done, Engine
from pipelines.spurious import Shortcuts
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.decide.split import Cut, cuts
from transforms.decide.stage import verdicts
from transforms.publish.shapes import KEPT, Facts
from transforms.publish.stage import publish, shards
from transforms.tasks import RunTasks

#: As `pipelines.rows.VERSIONS`.
VERSIONS = {"decide": 9, "publish": 6}


def decide_rows(
    config: Config,
    every: list[Block],
    configurations: list[str],
    facts: Mapping[str, Done | None],
    engine: Engine,
    found: Sequence[Cut] = (),
) -> Done:
    """Verdicts from all signals: the only stage to run again when only the policy changes.

    Where a policy holds in some splits alone, it is decided once more when these are known.
    """
    policy = config.policy.model_dump()
    length = config.signals.length
    common = {
        **{name: done.folder if done else None for name, done in facts.items()},
        "cuts": [vars(cut) for cut in found],
        "seed": config.split.seed,
        "policy": policy,
        "thresholds": {
            "too_long": length.max_tokens or 0 if length else 0,
            "near_duplicate": config.duplicates.threshold,
            "semantic_duplicate": config.semantic.threshold,
        },
        "configurations": configurations,
    }
    work = [{**common, "path": block.path, "name": block.sidecar} for block in every]
    return engine.run(
        "decide",
        VERSIONS["decide"],
        [policy, configurations, common["cuts"], config.split.seed if found else None],
        [done.key for done in facts.values() if done],
        len(work),
        lambda p, folder: p | "decide" >> RunTasks(work, verdicts, folder),
    )


def split_rows(config: Config, every: list[Block], decided: Done) -> tuple[list[Cut], float, float]:
    """Thresholds on the groups' hash that meet the fractions; the largest group's and all settled rows' shares.

    Shares are of the kept rows. Groups that are in a split already need no threshold.
    """
    columns = ["group_id", "settled", "action", "reasons"]
    files = [blocks.read_frame(f"{decided.folder}/{block.sidecar}", columns) for block in every]
    kept = pl.concat(files).filter(pl.col("action").is_in(KEPT))
    clean = ~pl.col("reasons").list.contains("overlap_kept")
    groups = kept.group_by("group_id").agg(
        rows=pl.len(), clean=clean.sum().cast(pl.Int64), settled=pl.col("settled").is_not_null().any()
    )
    free = groups.filter(~pl.col("settled"))
    largest = max(groups["rows"].to_list(), default=0) / max(kept.height, 1)
    settled = 1 - int(free["rows"].sum()) / max(kept.height, 1) if kept.height else 0.0
    guarded = config.policy.contaminated_splits if config.policy.contaminated == "train_only" else []
    return cuts(free, config.split.fractions, config.split.seed, guarded), largest, settled


def facts_of(config: Config, ingested: Done, decided: Done, rated: bool) -> Facts:
    """What has to be the same on every row of a configuration."""
    counted = ingested.total.get("fields", {})
    pairs = decided.total.get("pairs", 0)
    return Facts(
        message_fields=tuple(sorted(field for field, count in counted.items() if count and field != "tools")),
        tools=counted.get("tools", 0) > 0,
        margins=pairs > 0 and decided.total["margins"] == pairs,
        dimension=config.policy.dimension,
        harmonised=config.policy.score == "harmonised" and rated,
    )


def publish_rows(
    config: Config,
    every: list[Block],
    configurations: list[str],
    identity: Done,
    decided: Done,
    ratings: Done | None,
    shortcuts: Shortcuts | None,
    found: list[Cut],
    facts: Facts,
    engine: Engine,
) -> Done:
    """Kept rows in their shapes, and the ledger of all rows."""
    common = {
        "identity": identity.folder,
        "decided": decided.folder,
        "ratings": ratings.folder if ratings else None,
        "cuts": [vars(cut) for cut in found],
        "seed": config.split.seed,
        "facts": {**vars(facts), "message_fields": list(facts.message_fields)},
        "configurations": configurations,
    }
    runs = shards(every, config.publish.rows_per_shard)
    lots = [[{"path": block.path, "name": block.sidecar} for block in run] for run in runs]
    lots += [[one] for one in shortcuts.parts()] if shortcuts else []
    work = [{**common, "number": number, "blocks": lot} for number, lot in enumerate(lots)]
    return engine.run(
        "publish",
        VERSIONS["publish"],
        [common["cuts"], common["facts"], config.split.model_dump(), config.publish.rows_per_shard],
        [decided.key],
        len(work),
        lambda p, folder: p | "publish" >> RunTasks(work, publish, folder),
    )
