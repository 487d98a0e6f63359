"""The card of a run, from what its manifest says: as the run ends, as it is validated, and as it is published."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pipelines.card import Publication, make_card
from pipelines.limits import known_limits
from pipelines.results import Results
from schemas.config import Config


def card_of_run(
    dataset: str, config: Config, said: dict[str, Any], results: Results, publication: Publication | None = None
) -> bytes:
    """The card of a folder with a run's configurations.

    Args:
        dataset: the folder.
        config: the run's configuration, with its splits in order.
        said: the run's manifest, or what it is going to say.
        results: what the run comes to, and what was evaluated of it.
        publication: where the folder is published; None for a folder that just lies in its run.
    """
    return make_card(
        dataset,
        config,
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
    )
