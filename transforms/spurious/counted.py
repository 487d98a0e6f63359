"""Surface features beside a block: the sidecar, and how it is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.lists import of_counts
from transforms.markers import Stats
from transforms.spurious.extra import extras
from transforms.spurious.features import of_rows, own_of_rows


def count_surface(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's surface features: a column each, a list of float32 a row, one number a response.

    Copies have none: their lists are empty.

    Args:
        task: `path` and `name` of the block, `identity` (its stage's folder), and, for the user's own behind those that
            are counted already, `base` (the folder of these; else None) and `features` (by name).
        folder: to write to.
    """
    rows = read_frame(task["path"], ["prompt", "responses"])
    alone = read_frame(f"{task['identity']}/{task['name']}", ["copy_of"])["copy_of"].is_null()
    mine, own = rows.filter(alone), extras(task["features"])
    counts = np.zeros(rows.height, dtype=np.int64)
    counts[alone.to_numpy()] = mine["responses"].list.len().fill_null(0).to_numpy()
    counted = own_of_rows(mine, own) if task["base"] else of_rows(mine)
    columns = [of_counts(column, counts) for column in counted.get_columns()]
    if task["base"]:
        columns = [*read_frame(f"{task['base']}/{task['name']}").get_columns(), *columns]
    blocks.write_frame(pl.DataFrame(columns), f"{folder}/{task['name']}")
    return {"rows": rows.height, "responses": int(counts.sum())}


def read_surface(folder: str, name: str, rows: np.ndarray, features: list[str]) -> np.ndarray:
    """Features of some rows' responses, which are as many in each row: float32 [rows, responses, features]."""
    frame = read_frame(f"{folder}/{name}", features)[rows]
    out = [column.explode(empty_as_null=False, keep_nulls=False).to_numpy() for column in frame.get_columns()]
    return (
        np.stack(out, axis=1).reshape(len(rows), -1, len(features))
        if len(rows)
        else np.zeros((0, 2, len(features)), np.float32)
    )
