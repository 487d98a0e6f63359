"""Ratings on the page: raters made comparable, values that look wrong, items that divide their raters, and means."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.flow import LINES
from pipelines.report.page import left_out
from pipelines.report.parts import Chart, Section, Table, many, number, share
from pipelines.report.samples import highest

#: Dimensions and names in pictures, and rows that a mean in a picture is of at least.
_DIMENSIONS, _NAMES, _ROWS = 12, 16, 20
#: From which rating_error on rows are shown, whatever policy does; the key of those that divide their raters.
_SHOWN_FROM, DIVIDED = 0.5, "ratings-divided"
_HOW = {"raw": "as they are", "z": "by mean and spread", "rank": "by ranks", "mixed": "less what each gives too much"}


def ratings(run: Finished) -> Section | None:
    """What was found of ratings; None where nobody looked."""
    told = run.manifest["ratings"]
    if told is None or not told["figures"]:
        return None
    figures = told["figures"]
    known = rated(run)
    policy = run.config.policy
    main = _main(figures, policy.dimension)
    rows = known.height or max(one["rows"] for one in figures)
    lead = f"{many(rows, 'rated row')} on {many(len(figures), 'dimension')}"
    words = _words(told, main)
    if known.height:
        wrong = int((known["rating_error"] >= policy.misrated_at).sum())
        lead += (
            f"; {wrong:,} {'is' if wrong == 1 else 'are'} probably wrong (rating_error from {policy.misrated_at:g} on)"
        )
        count, usual, _ = divided(known, policy.ambiguous_at)
        words.append(
            f"{many(count, 'row')} of {known['rating_ambiguous'].count():,} with several raters "
            f"{'divides' if count == 1 else 'divide'} them (rating_ambiguous from {policy.ambiguous_at:g} on); by "
            f"chance alone some {usual:,.0f} would."
        )
    return Section(
        "ratings",
        "Ratings",
        f"{lead}.",
        words=[*words, *left_out(len(figures) - LINES, "dimension")],
        charts=[*_alphas(figures), *_residuals(run, main), *_doubts(known), *_means(run, main)],
        tables=[_table(figures), *_all_means(main)],
        samples=[
            *highest(known, "rating_error", _SHOWN_FROM, "ratings-wrong", f"with rating_error from {_SHOWN_FROM:g} on"),
            *highest(known, "rating_ambiguous", policy.ambiguous_at, DIVIDED, "that divide their raters most"),
        ],
    )


def rated(run: Finished) -> pl.DataFrame:
    """Every rated row's `place`, `chance`, `rating_error` and `rating_ambiguous`; none where they are gone."""
    said = run.sidecars("ratings")
    if said is None:
        return pl.DataFrame()
    mine = said.select("place", "rating_error", "rating_ambiguous").filter(pl.col("rating_error").is_not_null())
    return mine.join(run.ledger().select("place", chance=CHANCE), on="place").collect(engine="streaming")


def divided(known: pl.DataFrame, at: float) -> tuple[int, float, float]:
    """How many of `rated` rows divide their raters, how many would by chance, and how many are beyond it.

    Of rows whose raters differ as they do elsewhere, `rating_ambiguous` is as often in one place as in another; three
    deviations more than that is beyond chance.
    """
    if known.is_empty():
        return 0, 0.0, 0.0
    of = known["rating_ambiguous"].count()
    return (
        int((known["rating_ambiguous"] >= at).sum()),
        of * (1 - at),
        of * (1 - at) + 3 * float(np.sqrt(of * at * (1 - at))),
    )


def _main(figures: list[dict[str, Any]], dimension: str | None) -> dict[str, Any]:
    """The dimension that pictures are of: the one that policy names, else the one with most rows."""
    return max(figures, key=lambda one: (one["dimension"] == dimension, one["rows"]))


def _words(told: dict[str, Any], main: dict[str, Any]) -> list[str]:
    out = [
        f"Raters' values are put together {_HOW[main['normalised_by']]}. A rating looks wrong where it is neither what "
        "its text (out of fold) nor what its other raters lead to expect; one divides its raters where they are "
        "farther apart than raters of their precision would be."
    ]
    if not told["looked_at_texts"]:
        out.append("There are too many rows for texts to be looked at: raters alone were.")
    elif main["explained"] is not None:
        said = f"{main['explained']:.1%}" if main["explained"] > 0 else "nothing"
        out.append(f"Texts explain {said} of the variance of {_name(main)}, out of fold.")
    return out


def _name(one: dict[str, Any]) -> str:
    return f"{one['source']} {one['dimension']}"


def _alphas(figures: list[dict[str, Any]]) -> list[Chart]:
    """Agreement with raters as they are, and made comparable."""
    some = [one for one in figures if one["alpha"]["raw"] is not None and one["raters"]][:_DIMENSIONS]
    values = [
        (_name(one), kind, one["alpha"][how], one["alpha"][how], one["alpha"][how])
        for one in some
        for kind, how in (("as they are", "raw"), ("made comparable", one["normalised_by"]))
        if kind == "as they are" or how != "raw"
    ]
    said = "How far raters agree (Krippendorff's α), with their values as they are and made comparable."
    return [charts.dots(values, "α", said)] if values else []


def _residuals(run: Finished, main: dict[str, Any]) -> list[Chart]:
    """How far ratings are from what their texts lead to expect."""
    said = run.sidecars("ratings")
    if said is None or main["explained"] is None:
        return []
    off = (
        said.filter(pl.col("ratings").is_not_null())
        .select("place", pl.col("ratings"))
        .explode("ratings")
        .unnest("ratings")
        .filter(pl.col("dimension") == main["dimension"])
        .join(run.ledger().select("place", "source"), on="place")
        .filter(pl.col("source") == main["source"])
        .select(off=pl.col("mean") - pl.col("predicted"))
        .collect(engine="streaming")["off"]
        .drop_nulls()
        .to_numpy()
    )
    if not len(off):
        return []
    far = float(np.abs(off).max()) or 1.0
    caption = f"{_name(main)}: mean of a row's ratings less what its text leads to expect, out of fold."
    return [charts.histogram(off, (-far, far), "rating less expectation", "rows", caption)]


def _doubts(known: pl.DataFrame) -> list[Chart]:
    if known.is_empty():
        return []
    wrong = charts.histogram(
        known["rating_error"].to_numpy(),
        (0.0, 1.0),
        "rating_error",
        "rows (by powers)",
        "Rows by how probably their rating is wrong; heights grow by powers, so that a few are seen.",
        rare=True,
    )
    several = known["rating_ambiguous"].drop_nulls()
    if several.is_empty():
        return [wrong]
    said = (
        "Rows with several raters, by how far these are divided: raters who differ as they do elsewhere spread evenly."
    )
    return [wrong, charts.histogram(several.to_numpy(), (0.0, 1.0), "rating_ambiguous", "rows", said)]


def _scale(run: Finished, main: dict[str, Any]) -> str:
    """The scale of a dimension, as its first row has it."""
    mine = (pl.col("source") == main["source"]) & (pl.col("kind") == "rating")
    first = run.ledger().filter(mine).select("place").head(1).collect()
    for row in run.rows(first["place"].to_list(), ["scales"]).to_dicts():
        for one in row["scales"] or []:
            if one["dimension"] == main["dimension"]:
                better = "higher" if one["higher_is_better"] else "lower"
                return f" On a scale from {one['minimum']:g} to {one['maximum']:g}; {better} is better."
    return ""


def _means(run: Finished, main: dict[str, Any]) -> list[Chart]:
    """Means of languages and of systems that have enough rows."""
    scale = _scale(run, main)
    out = []
    for what in ("language", "system"):
        enough = [(name, one) for name, one in main[f"{what}s"].items() if one["rows"] >= _ROWS]
        common = sorted(enough, key=lambda item: (-item[1]["rows"], item[0]))[:_NAMES]
        if len(common) > 1:
            ordered = sorted(common, key=lambda item: (-item[1]["mean"], item[0]))
            more = f", the {_NAMES} with most rows" if len(enough) > _NAMES else ""
            said = f"{_name(main)}: mean rating of each {what} with {_ROWS} rows or more{more}.{scale}"
            out.append(
                charts.bars([(name, "", one["mean"]) for name, one in ordered], "mean rating", said, form=".3~g")
            )
    return out


def _table(figures: list[dict[str, Any]]) -> Table:
    lines = [
        [one["source"], one["dimension"], one["rows"], one["values"], one["raters"], one["several"],
         _HOW[one["normalised_by"]], number(one["alpha"]["raw"]), number(one["alpha"][one["normalised_by"]]),
         "–" if one["explained"] is None else share(one["explained"], 1), share(one["wrong_share"], 1),
         number(one["mean_stderr"])]
        for one in figures[:LINES]
    ]  # fmt: skip
    columns = [
        "source", "dimension", "rows", "values", "raters", "by several", "made comparable", "α before", "α after",
        "explained", "est. wrong", "mean s.e.",
    ]  # fmt: skip
    return Table(columns, lines, "Dimensions")


def _all_means(main: dict[str, Any]) -> list[Table]:
    out = []
    for what in ("language", "system"):
        named = sorted(main[f"{what}s"].items(), key=lambda item: (-item[1]["rows"], item[0]))
        if len(named) > 1:
            lines = [[name, one["rows"], number(one["mean"])] for name, one in named[:LINES]]
            more = f" ({len(named) - LINES:,} more are not listed)" if len(named) > LINES else ""
            out.append(Table([what, "rows", "mean rating"], lines, f"{_name(main)} by {what}{more}", folded=True))
    return out
