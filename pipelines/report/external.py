"""The user's own voices on the page: how often each takes the side that was preferred, and with which margins."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.flow import LINES
from pipelines.report.page import left_out
from pipelines.report.parts import Chart, Section, Table, many, number
from pipelines.report.samples import highest
from transforms.slices.rates import wilson

#: Voices that have a picture of their margins; how far it reaches, in root mean squares.
_PICTURES, _FAR = 4, 3.0


def external(run: Finished) -> Section | None:
    """What the user's own voices say of pairs; None where there are none."""
    told = run.manifest["external"]
    if not told:
        return None
    names = list(told)
    known = _margins(run, names)
    found = {name: _right(known, name) for name in names if known.height}
    measured = {name: one for name, one in found.items() if one[1]}
    best = max(measured, key=lambda name: (measured[name][0], name), default=None)
    lead = f"{many(len(names), 'voice')} of the user's own" + (
        f"; {best} takes the preferred side most often, in {measured[best][0]:.1%} of {measured[best][1]:,} pairs."
        if best is not None
        else "."
    )
    lines = [
        [name, "a reward model" if one.get("model") else "scores in the data", one["pairs"],
         number(found[name][0]) if name in measured else "–", measured[name][1] if name in measured else 0,
         number(one.get("recorded_side"))]
        for name, one in list(told.items())[:LINES]
    ]  # fmt: skip
    columns = ["voice", "what it is", "pairs with a margin", "takes the preferred side", "of pairs that have one",
               "before any verdict"]  # fmt: skip
    return Section(
        "external",
        "Your own voices",
        lead,
        words=[
            "Reward models and scores of the user's own. They are not out of fold: whether they have seen these pairs "
            "is not known here, and flips and softened labels rest on them too.",
            *left_out(len(names) - LINES, "voice"),
        ],
        charts=[*_accuracy(measured), *_agreement(known, names), *_histograms(known, names)],
        tables=[Table(columns, lines, "Voices")],
        samples=highest(
            known.with_columns(against=-pl.col("external_mu")) if known.height else known,
            "against",
            1e-9,
            "external-against",
            "whose label these voices are most against",
            "Margin of all voices against its label, in root mean squares:",
        ),
    )


def _margins(run: Finished, names: list[str]) -> pl.DataFrame:
    """Each labelled pair's `place`, `chance`, and margins for the preferred side in root mean squares.

    Their columns are called as in the signals, with `external_mu` of all voices.
    """
    said, labels = run.sidecars("external"), run.sidecars("decide")
    if said is None or labels is None:
        return pl.DataFrame()
    columns = [f"external_{name}" for name in names]
    side = (pl.col("soft_label") - 0.5).sign()
    whole = (
        said.select("place", "external_mu", *columns)
        .join(labels.select("place", "soft_label"), on="place")
        .filter(pl.col("external_mu").is_not_null() & (side != 0))
        .join(run.ledger().select("place", chance=CHANCE), on="place")
        .select("place", "chance", pl.col("external_mu", *columns) * side)
        .collect(engine="streaming")
    )
    margins = pl.col(columns)
    return whole.with_columns(margins / (margins**2).mean().sqrt().replace(0.0, None))


def _right(known: pl.DataFrame, name: str) -> tuple[float, int]:
    """How often a voice takes the preferred side, an even margin being half right, and of how many pairs."""
    margins = known[f"external_{name}"].drop_nulls()
    return (float((margins.sign() / 2 + 0.5).mean() or 0.0), len(margins))  # type: ignore[arg-type]


def _accuracy(measured: dict[str, tuple[float, int]]) -> list[Chart]:
    values = []
    for name, (right, count) in list(measured.items())[:LINES]:
        low, high = wilson(right, count)
        values.append((name, "", right, low, high))
    said = "How often each voice takes the preferred side, with 95 % intervals: at a half it knows nothing."
    return [charts.dots(values, "takes the preferred side", said, 0.5)] if values else []


def _agreement(known: pl.DataFrame, names: list[str]) -> list[Chart]:
    """How often each two voices take the same side."""
    if len(names) < 2 or len(names) > 12 or known.is_empty():
        return []
    values = []
    for b in names:
        for a in names:
            both = known.select(a=pl.col(f"external_{a}").sign(), b=pl.col(f"external_{b}").sign()).drop_nulls()
            values.append((a, b, float((both["a"] == both["b"]).mean() or 0.0)))  # type: ignore[arg-type]
    return [charts.squares(values, ".0%", "How often two voices take the same side of a pair.")]


def _histograms(known: pl.DataFrame, names: list[str]) -> list[Chart]:
    if known.is_empty():
        return []
    return [
        charts.histogram(
            np.clip(margins.to_numpy(), -_FAR, _FAR),
            (-_FAR, _FAR),
            "margin, in root mean squares",
            "pairs",
            f"{charts.label(name)}: margins for the preferred side; what is farther out stands in the last bin.",
        )
        for name in names[:_PICTURES]
        if len(margins := known[f"external_{name}"].drop_nulls())
    ]
