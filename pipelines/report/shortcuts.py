"""Shortcuts on the page: what labels reward that can be counted, before and after balance (docs/shortcuts.md)."""

from __future__ import annotations

from typing import Any

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.page import left_out
from pipelines.report.parts import Chart, Section, Table, many, number
from transforms import blocks

#: Features in the picture, and in the table.
_DOTS, _LINES = 16, 60
_WHERE = {"text": "the texts", "user": "a feature of the user's", "generator": "who wrote it", "position": "its place"}


def shortcuts(run: Finished) -> Section | None:
    """Shortcuts of pairs and ratings; None where nobody measured them."""
    path = f"{run.out}/spurious.json"
    if not blocks.exists(path):
        return None
    told = blocks.read_json(path)
    pairs, balance = told.get("pairs"), told.get("balance")
    measured = pairs if pairs and pairs["measured"] else None
    features = measured["features"] if measured else []
    flagged = [one for one in features if one["flagged"]]
    tables = [_features(features)] if features else []
    if measured:
        tables += [*_rulers(measured["rulers"]), *_bias(measured["bias"])]
    tables += _ratings(told.get("ratings") or [])
    return Section(
        "shortcuts",
        "Shortcuts",
        _lead(pairs, flagged),
        "failed" if flagged and not balance else "",
        words=[*_words(measured, balance), *left_out(len(features) - _LINES, "feature")],
        charts=[_dots(features)] if features else [],
        tables=tables,
    )


def _lead(pairs: dict[str, Any] | None, flagged: list[dict[str, Any]]) -> str:
    if pairs is None:
        return "There are no pairs to measure shortcuts on."
    if not pairs["measured"]:
        return f"Shortcuts were not measured: {pairs['why']}."
    if not flagged:
        return f"No countable feature pays: none is beyond chance in {many(pairs['sided'], 'pair')}."
    names = ", ".join(f"{one['feature']} ({one['share_before']:.0%})" for one in flagged[:5])
    return (
        f"{many(len(flagged), 'feature')} that can be counted without reading go with the labels; how often the chosen "
        f"side has more: {names}."
    )


def _words(pairs: dict[str, Any] | None, balance: dict[str, Any] | None) -> list[str]:
    out = []
    if pairs and pairs.get("position"):
        at = pairs["position"]
        said = f"The first response is chosen in {at['first']:.1%} (95 % interval {at['low']:.1%} to {at['high']:.1%})."
        if at["first"] == 1:
            said = "The chosen response stands first in all pairs: its place is how these data say which it is."
        out.append(said)
    generators = (pairs or {}).get("generators")
    if generators and generators["known"] and generators["accuracy"] is not None:
        out.append(
            f"Knowing who wrote the responses names the better one in {generators['accuracy']:.1%} of the pairs."
        )
    if balance is None:
        out.append("Nothing was balanced.")
        return out
    out.append(
        f"Balanced by {balance['output']}: {balance['kept']:,} of {balance['rows']:,} training pairs; as many as "
        f"{balance['ess']:.1%} of them if all weighed alike."
    )
    if balance["unbalanced"]:
        out.append(f"These shapes cannot carry it: {', '.join(balance['unbalanced'])}.")
    return out + list(balance["notes"])


def _dots(features: list[dict[str, Any]]) -> Chart:
    """How often the chosen side has more of each feature, less a half, before and after."""
    values = []
    for one in features[:_DOTS]:
        for kind, end in (("before", ("low", "high")), ("after", ("low_after", "high_after"))):
            value = one.get(f"share_{kind}")
            if value is not None and one.get(end[0]) is not None:
                values.append((one["feature"], kind, value - 0.5, one[end[0]] - 0.5, one[end[1]] - 0.5))
    return charts.dots(
        values,
        "chosen side has more, less a half",
        "How often the chosen side has more of a feature than the rejected one, less a half, with 95 % intervals: at 0 "
        "the feature does not pay.",
    )


def _features(features: list[dict[str, Any]]) -> Table:
    columns = [
        "feature", "of", "pairs that differ", "chosen has more", "95 % interval", "after", "held out", "flagged",
        "not balanced because",
    ]  # fmt: skip
    lines = [
        [one["feature"], _WHERE.get(one["of"], one["of"]), one["n"], number(one["share_before"]),
         f"{number(one['low'])} to {number(one['high'])}", number(one.get("share_after")),
         number(one.get("share_held")), bool(one["flagged"]), one.get("why") or ""]
        for one in features[:_LINES]
    ]  # fmt: skip
    return Table(columns, lines, "Features, the strongest shortcut first", folded=True)


def _rulers(rulers: dict[str, Any]) -> list[Table]:
    """How well models that only count do, before and after."""
    lines = [
        [name, *(_interval(ruler.get(when)) for when in ("before", "after", "held_before", "held_after"))]
        for name, ruler in rulers.items()
        if ruler
    ]
    columns = ["model of counts alone", "before", "after", "held out, before", "held out, after"]
    return [Table(columns, lines, "How often counting alone names the better side")] if lines else []


def _interval(said: dict[str, Any] | None) -> str:
    return "–" if said is None else f"{number(said['accuracy'])} ({number(said['low'])} to {number(said['high'])})"


def _bias(bias: list[dict[str, Any]]) -> list[Table]:
    lines = [
        [one["scorer"], one["feature"], number(one["below"]), number(one["above"]), number(one["gap"]),
         number(one["null"]), bool(one["significant"])]
        for one in bias[:_LINES]
    ]  # fmt: skip
    columns = ["scorer", "feature", "right where less", "right where more", "gap", "gap by chance", "beyond chance"]
    return [Table(columns, lines, "Prediction bias of scorers", folded=True)] if lines else []


def _ratings(ratings: list[dict[str, Any]]) -> list[Table]:
    lines = [
        [one["dimension"], one["feature"], one["n"], number(one["correlation"]),
         f"{number(one['low'])} to {number(one['high'])}"]
        for one in ratings[:_LINES]
    ]  # fmt: skip
    columns = ["dimension", "feature", "ratings", "Spearman's ρ", "95 % interval"]
    return [Table(columns, lines, "What goes with ratings", folded=len(lines) > 12)] if lines else []
