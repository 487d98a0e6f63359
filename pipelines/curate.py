"""`curate`: from raw files to a gated dataset. Reads like the picture in the README, top to bottom."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, TypeVar

import polars as pl

from pipelines.against import Earlier, Published, find_published
from pipelines.attributes import Attributes, find_attributes, find_mixture, with_findings
from pipelines.contamination import Overlaps, find_overlaps
from pipelines.embedding import Models, Vectors, embed
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.external import External, Voices, find_external
from pipelines.likeness import Near, find_near, group, mask_links, measure_groups, too_alike
from pipelines.plan import Planned
from pipelines.probes import Probes, Rated, find_probes
from pipelines.ratings import Ratings, find_ratings
from pipelines.semantics import Semantic, find_semantic
from pipelines.slices import Slices, across_splits, find_slices
from pipelines.spurious import Shortcuts, check_features, find_shortcuts
from pipelines.steps import Steps, find_steps
from pipelines.strength import Strength, find_strength, gated
from pipelines.trusted import Relabels, Trusted, find_trusted
from schemas.config import Benchmark, Config, Derive, Source
from transforms import blocks
from transforms.blocks import Block
from transforms.decide.split import Cut, cuts
from transforms.decide.stage import verdicts
from transforms.derive.stage import DerivePairs, MeasureMoments, derive_ratings
from transforms.hashing import digest_json
from transforms.identity.stage import FindCopies
from transforms.ingest.adapters import adapter
from transforms.ingest.files import InputFile
from transforms.ingest.stage import ingest, tasks_of
from transforms.publish.shapes import KEPT, Facts, resolve
from transforms.publish.stage import publish, shards
from transforms.raters.stage import Conclude, MeasureRaters
from transforms.signals.stage import measure
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before, so that what an older one left is not taken.
VERSIONS = {
    "ingest": 4, "moments": 1, "derive": 2, "identity": 2, "signals": 2, "raters": 1, "consensus": 1, "decide": 4,
    "publish": 3,
}  # fmt: skip
#: The environment variable with the user's key for raters' names.
RATER_KEY = "TRENCHCOAT_RATER_KEY"

_Files = TypeVar("_Files", Source, Benchmark)


@dataclass(frozen=True)
class Curated:
    """What the stages left, for the assembly of the output folder."""

    planned: list[Planned[Source]]
    ingested: Done
    derived: list[Done]
    earlier: Published | None
    near: Near | None
    overlaps: Overlaps | None
    models: Models
    texts: Vectors | None
    images: Vectors | None
    semantic: Semantic | None
    groups: dict[str, int]
    raters: Done | None
    decided: Done
    published: Done
    configurations: list[str]
    facts: Facts
    largest_group: float
    trusted: Trusted | None
    external: External | None
    probes: Probes | None
    strength: Strength | None
    ratings: Ratings | None
    steps: Steps | None
    settled: float
    slices: Slices | None
    attributes: Attributes | None
    shortcuts: Shortcuts | None


def curate(
    config: Config,
    planned: list[Planned[Source]],
    examples: list[Planned[Source]],
    benchmarks: list[Planned[Benchmark]],
    earlier: list[Earlier],
    models: Models,
    relabels: Relabels,
    voices: Voices,
    engine: Engine,
    freeze: Callable[[list[Block], Done, Done], Done] | None = None,
) -> Curated:
    """Run every stage that is not done yet.

    `freeze` makes of all blocks, the copies and the groups what later stages take for the copies: rows that it hides
    have no part in what is learnt from labels.
    """
    check_features(config)
    ingested = _ingest(planned, engine)
    raw = ingested.blocks(0)
    derived = [_derive(rule, raw, ingested, engine) for rule in config.derive]
    every = list(raw)
    for done in derived:
        every += done.blocks(len(every))
    if not every:
        raise UserError("no record could be read; see dead_letters.jsonl in the output folder's work/")
    made = [ingested, *derived]
    identity = _identity(config, every, made, engine)
    signals = _signals(config, every, identity, engine)
    published = find_published(earlier, every, identity, engine)
    named = ingested.total.get("generators", 0) > 0
    near = find_near(config, every, identity, signals, published, named, engine)
    overlaps = find_overlaps(config, benchmarks, every, made, identity, near.done if near else None, engine)
    texts = embed(models.text, every, config.embed.cache, identity, engine) if models.text else None
    images = embed(models.image, every, config.embed.cache, identity, engine) if models.image else None
    semantic = find_semantic(config, every, identity, texts, engine)
    settled = published.settled() if published else []
    masked = dict([mask_links(every, signals, engine)]) if config.policy.pii == "mask" else {}
    gone = _gone(config, identity, published, near)
    groups = group(every, identity, _links(near, semantic, published) | masked, settled, engine)
    told_apart = not too_alike(config, every, gone, groups)
    if semantic and not told_apart:
        # Texts that the model cannot read are all alike to it: such likeness makes no groups, and the run says so.
        groups = group(every, identity, _links(near, None, published) | masked, settled, engine)
    grouped = measure_groups(config, every, gone, _linked_by(near, semantic if told_apart else None), groups)
    grouped["linked_by_meaning"] = int(semantic is not None and told_apart)
    kinds = sorted({*ingested.total["kinds"], *(kind for done in derived for kind in done.total.get("kinds", {}))})
    identity = freeze(every, identity, groups) if freeze else identity
    ratings = find_ratings(config, every, kinds, identity, signals, groups, texts, engine)
    steps = find_steps(every, kinds, identity, engine)
    rated = _rated(config, examples, models, engine) if examples and texts else None
    probes = find_probes(config, every, identity, groups, texts, rated, kinds, engine)
    raters = _raters(config, every, identity, engine)
    consensus = _consensus(every, identity, raters, engine) if raters and "pair" in kinds else None
    trusted = find_trusted(config, relabels, every, identity, engine)
    external = find_external(config, voices, every, identity, engine)
    strength = find_strength(config, every, identity, groups, consensus, texts, trusted, external, engine)
    slices = find_slices(config, every, identity, groups, texts, strength, engine)
    attributes = find_attributes(config, every, identity, texts, engine)
    configurations = resolve(config.publish.configurations, kinds)
    facts_of_rows: dict[str, Done | None] = {
        "identity": identity,
        "signals": signals,
        "known": published.known if published else None,
        "near": near.done if near else None,
        "contamination": overlaps.marked if overlaps else None,
        "semantic": semantic.done if semantic else None,
        "groups": groups,
        "consensus": consensus,
        "trusted": trusted.done if trusted else None,
        "strength": strength.scored if strength else None,
        "slices": slices.assigned if slices else None,
        "balance": None,
        "mixture": None,
        "ratings": ratings.done if ratings else None,
        "steps": steps.done if steps else None,
    }
    config = config.model_copy(update={"policy": gated(config.policy, strength)})
    decided = _decide(config, every, configurations, facts_of_rows, engine)
    found, largest, settled_share = _split(config, every, decided)
    if overlaps and config.policy.contaminated == "train_only":
        decided = _decide(config, every, configurations, facts_of_rows, engine, found)
    attributes = find_mixture(config, every, attributes, decided, found, engine)
    if attributes and attributes.mixed:
        facts_of_rows["mixture"] = attributes.mixed
        decided = _decide(config, every, configurations, facts_of_rows, engine, found)
    shortcuts = find_shortcuts(
        config, every, identity, signals, strength, external, texts, decided, found, configurations, engine
    )
    if shortcuts and config.balance.output != "off":
        facts_of_rows["balance"] = shortcuts.done
        decided = _decide(config, every, configurations, facts_of_rows, engine, found)
    attributes = with_findings(attributes, every, signals, slices, decided)
    slices = across_splits(slices, every, decided, found, config.split.seed)
    facts = _facts(config, ingested, decided)
    if shortcuts and shortcuts.added["rows"]:  # which have no margin, and it stands on all rows or on none
        facts = replace(facts, margins=False)
    made_public = _publish(config, every, configurations, identity, decided, shortcuts, found, facts, engine)
    return Curated(
        planned,
        ingested,
        derived,
        published,
        near,
        overlaps,
        models,
        texts,
        images,
        semantic,
        grouped,
        raters,
        decided,
        made_public,
        configurations,
        facts,
        largest,
        trusted,
        external,
        probes,
        strength,
        ratings,
        steps,
        settled_share,
        slices,
        attributes,
        shortcuts,
    )


def _gone(config: Config, identity: Done, published: Published | None, near: Near | None) -> list[tuple[Done, str]]:
    """Which stages say that rows are copies of others that are kept, and in which columns."""
    out = [(identity, "copy_of")]
    if published:
        out.append((published.known, "published_of"))
    if near and config.policy.near_duplicate == "drop":
        out.append((near.done, "near_of"))
    return out


def _linked_by(near: Near | None, semantic: Semantic | None) -> dict[str, list[str]]:
    """Files of likenesses by the settings from which on there is one."""
    return {
        **({"duplicates.threshold": near.links()} if near else {}),
        **({"semantic.group_threshold": [semantic.edges]} if semantic else {}),
    }


def _links(near: Near | None, semantic: Semantic | None, published: Published | None) -> dict[str, list[str]]:
    """Files of the likenesses that make groups, by the lineage of the stage that found them."""
    return {
        **({near.done.key: near.links()} if near else {}),
        **({semantic.done.key: [semantic.edges]} if semantic else {}),
        **({published.done.key: published.links()} if published else {}),
    }


def _ingest(planned: list[Planned[Source]], engine: Engine, name: str = "ingest") -> Done:
    """Raw files to blocks of canonical rows and dead letters."""
    work: list[dict[str, Any]] = []
    lineage = []
    for one in planned:
        source = {
            "name": one.source.name,
            "format": one.format,
            "licence": one.source.licence,
            "pseudonymise": one.source.pseudonymise,
            "options": one.options,
            "key": _rater_key([*one.files, *one.companions]),
        }
        work += tasks_of(source, one.refs)
        # Where companions lie is no part of what comes out; what is in them is.
        named = {name: value for name, value in one.options.items() if name not in adapter(one.format).companions}
        lineage.append(
            [
                {**source, "options": named},
                one.source.reader,
                one.source.quoting,
                one.source.record,
                one.source.columns,
                [[file.file, file.hash] for file in [*one.files, *one.companions]],
            ]
        )
    work = [{**task, "number": number} for number, task in enumerate(work)]
    return engine.run(
        name,
        VERSIONS["ingest"],
        lineage,
        [],
        len(work),
        lambda p, folder: p | "ingest" >> RunTasks(work, ingest, folder),
    )


def _rater_key(files: list[InputFile]) -> str:
    """The key under which a source's raters are hashed, the same for all workers.

    It is made of the user's key, where there is one, or of what only those have who have the files. The files' hashes
    would not do: they stand in the manifest, and who has the key can try names until one fits.
    """
    secret = os.environ.get(RATER_KEY)
    return sha256(secret.encode()).hexdigest() if secret else digest_json([file.secret for file in files])


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
            "moments",
            VERSIONS["moments"],
            config,
            [key],
            1,
            lambda p, folder: p | "moments" >> MeasureMoments(rule, raw, folder),
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


def _identity(config: Config, every: list[Block], made: list[Done], engine: Engine, name: str = "identity") -> Done:
    """Which rows are copies, with their judgements merged into one."""
    votes = [source.name for source in config.sources if source.anonymous_copies == "votes"]
    return engine.run(
        name,
        VERSIONS["identity"],
        votes,
        [done.key for done in made],
        len(every),
        lambda p, folder: p | "identity" >> FindCopies(every, folder, votes),
    )


def _rated(config: Config, examples: list[Planned[Source]], models: Models, engine: Engine) -> Rated | None:
    """Ratings that only probes learn from, read and embedded like the run's own rows."""
    read = _ingest(examples, engine, "ingest-ratings")
    lying = read.blocks(0)
    if not lying or models.text is None:
        return None
    copies = _identity(config, lying, [read], engine, "identity-ratings")
    return Rated(read, lying, copies, embed(models.text, lying, config.embed.cache, copies, engine, "-ratings"))


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


def _raters(config: Config, every: list[Block], identity: Done, engine: Engine) -> Done | None:
    """What is known of each rater: one table, fitted in one place."""
    if config.raters.consensus == "off":
        return None
    return engine.run(
        "raters",
        VERSIONS["raters"],
        config.raters.model_dump(),
        [identity.key],
        1,
        lambda p, folder: p | "raters" >> MeasureRaters(every, identity.folder, config.raters, folder),
    )


def _consensus(every: list[Block], identity: Done, raters: Done, engine: Engine) -> Done:
    """What the raters of each pair say together, and where a prompt's preferences go in circles."""
    return engine.run(
        "consensus",
        VERSIONS["consensus"],
        None,
        [identity.key, raters.key],
        len(every),
        lambda p, folder: p | "consensus" >> Conclude(every, identity.folder, raters.folder, folder),
    )


def _decide(
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


def _split(config: Config, every: list[Block], decided: Done) -> tuple[list[Cut], float, float]:
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
    shortcuts: Shortcuts | None,
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
