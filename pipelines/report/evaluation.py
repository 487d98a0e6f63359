"""Scorers on the page: how well they agree with people, from the `evaluation.json` that `trenchcoat evaluate` wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.evaluate_text import not_compared, with_systems
from pipelines.report import charts
from pipelines.report.flow import LINES
from pipelines.report.parts import Chart, Section, Table, number, of_another
from pipelines.results import Results

#: Figures whose interval is just `low` and `high`; what slices of each kind count.
_PLAIN = ("accuracy", "f1")
_SOLUTIONS = "solutions in steps"
_UNITS = {"pairs": "pairs", _SOLUTIONS: "solutions"}
#: Dimensions of ratings and rankings that have a picture, and slices of a column that are listed.
_PICTURES, _SLICES = 6, 12
_FIGURES = {
    "accuracy": "accuracy",
    "acc_eq_calibrated": "acc_eq, calibrated",
    "acc_eq_held_out": "acc_eq, held out",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "kendall_b": "tau_b",
    "soft_pairwise_accuracy": "soft pairwise accuracy",
    "calibration_error": "ECE",
    "brier": "Brier",
    "f1": "F1",
    "error_accuracy": "errors",
    "right_accuracy": "right",
    "step_auroc": "step AUROC",
    "step_accuracy": "step accuracy",
}


def evaluation(results: Results) -> Section | None:
    """What was found of scorers; None where nobody evaluated any."""
    if "evaluation" in results.stale:
        return Section("evaluation", "Scorers", of_another("evaluation", "evaluate"))
    told = results.evaluation
    if told is None:
        return None
    parts = _parts(told)
    charts_, tables = [], []
    for title, by, one in parts:
        charts_ += _dots(title, by, one["scorers"], told["baselines"])
        tables += [_table(title, by, one["scorers"]), *_whole(title, one["scorers"])]
        tables += _sliced(title, by, one["slices"])
        if "systems" in one:
            tables += _sliced(title, "soft_pairwise_accuracy", with_systems(one["slices"]))
        if order := one.get("value_order"):
            drawn, table = _order(title, order, told["baselines"])
            charts_, tables = [*charts_, *drawn], [*tables, table]
    missed = [one for one in told["requirements"] if not one["met"]]
    rows = "kept rows, labels as curated" if told["rows"] == "kept" else "all rows, labels as recorded"
    words = [f"On {rows}" + (f", of the split {told['split']}." if told["split"] else ".")]
    words += [f"No score at all on {title}: {', '.join(one['silent'])}." for title, _, one in parts if one["silent"]]
    alone = {title: not_compared(one.get("systems")) for title, _, one in parts}
    words += [f"Systems are not compared on {title}: {why}." for title, why in alone.items() if why]
    words += [
        f"{'Met' if one['met'] else 'Not met'}: {one['required']}; it is {one['observed']}."
        for one in told["requirements"]
    ]
    return Section(
        "evaluation",
        "Scorers",
        _lead(parts, told["baselines"]),
        "failed" if missed else "passed" if told["requirements"] else "",
        words=words,
        charts=charts_[:_PICTURES],
        tables=tables,
    )


def _parts(told: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """What scorers were judged on, by which figure they are ranked, and how they did."""
    out: list[tuple[str, str, dict[str, Any]]] = [("pairs", "accuracy", told["pairs"])] if told["pairs"] else []
    out += [(f"ratings of {name}", one["ranked_by"], one) for name, one in told["ratings"].items()]
    out += [(f"rankings by {name}", one["ranked_by"], one) for name, one in told["rankings"].items()]
    out += [(_SOLUTIONS, "f1", told["steps"])] if told.get("steps") else []
    return out


def _lead(parts: Sequence[tuple[str, str, dict[str, Any]]], baselines: Sequence[str]) -> str:
    """The best scorer, and the best baseline beside it."""
    if not parts:
        return "There is nothing that scorers could be judged on."
    title, by, one = parts[0]
    figure = _FIGURES.get(by, by)
    first = {
        name in baselines: f"{name} ({figure} {number(one['scorers'][name][by])})"
        for name in reversed(_ordered(one["scorers"], by))
        if one["scorers"][name].get(by) is not None
    }
    if not first:
        return f"No scorer has a score for the {title}."
    best = first.get(False, "none has a score for each step" if title == _SOLUTIONS else "none has a score")
    return f"On {title}, the best scorer: {best}; the best baseline: {first.get(True, 'none')}."


def _ordered(scorers: Mapping[str, Any], by: str) -> list[str]:
    return sorted(scorers, key=lambda name: (scorers[name].get(by) is None, -(scorers[name].get(by) or 0), name))


def _dots(title: str, by: str, scorers: Mapping[str, Any], baselines: Sequence[str]) -> list[Chart]:
    """Each scorer's figure with its interval."""
    ends = ("low", "high") if by in _PLAIN else (f"{by}_low", f"{by}_high")
    values = []
    for name in _ordered(scorers, by)[:LINES]:
        one = scorers[name]
        if one.get(by) is not None:
            low, high = (one[by] if one.get(end) is None else one[end] for end in ends)
            values.append((name, "a baseline" if name in baselines else "a scorer", one[by], low, high))
    values.sort(key=lambda value: value[1] == "a baseline")
    said = f"On {title}: {_FIGURES.get(by, by)} with 95 % intervals."
    return [charts.dots(values, _FIGURES.get(by, by), said, 0.5 if by == "accuracy" else None)] if values else []


def _table(title: str, by: str, scorers: Mapping[str, Any]) -> Table:
    keys = [key for key in _FIGURES if any(one.get(key) is not None for one in scorers.values())]
    lines = [
        [name, scorers[name].get("cluster") or "–", *(number(scorers[name].get(key)) for key in keys)]
        for name in _ordered(scorers, by)[:LINES]
    ]
    return Table(["scorer", "cluster", *(_FIGURES[key] for key in keys)], lines, f"On {title}", folded=True)


def _order(title: str, told: Mapping[str, Any], baselines: Sequence[str]) -> tuple[list[Chart], Table]:
    """How far what is said of frames rises with time: by scorers, and by where labels come from."""
    voices = [(name, "a baseline" if name in baselines else "a scorer", told["scorers"][name])
              for name in _ordered(told["scorers"], "voc")[:LINES]]  # fmt: skip
    voices.sort(key=lambda voice: voice[1] == "a baseline")
    voices += [(name, "a source of labels", one) for name, one in told["labels"].items()]
    known = [(name, kind, one["voc"], one["low"], one["high"]) for name, kind, one in voices if one["voc"] is not None]
    where = f"{told['trajectories']:,} trajectories, by {told['rows']:,} {title} of frames"
    lines = [
        [name, kind, number(one["voc"]), f"{number(one['low'])} to {number(one['high'])}", one["defined"],
         one["constant"], one["short"]]
        for name, kind, one in voices
    ]  # fmt: skip
    columns = ["of", "which is", "VOC", "95 % interval", "with a VOC", "all the same", "too short"]
    said = f"Value-order correlation on {where}, with 95 % intervals: 1 where it rises throughout."
    drawn = [charts.dots(known, "VOC", said)] if known else []
    return drawn, Table(columns, lines, f"Value-order correlation on {where}", folded=True)


def _whole(title: str, scorers: Mapping[str, Any]) -> list[Table]:
    """How well right solutions are told from wrong ones, for each way to put steps together."""
    if title != _SOLUTIONS:
        return []
    ways = list(dict.fromkeys(way for one in scorers.values() for way in one["solutions"]))
    lines = [[name, *(number(one["solutions"].get(way)) for way in ways)] for name, one in scorers.items()]
    columns = ["scorer", *(way.replace("_", " ") for way in ways)]
    return [Table(columns, lines, "Right solutions told from wrong ones (AUROC), steps put together", folded=True)]


def _sliced(title: str, by: str, columns: Mapping[str, Any]) -> list[Table]:
    """The largest slices of each column."""
    out = []
    for column, told in columns.items():
        unit = _UNITS.get(title, "ratings")
        some = sorted(told["slices"], key=lambda found: -found[unit])[:_SLICES]
        if not some:
            continue
        names = list(some[0]["scorers"])[:LINES]
        lines = [
            [found["value"], found[unit], *(number(found["scorers"][name].get(by)) for name in names)]
            for found in sorted(some, key=lambda found: found["value"])
        ]
        said = f"{_FIGURES.get(by, by)} on {title} by {column}"
        out.append(Table([column, unit, *names], lines, said, folded=True))
    return out
