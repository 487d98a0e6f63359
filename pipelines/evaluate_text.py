"""An evaluation as a table for people: every figure is in the JSON beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transforms.meta.scope import SMALLEST

#: Slices shown of a column; the JSON has all.
_SHOWN = 12
_PAIRS = (
    ("accuracy", "accuracy"),
    ("acc_eq", "acc_eq"),
    ("acc_eq_calibrated", "calibrated"),
    ("acc_eq_held_out", "held out"),
    ("calibration_error", "ECE"),
    ("brier", "Brier"),
)
_RATED = (
    ("acc_eq_calibrated", "acc_eq*"),
    ("acc_eq_held_out", "held out"),
    ("pearson", "Pearson"),
    ("spearman", "Spearman"),
    ("kendall_b", "tau_b"),
    ("kendall_c", "tau_c"),
    ("soft_pairwise_accuracy", "SPA"),
    ("pairwise_accuracy", "PA"),
    ("calibration_error", "ECE"),
)


def table_of(report: dict[str, Any]) -> str:
    """The report's tables: pairs, then each dimension of ratings and rankings, then solutions in steps."""
    parts = []
    if report["pairs"]:
        parts.append(_pairs(report["pairs"]))
    for dimension, one in report["ratings"].items():
        parts.append(_rated(f"ratings of {dimension}", one))
    for dimension, one in report["rankings"].items():
        parts.append(_rated(f"rankings by {dimension}", one))
        parts.append(_first(dimension, one["first"]))
    if report["steps"]:
        parts.append(_steps(report["steps"]))
    strangers = [one for one in report["scorers"] if one.get("unknown_rows")]
    parts += [f"{one['name']}: {one['unknown_rows']:,} of the {one['lines']:,} lines of {one['value']} name no row of "
              "the run" for one in strangers]  # fmt: skip
    return "\n\n".join(parts)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _ends(found: dict[str, Any], of: str = "") -> str:
    """An interval; a dash where there is none."""
    low, high = found[f"{of}low"], found[f"{of}high"]
    return "–" if low is None or high is None else f"{low:.3f}–{high:.3f}"


def grid(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    shown = [[cell.ljust(w) if not i else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))]
             for line in (heads, *lines)]  # fmt: skip
    return "\n".join("  ".join(line).rstrip() for line in shown)


def _ordered(scorers: dict[str, Any], by: str) -> list[str]:
    return sorted(scorers, key=lambda name: (scorers[name][by] is None, -(scorers[name][by] or 0), name))


def _said(one: dict[str, Any]) -> str:
    """What is not in the table, and why."""
    missing = {name: count for name, count in one["missing"].items() if count}
    said = ""
    if one["left_out"]:
        of = ", ".join(f"{name} {count:,}" for name, count in missing.items())
        said += f"\n{one['left_out']:,} left out, so that all are judged on the same; without a score: {of}"
    if one["silent"]:
        said += f"\nno score at all: {', '.join(one['silent'])}"
    return said


def _pairs(one: dict[str, Any]) -> str:
    names = _ordered(one["scorers"], "accuracy")
    lines = []
    for name in names:
        found = one["scorers"][name]
        cells = [_number(found[key]) for key, _ in _PAIRS]
        lines.append([name, str(found["cluster"] or "–"), cells[0], _ends(found), *cells[1:]])
    heads = ["scorer", "cluster", "accuracy", "95 %", *(title for _, title in _PAIRS[1:])]
    title = f"{one['pairs']:,} pairs of {one['prompts']:,} prompts, {one['ties']:,} ties"
    if one["tie_rate"]:
        title += f"; calling all of them ties would be right in {one['tie_rate']:.3f}"
    shown = f"{title}\n{grid(heads, lines)}{_said(one)}"
    if one["sections"]:
        shown += "\n\n" + _sections(one["sections"]["all"], names)
    shown += _order(one.get("value_order"), "pairs")
    return shown + _sliced(one["slices"], names, "pairs", "accuracy")


def _order(told: dict[str, Any] | None, unit: str) -> str:
    """How far what is said of frames rises with time; labels and the frames' own values below the scorers."""
    if told is None:
        return ""
    voices = [(name, told["scorers"][name]) for name in _ordered(told["scorers"], "voc")]
    voices += [(f"({name})", one) for name, one in told["labels"].items()]
    lines = [
        [name, _number(one["voc"]), _ends(one), f"{one['defined']:,}",
         f"{one['constant']:,}", f"{one['short']:,}"]
        for name, one in voices
    ]  # fmt: skip
    title = f"value-order correlation on {told['trajectories']:,} trajectories, by {told['rows']:,} {unit} of frames"
    table = grid(["scorer or (label)", "VOC", "95 %", "defined", "constant", "short"], lines)
    return f"\n\n{title}\n{table}"


def _sections(found: dict[str, Any], names: list[str]) -> str:
    heads = list(dict.fromkeys(section for name in names for section in found[name]))
    lines = [[name, *(_number(found[name].get(section)) for section in heads)] for name in names]
    return "RewardBench, a tie being half right\n" + grid(["scorer", *heads], lines)


def _rated(title: str, one: dict[str, Any]) -> str:
    names = _ordered(one["scorers"], one["ranked_by"])
    keys = [(key, head) for key, head in _RATED if any(one["scorers"][name].get(key) is not None for name in names)]
    lines = []
    for name in names:
        found = one["scorers"][name]
        cells = {head: _number(found.get(key)) for key, head in keys}
        ends = _ends(found, f"{one['ranked_by']}_")
        lines.append([name, str(found["cluster"] or "–"), ends, *cells.values()])
    by = dict(_RATED)[one["ranked_by"]]
    title += f": {one['ratings']:,} of {one['segments']:,} segments, {one['comparisons']:,} comparisons within them"
    if one["comparisons"] and one["tie_rate"] is not None:
        title += f", {one['tie_rate']:.3f} of them ties"
    shown = grid(["scorer", "cluster", f"95 % of {by}", *(head for _, head in keys)], lines)
    systems = one["systems"]
    more = ""
    if systems:
        why = not_compared(systems)
        shared = f"{len(systems['means'])} systems on {systems['segments']:,} segments"
        more = f"\nsystems are not compared: {why}" if why else f"\n{shared}"
    if systems and systems["left_out"]:
        more += f"; with too few segments: {', '.join(systems['left_out'])}"
    figure = "acc_eq_calibrated" if one["comparisons"] else "pearson"
    more += _said(one) + _order(one.get("value_order"), "ratings")
    more += _sliced(one["slices"], names, "ratings", figure)
    more += _sliced(with_systems(one["slices"]), names, "ratings", "soft_pairwise_accuracy")
    return f"{title}\n{shown}{more}"


def not_compared(systems: Mapping[str, Any] | None) -> str | None:
    """Why systems are not compared, where there are some; None where they are."""
    if systems is None or systems["means"]:
        return None
    return "only one has enough segments" if systems["segments"] else "no segment has all of them"


def with_systems(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Slices most of whose segments have all systems, as languages have and lengths have not."""
    whole = {
        column: {**one, "slices": [found for found in one["slices"] if _whole(found.get("systems"))]}
        for column, one in columns.items()
    }
    return {column: one for column, one in whole.items() if one["slices"]}


def _whole(systems: Mapping[str, Any] | None) -> bool:
    return systems is not None and systems["compared"] > 1 and systems["segments"] > systems["segments_left_out"]


def _first(dimension: str, one: dict[str, Any]) -> str:
    names = _ordered(one["scorers"], "score" if "score" in next(iter(one["scorers"].values())) else "best_of")
    subsets = list(next(iter(one["scorers"].values())).get("subsets", {}))
    lines = []
    for name in names:
        found = one["scorers"][name]
        cells = [_number(found["subsets"][subset]) for subset in subsets]
        score = [_number(found["score"])] if subsets else []
        lines.append([name, *score, _number(found["best_of"]), _ends(found), *cells])
    heads = ["scorer", *(["RewardBench 2"] if subsets else []), "best first", "95 %", *subsets]
    return (
        f"first of {one['rankings']:,} rankings by {dimension}, chance {_number(one['chance'])}\n{grid(heads, lines)}"
    )


def _steps(one: dict[str, Any]) -> str:
    """Who finds the first error and tells right steps, and who tells right solutions, by each aggregator."""
    finders = _ordered({name: found for name, found in one["scorers"].items() if "f1" in found}, "f1")
    keys = (("f1", "F1"), ("error_accuracy", "errors"), ("right_accuracy", "right"), ("step_auroc", "step AUROC"),
            ("step_accuracy", "step accuracy"))  # fmt: skip
    lines = []
    for name in finders:
        found = one["scorers"][name]
        cells = [_number(found[key]) for key, _ in keys]
        lines.append([name, str(found["cluster"] or "–"), cells[0], _ends(found), *cells[1:]])
    unknown = f", {one['unknown']:,} not judged to the end" if one["unknown"] else ""
    title = (
        f"{one['solutions']:,} solutions of {one['prompts']:,} prompts, {one['right']:,} without an error{unknown}; "
        f"{one['steps']:,} judged steps\nthe first error, and single steps"
    )
    heads = ["scorer", "cluster", keys[0][1], "95 %", *(head for _, head in keys[1:])]
    names = [*finders, *(name for name in one["scorers"] if name not in finders)]
    ways = list(dict.fromkeys(way for name in names for way in one["scorers"][name]["solutions"]))
    whole = [[name, *(_number(one["scorers"][name]["solutions"].get(way)) for way in ways)] for name in names]
    shown = f"{title}\n{grid(heads, lines)}{_said(one)}"
    shown += "\n\nright solutions told from wrong ones (AUROC), steps put together\n"
    shown += grid(["scorer", *(way.replace("_", " ") for way in ways)], whole)
    return shown + _sliced(one["slices"], finders, "solutions", "f1")


def _sliced(columns: dict[str, Any], names: list[str], unit: str, figure: str) -> str:
    out = ""
    for column, one in columns.items():
        some = one["slices"]
        if not some:
            small = (
                f"all {one['left_out']} slices are under {SMALLEST} rows" if one["left_out"] else "no row has a value"
            )
            out += f"\n\nby {column}: {small}"
            continue
        shown = sorted(sorted(some, key=lambda found: -found[unit])[:_SHOWN], key=lambda found: found["value"])
        lines = [
            [found["value"][:40], f"{found[unit]:,}", *(_number(found["scorers"][name][figure]) for name in names)]
            for found in shown
        ]
        hidden = len(some) - len(shown) + one["left_out"]
        rest = f" ({hidden} more)" if hidden else ""
        out += f"\n\n{figure.replace('_', ' ')} by {column}{rest}\n{grid([column, unit, *names], lines)}"
    return out
