"""Copies that were rated on scales of their own: one scale for each dimension of them together."""

from __future__ import annotations

import polars as pl

from schemas.arrow import SCALE

_NAMES = [field.name for field in SCALE.fields]
_LOW, _HIGH, _BETTER = pl.col("minimum"), pl.col("maximum"), pl.col("higher_is_better")


def scales_of(copies: pl.DataFrame) -> pl.DataFrame:
    """Each copy's own scales beside those of its set.

    A dimension has the scale of the first copy that has one. Within a source a scale may end where a row's largest
    value is (MQM): there the highest end is taken, and values say the same on both.

    Args:
        copies: `set`, `member`, `source` and `scales`.

    Returns:
        `set`, `member`, the fields of the own scale; `low`, `high` and `better` of the set's scale; and `moved`,
        whether values of the one have to be moved to the other.
    """
    own = (
        copies.select("set", "member", "source", "scales")
        .explode("scales", empty_as_null=False, keep_nulls=False)
        .unnest("scales")
        .sort("set", "member")
    )
    first = own.group_by("set", "dimension", maintain_order=True).agg(
        of=pl.col("source").first(), low=_LOW.first(), better=_BETTER.first(), end=_HIGH.first()
    )
    same = (pl.col("source") == pl.col("of")) & (pl.col("low") == _LOW) & (pl.col("better") == _BETTER)
    beside = own.join(first, on=["set", "dimension"], how="left", maintain_order="left").with_columns(same=same)
    highest = _HIGH.filter("same").max().over("set", "dimension")
    beside = beside.with_columns(high=pl.coalesce(highest, "end"))
    alike = (pl.col("low") == _LOW) & (pl.col("high") == _HIGH) & (pl.col("better") == _BETTER)
    return beside.with_columns(moved=~pl.col("same") & ~alike).select(
        "set", "member", *_NAMES, "low", "high", "better", "moved"
    )


def merged(beside: pl.DataFrame) -> pl.DataFrame:
    """The scales of each set, by dimension: `set` and `scales`."""
    named = beside.select(
        "set", "dimension", minimum="low", maximum="high", higher_is_better="better"
    ).unique(["set", "dimension"])  # fmt: skip
    return named.sort("set", "dimension").group_by("set", maintain_order=True).agg(scales=pl.struct(_NAMES).cast(SCALE))


def on_one_scale(flat: pl.DataFrame, beside: pl.DataFrame) -> pl.DataFrame:
    """Judgements with those of another scale moved to their set's, by how good they are between its ends.

    Args:
        flat: `set`, `member`, `dimension`, `value`, `normalised`, and more.
        beside: as `scales_of` gives it.
    """
    there = beside.filter("moved").select("set", "member", "dimension", "low", "high", "better")
    if there.is_empty():
        return flat
    width = (pl.col("high") - pl.col("low")) * pl.col("normalised")
    placed = pl.when("better").then(pl.col("low") + width).otherwise(pl.col("high") - width)
    both = flat.join(there, on=["set", "member", "dimension"], how="left", maintain_order="left")
    return both.with_columns(value=pl.coalesce(placed, "value")).drop("low", "high", "better")
