"""`trenchcoat validate`: the gate again on what is in a run's folder, with what was evaluated of it since."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import orjson

from pipelines import output
from pipelines.card import make_card
from pipelines.errors import DONE, FAILED_GATE
from pipelines.finished import Finished
from pipelines.limits import known_limits
from pipelines.listing import entry, opened
from pipelines.parcel import CARD, config_of
from pipelines.results import Results, find_results
from transforms import blocks


def validate(out: str, json: bool) -> int:
    """Judge a run again; writes its gate, its metrics, and, where reports were made since, its card.

    Raises:
        UserError: there is no finished run.
    """
    run = Finished.at(out)
    manifest = run.manifest
    keys = [one["lineage"] for one in manifest["stages"]]
    results = find_results(run.out, run.config, manifest, keys)
    verdict = output.judge(run.out, run.config, manifest, keys)
    metrics = results.listed()
    if manifest.get("metrics") != metrics and manifest.get("files"):
        _describe(run, manifest, results)
    manifest["metrics"] = metrics
    manifest["gate"] = {"passed": verdict.passed, "seconds": round(verdict.seconds, 3)}
    blocks.write_json(manifest, f"{run.out}/manifest.json")
    print(orjson.dumps(verdict.to_dict()).decode() if json else verdict.words())
    return DONE if verdict.passed else FAILED_GATE


def _describe(run: Finished, manifest: dict[str, Any], results: Results) -> None:
    """Write the card anew, and say in the manifest what it is; the data's entries stay as the run wrote them."""
    folder, config = f"{run.out}/dataset", config_of(run)
    card = make_card(
        folder,
        config,
        counts=manifest["counts"],
        reasons=manifest["reasons"],
        dead_letter_codes=manifest["dead_letter_codes"],
        sources=manifest["sources"],
        notes=manifest["notes"],
        version=version("trenchcoat"),
        raters=manifest["raters"],
        contamination=manifest["contamination"],
        results=results,
        limits=known_limits(config, manifest),
    )
    blocks.write_bytes(card, f"{folder}/{CARD}")
    mine = entry(*opened(folder), CARD).to_dict()
    manifest["files"] = [mine if one["file"] == CARD else one for one in manifest["files"]]
