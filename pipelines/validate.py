"""`trenchcoat validate`: the gate again on what is in a run's folder, with what was evaluated of it since."""

from __future__ import annotations

import orjson

from pipelines import output
from pipelines.errors import DONE, FAILED_GATE
from pipelines.finished import Finished
from pipelines.parcel import config_of
from pipelines.report import write_report
from pipelines.results import results_of
from pipelines.run_card import CARD, conclude
from schemas.expectations import Verdict, verdict_of
from transforms import blocks


def validate(out: str, json: bool) -> int:
    """Judge a run again; writes its gate, its metrics, its card and its page, the same where nothing is other.

    Raises:
        UserError: there is no finished run.
    """
    run = Finished.at(out)
    with run.understood():
        return _validate(run, json)


def _validate(run: Finished, json: bool) -> int:
    manifest = run.manifest
    config = config_of(run) if blocks.exists(f"{run.out}/dataset/{CARD}") else run.config
    results = results_of(run)
    verdict = _same(run.out, output.judge(run.out, config, manifest, results))
    conclude(run.out, config, manifest, results, verdict)
    write_report(run, verdict.to_dict())
    blocks.write_json(manifest, f"{run.out}/manifest.json")
    print(orjson.dumps(verdict.to_dict()).decode() if json else verdict.words())
    return DONE if verdict.passed else FAILED_GATE


def _same(out: str, verdict: Verdict) -> Verdict:
    """The verdict that is there where it says the same, so that what is written of it does too; else the new one."""
    path = f"{out}/gate.json"
    if not blocks.exists(path):
        return verdict
    before = verdict_of(blocks.read_json(path))
    told = [orjson.dumps(one.to_dict()["checks"], option=orjson.OPT_SORT_KEYS) for one in (before, verdict)]
    return before if told[0] == told[1] else verdict
