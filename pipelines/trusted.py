"""Judgements of trusted raters in a run: answers that were imported, read before any work, and laid beside rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.relabel.answers import ANSWERED, AnswerError, from_bytes, to_bytes
from transforms.relabel.trusted import write_trusted
from transforms.tasks import RunTasks

#: Raised where the stage's code gives other results than before.
VERSIONS = {"trusted": 1}
#: The file of the output folder that `trenchcoat relabel import` writes and the next run takes.
OWN = "relabels.jsonl"


@dataclass(frozen=True)
class Relabels:
    """Imported answers, and the files that they are from."""

    answers: pl.DataFrame
    files: list[str]


@dataclass(frozen=True)
class Trusted:
    """The stage, and what it was given."""

    done: Done
    relabels: Relabels

    def to_dict(self) -> dict[str, Any]:
        """What was judged again, for the manifest."""
        total = self.done.total
        counts = {name: total[name] for name in ("judged", "confirmed", "turned", "tied", "settled", "unsure")}
        return {"files": self.relabels.files, "answers": self.relabels.answers.height, **counts}

    def notes(self) -> list[str]:
        """What a reader must know of it, for the card."""
        total = self.done.total
        out = []
        if total["judged"]:
            out.append(
                f"{total['judged']:,} pairs have a trusted judgement, which is their label: {total['confirmed']:,} as "
                f"they had been labelled, {total['turned']:,} turned round, {total['tied']:,} now ties, "
                f"{total['settled']:,} that had no side before."
            )
        if total["unsure"]:
            out.append(f"Of {total['unsure']:,} pairs, who was asked again could not tell which side is better.")
        return out


def plan_relabels(config: Config, out: str) -> Relabels:
    """Read the answers that the run takes: the files named, and what was imported into its own folder.

    Raises:
        UserError: a file that is not there or is none of such answers, or answers of one rater that differ.
    """
    own = f"{out}/{OWN}"
    files = [*dict.fromkeys(config.relabels), *([own] if own not in config.relabels and blocks.exists(own) else [])]
    parts = [pl.DataFrame(schema=ANSWERED)]
    for file in files:
        if not blocks.exists(file):
            raise UserError(f"relabels: there is no file {file!r}; `trenchcoat relabel import` writes such files")
        try:
            parts.append(from_bytes(file, blocks.read_bytes(file)))
        except AnswerError as error:
            raise UserError(f"relabels: {error}") from error
    named = pl.concat(parts).unique(maintain_order=True).sort("content_id", "dimension", "rater")
    said = [named["content_id"], named["dimension"], named["rater"]]
    twice = named.filter(pl.DataFrame(said).is_duplicated())
    differ = twice.filter(pl.struct("first", "value").n_unique().over("content_id", "dimension", "rater") > 1)
    if differ.height:
        row_id, rater = differ.select("row_id", "rater").row(0)
        raise UserError(f"relabels: {', '.join(files)} hold two answers of {rater!r} to {row_id!r}")
    return Relabels(named, files)


def find_trusted(
    config: Config, relabels: Relabels, every: Sequence[Block], identity: Done, engine: Engine
) -> Trusted | None:
    """What trusted raters said of each row; None where there are none."""
    raters = config.strength.trusted_raters
    if relabels.answers.is_empty() and not raters:
        return None
    # Workers read the answers from where all stages' files are; their name is their content.
    told = to_bytes(relabels.answers).decode()
    common = {"dimension": config.policy.dimension, "raters": raters, "identity": identity.folder}

    def run(p: Any, folder: str) -> object:
        answers = f"{folder}/answers.parquet"
        blocks.write_frame(relabels.answers, answers)
        work = [{**common, "answers": answers, "path": block.path, "name": block.sidecar} for block in every]
        return p | "trusted" >> RunTasks(work, write_trusted, folder)

    lineage = [told, config.policy.dimension, raters]
    done = engine.run("trusted", VERSIONS["trusted"], lineage, [identity.key], len(every), run)
    return Trusted(done, relabels)
