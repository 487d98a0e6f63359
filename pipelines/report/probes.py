"""Probes on the page: what the preferences express, by what ratings taught."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.flow import LINES
from pipelines.report.page import left_out
from pipelines.report.parts import Chart, Link, Sample, Section, Table, key_of, many, number, share
from pipelines.report.samples import highest

#: Dimensions in pictures, and those whose rows are shown, with how many; the correlation below which one is a guess.
_DIMENSIONS, _SHOWN, _ROWS, _GUESS = 16, 6, 10, 0.2
_FAR = 0.95


def probes(run: Finished) -> Section | None:
    """What preferences express; None where no probe was fitted."""
    told = run.manifest["probes"]
    if told is None:
        return None
    found = sorted(told["dimensions"].items(), key=lambda item: (-item[1]["preferred_higher"], item[0]))
    absent = [
        f"{name} ({many(one['rows'], 'rating')} in {many(one['groups'], 'group')})"
        for name, one in sorted(told["left_out"].items())
    ]
    words = [f"Too few ratings to learn from: {'; '.join(absent)}."] if absent else []
    if not found:
        lead = "Nothing is known of what preferences express: no dimension has ratings enough."
        return Section("probes", "What preferences express", lead, words=words)
    name, first = found[0]
    outliers = told["outliers"]
    words.insert(
        0,
        f"Learnt from {many(told['rows'], 'rating')}, out of fold by group. {many(outliers, 'pair')} of "
        f"{told['pairs']:,} ({share(outliers, told['pairs'])}) {'has' if outliers == 1 else 'have'} a response so far "
        "from all rated ones that what probes say of it is a guess.",
    )
    samples = _samples(run, [name for name, _ in found[:_SHOWN]])
    return Section(
        "probes",
        "What preferences express",
        f"The preferred side is rated higher on {name} in {first['preferred_higher']:.1%} of the pairs"
        + (f"; of {len(found)} dimensions on that most." if len(found) > 1 else "."),
        words=[*words, *left_out(len(found) - LINES, "dimension")],
        charts=_charts(found[:_DIMENSIONS]),
        tables=[_table(found[:LINES], samples)],
        samples=[*samples.values(), *_outliers(run, outliers)],
    )


def _charts(found: list[tuple[str, dict[str, Any]]]) -> list[Chart]:
    return [
        charts.bars(
            [(name, "", one["preferred_higher"]) for name, one in found],
            "share of pairs",
            "How often the preferred side is the one that probes rate higher: at a half, nothing is expressed.",
            form=".0%",
            reach=(0.0, 1.0),
            rule=0.5,
        ),
        charts.bars(
            [(name, "", one["correlation"]) for name, one in found],
            "held-out correlation",
            "How well each dimension is known: the correlation of ratings with what probes say of them, out of fold. "
            f"Below {_GUESS:g} or so a probe says nothing.",
            form=".1f",
            reach=(min(0.0, *(one["correlation"] for _, one in found)), 1.0),
            rule=_GUESS,
        ),
    ]


def _table(found: list[tuple[str, dict[str, Any]]], samples: dict[str, Sample]) -> Table:
    lines = [
        [Link(name, samples[name].key) if name in samples else name, one["rows"], one["groups"],
         number(one["correlation"]), share(one["preferred_higher"], 1), f"{one['preferred_by']:+.3f}"]
        for name, one in found
    ]  # fmt: skip
    columns = ["dimension", "ratings", "groups", "held-out correlation", "preferred is higher", "by, of the scale"]
    return Table(columns, lines, "Dimensions, the one that preferences express most first")


def _samples(run: Finished, names: list[str]) -> dict[str, Sample]:
    """The pairs whose sides a dimension tells apart most."""
    said = run.sidecars("probes")
    if said is None:
        return {}
    columns = {name: f"probe_delta_{name}" for name in names}
    there = said.select("place", *columns.values()).join(run.ledger().select("place", chance=CHANCE), on="place")
    out = {}
    for name, column in columns.items():
        known = there.filter(pl.col(column).is_not_null()).with_columns(far=pl.col(column).abs())
        first = known.sort("far", "chance", descending=[True, False]).head(_ROWS).collect(engine="streaming")
        about = {
            place: f"{name}: response {1 if delta > 0 else 2} is rated higher, by {abs(delta):.3f} of the scale."
            for place, delta in first.select("place", column).rows()
        }
        total = int(known.select(pl.len()).collect(engine="streaming").item())
        if total:
            key = key_of("probe", name)
            out[name] = Sample(key, f"whose sides differ most on {name}", total, first["place"].to_list(), about=about)
    return out


def _outliers(run: Finished, total: int) -> list[Sample]:
    """The pairs that are farthest from what was rated; `total` was counted before distances were rounded."""
    signals = run.sidecars("probes")
    if signals is None:
        return []
    far = signals.select("place", "probe_outlier").filter(pl.col("probe_outlier") >= _FAR)
    known = far.join(run.ledger().select("place", chance=CHANCE), on="place").collect(engine="streaming")
    title = "with a response far from all that was rated"
    said = "Share of rated responses that lie nearer:"
    return [replace(one, total=total) for one in highest(known, "probe_outlier", _FAR, "probe-outliers", title, said)]
