"""A block's judgements as lines of numbers: who said what of which text, and nothing of the texts."""

from __future__ import annotations

import polars as pl

from transforms.hashing import as_number, digest

#: One judgement a line, as raters are measured by. `unit` is what was judged: the row's content, in rankings and
#: stepwise rows with the response or step. A pair's `value` is for the response with the smaller hash, `a`, on
#: whichever side it stands; `place` is 1 where that is the first and -1 where it is the second. `act` tells a second
#: look from a record filed twice, and `batch` says who wrote the responses, where that is known.
JUDGEMENTS = pl.Schema(
    {
        "block": pl.Int64,
        "row": pl.Int64,
        "source": pl.String,
        "kind": pl.String,
        "dimension": pl.String,
        "rater": pl.String,
        "unit": pl.UInt64,
        "a": pl.UInt64,
        "b": pl.UInt64,
        "group": pl.UInt64,
        "batch": pl.UInt64,
        "place": pl.Int8,
        "act": pl.UInt64,
        "value": pl.Float64,
        "count": pl.Int64,
    }
)
#: A vote on a pair, with the address of the row that stands for all copies, on which `turned` says that `a` is second.
VOTES = pl.Schema(
    {
        "block": pl.Int64,
        "row": pl.Int64,
        "source": pl.String,
        "dimension": pl.String,
        "rater": pl.String,
        "a": pl.UInt64,
        "b": pl.UInt64,
        "group": pl.UInt64,
        "batch": pl.UInt64,
        "place": pl.Int8,
        "turned": pl.Boolean,
        "value": pl.Float64,
        "count": pl.Int64,
    }
)
#: What of a block is read, and what of its identity sidecar.
BLOCK = (
    "source", "kind", "content_id", "prompt_id", "version_id", "response_ids", "generators", "parents", "judgements",
)  # fmt: skip
IDENTITY = ("copy_of", "copies", "judgements")
#: Digits to which values are compared: one minus a number, and the same again, is not always the number.
_DIGITS = 12
#: Odd factors that tell a response's or a step's number from its row's.
_RESPONSE, _STEP = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F


def judgements(block: pl.DataFrame, identity: pl.DataFrame, index: int) -> pl.DataFrame:
    """The judgements by which raters are measured.

    Those of named raters on every row, copies too: a copy may be a second look. Those of nobody on the rows that stand
    for their copies, as identity merged them; one that stands alone in its row says nothing of any rater, and such ones
    are added up: one line a source, kind and dimension, with neither unit nor value.

    Args:
        block: columns of `BLOCK`.
        identity: the block's columns of `IDENTITY`.
        index: the block's.

    Returns:
        Frame of `JUDGEMENTS`.
    """
    rows = _rows(block, identity)
    merged = rows.filter(pl.col("copy_of").is_null()).with_columns(judgements=pl.coalesce("merged", "judgements"))
    single = pl.col("judgements").list.len() == 1
    nobody = pl.col("rater").is_null()
    apart = _flat(merged.filter(single)).filter(nobody)
    alone = apart.filter(pl.col("count") == 1).group_by("source", "kind", "dimension").agg(pl.col("count").sum())
    parts = [
        _flat(rows).filter(~nobody),
        _flat(merged.filter(~single)).filter(nobody),
        apart.filter(pl.col("count") > 1),
    ]
    lines = pl.concat([*(part.select(JUDGEMENTS.names()[1:]) for part in parts), alone], how="diagonal")
    return lines.select(
        (pl.lit(index) if name == "block" else pl.col(name)).cast(dtype).alias(name)
        for name, dtype in JUDGEMENTS.items()
    )


def votes(block: pl.DataFrame, identity: pl.DataFrame, index: int) -> pl.DataFrame:
    """All votes on a block's pairs, with those of their copies; nothing of rows that are copies of others.

    Args:
        block: columns of `BLOCK`.
        identity: the block's columns of `IDENTITY`.
        index: the block's.

    Returns:
        Frame of `VOTES`.
    """
    rows = _rows(block, identity).filter((pl.col("kind") == "pair") & pl.col("copy_of").is_null())
    flat = _flat(rows.with_columns(judgements=pl.coalesce("merged", "judgements"))).with_columns(
        block=pl.lit(index),
        turned=pl.col("place") < 0,
        # Which way round a rater saw the sides of a copy is not known any more.
        place=pl.when(pl.col("copies") == 1).then("place").otherwise(0),
    )
    return flat.select(pl.col(name).cast(dtype) for name, dtype in VOTES.items())


def _rows(block: pl.DataFrame, identity: pl.DataFrame) -> pl.DataFrame:
    """Rows by their hashes as numbers, beside their judgements."""
    ids = pl.col("response_ids").list
    first, second = (as_number(ids.get(i, null_on_oob=True)) for i in (0, 1))
    pair = pl.col("kind") == "pair"
    writers = block["generators"].list.eval(pl.element().fill_null("")).list.sort().list.join("\x1f")
    whole = block.hstack(identity.rename({"judgements": "merged"})).with_columns(digest(writers).alias("writers"))
    rows = whole.with_row_index("row").select(
        "row", "source", "kind", "response_ids", "judgements", "merged", "copy_of", "copies",
        unit=as_number(pl.col("content_id")),
        group=as_number(pl.col("prompt_id")),
        batch=as_number(pl.col("writers")),
        version=pl.col("version_id"),
        derived=pl.col("parents").list.len().fill_null(0) > 0,
        a=pl.when(pair).then(pl.min_horizontal(first, second)),
        b=pl.when(pair).then(pl.max_horizontal(first, second)),
        place=pl.when(pair).then(pl.when(first <= second).then(1).otherwise(-1)),
    )  # fmt: skip
    # Derived rows are told apart by where they are: each was made of other records.
    own = (pl.col("row").cast(pl.UInt64) + 1) * pl.lit(_STEP, dtype=pl.UInt64)
    return rows.with_columns(act=pl.when("derived").then(pl.col("version") ^ own).otherwise("version"))


def _flat(rows: pl.DataFrame) -> pl.DataFrame:
    """One line a judgement."""
    zero = pl.lit(0, dtype=pl.UInt64)
    of = {
        _RESPONSE: as_number(pl.col("response_ids").list.get(pl.col("response"), null_on_oob=True)).fill_null(zero),
        _STEP: (pl.col("step") + 1).cast(pl.UInt64).fill_null(zero),
    }
    part = pl.sum_horizontal(number * pl.lit(factor, dtype=pl.UInt64) for factor, number in of.items())
    value = pl.when(pl.col("place") < 0).then(1 - pl.col("value")).otherwise("value").round(_DIGITS)
    return (
        rows.explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
        .with_columns(unit=pl.when(pl.col("kind") == "pair").then("unit").otherwise(pl.col("unit") + part), value=value)
    )
