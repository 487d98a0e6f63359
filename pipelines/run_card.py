"""The card of a run, from what its manifest says: as the run ends, as it is validated, and as it is published."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import orjson

from pipelines.card import Publication, Unlike, make_card
from pipelines.limits import known_limits
from pipelines.listing import entry, opened
from pipelines.results import Results
from schemas.config import Config
from schemas.expectations import Verdict
from transforms import blocks

#: The card, which readers go by, among a dataset's files.
CARD = "README.md"


def card_of_run(
    dataset: str,
    config: Config,
    said: dict[str, Any],
    results: Results,
    verdict: Verdict | None,
    publication: Publication | None = None,
) -> bytes:
    """The card of a folder with a run's configurations.

    Args:
        dataset: the folder.
        config: the run's configuration, with its splits in order.
        said: the run's manifest, or what it is going to say.
        results: what the run comes to, and what was evaluated of it.
        verdict: the gate's; None where it is gone.
        publication: where the folder is published; None for a folder that just lies in its run.
    """
    return make_card(
        dataset,
        _as_told(config),
        counts=said["counts"],
        reasons=said["reasons"],
        dead_letter_codes=said["dead_letter_codes"],
        sources=said["sources"],
        notes=said["notes"],
        version=version("trenchcoat"),
        raters=None if publication and "raters" in publication.redacted else said["raters"],
        contamination=said["contamination"],
        publication=publication,
        limits=known_limits(config, said),
        results=results,
        verdict=verdict,
    )


def _as_told(config: Config) -> Config:
    """A configuration as a manifest has it, whose keys are sorted; only the order of splits is the user's."""
    told = orjson.loads(orjson.dumps(config.model_dump(), option=orjson.OPT_SORT_KEYS))
    told["split"]["fractions"] = config.split.fractions
    return Config.model_validate(told)


def conclude(out: str, config: Config, said: dict[str, Any], results: Results, verdict: Verdict) -> None:
    """Write what the gate says of a run's folder, and the card with it; the dataset has its card last.

    Args:
        out: the folder, with `dataset/`.
        config: as of `card_of_run`.
        said: the run's manifest, or what it is going to say: gets what it is to say of figures, gate and card.
        results: as of `card_of_run`.
        verdict: the gate's.
    """
    blocks.remove(f"{out}/gate.json")
    if verdict.checks:  # an audit has none, and publishes nothing
        blocks.write_json(verdict.to_dict(), f"{out}/gate.json")
    said["metrics"] = results.listed()
    said["gate"] = {"passed": verdict.passed, "seconds": round(verdict.seconds, 3)}
    if "files" not in said:
        return
    folder = f"{out}/dataset"
    try:
        card = card_of_run(folder, config, said, results, verdict)
    except Unlike:  # as the gate has said; a card that is there is of what was
        return
    blocks.write_bytes(card, f"{folder}/{CARD}")
    data = [one for one in said["files"] if one["file"] != CARD]
    said["files"] = [entry(*opened(folder), CARD).to_dict(), *data]
