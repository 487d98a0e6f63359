"""Derived rows with their texts: the one place after ingest where text is written again."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from schemas.arrow import JUDGEMENT, ROW_SCHEMA
from transforms.blocks import Block, gather
from transforms.identity.keys import identify
from transforms.ingest.canonical import judgement
from transforms.lists import of_counts, side_by_side

_PARENT = ("row_id", "source", "file", "line", "prompt", "responses", "tools", "generators", "language", "licence")


def pairs(found: pl.DataFrame, blocks: Sequence[Block]) -> pl.DataFrame:
    """Pair rows from what `pair_up` found: one row a pair of texts, with all its raters and dimensions.

    Args:
        found: `pair_up`'s result.
        blocks: blocks that the addresses speak of.

    Returns:
        Frame of `BLOCK_SCHEMA`, sorted by the pairs' hashes, `parents` naming the rows they were made of.
    """
    found = found.sort("pair_id", "dimension", "rater", "value", nulls_last=True)
    grouped = found.group_by("pair_id", maintain_order=True).agg(
        *(pl.col(f"{name}_{side}").first() for side in "ab" for name in ("block", "row", "response")), votes=pl.len()
    )
    sides = [
        gather(blocks, grouped.select(block=f"block_{side}", row=f"row_{side}"), _PARENT).with_columns(
            response=grouped[f"response_{side}"]
        )
        for side in "ab"
    ]
    texts = [
        side.select(
            text=pl.col("responses").list.get(pl.col("response")),
            generator=pl.col("generators").list.get(pl.col("response"), null_on_oob=True),
        )
        for side in sides
    ]
    a, b = sides
    made = found.select(
        judgement(
            pl.col("value"), rater=pl.col("rater"), dimension=pl.col("dimension"), strength=pl.col("strength")
        ).alias("j")
    )["j"]
    generators = side_by_side([text["generator"] for text in texts])
    known = generators.list.drop_nulls().list.len() > 0
    rows = a.select("source", "file", "line", "prompt", "tools", "language", "licence").with_columns(
        row_id=pl.concat_str(
            a["row_id"],
            pl.lit("+"),
            b["row_id"],
            pl.when(a["row_id"] == b["row_id"])
            .then(pl.concat_str(pl.lit(":"), a["response"], pl.lit("-"), b["response"]))
            .otherwise(pl.lit("")),
        ),
        content_id=pl.lit(""),
        kind=pl.lit("pair"),
        responses=side_by_side([text["text"] for text in texts]),
        judgements=of_counts(made, grouped["votes"].to_numpy()).cast(pl.List(JUDGEMENT)),
        generators=pl.DataFrame({"g": generators, "k": known}).select(pl.when("k").then("g")).to_series(),
        parents=side_by_side([a["row_id"], b["row_id"]]).list.unique(maintain_order=True),
    )
    return _whole(rows)


def ratings(block: pl.DataFrame, dimensions: Sequence[str] | None) -> pl.DataFrame:
    """Rating rows from a block's rankings: one a response, with the values that speak of it.

    Args:
        block: frame of `BLOCK_SCHEMA`.
        dimensions: only these; all when None.

    Returns:
        Frame of `BLOCK_SCHEMA`; responses nobody judged make no row.
    """
    rankings = block.filter(pl.col("kind") == "ranking").with_row_index("_row")
    judged = (
        rankings.select("_row", "judgements")
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .with_columns(
            response=pl.col("judgements").struct.field("response"),
            dimension=pl.col("judgements").struct.field("dimension"),
        )
        .filter(pl.col("response").is_not_null())
    )
    if dimensions is not None:
        judged = judged.filter(pl.col("dimension").is_in(list(dimensions)))
    said = judged.group_by("_row", "response", maintain_order=True).agg(
        judgements=pl.col("judgements").struct.with_fields(response=pl.lit(None, dtype=pl.Int64))
    )
    rows = said.sort("_row", "response").join(rankings.drop("judgements"), on="_row", how="left", maintain_order="left")
    parent = pl.col("row_id")
    return _whole(
        rows.with_columns(
            row_id=pl.concat_str(parent, pl.lit(":"), pl.col("response")),
            kind=pl.lit("rating"),
            responses=pl.col("responses").list.slice(pl.col("response"), 1),
            generators=pl.col("generators").list.slice(pl.col("response"), 1),
            metadata=pl.lit(None, dtype=pl.String),
            parents=pl.concat_list(parent),
        )
    )


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in ROW_SCHEMA.items() if name not in rows.columns]
    return identify(rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in ROW_SCHEMA.items()))
