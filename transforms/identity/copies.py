"""Copies of one row become one row with all their judgements; nothing is decided here, and nothing kept first."""

from __future__ import annotations

import polars as pl

from schemas.arrow import JUDGEMENT, SCALE
from transforms.identity import scales

#: What the stage says of each row of a block, and what it says where a row has no copy.
SIGNALS = pl.Schema(
    {
        "copy_of": pl.String(),
        "copy_kind": pl.String(),
        "copies": pl.Int64(),
        "conflict": pl.Boolean(),
        "conflict_on": pl.List(pl.String()),
        "judgements": pl.List(JUDGEMENT),
        "scales": pl.List(SCALE),
    }
)
DEFAULTS: dict[str, object] = {
    "copy_of": None, "copy_kind": None, "copies": 1, "conflict": False, "conflict_on": None, "judgements": None,
    "scales": None,
}  # fmt: skip

_KEY = ["set", "rater", "dimension", "response", "step", "value"]
#: Digits to which values are compared: one minus a number, and the same again, is not always the number.
_DIGITS = 12


def keys(block: pl.DataFrame, index: int, votes: pl.Expr) -> pl.DataFrame:
    """What of a block's rows travels through the shuffle.

    Args:
        block: columns content_id, version_id, row_id, kind, source, response_ids, judgements, scales.
        index: the block's.
        votes: whether anonymous copies of a row's judgements are votes of several people.
    """
    ids = pl.col("response_ids").list
    ranked = block["kind"] == "ranking"
    # Ranking inside lists is slow, and only a ranking has more than two orders.
    order = pl.col("response_ids").list.eval(pl.element().rank("ordinal").cast(pl.Int64) - 1)
    places = pl.when(pl.col("kind") == "ranking").then(order) if ranked.any() else pl.lit(None, pl.List(pl.Int64))
    return block.select(
        "content_id",
        "version_id",
        "row_id",
        "kind",
        "judgements",
        "scales",
        source=pl.when(pl.col("scales").list.len() > 0).then("source"),
        block=pl.lit(index, dtype=pl.Int64),
        row=pl.int_range(pl.len(), dtype=pl.Int64),
        # The order of the hashes of the responses is the same for a swapped copy.
        swapped=(pl.col("kind") == "pair") & (ids.get(0, null_on_oob=True) > ids.get(1, null_on_oob=True)),
        places=places,
        votes=votes,
    )


def merge_copies(rows: pl.DataFrame) -> pl.DataFrame:
    """Find copies and merge their judgements into a representative.

    The representative has the smallest `version_id` of its copies. A judgement of the same rater with the same value
    counts once. Anonymous ones of all copies count as often as in the one that has most, or as in all of them together
    where the source says that they are `votes`. Values on several scales of one dimension are moved to one
    (`transforms.identity.scales`).

    Args:
        rows: what `keys` gives, of all blocks, with every row of a content_id present.

    Returns:
        block, row and `SIGNALS` for each row that has a copy.
    """
    copies = rows.filter(pl.col("content_id").is_duplicated())
    if copies.is_empty():
        return pl.DataFrame(schema={"block": pl.Int64, "row": pl.Int64, **SIGNALS})
    # Numbers are grouped and joined sooner than hashes.
    copies = copies.sort("content_id", "version_id", "block", "row").with_columns(set=pl.col("content_id").rle_id())
    copies = copies.with_columns(
        member=pl.int_range(pl.len()).over("set"),
        copies=pl.len().over("set").cast(pl.Int64),
        first=pl.col("row_id").first().over("set"),
    )
    beside = scales.scales_of(copies)
    flat = _oriented(copies, beside)
    fresh = flat.group_by("set", "member").agg(fresh=pl.col("fresh").any())
    contested = (
        flat.filter(pl.col("kind") == "pair")
        .group_by("set", "member", "dimension")
        .agg(side=((pl.col("value") * pl.col("count")).sum() / pl.col("count").sum() - 0.5).round(9).sign())
        .group_by("set", "dimension")
        .agg(conflict=(pl.col("side").max() == 1) & (pl.col("side").min() == -1))
        .group_by("set")
        .agg(conflict_on=pl.col("dimension").filter("conflict").sort())
        .filter(pl.col("conflict_on").list.len() > 0)
    )
    merged = _merged(flat, copies.filter(pl.col("member") == 0).select("set", "kind", "places", "swapped"))
    return (
        copies.join(fresh, on=["set", "member"], how="left")
        .join(contested, on="set", how="left")
        .join(merged, on="set", how="left")
        .join(scales.merged(beside).rename({"scales": "merged_scales"}), on="set", how="left")
        .select(
            "block",
            "row",
            copy_of=pl.when(pl.col("member") > 0).then("first"),
            copy_kind=pl.when(pl.col("member") > 0).then(
                pl.when(pl.col("fresh").fill_null(False))
                .then(pl.lit("merged_judgement"))
                .otherwise(pl.lit("exact_duplicate"))
            ),
            copies=pl.col("copies"),
            conflict=pl.col("conflict_on").is_not_null(),
            conflict_on="conflict_on",
            judgements=pl.when(pl.col("member") == 0).then("merged"),
            scales=pl.when(pl.col("member") == 0).then("merged_scales"),
        )
    )


def _placed(places: pl.Expr) -> pl.Expr:
    """The response that a judgement speaks of, from one order of the responses to the other."""
    response = pl.col("response")
    ranked = places.list.get(response, null_on_oob=True)
    return pl.when(pl.col("kind") == "ranking").then(ranked).when("swapped").then(1 - response).otherwise(response)


def _oriented(copies: pl.DataFrame, beside: pl.DataFrame) -> pl.DataFrame:
    """Every judgement of the copies, in the order of the response hashes; `fresh` where it says something new."""
    said = (
        copies.select("set", "member", "kind", "votes", "places", "swapped", "judgements")
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
    )
    flat = scales.on_one_scale(said, beside).with_columns(
        response=_placed(pl.col("places")),
        value=pl.when("swapped").then(1 - pl.col("value")).otherwise("value").round(_DIGITS),
        normalised=pl.when("swapped").then(1 - pl.col("normalised")).otherwise("normalised").round(_DIGITS),
    )
    anonymous = pl.col("rater").is_null()
    voted = pl.col("votes") & anonymous
    return flat.with_columns(anonymous=anonymous, voted=voted, fresh=pl.struct(_KEY).is_first_distinct() | voted)


def _merged(flat: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """One list of judgements a set of copies, in the orientation of its representative."""
    columns = [field.name for field in JUDGEMENT.fields]
    rest = [name for name in columns if name not in (*_KEY, "count")]
    return (
        # Anonymous judgements of one row are different people's.
        flat.group_by(*_KEY, "member", maintain_order=True)
        .agg(
            pl.col(rest).first(),
            pl.col("voted").first(),
            count=pl.when(pl.col("anonymous").first()).then(pl.col("count").sum()).otherwise(pl.col("count").max()),
        )
        .group_by(_KEY, maintain_order=True)
        .agg(
            pl.col(rest).first(),
            count=pl.when(pl.col("voted").first()).then(pl.col("count").sum()).otherwise(pl.col("count").max()),
        )
        .join(first, on="set", how="left")
        .with_columns(
            response=_placed(pl.col("places").list.eval(pl.element().arg_sort().cast(pl.Int64))),
            value=pl.when("swapped").then(1 - pl.col("value")).otherwise("value").round(_DIGITS),
            normalised=pl.when("swapped").then(1 - pl.col("normalised")).otherwise("normalised").round(_DIGITS),
        )
        .sort("set", "rater", "dimension", "response", "step", "value", nulls_last=True)
        .group_by("set", maintain_order=True)
        .agg(merged=pl.struct(columns))
    )
