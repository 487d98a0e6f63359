"""Votes to labels: what the raters of a prompt's pairs say together, and where their preferences go in circles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from schemas.signals import CONSENSUS
from transforms.graph import cycles
from transforms.raters import bradley_terry
from transforms.raters.consensus import ANONYMOUS, Model, majority, posterior_of
from transforms.raters.measure import without_copies
from transforms.raters.pairs import CONFUSION, HABITS, bradley_terry_votes

SIGNALS = pl.Schema({"consensus": pl.List(CONSENSUS)})
DEFAULTS = {"consensus": None}
#: Digits that are kept, before anything is decided on.
_DIGITS = 5
#: A row on a dimension.
_CASE = ["block", "row", "dimension"]
_CAST = ["case", "line", "value", "count"]


@dataclass(frozen=True)
class Known:
    """What was found out about raters: `Measured`'s model and copies."""

    model: pl.DataFrame
    copies: pl.DataFrame


def conclude(votes: pl.DataFrame, known: Known, row_ids: Callable[[pl.DataFrame], pl.Series]) -> pl.DataFrame:
    """Labels of pairs, and what their prompts' graphs say of them.

    Anonymous votes count as an average rater's of their source.

    Args:
        votes: frame of `VOTES`, with all of each prompt that is in it.
        known: what was found out about raters.
        row_ids: from addresses (block, row) to the rows' names.

    Returns:
        block, row and `SIGNALS`, one line a pair that anybody judged.
    """
    # Sums of votes are taken in the order of hashes, never of rows.
    lined = votes.sort("group", "a", "b", "dimension", "rater", "value", "count", nulls_last=True)
    raters = known.model.filter(pl.col("rater").is_not_null()).with_row_index("line")
    lined = _with_raters(lined, raters, known.copies)
    cases = lined.select(*_CASE, "source", "group", "a", "b", "turned").unique(_CASE, keep="first", maintain_order=True)
    average = known.model.filter(pl.col("rater").is_null())
    cases = cases.with_columns(case=pl.int_range(pl.len(), dtype=pl.Int64)).join(
        average.select("source", "dimension", "method"), on=["source", "dimension"], how="left", maintain_order="left"
    )
    lined = lined.join(cases.select(*_CASE, "case", "method"), on=_CASE, how="left", maintain_order="left")
    counted = lined.filter(~pl.col("left_out"))
    label, tied, doubt = (
        pl.Series(column).fill_nan(None).round(_DIGITS) for column in _labels(counted, cases, raters, average)
    )
    cases = cases.with_columns(label=label, tied=tied, uncertainty=doubt)
    return _at_home(_circled(_supported(cases, lined), counted, row_ids))


def _with_raters(lined: pl.DataFrame, raters: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    """Votes without copied ones, beside the raters' lines in the model; `ANONYMOUS` where there is none."""
    mine = without_copies(lined, copies.filter(pl.col("kind") == "pair"), ["source", "dimension"])
    found = raters.select("source", "dimension", "rater", line=pl.col("line").cast(pl.Int64))
    # A copy in another source brought its raters along; ingest's names hold the source, so this mixes up nobody.
    elsewhere = found.sort("source", "line").unique(["dimension", "rater"], keep="first")
    out = mine
    for part, key in ((found, ["source", "dimension", "rater"]), (elsewhere.drop("source"), ["dimension", "rater"])):
        out = out.join(part, on=key, how="left", maintain_order="left", suffix="_elsewhere")
    out = out.with_columns(line=pl.coalesce("line", "line_elsewhere", pl.lit(ANONYMOUS))).drop("line_elsewhere")
    known = raters.select("left_out", "reliability", line=pl.col("line").cast(pl.Int64))
    return out.join(known, on="line", how="left", maintain_order="left").with_columns(
        pl.col("left_out").fill_null(False)
    )


def _labels(
    counted: pl.DataFrame, cases: pl.DataFrame, raters: pl.DataFrame, average: pl.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Preference for `a`, probability of a tie, and of another label being right, of each case; NaN without votes."""
    case, n = counted["case"].to_numpy(), counted["count"].to_numpy().astype(float)
    count = np.bincount(case, n, cases.height)
    label, doubt = majority(np.bincount(case, n * counted["value"].to_numpy(), cases.height), count)
    label = label.round(12)
    most = (cases["method"] == "majority").fill_null(False).to_numpy()
    label[most] = (np.sign(label[most] - 0.5) + 1) / 2
    out = np.stack([label, np.zeros(len(label)), doubt])
    for one in average.filter(pl.col("method").is_in(list(_WEIGHED))).iter_rows(named=True):
        mine = counted.filter((pl.col("source") == one["source"]) & (pl.col("dimension") == one["dimension"]))
        if mine.height:
            at, found = _WEIGHED[one["method"]](mine, raters, one)
            out[:, at] = found
    out[:, count == 0] = np.nan
    return out[0], out[1], out[2]


def _dawid_skene(votes: pl.DataFrame, raters: pl.DataFrame, average: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Cases, and what the votes say of them under the raters' confusions: preference, tie, doubt."""
    named = pl.col("rater").is_not_null()
    # What one rater says twice of a pair is one vote, as it was when the raters were measured.
    one = (
        votes.filter(named).group_by("case", "rater", "line", maintain_order=True).agg(pl.col("value").mean(), count=1)
    )
    flat = pl.concat([one.select(_CAST), votes.filter(~named).select(_CAST)], how="vertical_relaxed")
    pool = np.array([average[name] for name in CONFUSION])
    model = Model(average["ties"], pool, raters.select(CONFUSION).to_numpy())
    at, units = np.unique(flat["case"].to_numpy(), return_inverse=True)
    posterior = posterior_of(
        model, units, flat["line"].to_numpy(), flat["value"].to_numpy(), flat["count"].to_numpy().astype(float)
    )
    first, tie, _ = posterior.T
    return at, np.stack([first + tie / 2, tie, 1 - posterior.max(axis=1)])


def _bradley_terry(votes: pl.DataFrame, raters: pl.DataFrame, average: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Cases, and what the strengths say of them that all votes on a prompt's pairs give its responses."""
    # Raters of other sources, where none were fitted, are average ones.
    care, place, ties = (raters[name].fill_null(average[name]).to_numpy() for name in HABITS)
    known = bradley_terry.Raters(care, place, ties, average["liking_for_ties"])
    cast = bradley_terry_votes(votes, votes["line"].to_numpy())
    strengths, variances = bradley_terry.fit_strengths(cast, known)
    at, first = np.unique(votes["case"].to_numpy(), return_index=True)
    a, b = cast.a[first], cast.b[first]
    label = bradley_terry.preference(strengths[a] - strengths[b], variances[a] + variances[b])
    return at, np.stack([label, np.zeros(len(at)), np.minimum(label, 1 - label)])


def _supported(cases: pl.DataFrame, lined: pl.DataFrame) -> pl.DataFrame:
    """Cases beside who is for their label, who is not, and who was not asked."""
    value, n, out = pl.col("value"), pl.col("count"), pl.col("left_out")
    side = (value - 0.5).round(_DIGITS).sign()
    told = (
        lined.join(cases.select("case", "label"), on="case", how="left", maintain_order="left")
        .group_by("case")
        .agg(
            raters=pl.col("rater").filter(~out).drop_nulls().n_unique()
            + n.filter(~out & pl.col("rater").is_null()).sum(),
            agreement=n.filter(~out & (side == (pl.col("label") - 0.5).sign())).sum() / n.filter(~out).sum(),
            opposed=(side.max() == 1) & (side.min() == -1),
            left_out=n.filter(out).sum(),
            reliability=pl.col("reliability").filter(out).min(),
        )
    )
    return cases.join(told, on="case", how="left", maintain_order="left")


def _circled(cases: pl.DataFrame, counted: pl.DataFrame, row_ids: Callable[[pl.DataFrame], pl.Series]) -> pl.DataFrame:
    """Cases beside the cycles they are in; votes for a side less those for the other make an edge's weight."""
    net = counted.group_by("case").agg(net=((2 * pl.col("value") - 1) * pl.col("count")).sum().round(9))
    edges = (
        cases.select("case", "block", "row", "a", "b", group=pl.struct("group", "dimension").rank("dense"))
        .join(net, on="case", how="left", maintain_order="left")
        .filter((pl.col("net") != 0) & (pl.col("a") != pl.col("b")))
    )
    for_a = pl.col("net") > 0
    found = cycles(
        edges.select(
            "group",
            winner=pl.when(for_a).then("a").otherwise("b"),
            loser=pl.when(for_a).then("b").otherwise("a"),
            weight=pl.col("net").abs(),
        )
    )
    found = pl.concat([edges.select("case"), found], how="horizontal")
    led = found.filter(pl.col("onward").is_not_null()).select("case", "onward")
    names = row_ids(edges.select("block", "row")[led["onward"]]) if led.height else pl.Series([], dtype=pl.String)
    return (
        cases.join(found.drop("onward"), on="case", how="left", maintain_order="left")
        .join(led.with_columns(onward=names), on="case", how="left", maintain_order="left")
        .with_columns(pl.col("component").fill_null(0), pl.col("reversal").fill_null(False))
    )


def _at_home(cases: pl.DataFrame) -> pl.DataFrame:
    """One line a row: its dimensions in alphabetical order, preferences for the row's own first response."""
    label = pl.when("turned").then(1 - pl.col("label")).otherwise("label")
    told = cases.with_columns(
        pl.col("method").fill_null("mean"),
        soft_label=label.round(_DIGITS),
        agreement=pl.col("agreement").fill_nan(None).round(_DIGITS),
        reliability=pl.col("reliability").round(_DIGITS),
    ).sort("block", "row", "dimension")
    parts = pl.struct(pl.col(field.name).cast(field.dtype) for field in CONSENSUS.fields)
    return told.group_by("block", "row", maintain_order=True).agg(consensus=parts)


_WEIGHED = {"dawid_skene": _dawid_skene, "bradley_terry": _bradley_terry}
