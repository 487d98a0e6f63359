"""Whether curation helps, on the page: from the `ablation.json` that `trenchcoat ablate` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.report import charts
from pipelines.report.parts import Chart, Section, Table, many, number, of_another
from pipelines.results import Results


def ablation(results: Results) -> Section | None:
    """Every arm held against the raw rows; None where nobody asked."""
    if "ablation" in results.stale:
        return Section("ablation", "Does curation help?", of_another("ablation", "ablate"))
    told = results.ablation
    if told is None:
        return None
    arms, rows = told["arms"], told["rows"]
    whole = _against(arms.get("all", {}), "raw")
    sure = whole is not None and whole["sure"]
    verdict = (
        "is not told apart from" if not sure else "is better than" if whole and whole["low"] > 0 else "is worse than"
    )
    lead = (
        f"A small reward head trained on what all of the curation leaves {verdict} one on the raw pairs: "
        f"{_said(whole)} in accuracy."
        if whole
        else "Nothing that could be left out is switched on."
    )
    where = f"of {', '.join(told['settings']['gold'])}" if told["settings"]["gold"] else "held out by group"
    words = [
        f"Judged on {many(rows['evaluate'], 'pair')} {where}, set apart before anything was curated; "
        f"{many(told['settings']['seeds'], 'head')} an arm."
    ]
    if told["idle"]:
        words.append(f"Changes nothing here, so has no arms: {', '.join(told['idle'])}.")
    return Section(
        "ablation",
        "Does curation help?",
        lead,
        ("passed" if whole and whole["low"] > 0 else "failed") if sure else "",
        words=words,
        charts=_dots(arms),
        tables=[_table(arms), _proxies(told["proxies"])],
    )


def _against(arm: Mapping[str, Any], other: str) -> dict[str, Any] | None:
    return next((one for one in arm.get("against", []) if one["than"] == other), None)


def _said(found: Mapping[str, Any] | None) -> str:
    return "–" if found is None else f"{found['difference']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f})"


def _dots(arms: Mapping[str, Any]) -> list[Chart]:
    """Each arm's accuracy less that of the raw pairs, controls apart."""
    values = []
    for name, arm in arms.items():
        if found := _against(arm, "raw"):
            kind = "a control" if arm["control"] else "an arm"
            values.append((name, kind, found["difference"], found["low"], found["high"]))
    values.sort(key=lambda value: value[1] == "a control")
    said = "Accuracy less that on raw pairs, with 95 % intervals: right of 0 it helps. Controls drop or turn by chance."
    return [charts.dots(values, "accuracy less raw", said)] if values else []


def _table(arms: Mapping[str, Any]) -> Table:
    lines = [
        [name, one["lines"], number(one["accuracy"], 4), f"{number(one['low'])} to {number(one['high'])}",
         _said(_against(one, "raw")), _said(_against(one, f"{name}: random drop")), _said(_against(one, "all"))]
        for name, one in arms.items()
    ]  # fmt: skip
    columns = ["arm", "pairs", "accuracy", "95 % interval", "less raw", "less as many by chance", "less all"]
    return Table(columns, lines, "Arms", folded=True)


def _proxies(proxies: Mapping[str, Any]) -> Table:
    lines = [
        [name, "–" if one["rho"] is None else f"{one['rho']:+.2f}", one["arms"], bool(one["predicts"]), one["what"]]
        for name, one in proxies.items()
    ]
    columns = ["proxy", "rank correlation with accuracy", "arms", "predictive", "what it is"]
    return Table(columns, lines, "Which proxy tells the outcome", folded=True)
