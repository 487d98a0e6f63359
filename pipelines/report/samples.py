"""Rows chosen to be shown: those with the most of a signal, or some of those of a name, whatever the order of rows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.report.parts import SHOWN, Sample


def highest(rows: pl.DataFrame, signal: str, least: float, key: str, title: str, what: str = "") -> list[Sample]:
    """The rows with the highest of a signal, of those that have at least so much of it; none where none has.

    Args:
        rows: `place`, `chance` (the order of rows that have as much) and the signal.
        signal: a column.
        least: of it.
        key: where on the page they are.
        title: what they have in common.
        what: the signal in words; its name when empty.
    """
    if rows.is_empty():
        return []
    known = rows.filter(pl.col(signal) >= least)
    first = known.sort(signal, "chance", descending=[True, False]).head(SHOWN)
    about = {place: f"{what or signal} {value:.3f}." for place, value in first.select("place", signal).rows()}
    return [Sample(key, title, known.height, places=first["place"].to_list(), about=about)] if first.height else []


def of_names(rows: pl.LazyFrame, column: str, names: Mapping[str, tuple[str, str]], shown: int) -> dict[str, Sample]:
    """Some of the rows that have each name, by hash.

    Args:
        rows: `place`, `chance` and `column`, lists of names.
        column: of `rows`.
        names: each with where on the page its rows are, and what they have in common.
        shown: of each.
    """
    found = (
        rows.select("place", "chance", name=column)
        .explode("name")
        .filter(pl.col("name").is_in(list(names)))
        .group_by("name")
        .agg(pl.len(), pl.col("place").bottom_k_by("chance", shown))
        .collect(engine="streaming")
    )
    chosen = {name: (total, sorted(places)) for name, total, places in found.rows()}
    return {
        name: Sample(key, title, chosen[name][0], places=chosen[name][1])
        for name, (key, title) in names.items()
        if name in chosen
    }
