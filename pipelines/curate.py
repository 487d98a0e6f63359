"""`curate`: from raw files to a gated dataset. Reads like the picture in the README, top to bottom."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.embedding import Models, Vectors, embed
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.semantics import Semantic, find_semantic
from schemas.config import Config, Derive, Source
from transforms import blocks
from transforms.blocks import Block
from transforms.decide.split import Cut, cuts
from transforms.decide.stage import verdicts
from transforms.derive.stage import DerivePairs, MeasureRaters, derive_ratings
from transforms.hashing import digest, digest_json
from transforms.identity.stage import FindCopies
from transforms.ingest.adapters import FormatError, adapter, recognise
from transforms.ingest.files import FileRef, InputError, InputFile, plan
from transforms.ingest.readers import sample
from transforms.ingest.stage import ingest, tasks_of
from transforms.publish.shapes import KEPT, Facts, resolve
from transforms.publish.stage import publish, shards
from transforms.signals.stage import counter_of, measure
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before, so that what an older one left is not taken.
VERSIONS = {"ingest": 2, "raters": 1, "derive": 2, "identity": 2, "signals": 1, "decide": 1, "publish": 1}


@dataclass(frozen=True)
class Planned:
    """What is read of one source: its references and files, and the format they are in."""

    source: Source
    format: str
    refs: list[FileRef]
    files: list[InputFile]


@dataclass(frozen=True)
class Curated:
    """What the stages left, for the assembly of the output folder."""

    planned: list[Planned]
    ingested: Done
    derived: list[Done]
    decided: Done
    published: Done
    configurations: list[str]
    facts: Facts
    largest_group: float
    models: Models
    texts: Vectors | None
    images: Vectors | None
    semantic: Semantic | None


def plan_sources(config: Config) -> list[Planned]:
    """Find, hash and recognise every source's files; raises UserError for what cannot be read."""
    out = []
    for source in config.sources:
        try:
            refs, files = plan(
                source.name,
                [located(path) for path in source.input],
                format=source.reader,
                quoting=source.quoting,
                record=source.record,
            )
            form = source.format
            if form == "auto":
                form = recognise(sample(refs[0]), refs[0].file).name
            adapter(form)
        except (InputError, FormatError) as error:
            raise UserError(f"source {source.name!r}: {error}") from error
        out.append(Planned(source, form, refs, files))
    counter_of(config.signals.length)  # a tokenizer that is not there is found out now, not in a worker
    return out


def located(path: str) -> str:
    """A path as it is, or the file behind `package://PACKAGE/PATH` of an installed package.

    Raises:
        UserError: the package is not installed.
    """
    if not path.startswith("package://"):
        return path
    package, _, inside = path.removeprefix("package://").partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UserError(f"{path}: the package {package!r} is not installed; pip install {package.replace('_', '-')}")
    return str(Path(spec.origin).parent / inside)


def curate(config: Config, planned: list[Planned], models: Models, engine: Engine) -> Curated:
    """Run every stage that is not done yet."""
    ingested = _ingest(planned, engine)
    raw = _blocks(ingested, 0)
    derived = [_derive(rule, raw, ingested, engine) for rule in config.derive]
    every = list(raw)
    for done in derived:
        every += _blocks(done, len(every))
    if not every:
        raise UserError("no record could be read; see dead_letters.jsonl in the output folder's work/")
    identity = _identity(config, every, [ingested, *derived], engine)
    signals = _signals(config, every, identity, engine)
    texts = embed(models.text, every, config.embed.cache, identity, engine) if models.text else None
    images = embed(models.image, every, config.embed.cache, identity, engine) if models.image else None
    semantic = find_semantic(config, every, identity, texts, engine)
    kinds = sorted({*ingested.total["kinds"], *(kind for done in derived for kind in done.total.get("kinds", {}))})
    configurations = resolve(config.publish.configurations, kinds)
    decided = _decide(config, every, configurations, identity, signals, semantic, engine)
    found, largest = _split(config, every, decided)
    facts = _facts(config, ingested, decided)
    published = _publish(config, every, configurations, identity, decided, found, facts, engine)
    return Curated(
        planned, ingested, derived, decided, published, configurations, facts, largest, models, texts, images, semantic
    )


def _ingest(planned: list[Planned], engine: Engine) -> Done:
    """Raw files to blocks of canonical rows and dead letters."""
    work: list[dict[str, Any]] = []
    lineage = []
    for one in planned:
        source = {
            "name": one.source.name,
            "format": one.format,
            "licence": one.source.licence,
            "pseudonymise": one.source.pseudonymise,
            "options": {
                **one.source.options,
                **({"mapping": one.source.mapping.model_dump()} if one.source.mapping else {}),
            },
            # Without a key of the user's, raters are hashed under the data's own, which no one else has.
            "key": digest_json([file.hash for file in one.files]),
        }
        work += tasks_of(source, one.refs)
        lineage.append(
            [
                source,
                one.source.reader,
                one.source.quoting,
                one.source.record,
                [[file.file, file.hash] for file in one.files],
            ]
        )
    work = [{**task, "number": number} for number, task in enumerate(work)]
    return engine.run(
        "ingest",
        VERSIONS["ingest"],
        lineage,
        [],
        len(work),
        lambda p, folder: p | "ingest" >> RunTasks(work, ingest, folder),
    )


def _blocks(done: Done, first: int) -> list[Block]:
    """The blocks that a stage wrote, in the order of its tasks, numbered on from `first`."""
    written = [block for task in sorted(done.stats) for block in done.stats[task]["blocks"]]
    return [Block(first + i, f"{done.folder}/blocks/{block['name']}", block["rows"]) for i, block in enumerate(written)]


def _derive(rule: Derive, raw: list[Block], ingested: Done, engine: Engine) -> Done:
    """Pairs and ratings from other rows, as more blocks."""
    config, name = rule.model_dump(), f"derive-{rule.make}"
    if rule.make == "ratings_from_rankings":
        work = [{"number": block.index, "path": block.path, "dimensions": rule.dimensions} for block in raw]
        return engine.run(
            name,
            VERSIONS["derive"],
            config,
            [ingested.key],
            len(work),
            lambda p, folder: p | RunTasks(work, derive_ratings, folder),
        )
    partitions = DerivePairs(rule, raw, "").partitions
    key, moments = ingested.key, None
    if rule.raters == "normalised":
        measured = engine.run(
            "raters",
            VERSIONS["raters"],
            config,
            [key],
            1,
            lambda p, folder: p | "raters" >> MeasureRaters(rule, raw, folder),
        )
        key, moments = measured.key, f"{measured.folder}/moments.parquet"
    return engine.run(
        name,
        VERSIONS["derive"],
        config,
        [key],
        partitions,
        lambda p, folder: p | name >> DerivePairs(rule, raw, folder, moments),
    )


def _identity(config: Config, every: list[Block], made: list[Done], engine: Engine) -> Done:
    """Which rows are copies, with their judgements merged into one."""
    votes = [source.name for source in config.sources if source.anonymous_copies == "votes"]
    return engine.run(
        "identity",
        VERSIONS["identity"],
        votes,
        [done.key for done in made],
        len(every),
        lambda p, folder: p | "identity" >> FindCopies(every, folder, votes),
    )


def _signals(config: Config, every: list[Block], identity: Done, engine: Engine) -> Done:
    """Language, personal data, lengths."""
    signals = config.signals.model_dump()
    work = [
        {"path": block.path, "name": block.sidecar, "identity": identity.folder, "signals": signals} for block in every
    ]
    return engine.run(
        "signals",
        VERSIONS["signals"],
        signals,
        [identity.key],
        len(work),
        lambda p, folder: p | "signals" >> RunTasks(work, measure, folder),
    )


def _decide(
    config: Config,
    every: list[Block],
    configurations: list[str],
    identity: Done,
    signals: Done,
    semantic: Semantic | None,
    engine: Engine,
) -> Done:
    """Verdicts from all signals: the only stage to run again when only the policy changes."""
    policy = config.policy.model_dump()
    length = config.signals.length
    common = {
        "identity": identity.folder,
        "signals": signals.folder,
        "semantic": semantic.done.folder if semantic else None,
        "policy": policy,
        "max_tokens": length.max_tokens if length else None,
        "semantic_threshold": config.semantic.threshold,
        "configurations": configurations,
        "no_prompt": digest(pl.Series([""]))[0],
    }
    work = [{**common, "path": block.path, "name": block.sidecar} for block in every]
    return engine.run(
        "decide",
        VERSIONS["decide"],
        [policy, configurations],
        [identity.key, signals.key, *([semantic.done.key] if semantic else [])],
        len(work),
        lambda p, folder: p | "decide" >> RunTasks(work, verdicts, folder),
    )


def _split(config: Config, every: list[Block], decided: Done) -> tuple[list[Cut], float]:
    """Thresholds on the groups' hash that meet the fractions, and the largest group's share of the kept rows."""
    files = [blocks.read_frame(f"{decided.folder}/{block.sidecar}", ["group_id", "action"]) for block in every]
    kept = pl.concat(files).filter(pl.col("action").is_in(KEPT))
    groups = kept.group_by("group_id").agg(rows=pl.len())
    largest = max(groups["rows"].to_list(), default=0) / max(kept.height, 1)
    return cuts(groups, config.split.fractions, config.split.seed), largest


def _facts(config: Config, ingested: Done, decided: Done) -> Facts:
    """What has to be the same on every row of a configuration."""
    counted = ingested.total.get("fields", {})
    pairs = decided.total.get("pairs", 0)
    return Facts(
        message_fields=tuple(sorted(field for field, count in counted.items() if count and field != "tools")),
        tools=counted.get("tools", 0) > 0,
        margins=pairs > 0 and decided.total["margins"] == pairs,
        dimension=config.policy.dimension,
    )


def _publish(
    config: Config,
    every: list[Block],
    configurations: list[str],
    identity: Done,
    decided: Done,
    found: list[Cut],
    facts: Facts,
    engine: Engine,
) -> Done:
    """Kept rows in their shapes, and the ledger of all rows."""
    common = {
        "identity": identity.folder,
        "decided": decided.folder,
        "cuts": [vars(cut) for cut in found],
        "seed": config.split.seed,
        "facts": {**vars(facts), "message_fields": list(facts.message_fields)},
        "configurations": configurations,
    }
    runs = shards(every, config.publish.rows_per_shard)
    work = [
        {**common, "number": number, "blocks": [{"path": block.path, "name": block.sidecar} for block in run]}
        for number, run in enumerate(runs)
    ]
    return engine.run(
        "publish",
        VERSIONS["publish"],
        [common["cuts"], common["facts"], config.split.model_dump(), config.publish.rows_per_shard],
        [decided.key],
        len(work),
        lambda p, folder: p | "publish" >> RunTasks(work, publish, folder),
    )
