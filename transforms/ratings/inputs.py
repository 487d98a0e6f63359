"""A block's ratings as numbers: who gave which value to which row, and what is known of the rows' texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.arrays import write_array
from transforms.blocks import read_frame
from transforms.embed.sidecars import read_texts
from transforms.hashing import as_number
from transforms.markers import Stats
from transforms.spurious.features import of_rows, scaled

_BLOCK = ("source", "kind", "content_id", "prompt", "responses", "judgements", "generators")
#: One line a value.
VALUES = pl.Schema(
    {"row": pl.Int64, "source": pl.String, "dimension": pl.String, "rater": pl.String, "value": pl.Float64}
)
#: One line a rated row that is no copy.
ROWS = pl.Schema({"row": pl.Int64, "key": pl.UInt64, "group": pl.UInt64})


def write_inputs(task: dict[str, Any], folder: str) -> Stats:
    """Write a block's rated rows that are no copies: values, rows, and features of their texts in the same order.

    Args:
        task: `path` and `name` of the block, the folders `identity`, `groups`, `signals`, and `texts` (of vectors, or
            None).
        folder: to write to: `values/NUMBER.parquet`, `rows/NUMBER.parquet`, `NUMBER.npy`.

    Returns:
        Counts, and for each source, dimension, and system or language the number and the sum of the rows' mean values,
        copies too: a system that says what another says has its own raters.
    """
    name = task["name"]
    block = read_frame(task["path"], _BLOCK).with_row_index("row")
    identity = read_frame(f"{task['identity']}/{name}", ["copy_of", "judgements"]).rename({"judgements": "merged"})
    language = read_frame(f"{task['signals']}/{name}", ["language"])
    groups = read_frame(f"{task['groups']}/{name}", ["group_id"])
    every = block.hstack(identity).hstack(language).hstack(groups).filter(pl.col("kind") == "rating")
    rated = every.filter(pl.col("copy_of").is_null())
    values = _values(rated.with_columns(judgements=pl.coalesce("merged", "judgements")))
    blocks.write_frame(values.select(VALUES.names()), f"{folder}/values/{name}")
    key, group = as_number(pl.col("content_id")), as_number(pl.col("group_id"))
    rows = rated.select(pl.col("row").cast(pl.Int64), key=key, group=group)
    blocks.write_frame(rows, f"{folder}/rows/{name}")
    write_array(_features(rated, task["texts"], name), f"{folder}/{name.removesuffix('.parquet')}.npy")
    return {"rows": rated.height, "values": values.height, "by": _by(every)}


def _values(rows: pl.DataFrame) -> pl.DataFrame:
    """One line a value; what stands for several anonymous copies is as many."""
    flat = (
        rows.select("row", "source", "judgements")
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
        .select(pl.col("row").cast(pl.Int64), "source", "dimension", "rater", "value", "count")
    )
    return flat.select(pl.exclude("count").repeat_by("count").explode(empty_as_null=False))


def _features(rows: pl.DataFrame, texts: str | None, name: str) -> np.ndarray:
    """Surface features, and with vectors those of response and prompt and how near they are; float32."""
    surface = scaled(of_rows(rows)).to_numpy().astype(np.float32)
    if texts is None or not rows.height:
        return surface
    vectors = read_texts(texts, name)
    at = rows["row"].to_numpy()
    response, prompt = (one.astype(np.float32) for one in (vectors.responses[vectors.starts[at]], vectors.prompts[at]))
    near = np.einsum("rd,rd->r", response, prompt)[:, None]
    return np.hstack([surface, response, prompt, near])


def _by(rows: pl.DataFrame) -> dict[str, Any]:
    """Sums of the mean values of rows, by source and dimension and then by system and by language."""
    flat = (
        rows.select("row", "source", "judgements", "language", system=pl.col("generators").list.first())
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
    )
    count = pl.col("count")
    means = flat.group_by("row", "source", "dimension", "system", "language", maintain_order=True).agg(
        value=(pl.col("value") * count).sum() / count.sum()
    )
    out: dict[str, Any] = {}
    for what in ("system", "language"):
        sums = (
            means.drop_nulls(what).group_by("source", "dimension", what).agg(rows=pl.len(), sum=pl.col("value").sum())
        )
        for source, dimension, name, count_, total in sums.sort("source", "dimension", what).iter_rows():
            place = out.setdefault(f"{source}\x1f{dimension}", {}).setdefault(what, {})
            place[name] = {"rows": count_, "sum": total}
    return out
