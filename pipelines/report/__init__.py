"""`OUT/report.html`: a run on one page, from its own files, that asks for nothing else."""

from __future__ import annotations

from typing import Any

from pipelines.finished import Finished

NAME = "report.html"


def write_report(run: Finished, gate: dict[str, Any] | None) -> str:
    """Write the report of a run; returns its path.

    Args:
        run: the run.
        gate: the gate's verdict, as `gate.json` has it; None where nothing was published.
    """
    from pipelines.report.ablation import ablation
    from pipelines.report.attributes import attributes
    from pipelines.report.checks import checks
    from pipelines.report.contamination import contamination
    from pipelines.report.duplicates import duplicates
    from pipelines.report.evaluation import evaluation
    from pipelines.report.external import external
    from pipelines.report.fate import fates
    from pipelines.report.findings import findings, summary
    from pipelines.report.flow import flow
    from pipelines.report.images import images
    from pipelines.report.page import render
    from pipelines.report.probes import probes
    from pipelines.report.raters import raters
    from pipelines.report.ratings import ratings
    from pipelines.report.shortcuts import shortcuts
    from pipelines.report.slices import slices
    from pipelines.report.splits import cost, splits
    from pipelines.report.steps import steps
    from pipelines.report.strength import ambiguity, pairs_of, strength
    from pipelines.report.trajectories import trajectories
    from pipelines.results import results_of
    from schemas.expectations import verdict_of
    from transforms import blocks

    found, pairs, results = fates(run), pairs_of(run), results_of(run)
    acted = run.config.policy.act
    sections = [
        None if acted else summary(run, findings(run, found)),
        flow(run, found),
        checks(verdict_of(gate)) if gate else None,
        duplicates(run),
        contamination(run),
        raters(run),
        ratings(run),
        steps(run),
        trajectories(run),
        images(run),
        strength(run, pairs),
        ambiguity(run, pairs),
        external(run),
        probes(run),
        shortcuts(run),
        slices(run),
        attributes(run),
        evaluation(results),
        ablation(results),
        splits(run, found) if acted else None,
        cost(run),
    ]
    manifest = run.manifest
    what, how = ("what was done to it", "Curated") if acted else ("what is wrong with it", "Left as it is, audited")
    title = f"{manifest['name']}: {what}"
    subtitle = f"{how} with Trenchcoat {manifest['trenchcoat']} from {', '.join(manifest['sources'])}."
    page = render(run, [section for section in sections if section], title, subtitle)
    path = f"{run.out}/{NAME}"
    blocks.write_bytes(page.encode(), path)
    return path


def rewrite(out: str) -> str | None:
    """Write the page of the run in a folder again, with what is there now; its path, or None where no run is."""
    from transforms import blocks

    if not blocks.exists(f"{out}/manifest.json"):
        return None
    path = f"{out}/gate.json"
    run = Finished.at(out)
    with run.understood():
        return write_report(run, blocks.read_json(path) if blocks.exists(path) else None)


def run_report(out: str) -> int:
    """Write the report of a finished run again."""
    from pipelines.answer import answer

    return answer(lambda: _report(out))


def _report(out: str) -> int:
    print(rewrite(Finished.at(out).out))
    return 0
