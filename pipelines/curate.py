"""`curate`: from raw files to a gated dataset. Reads like the picture in the README, top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipelines.against import Earlier, Published, find_published
from pipelines.attributes import Attributes, find_attributes, find_mixture, with_findings
from pipelines.belonging import Belonging, find_belonging
from pipelines.contamination import Overlaps, find_overlaps
from pipelines.embedding import Models, Vectors, embed
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.external import External, Voices, find_external
from pipelines.groups import find_groups
from pipelines.images import Looks, find_looks
from pipelines.likeness import Near, find_near
from pipelines.pictures import Pictures, find_pictures
from pipelines.plan import Planned
from pipelines.probes import Probes, find_probes
from pipelines.ratings import Ratings, find_ratings
from pipelines.rows import (
    conclude_votes,
    derive_rows,
    find_copies,
    ingest_rows,
    measure_raters,
    measure_signals,
    nothing_read,
    read_rated,
)  # fmt: skip
from pipelines.semantics import Semantic, find_semantic
from pipelines.slices import Slices, across_splits, find_slices
from pipelines.spurious import Shortcuts, check_features, count, find_shortcuts
from pipelines.steps import Steps, find_steps
from pipelines.strength import Strength, find_strength, gated
from pipelines.trajectories import Frames, find_trajectories, measure_order
from pipelines.trusted import Relabels, Trusted, find_trusted
from pipelines.verdicts import decide_rows, facts_of, publish_rows, split_rows
from schemas.config import Benchmark, Config, Source
from transforms.blocks import Block
from transforms.publish.shapes import Facts, resolve


@dataclass(frozen=True)
class Curated:
    """What the stages left, for the assembly of the output folder."""

    planned: list[Planned[Source]]
    ingested: Done
    derived: list[Done]
    signals: Done
    earlier: Published | None
    near: Near | None
    overlaps: Overlaps | None
    models: Models
    texts: Vectors | None
    images: Vectors | None
    semantic: Semantic | None
    frames: Frames | None
    image_roots: dict[str, str]
    pictures: Pictures | None
    looks: Looks | None
    belonging: Belonging | None
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
    ingested = ingest_rows(planned, engine)
    raw = ingested.blocks(0)
    derived = [derive_rows(rule, raw, ingested, engine) for rule in config.derive]
    every = list(raw)
    for done in derived:
        every += done.blocks(len(every))
    if not every:
        raise UserError(nothing_read(ingested))
    made = [ingested, *derived]
    identity = find_copies(config, every, made, engine)
    signals = measure_signals(config, every, identity, engine)
    published = find_published(earlier, every, identity, engine)
    named = ingested.total.get("generators", 0) > 0
    shown = ingested.total.get("fields", {}).get("images", 0)
    frames = find_trajectories(config, every, identity, shown, engine)
    roots = {one.source.name: one.root for one in planned} if shown else {}
    pictures = find_pictures(config, roots, every, identity, published, shown, engine)
    cache = config.embed.cache
    images = embed(models.image, every, cache, identity, engine, pictures=pictures) if models.image else None
    looks = find_looks(config, frames, images, pictures, shown, engine)
    near = find_near(config, every, identity, signals, published, looks, frames, named, engine)
    overlaps = find_overlaps(config, benchmarks, every, made, identity, near.done if near else None, engine)
    texts = embed(models.text, every, cache, identity, engine) if models.text else None
    semantic = find_semantic(config, every, identity, texts, shown, engine)
    belonging = find_belonging(config, every, identity, published, frames, looks, shown, engine)
    grouped = find_groups(config, every, identity, signals, published, near, semantic, belonging, engine)
    groups = grouped.done
    kinds = sorted({*ingested.total["kinds"], *(kind for done in derived for kind in done.total.get("kinds", {}))})
    wanted = config.shortcuts.find or (config.strength.find and "pair" in kinds)
    surface = count(every, identity, engine) if wanted else None
    identity = freeze(every, identity, groups) if freeze else identity
    ratings = find_ratings(config, every, kinds, identity, signals, groups, texts, engine)
    steps = find_steps(every, kinds, identity, engine)
    rated = read_rated(config, examples, models, engine) if examples and texts else None
    probes = find_probes(config, every, identity, groups, texts, rated, kinds, engine)
    raters = measure_raters(config, every, identity, engine)
    consensus = conclude_votes(every, identity, raters, engine) if raters and "pair" in kinds else None
    trusted = find_trusted(config, relabels, every, identity, engine)
    external = find_external(config, voices, every, identity, engine)
    strength = find_strength(
        config, every, kinds, identity, groups, surface, consensus, texts, trusted, external, engine
    )
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
        "trajectories": frames.done if frames else None,
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
    decided = decide_rows(config, every, configurations, facts_of_rows, engine)
    found, largest, settled_share = split_rows(config, every, decided)
    if overlaps and config.policy.contaminated == "train_only":
        decided = decide_rows(config, every, configurations, facts_of_rows, engine, found)
    attributes = find_mixture(config, every, attributes, decided, found, engine)
    if attributes and attributes.mixed:
        facts_of_rows["mixture"] = attributes.mixed
        decided = decide_rows(config, every, configurations, facts_of_rows, engine, found)
    shortcuts = find_shortcuts(
        config, every, identity, signals, surface, strength, external, texts, decided, found, configurations, engine
    )
    if shortcuts and config.balance.output != "off":
        facts_of_rows["balance"] = shortcuts.done
        decided = decide_rows(config, every, configurations, facts_of_rows, engine, found)
    attributes = with_findings(attributes, every, signals, slices, decided)
    frames = measure_order(config, every, identity, frames, decided, external, engine)
    slices = across_splits(slices, every, decided, found, config.split.seed)
    facts = facts_of(config, ingested, decided, ratings is not None)
    if shortcuts and shortcuts.added["rows"]:  # which have no margin, and it stands on all rows or on none
        facts = replace(facts, margins=False)
    rated_rows = ratings.done if ratings else None
    made_public = publish_rows(
        config, every, configurations, identity, decided, rated_rows, shortcuts, found, facts, engine
    )
    return Curated(
        planned=planned,
        ingested=ingested,
        derived=derived,
        signals=signals,
        earlier=published,
        near=near,
        overlaps=overlaps,
        models=models,
        texts=texts,
        images=images,
        semantic=semantic,
        frames=frames,
        image_roots=roots,
        pictures=pictures,
        looks=looks,
        belonging=belonging,
        groups=grouped.figures,
        raters=raters,
        decided=decided,
        published=made_public,
        configurations=configurations,
        facts=facts,
        largest_group=largest,
        trusted=trusted,
        external=external,
        probes=probes,
        strength=strength,
        ratings=ratings,
        steps=steps,
        settled=settled_share,
        slices=slices,
        attributes=attributes,
        shortcuts=shortcuts,
    )
