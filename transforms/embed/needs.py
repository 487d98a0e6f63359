"""Who embeds what: each distinct text once in the whole dataset, and not at all where its vector is kept already."""

from __future__ import annotations

import polars as pl

from transforms.embed.cache import name_of

#: What travels: a block's or a segment's items, by hash. A segment has the block -1.
NEEDS = pl.Schema(
    {"item": pl.String(), "block": pl.Int64(), "place": pl.Int64(), "segment": pl.String(), "row": pl.Int64()}
)
#: What each block is told of its items: the block that answers for it, and where its vector is kept, if it is.
TOLD = pl.Schema(
    {"item": pl.String(), "place": pl.Int64(), "owner": pl.Int64(), "segment": pl.String(), "row": pl.Int64()}
)


def of_block(items: pl.Series, index: int) -> pl.DataFrame:
    """A block's distinct items with their first place; frame of `NEEDS`."""
    placed = items.to_frame("item").with_row_index("place").drop_nulls("item").unique("item", keep="first")
    return placed.select(
        "item",
        block=pl.lit(index, dtype=pl.Int64),
        place=pl.col("place").cast(pl.Int64),
        segment=pl.lit(None, dtype=pl.String),
        row=pl.lit(None, dtype=pl.Int64),
    ).sort("place")


def of_segment(items: pl.Series, name: str) -> pl.DataFrame:
    """What a segment holds; frame of `NEEDS`."""
    return items.to_frame("item").select(
        "item",
        block=pl.lit(-1, dtype=pl.Int64),
        place=pl.lit(None, dtype=pl.Int64),
        segment=pl.lit(name),
        row=pl.int_range(pl.len(), dtype=pl.Int64),
    )


def share_out(needs: pl.DataFrame) -> pl.DataFrame:
    """Decide where each item's vector comes from.

    Args:
        needs: frame of `NEEDS`, with all lines of every item in it.

    Returns:
        `block` and `TOLD`, a line for each block that needs the item. The lowest of these blocks is its owner, which
        embeds it unless it is kept: then the lines have its segment and row.
    """
    kept = (needs.filter(pl.col("block") < 0).sort("item", "segment", "row").unique("item", keep="first")).select(
        "item", "segment", "row"
    )
    wanted = needs.filter(pl.col("block") >= 0).drop("segment", "row")
    return (
        wanted.with_columns(owner=pl.col("block").min().over("item"))
        .join(kept, on="item", how="left")
        .select("block", *(pl.col(name).cast(dtype) for name, dtype in TOLD.items()))
    )


def in_chunks(told: pl.DataFrame, index: int, size: int) -> pl.DataFrame:
    """What a block was told, with the items that it embeds cut into chunks; a chunk becomes a segment.

    Args:
        told: frame of `TOLD`, the block's lines in any order.
        index: the block's.
        size: items a chunk.

    Returns:
        The same lines in the order of their places, `segment` and `row` filled in for its own, and `chunk`, null for
        items that it does not embed itself.
    """
    ordered = told.sort("place")
    mine = (pl.col("owner") == index) & pl.col("segment").is_null()
    own = ordered.filter(mine).with_columns(
        chunk=pl.int_range(pl.len(), dtype=pl.Int64) // size,
        row=pl.int_range(pl.len(), dtype=pl.Int64) % size,
    )
    names = {
        chunk: name_of(part["item"].to_list())
        for (chunk,), part in own.partition_by("chunk", as_dict=True, maintain_order=True).items()
    }
    own = own.with_columns(
        segment=pl.col("chunk").replace_strict(list(names), list(names.values()), return_dtype=pl.String)
        if names
        else pl.lit(None, dtype=pl.String)
    )
    rest = ordered.filter(~mine).with_columns(chunk=pl.lit(None, dtype=pl.Int64))
    return pl.concat([own, rest.select(own.columns)]).sort("place")
