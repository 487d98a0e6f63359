"""`OUT/report.html`: a run on one page, from its own files, that asks for nothing else."""

from __future__ import annotations

from typing import Any

from pipelines.results import Results, open_results

NAME = "report.html"


def write_report(results: Results, gate: dict[str, Any]) -> str:
    """Write the report of a run; returns its path.

    Args:
        results: the run.
        gate: the gate's verdict, as `gate.json` has it.
    """
    from pipelines.report.checks import checks
    from pipelines.report.contamination import contamination
    from pipelines.report.duplicates import duplicates
    from pipelines.report.fate import fates
    from pipelines.report.flow import flow
    from pipelines.report.page import render
    from pipelines.report.raters import raters
    from pipelines.report.splits import cost, splits
    from pipelines.report.strength import ambiguity, pairs_of, strength
    from schemas.expectations import verdict_of
    from transforms import blocks

    found, pairs = fates(results), pairs_of(results)
    sections = [
        flow(results, found),
        checks(verdict_of(gate)),
        duplicates(results),
        contamination(results),
        raters(results),
        strength(results, pairs),
        ambiguity(results, pairs),
        splits(results, found),
        cost(results),
    ]
    manifest = results.manifest
    title = f"{manifest['name']}: what was done to it"
    subtitle = f"Curated with Trenchcoat {manifest['trenchcoat']} from {', '.join(manifest['sources'])}."
    page = render(results, [section for section in sections if section], title, subtitle)
    path = f"{results.out}/{NAME}"
    blocks.write_bytes(page.encode(), path)
    return path


def run_report(out: str) -> int:
    """Write the report of a finished run again."""
    from pipelines.commands import answer

    return answer(lambda: _report(out))


def _report(out: str) -> int:
    from transforms import blocks

    results = open_results(out)
    print(write_report(results, blocks.read_json(f"{results.out}/gate.json")))
    return 0
