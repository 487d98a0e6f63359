"""Steps as tasks: what each solution comes to, and where the ways to put steps together contradict each other."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.markers import Stats
from transforms.steps.aggregate import AGGREGATORS, contradiction, verdicts
from transforms.steps.rows import DIMENSION, aggregated, judged

_BLOCK = ("kind", "steps", "judgements")
#: A sidecar's columns. Of stepwise rows: the number of steps, of those judged, the place of the first that is wrong,
#: and the solution by each aggregator. `steps_ambiguous` also of pairs made of aggregated steps.
SIGNALS = pl.Schema(
    {
        "steps": pl.Int64(),
        "judged_steps": pl.Int64(),
        "first_wrong": pl.Int64(),
        **{f"step_{name}": pl.Float64() for name in AGGREGATORS},
        "steps_ambiguous": pl.Float64(),
    }
)


def find_steps(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's sidecar of `SIGNALS`; counts what the report needs.

    Args:
        task: `path` and `name` of the block, and `identity` (its stage's folder).
        folder: to write to.
    """
    block = read_frame(task["path"], _BLOCK).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    identity = read_frame(f"{task['identity']}/{task['name']}", ["copy_of", "judgements"])
    rows = block.hstack(identity.rename({"judgements": "merged"})).filter(pl.col("copy_of").is_null())
    rows = rows.with_columns(judgements=pl.coalesce("merged", "judgements"))
    values = judged(rows)
    found = aggregated(values)
    first = values.filter(pl.col("value") < 0.5).group_by("row").agg(first_wrong=pl.col("step").min())
    votes = verdicts(found)
    solutions = (
        found.hstack(
            votes.select(
                steps_ambiguous=contradiction(
                    pl.mean_horizontal(pl.all()), pl.min_horizontal(pl.all()) == pl.max_horizontal(pl.all())
                ).round(5)
            )
        )
        .join(first, on="row", how="left", maintain_order="left")
        .join(rows.select("row", steps=pl.col("steps").list.len()), on="row", how="left", maintain_order="left")
        .rename({"judged": "judged_steps", **{name: f"step_{name}" for name in AGGREGATORS}})
    )
    said = pl.concat([solutions, _pairs(rows)], how="diagonal")
    every = pl.DataFrame({"row": pl.int_range(block.height, eager=True)})
    whole = every.join(said, on="row", how="left", maintain_order="left")
    blocks.write_frame(
        whole.select(pl.col(name).cast(dtype) for name, dtype in SIGNALS.items()), f"{folder}/{task['name']}"
    )
    return {"rows": block.height, **_counted(solutions, votes)}


def _pairs(rows: pl.DataFrame) -> pl.DataFrame:
    """Pairs made of aggregated steps: how far the aggregators, each a dimension, contradict each other."""
    flat = (
        rows.filter(pl.col("kind") == "pair")
        .select("row", "judgements")
        .explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements")
        .filter(pl.col("dimension").str.starts_with(DIMENSION))
    )
    # What several raters say of a pair is one vote of each aggregator.
    each = flat.group_by("row", "dimension").agg(vote=(pl.col("value").mean().round(9) - 0.5).sign() / 2 + 0.5)
    vote = pl.col("vote")
    means = each.group_by("row").agg(share=vote.mean(), agreed=vote.min() == vote.max(), several=pl.len() > 1)
    return means.filter("several").select(
        "row", steps_ambiguous=contradiction(pl.col("share"), pl.col("agreed")).round(5)
    )


def _counted(solutions: pl.DataFrame, votes: pl.DataFrame) -> Stats:
    """Moments of each aggregator with the number of judged steps, and how often each two come to the same verdict."""
    n = solutions["judged_steps"].to_numpy().astype(float)
    moments = {}
    for name in AGGREGATORS:
        x = solutions[f"step_{name}"].to_numpy()
        moments[name] = {"n": len(n), "x": float(x.sum()), "xx": float(x @ x), "y": float(n.sum()),
                         "yy": float(n @ n), "xy": float(x @ n)}  # fmt: skip
    said = {name: votes[name].to_numpy() for name in AGGREGATORS}
    same = {f"{a} {b}": int(np.sum(said[a] == said[b])) for a, b in combinations(AGGREGATORS, 2)}
    return {
        "solutions": solutions.height,
        "contradicted": int((solutions["steps_ambiguous"] > 0).sum()),
        "moments": moments,
        "same": same,
    }
