"""Contamination on the page: which benchmarks are in the data, and the texts that they have in common."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.flow import LINES
from pipelines.report.page import left_out
from pipelines.report.parts import SHOWN, Entry, Link, Piece, Sample, Section, Table, key_of, many, number
from transforms import blocks

_MATCHES = pl.Schema(
    {name: pl.String() for name in ("row_id", "side", "benchmark", "item", "part", "rule", "passage", "item_text")}
    | {name: pl.Float64() for name in ("share", "threshold")}
)


def contamination(run: Finished) -> Section | None:
    """What the data and the benchmarks have in common; None where there were none."""
    told = run.manifest["contamination"]
    if told is None:
        return None
    named = sorted(told["benchmarks"].items(), key=lambda item: (-item[1]["rows"], item[0]))
    samples = _samples(run)
    lines = [
        [
            name,
            one["items"],
            Link(one["rows"], samples[name].key) if name in samples else one["rows"],
            one["unreadable"],
        ]
        for name, one in named[:LINES]
    ]
    words = [
        f"{many(told['rows_by_duplicates'], 'row')} of them only because a duplicate does. "
        f"{many(told['common_speech'], 'match was', 'matches were')} left aside as common speech."
    ]
    if told["rules"]:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in sorted(told["rules"].items()))
        words.append(f"Matches by the rule that found them: {rules}.")
    chart = charts.bars(
        [(name, "", one["rows"]) for name, one in named[:LINES]], "rows", "Rows that overlap with each benchmark."
    )
    return Section(
        "contamination",
        "Contamination",
        f"{many(told['rows'], 'row overlaps', 'rows overlap')} with a benchmark.",
        "failed" if told["rows"] else "passed",
        words=[*words, *left_out(len(named) - LINES, "benchmark")],
        charts=[chart] if told["rows"] else [],
        tables=[Table(["benchmark", "items", "rows", "records that could not be read"], lines, "Benchmarks")],
        samples=[samples[name] for name, _ in named[:LINES] if name in samples],
    )


def _samples(run: Finished) -> dict[str, Sample]:
    """Matches of each benchmark, chosen by hash."""
    path = f"{run.out}/contamination.jsonl"
    if not run.manifest["contamination"]["rows"] or not blocks.exists(path):
        return {}
    source: Any = blocks.read_bytes(path) if blocks.is_remote(path) else path
    matches = pl.scan_ndjson(source, schema=_MATCHES).with_row_index("place")
    chance = pl.concat_str("row_id", "side", "item", "part", "rule", separator="|").nchash.xxh3_64()  # type: ignore[attr-defined]
    chosen = (
        matches.select("place", "benchmark", chance=chance)
        .group_by("benchmark")
        .agg(pl.len(), pl.col("place").bottom_k_by("chance", SHOWN))
        .collect(engine="streaming")
    )
    places = chosen["place"].explode(empty_as_null=False, keep_nulls=False)
    found = matches.filter(pl.col("place").is_in(places.implode())).collect(engine="streaming").sort("place")
    return {
        name: Sample(
            key_of("benchmark", name),
            f"in common with {name}",
            total,
            entries=[_match(one) for one in found.filter(pl.col("benchmark") == name).to_dicts()],
        )
        for name, total in chosen.select("benchmark", "len").rows()
    }


def _match(one: dict[str, Any]) -> Entry:
    facts = [
        ("benchmark's item", one["item"]),
        ("overlaps", f"the row's {one['side']} with the item's {one['part']}"),
        (f"rule {one['rule']}", f"{number(one['share'])} against {number(one['threshold'])}"),
    ]
    return Entry(one["row_id"], facts, [Piece("passage of the row", one["passage"]), Piece("item", one["item_text"])])
