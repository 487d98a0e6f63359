"""Value-order correlation of each trajectory by everything that is said of its frames: values, labels, scorers."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.trajectories.order import pair_order, value_order

#: What is found: for each trajectory and scorer how many frames it gave a value, their value-order correlation (NaN
#: where there is none), and why there is none.
ORDERS = pl.Schema(
    {
        "source": pl.String(),
        "trajectory": pl.String(),
        "scorer": pl.String(),
        "frames": pl.Int64(),
        "voc": pl.Float64(),
        "why": pl.String(),
    }
)
#: Scorers that every run has: the frames' own values; the labels of pairs as recorded; those that are kept.
VALUE, RECORDED, FINAL = "value", "recorded", "kept"


def orders(rows: pl.DataFrame) -> pl.DataFrame:
    """Value-order correlations of everything that is said of the frames of trajectories.

    Args:
        rows: source, trajectory, frame, earlier_frame (null where the row is no pair), value, earlier_value; by each
            scorer `margin_NAME`, how much better the row's first frame is, or `score_NAME`, how good it is.

    Returns:
        Frame of `ORDERS`, sorted; a trajectory that a scorer says nothing of has no line.
    """
    rows = rows.sort(pl.all())
    known = rows.select("source", "trajectory").unique().sort("source", "trajectory").with_row_index("owner")
    rows = rows.join(known, on=["source", "trajectory"], how="left", maintain_order="left")
    scored = [name for name in rows.columns if name.startswith("score_")]
    sides = [
        rows.select("owner", *scored, frame="frame", value="value"),
        rows.select("owner", frame="earlier_frame", value="earlier_value"),
    ]
    frames = (
        pl.concat(sides, how="diagonal")
        .filter(pl.col("frame").is_not_null())
        .group_by("owner", "frame")
        .agg(pl.col(name).drop_nulls().sort().mean() for name in ("value", *scored))
        .sort("owner", "frame")
        .with_row_index("number")
    )
    owners = frames["owner"].to_numpy().astype(np.int64)
    times = frames["frame"].to_numpy().astype(np.float64)
    given = {VALUE: "value", **{name.removeprefix("score_"): name for name in scored}}
    found = [
        (name, value_order(owners, times, frames[column].cast(pl.Float64).fill_null(np.nan).to_numpy()))
        for name, column in given.items()
    ]
    pairs = rows.filter(pl.col("earlier_frame").is_not_null() & (pl.col("frame") != pl.col("earlier_frame")))
    numbers = frames.select("owner", "frame", "number")
    left = pairs.join(numbers, on=["owner", "frame"], how="left", maintain_order="left")["number"].to_numpy()
    early = numbers.rename({"frame": "earlier_frame"})
    right = pairs.join(early, on=["owner", "earlier_frame"], how="left", maintain_order="left")["number"].to_numpy()
    for column in (name for name in rows.columns if name.startswith("margin_")):
        margins = pairs[column].fill_null(np.nan).to_numpy()
        found.append((column.removeprefix("margin_"), pair_order(owners, left, right, margins, times)))
    parts = [part.with_columns(pl.col("owner").cast(pl.UInt32), scorer=pl.lit(name)) for name, part in found]
    named = pl.concat(parts, how="vertical_relaxed").join(known, on="owner", how="left")
    made = named.select(pl.col(name).cast(dtype) for name, dtype in ORDERS.items())
    return made.sort("source", "trajectory", "scorer")
