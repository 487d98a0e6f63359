"""The stages that make rows and find out about them one by one: ingest, derive, identity, signals, raters."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Any

import orjson

from pipelines.embedding import Models, embed
from pipelines.engine import Done, Engine
from pipelines.plan import Planned
from pipelines.probes import Rated
from schemas.config import Config, Derive, Source
from transforms import blocks
from transforms.blocks import Block
from transforms.derive.stage import DerivePairs, MeasureMoments, derive_ratings
from transforms.hashing import digest_json
from transforms.identity.stage import FindCopies
from transforms.ingest.adapters import adapter
from transforms.ingest.files import InputFile
from transforms.ingest.stage import ingest, tasks_of
from transforms.raters.stage import Conclude, MeasureRaters
from transforms.signals.stage import measure
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before, so that what an older one left is not taken.
VERSIONS = {"ingest": 8, "moments": 1, "derive": 3, "identity": 4, "signals": 2, "raters": 1, "consensus": 1}
#: The environment variable with the user's key for raters' names.
RATER_KEY = "TRENCHCOAT_RATER_KEY"


def ingest_rows(planned: list[Planned[Source]], engine: Engine, name: str = "ingest") -> Done:
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
            "below": one.source.images is None,
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


def nothing_read(ingested: Done) -> str:
    """Why there are no rows where there were records: what was wrong with them, and with one of them in full."""
    letters = sorted(blocks.listed(f"{ingested.folder}/dead"))
    if not letters:
        return "no record could be read: the files hold none"
    first = orjson.loads(blocks.read_bytes(letters[0]).split(b"\n", 1)[0])
    codes = ", ".join(f"{code} {count:,}" for code, count in ingested.total["codes"].items())
    return (
        f"no record could be read ({codes}). The first of {first['source']}: {first['file']}, line {first['line']}: "
        f"{first['message']}. All are in {ingested.folder}/dead"
    )


def _rater_key(files: list[InputFile]) -> str:
    """The key under which a source's raters are hashed, the same for all workers.

    It is made of the user's key, where there is one, or of what only those have who have the files. The files' hashes
    would not do: they stand in the manifest, and who has the key can try names until one fits.
    """
    secret = os.environ.get(RATER_KEY)
    return sha256(secret.encode()).hexdigest() if secret else digest_json([file.secret for file in files])


def derive_rows(rule: Derive, raw: list[Block], ingested: Done, engine: Engine) -> Done:
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


def find_copies(config: Config, every: list[Block], made: list[Done], engine: Engine, name: str = "identity") -> Done:
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


def read_rated(config: Config, examples: list[Planned[Source]], models: Models, engine: Engine) -> Rated | None:
    """Ratings that only probes learn from, read and embedded like the run's own rows."""
    read = ingest_rows(examples, engine, "ingest-ratings")
    lying = read.blocks(0)
    if not lying or models.text is None:
        return None
    copies = find_copies(config, lying, [read], engine, "identity-ratings")
    return Rated(read, lying, copies, embed(models.text, lying, config.embed.cache, copies, engine, "-ratings"))


def measure_signals(config: Config, every: list[Block], identity: Done, engine: Engine) -> Done:
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


def measure_raters(config: Config, every: list[Block], identity: Done, engine: Engine) -> Done | None:
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


def conclude_votes(every: list[Block], identity: Done, raters: Done, engine: Engine) -> Done:
    """What the raters of each pair say together, and where a prompt's preferences go in circles."""
    return engine.run(
        "consensus",
        VERSIONS["consensus"],
        None,
        [identity.key, raters.key],
        len(every),
        lambda p, folder: p | "consensus" >> Conclude(every, identity.folder, raters.folder, folder),
    )
