"""Raters of pairs: how often each is right, and the model of them that makes the consensus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.config import Raters
from transforms.raters import bradley_terry
from transforms.raters.consensus import ANONYMOUS, PRIOR_VOTES, dawid_skene, outcomes_of, shares, worse_than_chance

#: Votes that Bradley-Terry's raters are fitted on at most; past it, prompts are sampled by their hash.
FITTED = 500_000
#: What the consensus is made with: one line a rater, and one with a null rater a source and dimension, the average one.
MODEL = pl.Schema(
    {
        "source": pl.String,
        "dimension": pl.String,
        "rater": pl.String,
        "method": pl.String,
        "ties": pl.Float64,
        "right": pl.Float64,
        "tie": pl.Float64,
        "wrong": pl.Float64,
        "tied": pl.Float64,
        "care": pl.Float64,
        "pull_of_place": pl.Float64,
        "liking_for_ties": pl.Float64,
        "reliability": pl.Float64,
        "left_out": pl.Boolean,
    }
)
CONFUSION = ["right", "tie", "wrong", "tied"]
HABITS = ["care", "pull_of_place", "liking_for_ties"]


@dataclass(frozen=True)
class Rated:
    """One source's raters of pairs on one dimension.

    Attributes:
        key: source and dimension.
        method: the consensus that is made.
        left_out: how many raters' votes it does without.
        raters: for the table of raters: reliability (the expected share of right votes), side_reliability (of votes for
            a side where one is better, the share for that one; 0.5 is chance; both shrunk to the average rater's by
            `PRIOR_VOTES`), worse_than_chance (in the eyes of the others), and Bradley-Terry's numbers.
        expected: unit, rater and the preference for `a` that others have.
        model: frame of `MODEL`.
    """

    key: tuple[str, str]
    method: str
    left_out: int
    raters: pl.DataFrame
    expected: pl.DataFrame
    model: pl.DataFrame


def rate(
    keys: pl.DataFrame, acts: pl.DataFrame, said: pl.DataFrame, nobody: pl.DataFrame, config: Raters
) -> list[Rated]:
    """Rate the raters of pairs of each source and dimension.

    Args:
        keys: source and dimension of all pairs that anybody judged.
        acts: named judgements, one line each, without copied ones.
        said: the same, one line a rater and unit.
        nobody: anonymous judgements of units that others judged too.
        config: which consensus is asked for, and when a rater is known.
    """
    out = []
    for source, dimension in keys.sort("source", "dimension").select("source", "dimension").iter_rows():
        mine = (pl.col("kind") == "pair") & (pl.col("source") == source) & (pl.col("dimension") == dimension)
        out.append(_rate((source, dimension), acts.filter(mine), said.filter(mine), nobody.filter(mine), config))
    return out


def _rate(key: tuple[str, str], acts: pl.DataFrame, said: pl.DataFrame, nobody: pl.DataFrame, config: Raters) -> Rated:
    votes = pl.concat(
        [
            said.select("unit", "rater", "value", n=pl.lit(1, dtype=pl.Int64)),
            nobody.select("unit", "rater", "value", n="count"),
        ]
    ).sort("unit", "rater", "value", nulls_last=True)
    # A vote that stands alone says nothing of its rater.
    votes = votes.filter(pl.col("n").sum().over("unit") > 1)
    names = said["rater"].unique().sort()
    units = (votes["unit"].rank("dense").cast(pl.Int64) - 1).to_numpy()
    raters = numbers(votes["rater"], names)
    values, n = votes["value"].to_numpy(), votes["n"].to_numpy().astype(float)
    fit = dawid_skene(units, raters, values, n)
    met = outcomes_of(fit.others, raters, values, n, len(names))
    bad = worse_than_chance(met[:, 0], met[:, 2])
    left_out = bad & (config.worse_than_chance == "leave_out")
    if left_out.any():
        fit = dawid_skene(units, raters, values, n * ~np.append(left_out, False)[raters])
    counts = outcomes_of(fit.posterior[units], raters, values, n, len(names))
    method = _method(config, raters, n)
    asked = method == "bradley_terry"
    habits = _habits(acts, nobody, names, names.filter(left_out)) if asked else _no_habits(len(names))
    confusions = np.vstack([fit.model.raters, np.tile(fit.model.pool, (len(names) + 1 - len(fit.model.raters), 1))])
    told = pl.concat(
        [
            _reliabilities(counts).with_columns(names.alias("rater"), worse_than_chance=bad, left_out=left_out),
            pl.DataFrame({"rater": [None], "left_out": [False]}, schema={"rater": pl.String, "left_out": pl.Boolean}),
        ],
        how="diagonal",
    )
    at = {"source": pl.lit(key[0]), "kind": pl.lit("pair"), "dimension": pl.lit(key[1])}
    lines = told.hstack(pl.DataFrame(confusions, schema=CONFUSION)).hstack(habits).with_columns(
        **at, method=pl.lit(method), ties=pl.lit(fit.model.ties)
    )  # fmt: skip
    beside = pl.Series(~np.isnan(fit.others[:, 0]) & (raters != ANONYMOUS), dtype=pl.Boolean)
    expected = pl.Series("expected", fit.others[:, 0] + fit.others[:, 1] / 2, dtype=pl.Float64)
    return Rated(
        key,
        method,
        int(left_out.sum()),
        lines.head(len(names)).select(*at, *(name for name in told.columns if name != "left_out"), *HABITS),
        votes.select("unit", "rater").hstack([expected]).filter(beside).with_columns(**at),
        lines.select(pl.col(name).cast(dtype) for name, dtype in MODEL.items()),
    )


def _reliabilities(counts: np.ndarray) -> pl.DataFrame:
    """reliability and side_reliability from expected outcomes; null for raters whose votes all stand alone."""
    known, whole = counts.sum(axis=1), max(counts.sum(), 1e-9)
    own = counts + PRIOR_VOTES * counts.sum(axis=0) / whole
    right, tie, wrong, tied, untied = own.T
    every = right + tie + wrong + tied + untied
    frame = pl.DataFrame(
        {
            "reliability": (right + tied) / np.maximum(every, 1e-9),
            "side_reliability": right / np.maximum(right + wrong, 1e-9),
            "known": known > 0,
        },
        schema={"reliability": pl.Float64, "side_reliability": pl.Float64, "known": pl.Boolean},
    )
    return frame.select(pl.when("known").then(pl.col("reliability", "side_reliability")))


def numbers(raters: pl.Series, names: pl.Series) -> np.ndarray:
    """Each rater's place among the names; `ANONYMOUS` for those who are not there."""
    known = pl.DataFrame({"rater": names, "place": pl.int_range(len(names), eager=True)})
    places = raters.alias("rater").to_frame().join(known, on="rater", how="left", maintain_order="left")["place"]
    return places.fill_null(ANONYMOUS).cast(pl.Int64).to_numpy()


def _method(config: Raters, raters: np.ndarray, n: np.ndarray) -> str:
    """The consensus to make: the one asked for, or the mean where no rater's reliability can be known."""
    if config.consensus == "dawid_skene" and not len(raters):
        return "mean"
    if config.consensus != "auto":
        return config.consensus
    known = np.bincount(raters[raters != ANONYMOUS]) >= config.enough_votes
    # With two raters, how often each is right cannot be told from how often they agree.
    most = n[np.append(known, False)[raters]].sum() * 2 >= n.sum()
    return "dawid_skene" if known.sum() >= 3 and most else "mean"


def _habits(acts: pl.DataFrame, nobody: pl.DataFrame, names: pl.Series, out: pl.Series) -> pl.DataFrame:
    """Bradley-Terry's numbers of each rater, and last of the average one; not of those who are left out."""
    cast = pl.concat(
        [
            acts.filter(~pl.col("rater").is_in(out.implode())).with_columns(count=pl.lit(1, dtype=pl.Int64)),
            nobody,
        ]
    ).select("group", "a", "b", "rater", "place", "value", "count")
    cast = cast.sort("group", "a", "b", "rater", "value", "place", nulls_last=True)
    sizes = cast.group_by("group", maintain_order=True).len().with_columns(upto=pl.col("len").cum_sum())
    few = sizes.filter((pl.col("upto") <= FITTED) | (pl.col("upto") == pl.col("len")))
    cast = cast.join(few.select("group"), on="group", how="semi", maintain_order="left")
    found, _ = bradley_terry.fit_raters(bradley_terry_votes(cast, numbers(cast["rater"], names)))
    rest = len(names) - len(found.care) + 1
    columns = zip(HABITS, (found.care, found.place, found.ties), (1.0, 0.0, found.average_ties), strict=True)
    return pl.DataFrame({name: np.append(each, np.full(rest, usual)) for name, each, usual in columns})


def bradley_terry_votes(cast: pl.DataFrame, raters: np.ndarray) -> bradley_terry.Votes:
    """Votes with their responses numbered.

    Args:
        cast: group, a, b, place, value, count.
        raters: the number of each line's rater.
    """
    ends = pl.concat([cast.select("group", node=pl.col(side)) for side in "ab"])
    places = (ends.select(pl.struct("group", "node").rank("dense")).to_series().cast(pl.Int64) - 1).to_numpy()
    a, b = places.reshape(2, -1)
    share = shares(cast["value"].to_numpy()) * cast["count"].to_numpy()[:, None]
    return bradley_terry.Votes(a, b, raters, cast["place"].cast(pl.Float64).to_numpy(), share)


def _no_habits(people: int) -> pl.DataFrame:
    empty = pl.Series([None], dtype=pl.Float64).new_from_index(0, people + 1)
    return pl.DataFrame(dict.fromkeys(HABITS, empty))
