"""What rows say of the frames they show: which trajectory, which frames, how far apart, and who contradicts whom."""

from __future__ import annotations

import polars as pl

from schemas.signals import FRAMES

#: The dimension of judgements that say a frame is better because it is later.
TIME = "time"
_NUMBERS = ("frame", "earlier_frame", "value", "earlier_value", "seconds", "earlier_seconds")
#: Signals are rounded to this many places before anything is decided by them.
_PLACES = 5


def frames_of(rows: pl.DataFrame) -> pl.DataFrame:
    """The frames that rows show.

    A row shows frames where its metadata, a JSON object, has a number `frame`; a pair needs `earlier_frame` as well.
    `trajectory` names the trajectory within the row's source; one without a name is called by the file and line it
    began in. `value` and `earlier_value`, `seconds` and `earlier_seconds` are taken where they are there.

    Args:
        rows: source, file, line, kind, metadata, and judgements (merged ones, where copies were).

    Returns:
        Frame of `FRAMES`, one line a row.
    """
    said = {name: pl.col("metadata").str.json_path_match(f"$.{name}") for name in ("trajectory", *_NUMBERS)}
    told = rows.select("kind", "file", "line", **said).with_columns(
        pl.col(name).cast(pl.Float64, strict=False).fill_nan(None) for name in _NUMBERS
    )
    pair = pl.col("kind") == "pair"
    shows = pl.col("frame").is_not_null() & (~pair | pl.col("earlier_frame").is_not_null())
    later = time_label(rows)
    told = told.with_columns(later).select(
        *(pl.when(shows).then(name).alias(name) for name in (*_NUMBERS, "later")),
        trajectory=pl.when(shows).then(pl.coalesce("trajectory", pl.format("{}:{}", "file", "line"))),
    )
    gap = pl.col("value") - pl.col("earlier_value")
    against = (pl.col("later") - 0.5).sign() * gap.sign() == -1
    out = told.with_columns(
        pl.col("frame", "earlier_frame").cast(pl.Int64),
        frame_gap=(pl.col("frame") - pl.col("earlier_frame")).abs().cast(pl.Int64),
        seconds_gap=(pl.col("seconds") - pl.col("earlier_seconds")).abs().round(_PLACES),
        value_gap=gap.round(_PLACES),
        contradicted_by=pl.when(against).then(gap.abs().round(_PLACES)),
    )
    return out.select(pl.col(name).cast(dtype) for name, dtype in FRAMES.items())


def time_label(rows: pl.DataFrame) -> pl.Series:
    """What the judgements on `TIME` say of each row, as a preference for its first response; null without any."""
    flat = (
        rows.select("judgements")
        .with_row_index("row")
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
        .filter(pl.col("dimension") == TIME)
    )
    count = pl.col("count")
    means = flat.group_by("row").agg(later=(pl.col("value") * count).sum() / count.sum())
    every = pl.DataFrame({"row": pl.int_range(rows.height, dtype=pl.UInt32, eager=True)})
    return every.join(means, on="row", how="left", maintain_order="left")["later"]
