"""What a run comes to, in words and tables for its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.results import Results
from schemas.results import PARTED, RESULTS, VOICE, VOICE_MEANS

#: What ranks scorers in each table, and what it is called there.
_FIGURES = {
    "accuracy": "accuracy",
    "acc_eq_calibrated": "acc_eq, ties calibrated",
    "pearson": "Pearson",
    "best_of": "best first",
    "f1": "F1",
}


@dataclass(frozen=True)
class Table:
    """A table of the card, with a sentence above it; cells are text."""

    title: str
    heads: list[str]
    lines: list[list[str]]
    said: str = ""


def tables_of(results: Results, left_out: tuple[str, ...] = ()) -> list[Table]:
    """The tables of the card's results, those that there are.

    Args:
        results: of the run.
        left_out: what is not to be published (`pipelines.redact.PARTS`).
    """
    out = [_figures(results.figures, "raters" in left_out)] if results.figures else []
    if results.evaluation:
        out += _evaluation(results.evaluation)
    if results.ablation:
        out.append(_ablation(results.ablation))
    return [one for one in out if one.lines]


def _figures(figures: dict[str, float], silent: bool) -> Table:
    lines = []
    for name in sorted(figures, key=_place):
        first = name.split("/")[0]
        if first != name or (silent and first in PARTED):
            continue
        means = VOICE_MEANS if name.startswith(VOICE) else RESULTS[name][0]
        lines.append([name, means, _number(figures[name])])
    return Table("", ["figure", "what it is", "value"], lines)


def _place(name: str) -> tuple[int, str]:
    order = list(RESULTS)
    return (order.index(name) if name in order else len(order), name)


def _evaluation(report: dict[str, Any]) -> list[Table]:
    of = f"the split {report['split']}" if report["split"] else "all splits"
    rows = f"{of}, rows and labels as curated" if report["rows"] == "kept" else "all rows, labels as recorded"
    out = []
    if one := report["pairs"]:
        title = f"Scorers on {one['pairs']:,} pairs of {one['prompts']:,} prompts ({rows})"
        out.append(_scorers(title, one["scorers"], "accuracy", ("low", "high")))
    for dimension, one in report["ratings"].items():
        by = one["ranked_by"]
        title = f"Scorers on {one['ratings']:,} ratings of {dimension} ({rows})"
        out.append(_scorers(title, one["scorers"], by, (f"{by}_low", f"{by}_high")))
    for dimension, one in report["rankings"].items():
        title = f"Scorers on {one['first']['rankings']:,} rankings by {dimension} ({rows})"
        out.append(_scorers(title, one["first"]["scorers"], "best_of", ("low", "high")))
    if one := report.get("steps"):
        title = f"Scorers of steps on {one['solutions']:,} solutions ({rows}): the first error"
        finders = {name: found for name, found in one["scorers"].items() if "f1" in found}
        out.append(_scorers(title, finders, "f1", ("low", "high")))
    return out


def _scorers(title: str, scorers: dict[str, Any], by: str, ends: tuple[str, str]) -> Table:
    names = sorted(scorers, key=lambda name: (scorers[name][by] is None, -(scorers[name][by] or 0), name))
    lines = [
        [name, _number(scorers[name][by]), " to ".join(_number(scorers[name].get(end)) for end in ends)]
        for name in names
    ]
    return Table(title, ["scorer", _FIGURES.get(by, by), "95 % interval"], lines)


def _ablation(report: dict[str, Any]) -> Table:
    lines = []
    for name, one in report["arms"].items():
        against = {held["than"]: held for held in one["against"]}
        less = [_less(against.get(other)) for other in ("raw", f"{name}: random drop")]
        lines.append([name, f"{one['lines']:,}", _number(one["accuracy"]), *less])
    gold = report["settings"]["gold"]
    where = f"of {', '.join(gold)}" if gold else "held out by group"
    said = (
        "The same small reward head, trained on what each part of the curation leaves and judged on pairs that were "
        "set apart before any; differences with 95 % intervals, a star where these leave out nought."
    )
    title = f"Does curation help? Accuracy on {report['rows']['evaluate']:,} pairs {where}"
    return Table(title, ["trained on", "pairs", "accuracy", "less raw", "less random drop"], lines, said)


def _less(found: dict[str, Any] | None) -> str:
    if found is None:
        return "–"
    star = " *" if found["sure"] else ""
    return f"{found['difference']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f}){star}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
