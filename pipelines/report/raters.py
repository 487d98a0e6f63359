"""Raters on the page: how far they agree, and how reliable those are who judged much."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.flow import LINES
from pipelines.report.page import left_out
from pipelines.report.parts import Chart, Section, Table, many, number
from transforms import blocks

#: A rater who judged so much with others, and goes with them no more than this, says nothing.
_ENOUGH, _NOTHING = 30, 0.1
NOISE = (pl.col("shared") >= _ENOUGH) & (pl.col("reliability") <= _NOTHING)
#: Steps of the picture: of votes on a scale of powers, and of reliability; sources that have a colour of their own.
_VOTES, _RELIABILITY, _SOURCES = 4, 0.05, 5


def raters(run: Finished) -> Section | None:
    """Agreement and raters; None where nobody looked."""
    told = run.manifest["raters"]
    if told is None:
        return None
    figures = told["figures"]
    known = run.table("raters.parquet").filter(pl.col("rater").is_not_null()).collect()
    named, measured = known["rater"].n_unique(), known.filter(pl.col("reliability").is_not_null())
    worse = known.filter("worse_than_chance")
    lead = f"{many(named, 'named rater')}; " + (
        "none judged what another did, so how reliable they are is not known."
        if measured.is_empty()
        else f"{many(measured['rater'].n_unique(), 'shares', 'share')} what they judged with others."
    )
    lead += _bad(measured, worse)
    words = [
        "Reliability is the expected share of right votes on pairs, and on ratings the correlation with what others "
        "say. Krippendorff's α is 1 where all agree and 0 where they agree as by chance; below 0.667 few would build "
        "on single judgements.",
    ]
    if any(one["kind"] == "pair" for one in figures):
        circles = "None is part of preferences that go in a circle."
        if told["on_cycles"]:
            circles = (
                f"{many(told['on_cycles'], 'pair is', 'pairs are')} part of preferences that go in a circle; for none "
                f"to be left, {told['reversals']:,} of them would have to be turned round."
            )
        words.append(f"{many(told['opposed'], 'pair has', 'pairs have')} votes for both sides. {circles}")
    if told["measured_share"] < 1:
        words.append(f"Measured on {told['measured_share']:.1%} of what was judged, chosen by hash.")
    pictures = [] if measured.is_empty() else [_reliability(measured)]
    alphas = [(_name(one), "", value) for one in figures if (value := _alpha(one)) is not None][:LINES]
    if alphas:
        said = "How far raters agree who judged the same."
        lowest = min(0.0, *(value for *_, value in alphas))
        pictures.append(charts.bars(alphas, "Krippendorff's α", said, form=".1f", reach=(lowest, 1.0)))
    return Section(
        "raters",
        "Raters",
        lead,
        words=[*words, *left_out(len(figures) - LINES, "line")],
        charts=pictures,
        tables=[_agreement(figures), *_busiest(known, run)],
    )


def _bad(measured: pl.DataFrame, worse: pl.DataFrame) -> str:
    """Who is worse than chance on pairs, and whose ratings go with nobody's."""
    noise = measured.filter((pl.col("kind") == "rating") & NOISE)["rater"].n_unique()
    said = ""
    if "pair" in measured["kind"]:
        said += f" {many(worse['rater'].n_unique(), 'is', 'are')} worse than chance."
    if noise:
        said += f" The ratings of {noise:,} of them go with nothing that others say of the same."
    return said


def _name(figure: dict[str, Any]) -> str:
    return f"{figure['source']} {figure['kind']} {figure['dimension']}"


def _alpha(figure: dict[str, Any]) -> float | None:
    value: float | None = figure["alpha_nominal" if figure["kind"] == "pair" else "alpha_interval"]
    return value


def _agreement(figures: list[dict[str, Any]]) -> Table:
    lines = [
        [one["source"], one["kind"], one["dimension"], one["judgements"], one["raters"], one["shared"],
         number(_alpha(one)), number(one["agreement"]), one.get("consensus", "–")]
        for one in figures[:LINES]
    ]  # fmt: skip
    columns = ["source", "kind", "dimension", "judgements", "raters", "by several", "α", "just the same", "label by"]
    return Table(columns, lines, "Agreement")


def _reliability(measured: pl.DataFrame) -> Chart:
    """How many raters there are at each volume and reliability."""
    sources = measured["source"].value_counts().sort("count", "source", descending=[True, False])
    common = sources["source"].to_list()[:_SOURCES]
    volume = (pl.col("votes").cast(pl.Float64).log10() * _VOTES).round() / _VOTES
    counted = (
        measured.select(
            x=pl.lit(10.0).pow(volume).round(1),
            y=((pl.col("reliability") / _RELIABILITY).round() * _RELIABILITY).round(4),
            source=pl.when(pl.col("source").is_in(common)).then("source").otherwise(pl.lit("others")),
        )
        .group_by("x", "y", "source")
        .len()
        .sort("source", "x", "y")
    )
    values = [(float(np.maximum(x, 1)), y, count, charts.label(source)) for x, y, source, count in counted.rows()]
    return charts.bubbles(
        values, "things judged", "reliability", "Raters by how much they judged and how reliable they are."
    )


def _busiest(known: pl.DataFrame, run: Finished) -> list[Table]:
    """The raters who judged most, and those worse than chance."""
    if known.is_empty() or not blocks.exists(f"{run.out}/raters.parquet"):
        return []
    columns = [
        "rater",
        "source",
        "dimension",
        "votes",
        "shared",
        "reliability",
        "first_share",
        "modal_share",
        "consistency",
    ]
    titles = [
        "rater",
        "source",
        "dimension",
        "judged",
        "with others",
        "reliability",
        "for the first",
        "commonest value",
        "consistency",
    ]
    out = []
    for title, part in (
        ("Who judged most", known),
        ("Worse than chance, the busiest first", known.filter("worse_than_chance")),
    ):
        lines = (
            part.sort("votes", "rater", "source", "dimension", descending=[True, False, False, False])
            .select(columns)
            .head(LINES)
            .rows()
        )
        if lines:
            shown = [[number(v) if isinstance(v, float) else v for v in line] for line in lines]
            out.append(Table(titles, shown, title, folded=True))
    return out
