"""How raters go about it: one value for all, one side for all, another answer the second time, another's sheet."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms.raters.agreement import alpha, rater_pairs

#: Two raters never agree so often by diligence alone that this share of common agreement must not be believed.
_USUAL = 0.95
#: A pair of raters is suspected when chance would make one such pair among all of them this seldom.
_CHANCE = 1e-3
#: And when they share at least this much of the smaller one's work.
_COMMON = 0.9


def lines(judgements: pl.DataFrame) -> pl.DataFrame:
    """How often raters give the same value.

    Args:
        judgements: source, kind, dimension, rater (null for the anonymous, together), block, row, value, count.

    Returns:
        source, kind, dimension, rater; modal_share, of the commonest value among the rater's; straight_lines, the share
        of rows judged by the rater on several dimensions that got one value on all of them, null where there are none.
    """
    rater = ["source", "kind", "rater"]
    known = judgements.filter(pl.col("value").is_not_null())
    modal = (
        known.group_by(*rater, "dimension", "value")
        .agg(n=pl.col("count").sum())
        .group_by(*rater, "dimension")
        .agg(modal_share=pl.col("n").max() / pl.col("n").sum())
    )
    # Of several anonymous judgements of a row on one dimension nobody can say which belong together.
    across = (
        known.group_by(*rater, "block", "row")
        .agg(
            dimensions=pl.col("dimension").n_unique(),
            judged=pl.col("count").sum(),
            straight=pl.col("value").n_unique() == 1,
        )
        .filter((pl.col("dimensions") > 1) & (pl.col("judged") == pl.col("dimensions")))
        .group_by(rater)
        .agg(straight_lines=pl.col("straight").mean())
    )
    return modal.join(across, on=rater, how="left", nulls_equal=True)


def places(acts: pl.DataFrame) -> pl.DataFrame:
    """How often raters choose the side that stands first.

    Where all votes of a source are for the first side, its order *is* the label (chosen, rejected), and says nothing
    of anyone.

    Args:
        acts: pairs' source, dimension, rater, place, value, and expected: the preference for `a` in the eyes of others,
            null where there are none.

    Returns:
        source, dimension, rater; first_share of the votes that take a side; sided, how many do; position_bias, that
        share less what others would have chosen first in the same rows, 0 without bias, null where nobody knows.
    """
    first = pl.when(pl.col("place") > 0).then("value").otherwise(1 - pl.col("value"))
    others = pl.when(pl.col("place") > 0).then("expected").otherwise(1 - pl.col("expected"))
    sided = acts.filter(pl.col("value") != 0.5).with_columns(first=(first > 0.5).cast(pl.Float64), others=others)
    told = sided.filter(pl.col("first").min().over("source") != pl.col("first").max().over("source"))
    beside = pl.col("others").is_not_null()
    return told.group_by("source", "dimension", "rater").agg(
        first_share=pl.col("first").mean(),
        sided=pl.len().cast(pl.Int64),
        position_bias=(pl.col("first").filter(beside) - pl.col("others").filter(beside)).mean(),
    )


def always_one_place(first_share: pl.Expr, sided: pl.Expr) -> pl.Expr:
    """Whether a rater takes one place nearly always: 95 in 100, of 20 votes or more."""
    return (sided >= 20) & ((first_share >= 0.95) | (first_share <= 0.05))


def consistency(acts: pl.DataFrame) -> pl.DataFrame:
    """What raters say of a thing the second time.

    Args:
        acts: source, kind, dimension, rater, unit, act, value and answer.

    Returns:
        source, kind, dimension, rater; repeats (things judged more than once); consistency: for pairs the share of
        equal answers among two to the same question, for other kinds Krippendorff's alpha (interval) of the rater with
        themselves; null without repeats.
    """
    rater = ["source", "kind", "dimension", "rater"]
    looks = acts.unique([*rater, "unit", "act", "value"]).filter(pl.len().over(*rater, "unit") > 1)
    n = pl.col("n")
    same = (
        looks.group_by(*rater, "unit", "answer")
        .agg(n=pl.len())
        .group_by(*rater, "unit")
        .agg(same=(n * (n - 1)).sum(), asked=n.sum() * (n.sum() - 1))
        .group_by(rater)
        .agg(repeats=pl.len().cast(pl.Int64), equal=pl.col("same").sum() / pl.col("asked").sum())
    )
    own = alpha(looks, "interval", rater).select(*rater, "alpha")
    return same.join(own, on=rater, how="left").select(
        *rater, "repeats", consistency=pl.when(pl.col("kind") == "pair").then("equal").otherwise("alpha")
    )


def copies(said: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Raters whose sheet is another's: every answer to every shared question the same, too often for chance.

    Looked for over all that two raters share, and then within single batches (the same writers' responses), since a
    file may be copied where the rest is not. The probability that chance did it is taken to be the usual agreement of
    two raters to the power of the shared answers; it must be under 1 in 1,000 over all pairs of raters. Two who only
    ever give one value are no copies of each other.

    Args:
        said: the columns of `by`, unit, rater, value and batch, one line a rater and unit.
        by: what is looked at apart: source, kind, dimension.

    Returns:
        The columns of `by`, rater, batch (null for all of them), copy_of, shared: how many answers are the same.
    """
    keys = list(by)
    whole = _suspects(said.with_columns(batch=pl.lit(None, dtype=pl.UInt64)), keys)
    rest = said.join(whole.select(*keys, "rater"), on=[*keys, "rater"], how="anti")
    parts = _suspects(rest.filter(pl.col("batch").is_not_null()), keys)
    return pl.concat([whole, parts])


def _suspects(said: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    part = [*keys, "batch"]
    met = rater_pairs(said.with_columns(answer=pl.col("value")), part)
    same = pl.col("agreement") == 1
    # What two raters usually agree on, those who always do set aside: they may be the copies.
    usual = (pl.col("agreement") * pl.col("shared")).filter(~same).sum() / pl.col("shared").filter(~same).sum()
    met = met.with_columns(
        usual=usual.over(keys).fill_nan(None).fill_null(_USUAL).clip(0.5, _USUAL), tried=pl.len().over(keys)
    )
    size = said.group_by(*part, "rater").agg(votes=pl.len(), values=pl.col("value").n_unique())
    for side in "ab":
        named = {"rater": f"rater_{side}", "votes": f"votes_{side}", "values": f"values_{side}"}
        met = met.join(size.rename(named), on=[*part, f"rater_{side}"], how="left", nulls_equal=True)
    found = met.filter(
        same
        & (pl.col("usual").log() * pl.col("shared") < (_CHANCE / pl.col("tried")).log())
        & (pl.col("shared") >= _COMMON * pl.min_horizontal("votes_a", "votes_b"))
        & (pl.min_horizontal("values_a", "values_b") > 1)
    )
    # The copy is the one with less of its own; a copy of a copy is the first one's.
    fewer = pl.col("votes_a") < pl.col("votes_b")
    return (
        found.select(
            *part,
            rater=pl.when(fewer).then("rater_a").otherwise("rater_b"),
            copy_of=pl.when(fewer).then("rater_b").otherwise("rater_a"),
            shared=pl.col("shared"),
        )
        .sort(*part, "rater", "copy_of", nulls_last=True)
        .unique([*part, "rater"], keep="first", maintain_order=True)
    )  # fmt: skip
