"""`trenchcoat validate`: the gate again on what is in a run's folder, with what was evaluated of it since."""

from __future__ import annotations

from typing import Any

import orjson

from pipelines import output
from pipelines.errors import DONE, FAILED_GATE
from pipelines.finished import Finished
from pipelines.listing import entry, opened
from pipelines.parcel import CARD, config_of
from pipelines.results import Results, find_results
from pipelines.run_card import card_of_run
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
    folder = f"{run.out}/dataset"
    card = card_of_run(folder, config_of(run), manifest, results)
    blocks.write_bytes(card, f"{folder}/{CARD}")
    mine = entry(*opened(folder), CARD).to_dict()
    manifest["files"] = [mine if one["file"] == CARD else one for one in manifest["files"]]
