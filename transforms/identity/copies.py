"""Copies of one row become one row with all their judgements; nothing is decided here, and nothing kept first."""

from __future__ import annotations

import polars as pl

from schemas.arrow import JUDGEMENT

#: What the stage says of each row of a block, and what it says where a row has no copy.
SIGNALS = pl.Schema(
    {
        "copy_of": pl.String(),
        "copy_kind": pl.String(),
        "copies": pl.Int64(),
        "conflict": pl.Boolean(),
        "judgements": pl.List(JUDGEMENT),
    }
)
DEFAULTS = {"copy_of": None, "copy_kind": None, "copies": 1, "conflict": False, "judgements": None}

_KEY = ["content_id", "rater", "dimension", "response", "step", "value"]
#: Digits to which values are compared: one minus a number, and the same again, is not always the number.
_DIGITS = 12


def keys(block: pl.DataFrame, index: int, votes: pl.Expr) -> pl.DataFrame:
    """What of a block's rows travels through the shuffle.

    Args:
        block: columns content_id, version_id, row_id, kind, response_ids, judgements.
        index: the block's.
        votes: whether anonymous copies of a row's judgements are votes of several people.
    """
    swapped = pl.col("response_ids").list.get(0, null_on_oob=True) > pl.col("response_ids").list.get(
        1, null_on_oob=True
    )
    ranked = pl.col("response_ids").list.eval(pl.element().rank("ordinal").cast(pl.Int64) - 1)
    # Ranking inside lists is slow, and a pair has only two orders.
    places = ranked if (block["kind"] == "ranking").any() else pl.lit(None, dtype=pl.List(pl.Int64))
    two = (
        pl.when(swapped)
        .then(pl.lit([1, 0], dtype=pl.List(pl.Int64)))
        .otherwise(pl.lit([0, 1], dtype=pl.List(pl.Int64)))
    )
    return block.select(
        "content_id",
        "version_id",
        "row_id",
        "kind",
        "judgements",
        block=pl.lit(index, dtype=pl.Int64),
        row=pl.int_range(pl.len(), dtype=pl.Int64),
        # The place of each response in the order of their hashes: the same for a swapped copy.
        places=pl.when(pl.col("kind") == "ranking").then(places).otherwise(two),
        votes=votes,
    )


def merge_copies(rows: pl.DataFrame) -> pl.DataFrame:
    """Find copies and merge their judgements into a representative.

    The representative has the smallest `version_id` of its copies. A judgement of the same rater with the same value
    counts once. Anonymous ones of all copies count as often as in the one that has most, or as in all of them together
    where the source says that they are `votes`.

    Args:
        rows: what `keys` gives, of all blocks, with every row of a content_id present.

    Returns:
        block, row and `SIGNALS` for each row that has a copy.
    """
    copies = rows.filter(pl.col("content_id").is_duplicated())
    if copies.is_empty():
        return pl.DataFrame(schema={"block": pl.Int64, "row": pl.Int64, **SIGNALS})
    copies = copies.sort("content_id", "version_id", "block", "row").with_columns(
        member=pl.int_range(pl.len()).over("content_id"),
        copies=pl.len().over("content_id").cast(pl.Int64),
        first=pl.col("row_id").first().over("content_id"),
        swapped=(pl.col("kind") == "pair") & (pl.col("places").list.first() == 1),
    )
    flat = _oriented(copies)
    fresh = flat.group_by("content_id", "member").agg(fresh=pl.col("fresh").any())
    contested = (
        flat.filter(pl.col("kind") == "pair")
        .group_by("content_id", "member", "dimension")
        .agg(side=((pl.col("value") * pl.col("count")).sum() / pl.col("count").sum() - 0.5).round(9).sign())
        .group_by("content_id", "dimension")
        .agg(conflict=(pl.col("side").max() == 1) & (pl.col("side").min() == -1))
        .group_by("content_id")
        .agg(pl.col("conflict").any())
    )
    merged = _merged(flat, copies.filter(pl.col("member") == 0).select("content_id", "places", "swapped"))
    return (
        copies.join(fresh, on=["content_id", "member"], how="left")
        .join(contested, on="content_id", how="left")
        .join(merged, on="content_id", how="left")
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
            conflict=pl.col("conflict").fill_null(False),
            judgements=pl.when(pl.col("member") == 0).then("merged"),
        )
    )


def _oriented(copies: pl.DataFrame) -> pl.DataFrame:
    """Every judgement of the copies, in the order of the response hashes; `fresh` where it says something new."""
    flat = (
        copies.select("content_id", "member", "kind", "votes", "places", "swapped", "judgements")
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
        .with_columns(
            response=pl.col("places").list.get(pl.col("response"), null_on_oob=True),
            value=pl.when("swapped").then(1 - pl.col("value")).otherwise("value").round(_DIGITS),
            normalised=pl.when("swapped").then(1 - pl.col("normalised")).otherwise("normalised").round(_DIGITS),
        )
    )
    anonymous = pl.col("rater").is_null()
    voted = pl.col("votes") & anonymous
    return flat.with_columns(anonymous=anonymous, voted=voted, fresh=pl.struct(_KEY).is_first_distinct() | voted)


def _merged(flat: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """One list of judgements a content_id, in the orientation of its representative."""
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
        .join(first, on="content_id", how="left")
        .with_columns(
            response=pl.col("places")
            .list.eval(pl.element().arg_sort().cast(pl.Int64))
            .list.get(pl.col("response"), null_on_oob=True),
            value=pl.when("swapped").then(1 - pl.col("value")).otherwise("value").round(_DIGITS),
            normalised=pl.when("swapped").then(1 - pl.col("normalised")).otherwise("normalised").round(_DIGITS),
        )
        .sort("content_id", "rater", "dimension", "response", "step", "value", nulls_last=True)
        .group_by("content_id", maintain_order=True)
        .agg(merged=pl.struct(columns))
    )
