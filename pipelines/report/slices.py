"""Slices on the page: regions of the data where labels go wrong, or raters disagree, more often than elsewhere."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.page import left_out
from pipelines.report.parts import SHOWN, Chart, Link, Sample, Section, Table, key_of, many, number, share
from transforms import blocks

#: Slices that are listed, and words that tell one from the rest.
_LINES, _WORDS = 20, 6
#: What a slice has more of, by the signal that found it.
SIGNALS = {"error": "labels that the detectors contradict", "disagreement": "how far two raters differ"}


def slices(run: Finished) -> Section | None:
    """What was found; None where nobody looked."""
    path = f"{run.out}/slices.json"
    if not blocks.exists(path):
        return None
    told = blocks.read_json(path)
    found = sorted(told["slices"], key=lambda one: (-abs(one["rate"] - one["elsewhere"]) * one["rows"], one["slice"]))
    looked = [
        f"Looked at {SIGNALS.get(kind, kind)}: {many(one['rows'], 'row')} in {many(one['groups'], 'group')}"
        + ("." if "sampled" in one else ", too few to look for slices.")
        for kind, one in told["looked_at"].items()
    ]
    samples = _samples(run, found[:_LINES])
    return Section(
        "slices",
        "Slices",
        _lead(len(found), told["looked_at"]),
        words=[*looked, *left_out(len(found) - _LINES, "slice")],
        charts=[_dots(found[:_LINES])] if found else [],
        tables=[_table(found[:_LINES], samples), *_splits(found[:_LINES])] if found else [],
        samples=list(samples.values()),
    )


def _lead(found: int, looked: dict[str, Any]) -> str:
    if found:
        return f"{many(found, 'slice of the data stands', 'slices of the data stand')} out."
    if any("sampled" in one for one in looked.values()):
        return "No slice of the data stands out."
    return "Slices were not looked for: there is too little to look at."


def name_of(one: dict[str, Any]) -> str:
    """A slice by the words that tell it from the rest."""
    words = ", ".join(one["keywords"][:_WORDS])
    return f"{one['slice']}: {words or 'no words of its own'}"


def _dots(found: list[dict[str, Any]]) -> Chart:
    values = []
    for one in found:
        name = name_of(one)
        values.append((name, "in the slice", one["rate"], one["low"], one["high"]))
        values.append((name, "elsewhere", one["elsewhere"], one["elsewhere"], one["elsewhere"]))
    return charts.dots(values, "rate", "Each slice's rate with its 95 % interval, and the rate of the other rows.")


def _table(found: list[dict[str, Any]], samples: dict[int, Sample]) -> Table:
    lines = [
        [name_of(one), SIGNALS.get(one["signal"], one["signal"]),
         Link(one["rows"], samples[one["slice"]].key) if one["slice"] in samples else one["rows"],
         number(one["rate"]), f"{number(one['low'])} to {number(one['high'])}", number(one["elsewhere"]),
         number(one["p"])]
        for one in found
    ]  # fmt: skip
    columns = ["slice", "has more of", "rows", "rate", "95 % interval", "elsewhere", "p of such a slice by chance"]
    return Table(columns, lines, "Slices, those that matter most first")


def _splits(found: list[dict[str, Any]]) -> list[Table]:
    lines = [
        [name_of(one), split, said["rows"], share(said["share"], 1), number(said["rate"])]
        for one in found
        for split, said in sorted(one.get("splits", {}).items())
    ]
    columns = ["slice", "split", "kept rows", "of the split", "rate"]
    return [Table(columns, lines, "How splits hold them", folded=True)] if lines else []


def _samples(run: Finished, found: list[dict[str, Any]]) -> dict[int, Sample]:
    """Rows of each slice, by hash."""
    said = run.sidecars("slices")
    if said is None or not found:
        return {}
    chances = run.ledger().select("place", chance=CHANCE)
    listed = said.select("place", "slices").filter(pl.col("slices").list.len() > 0).explode("slices")
    chosen = (
        listed.join(chances, on="place")
        .group_by("slices")
        .agg(pl.len(), pl.col("place").bottom_k_by("chance", SHOWN))
        .collect(engine="streaming")
    )
    rows = {number_: (total, sorted(places)) for number_, total, places in chosen.rows()}
    return {
        one["slice"]: Sample(
            key_of("slice", str(one["slice"])), f"slice {name_of(one)}", rows[one["slice"]][0], rows[one["slice"]][1]
        )
        for one in found
        if one["slice"] in rows
    }
