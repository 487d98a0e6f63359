"""The gate on the page: its verdict in words, and each expectation with what was observed."""

from __future__ import annotations

from pipelines.report.parts import Section, Table
from schemas.expectations import LAST, Check, Verdict, seen, together, wanted


def checks(verdict: Verdict) -> Section:
    """The gate's section: what holds of all files of a configuration is one line, and what does not a line a file."""
    told: dict[tuple[str, str, str], list[Check]] = {}
    for check in verdict.checks:
        told.setdefault((check.on.split("/")[0], check.name, check.status), []).append(check)
    lines = []
    for (on, name, status), alike in sorted(told.items(), key=lambda item: LAST.get(item[0][2], 0)):
        shown = [alike[0]] if status == "passed" else alike
        for check in shown:
            files = f"{on} ({len(alike)} files)" if len(alike) > 1 and status == "passed" else check.on
            observed = together(alike) if status == "passed" else seen(check.observed)
            expected = "–" if status == "skipped" else wanted(check.expected)
            lines.append([status, check.severity, files, name, observed, expected, check.expectation])
    first, *rest = verdict.words().split("\n")
    columns = ["outcome", "severity", "on", "what should hold", "observed", "expected", "expectation"]
    passed = Table(columns, lines, f"All {len(verdict.checks):,} expectations with what was observed", folded=True)
    return Section(
        "gate",
        "The gate",
        first,
        "passed" if verdict.passed else "failed",
        words=[line.strip() for line in rest] or ["Nothing is amiss: every expectation holds."],
        tables=[passed],
    )
