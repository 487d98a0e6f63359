"""Which responses make a pair, and what their raters' values say of it.

A *unit* is one response of one row, with one rater's value for it. Two units make a pair when they share a comparison
group: the prompt (pairs from ratings) or the row (pairs from rankings), the dimension, and the rater unless the
config lets raters be compared.
"""

from __future__ import annotations

import polars as pl

from schemas.config import Derive
from transforms.hashing import digest
from transforms.steps import rows as steps

#: A value below this share of a gap's unit is no gap: floating-point dust of normalised values.
_DUST = 1e-9


def units(block: pl.DataFrame, index: int, rule: Derive) -> pl.DataFrame:
    """The judged responses of a block's rows, as the rule's comparison groups see them.

    Args:
        block: columns row_id, source, kind, prompt, prompt_id, response_ids, judgements, scales.
        index: the block's.
        rule: says which kind is read.

    Returns:
        block, row, response, unit_id (of the response's text), group, source, rater, dimension, value (higher is
        better, in the scale's own units).
    """
    if rule.make == "pairs_from_steps":
        return steps.units(block, index, rule.aggregators, unknown=rule.raters == "unknown")
    kind, group = ("ranking", "row_id") if rule.make == "pairs_from_rankings" else ("rating", "prompt_id")
    flat = (
        block.with_columns(block=pl.lit(index, dtype=pl.Int64), row=pl.int_range(pl.len(), dtype=pl.Int64))
        # An empty prompt is no common ground.
        .filter((pl.col("kind") == kind) & ((pl.col("prompt").list.len() > 0) | (kind == "ranking")))
        .select("block", "row", "source", "response_ids", "judgements", "scales", group=pl.col(group))
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
    )
    if rule.dimensions is not None:
        flat = flat.filter(pl.col("dimension").is_in(rule.dimensions))
    if kind == "rating" and rule.raters != "unknown":
        # Nobody knows whether two ratings without a rater are of one person. A ranking's are: it is one record.
        flat = flat.filter(pl.col("rater").is_not_null())
    lower = (
        pl.col("scales")
        .list.eval(pl.when(~pl.element().struct.field("higher_is_better")).then(pl.element().struct.field("dimension")))
        .list.drop_nulls()
    )
    response = pl.col("response").fill_null(0)
    return flat.select(
        "block",
        "row",
        "group",
        "source",
        "rater",
        "dimension",
        response=response,
        unit_id=pl.col("response_ids").list.get(response),
        value=pl.when(pl.col("dimension").is_in(lower).fill_null(False)).then(-pl.col("value")).otherwise("value"),
    ).filter(pl.col("value").is_not_null())


def pair_up(flat: pl.DataFrame, rule: Derive) -> pl.DataFrame:
    """Pairs of units and their judgements.

    In each comparison group the responses stand in a circle in the order of their hashes, and each is paired with its
    next `pairs_per_response`: all pairs where the group is small, a sample that treats all alike where it is not.
    A text is never paired with itself.

    Args:
        flat: `units` of all rows of the groups that are in it.
        rule: minimum gap, ties, whose ratings may be compared.

    Returns:
        pair_id, block/row/response and unit of sides a and b (in the order of their hashes), rater, dimension, value
        (preference for a: 1, 0, or 0.5 for a tie), strength (the gap).
    """
    key = ["group", "dimension"] + (["source", "rater"] if rule.raters == "same" else [])
    side = ["block", "row", "response", "unit_id"]
    # Several values for one text, by one rater or by all who may be compared, count as their mean.
    seats = (
        flat.sort("unit_id", "block", "row", "response")
        .group_by(*key, "unit_id", maintain_order=True)
        .agg(pl.col("block", "row", "response").first(), pl.col("value").mean())
        .with_columns(seat=pl.int_range(pl.len()).over(key), seats=pl.len().over(key))
    )
    if rule.raters != "same":
        seats = seats.with_columns(rater=pl.lit(None, dtype=pl.String))
    start = pl.int_range(pl.len()) - pl.col("seat")  # of the group, in a frame sorted by group
    seats = seats.sort(*key, "seat").with_columns(start=start)
    parts = []
    for step in range(1, rule.pairs_per_response + 1):
        # Half way round the circle the pairs come again from the other side.
        twice = 2 * step == pl.col("seats")
        first = seats.with_row_index("_a").filter((2 * step < pl.col("seats")) | (twice & (pl.col("seat") < step)))
        if first.is_empty():
            continue
        other = first.select(other=pl.col("start") + (pl.col("seat") + step) % pl.col("seats"))["other"]
        b = seats[other].select(pl.col(name).alias(f"{name}_b") for name in [*side, "value"])
        parts.append(
            pl.concat(
                [first.select(*key, *(["rater"] if "rater" not in key else []), *side, "value"), b], how="horizontal"
            )
        )
    if not parts:
        return pl.DataFrame(schema=_PAIRS)
    pairs = pl.concat(parts)
    gap = pl.col("value") - pl.col("value_b")
    swap = pl.col("unit_id") > pl.col("unit_id_b")
    tie = gap.abs() < max(rule.minimum_gap - _DUST, _DUST)
    value = pl.when(tie).then(0.5).when((gap > 0) != swap).then(1.0).otherwise(0.0)
    out = pairs.select(
        *(pl.when(swap).then(f"{name}_b").otherwise(name).alias(f"{name}_a") for name in side),
        *(pl.when(swap).then(name).otherwise(f"{name}_b").alias(f"{name}_b") for name in side),
        "group",
        "rater",
        "dimension",
        value=value,
        strength=gap.abs(),
    )
    if rule.ties == "drop":
        out = out.filter(pl.col("value") != 0.5)
    joined = out.select(p=pl.concat_str("group", "unit_id_a", "unit_id_b", separator=":"))["p"]
    return out.with_columns(digest(joined).alias("pair_id")).select(_PAIRS.names())


_PAIRS = pl.Schema(
    {
        "pair_id": pl.String,
        **{
            f"{name}_{side}": dtype
            for side in "ab"
            for name, dtype in {"block": pl.Int64, "row": pl.Int64, "response": pl.Int64, "unit_id": pl.String}.items()
        },
        "rater": pl.String,
        "dimension": pl.String,
        "value": pl.Float64,
        "strength": pl.Float64,
    }
)
