"""What the gate checked and what came of it, in words and lines for a dataset's card."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.expectations import LAST, Check, Verdict, together, wanted
from schemas.results import PARTED

_METRICS = "metrics"


@dataclass(frozen=True)
class Checks:
    """The gate's verdict in a sentence, and a line of text for each thing that it checked."""

    said: str
    lines: list[list[str]]


def checks_of(verdict: Verdict, left_out: tuple[str, ...] = ()) -> Checks:
    """The checks of a verdict; what holds, or does not, of several files or configurations is one line.

    Counts alone are told of rows, none of their values: these may be of what is not published.

    Args:
        verdict: the gate's.
        left_out: what is not to be published (`pipelines.redact.PARTS`).
    """
    failed = [check for check in verdict.checks if check.amiss]
    made = sum(check.status != "skipped" for check in verdict.checks)
    critical = sum(check.severity == "critical" for check in failed)
    warned = len(failed) - critical
    said = f"The gate made {made:,} checks of the run's figures and of every published file. "
    if not verdict.passed:
        said += f"It failed: {critical:,} that matter did not hold" + (f", and {warned:,} warned." if warned else ".")
    else:
        said += f"None that matters failed; {warned:,} warned." if warned else "All passed."
    if made < len(verdict.checks):
        said += f" {len(verdict.checks) - made:,} could not be made, and says nothing: see below."
    told: dict[tuple[str, str, str], list[Check]] = {}
    for check in verdict.checks:
        if not ("raters" in left_out and _of_raters(check)):
            told.setdefault((check.name, check.severity, check.status), []).append(check)
    # What failed comes first, and what matters before what is only told.
    ordered = sorted(told.items(), key=lambda item: (LAST.get(item[0][2], 0), item[0][1] != "critical"))
    return Checks(said, [_line(alike) for _, alike in ordered])


def _of_raters(check: Check) -> bool:
    return check.on == _METRICS and str(check.expected.get("column", "")).split("/")[0] in PARTED


def _line(alike: list[Check]) -> list[str]:
    first = alike[0]
    figures = first.on == _METRICS
    of: dict[str, int] = {}
    for check in alike:
        name, *file = check.on.split("/")
        of[name] = of.get(name, 0) + len(file)
    where = ", ".join(f"{name} ({files:,} files)" if files > 1 else name for name, files in of.items())
    outcome = first.status if first.severity == "critical" or not first.amiss else "warning"
    counted = all(isinstance(check.observed, dict) for check in alike)
    observed = together(alike).removeprefix("observed ") if figures or counted else "–"
    asked = figures and first.status != "skipped"
    return [first.name, "the run" if figures else where, outcome, observed, wanted(first.expected) if asked else "–"]
