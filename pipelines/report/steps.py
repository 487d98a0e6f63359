"""Steps on the page: what solutions come to, way by way, and where these ways contradict each other."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.parts import Chart, Section, Table, many, number, share
from pipelines.report.samples import highest
from transforms.steps.aggregate import AGGREGATORS

#: The key of rows whose verdict is another with another way; steps that are told apart in the picture.
CONTRADICTED, _STEPS = "steps-contradicted", 12
_OUTWEIGHED = (pl.col("steps_ambiguous") > 0) & pl.col("first_wrong").is_not_null()
_WAYS = {
    "product": "product",
    "minimum": "minimum",
    "mean": "mean",
    "last": "last step",
    "length_normalised": "product, by length",
    "log_odds": "log-odds",
}


def steps(run: Finished) -> Section | None:
    """Ways to put steps together; None where there are no solutions in steps."""
    told = run.manifest["steps"]
    if told is None or not told["solutions"]:
        return None
    whole, contradicted = told["solutions"], told["contradicted"]
    known = _solutions(run)
    pictures = [_tied(told["aggregators"]), _agreement(told["same_verdict"])]
    return Section(
        "steps",
        "Steps",
        f"{contradicted:,} of {many(whole, 'solution')} in steps ({share(contradicted, whole)}) are right or wrong "
        "depending on how their steps are put together.",
        words=[
            "A way that goes with the number of steps rewards short solutions (below 0) or long ones (above 0), "
            "whatever is in them.",
            *_outweighed_words(known),
        ],
        charts=[chart for chart in (*pictures, *_first_wrong(known)) if chart],
        tables=[_table(told["aggregators"])],
        samples=highest(
            known, "steps_ambiguous", 1e-9, CONTRADICTED, "whose steps are put together to opposite verdicts"
        ),
    )


def outweighed(run: Finished) -> int:
    """Solutions that contradict themselves although a step of theirs is wrong: right ones outweigh it in some way."""
    known = _solutions(run)
    return 0 if known.is_empty() else known.filter(_OUTWEIGHED).height


def _outweighed_words(known: pl.DataFrame) -> list[str]:
    count = 0 if known.is_empty() else known.filter(_OUTWEIGHED).height
    if not count:
        return []
    return [
        f"In {count:,} of them a step is wrong, and right ones outweigh it where steps are put together by their mean, "
        "log-odds or the last one: that is these ways' doing. Product and minimum do not forget a wrong step."
    ]


def _solutions(run: Finished) -> pl.DataFrame:
    """Every solution's `place`, `chance`, `steps_ambiguous`, `first_wrong`; none where they are gone."""
    said = run.sidecars("steps")
    if said is None:
        return pl.DataFrame()
    mine = said.filter(pl.col("judged_steps").is_not_null()).select("place", "steps_ambiguous", "first_wrong")
    return mine.join(run.ledger().select("place", chance=CHANCE), on="place").collect(engine="streaming")


def _tied(found: dict[str, Any]) -> Chart | None:
    """How each way goes with the number of steps."""
    values = [
        (_WAYS[name], "", found[name]["correlation_with_steps"])
        for name in AGGREGATORS
        if found[name]["correlation_with_steps"] is not None
    ]
    if not values:
        return None
    said = "How what a solution comes to goes with its number of judged steps (Pearson's r)."
    return charts.bars(values, "correlation with steps", said, form=".1f", reach=(-1.0, 1.0))


def _agreement(same: dict[str, float]) -> Chart:
    """How often each two ways come to the same verdict."""
    both = {tuple(two.split(" ")): value for two, value in same.items()}
    values = [
        (_WAYS[a], _WAYS[b], 1.0 if a == b else both.get((a, b), both.get((b, a), 0.0)))
        for b in AGGREGATORS
        for a in AGGREGATORS
    ]
    return charts.squares(values, ".0%", "How often two ways take the same solutions for right.")


def _first_wrong(known: pl.DataFrame) -> list[Chart]:
    """Where the first wrong step is."""
    if known.is_empty():
        return []
    last = f"{_STEPS} or later"
    place = pl.col("first_wrong") + 1
    name = pl.when(place < _STEPS).then(place.cast(pl.String)).when(place.is_not_null()).then(pl.lit(last))
    counts = dict(known.select(name=name.otherwise(pl.lit("none"))).to_series().value_counts().rows())
    order = ["none", *map(str, range(1, _STEPS)), last]
    values = [(one, "", counts[one]) for one in order if one in counts]
    return [charts.bars(values, "solutions", "Solutions by their first step that is wrong.")]


def _table(found: dict[str, Any]) -> Table:
    lines = [
        [_WAYS[name], number(found[name]["mean"]), number(found[name]["correlation_with_steps"])]
        for name in AGGREGATORS
    ]
    return Table(["steps put together by", "mean", "correlation with steps"], lines, "Ways", folded=True)
