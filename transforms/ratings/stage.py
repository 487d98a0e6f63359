"""Ratings as a task: all of them are judged in one place, and what is found is laid beside every block."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.arrays import read_array
from transforms.blocks import read_frame
from transforms.markers import Stats
from transforms.ratings.fit import FOUND, Settings, fit
from transforms.ratings.inputs import ROWS, VALUES

_PER = pl.Struct({name: dtype for name, dtype in FOUND.items() if name not in ("line", "source")})
#: A sidecar's columns: over all dimensions, or the one that policy names, and each dimension's own.
SIGNALS = pl.Schema({"rating_error": pl.Float64(), "rating_ambiguous": pl.Float64(), "ratings": pl.List(_PER)})


def judge_ratings(task: dict[str, Any], folder: str) -> Stats:
    """Judge all ratings and write a sidecar of `SIGNALS` for every block.

    Args:
        task: `inputs` (the folder that `write_inputs` wrote to), `blocks` (name and rows of each), `settings`,
            `ceiling` (rows that texts are looked at for) and `dimension` (that the signals are of; their mean if None).
        folder: to write to.
    """
    places, values, features, rows = [], [], [], []
    total = 0
    for number, block in enumerate(task["blocks"]):
        mine = read_frame(f"{task['inputs']}/rows/{block['name']}", ROWS.names())
        lines = pl.DataFrame({"row": mine["row"], "line": pl.int_range(total, total + mine.height, eager=True)})
        said = read_frame(f"{task['inputs']}/values/{block['name']}", VALUES.names())
        values.append(said.join(lines, on="row", how="left", maintain_order="left").drop("row"))
        places.append(lines.with_columns(block=pl.lit(number)))
        features.append(f"{task['inputs']}/{block['name'].removesuffix('.parquet')}.npy")
        rows.append(mine)
        total += mine.height
    whole, where = pl.concat(rows), pl.concat(places)
    # The order of rows is that of their content, so that no sum depends on where they lay.
    order = whole["key"].arg_sort().to_numpy()
    rank = np.empty(total, dtype=np.int64)
    rank[order] = np.arange(total)
    looked = total <= task["ceiling"]
    arrays = [np.asarray(read_array(path)) for path in features] if looked else []
    matrix = np.vstack([one for one in arrays if len(one)] or [np.zeros((0, 1))])[order] if looked else None
    flat = pl.concat(values).with_columns(line=pl.Series(rank)[pl.concat(values)["line"]])
    found, told = fit(flat, matrix, whole["group"].to_numpy()[order], Settings(**task["settings"]))
    home = found.with_columns(at=pl.Series(order)[found["line"]]).join(
        where.rename({"line": "at"}), on="at", how="left", maintain_order="left"
    )
    for number, block in enumerate(task["blocks"]):
        beside = _beside(home.filter(pl.col("block") == number), block["rows"], task["dimension"])
        blocks.write_frame(beside, f"{folder}/{block['name']}")
    return {"rows": total, "told": told, "looked": int(looked)}


def _beside(found: pl.DataFrame, rows: int, dimension: str | None) -> pl.DataFrame:
    """One block's sidecar."""
    each = found.sort("row", "dimension").with_columns(per=pl.struct(list(_PER.to_schema())))
    asked = pl.lit(True) if dimension is None else pl.col("dimension") == dimension
    said = each.group_by("row", maintain_order=True).agg(
        rating_error=pl.col("p_error").filter(asked).mean().round(5),
        rating_ambiguous=pl.col("p_ambiguous").filter(asked).mean().round(5),
        ratings=pl.col("per"),
    )
    every = pl.DataFrame({"row": pl.int_range(rows, eager=True)})
    whole = every.join(said, on="row", how="left", maintain_order="left")
    return whole.select(pl.col(name).cast(dtype) for name, dtype in SIGNALS.items())
