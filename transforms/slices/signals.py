"""What a slice can have more of: labels that the detectors contradict, and raters who disagree."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.decide.labels import labels
from transforms.hashing import as_number
from transforms.markers import Stats

#: Added to the variance of an error, so that a contradiction of what is nearly sure does not outweigh all others.
_FLOOR = 0.02
#: What is said of a row: the numbers of the slices that it is in, the first of them, that slice's rate, and the rate
#: of all rows.
SIGNALS = pl.Schema(
    {
        "slices": pl.List(pl.Int64()),
        "slice_id": pl.Int64(),
        "slice_rate": pl.Float64(),
        "slice_elsewhere": pl.Float64(),
    }
)
#: What of a row is needed to look for slices: its address, its hash and its group's, which side the detectors take
#: (1 the first, -1 the second, 0 none), and the signals; null where a row has none.
COLUMNS = pl.Schema(
    {
        "row": pl.Int64,
        "key": pl.UInt64,
        "group": pl.UInt64,
        "side": pl.Int8,
        "error": pl.Float64,
        "residual": pl.Float64,
        "disagreement": pl.Float64,
    }
)


def contradicted(labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which labels an out-of-fold scorer contradicts, and how much more often than its own doubt explains.

    Args:
        labels: preference for the first response in [0, 1]; NaN where nobody judged [rows].
        logits: a scorer's margin for the first response, in calibrated logits; NaN where it has none [rows].

    Returns:
        The error, 1 where the scorer is for the other side, and Pearson's residual of it: less the probability of one
        that the scorer's own margin gives, q = sigmoid(-|logit|), over the root of q (1 - q) + 0.02. Where both sides
        are alike errors are many and say little. NaN where there is no label with a side, or no margin.
    """
    sign = np.sign(np.nan_to_num(labels, nan=0.5) - 0.5)
    error = np.where((sign == 0) | np.isnan(logits), np.nan, (np.nan_to_num(logits) * sign < 0).astype(np.float64))
    doubt = 1 / (1 + np.exp(np.abs(logits)))
    return error, (error - doubt) / np.sqrt(doubt * (1 - doubt) + _FLOOR)


def disagreement(judgements: pl.Series, kinds: pl.Series) -> np.ndarray:
    """How far two raters of a row are apart: the mean absolute difference of their normalised values, in [0, 1].

    For votes on pairs it is the probability that two of the row's raters name different sides. Dimensions count alike.

    Args:
        judgements: a list a row.
        kinds: of the rows; a pair's values are preferences in [0, 1] and have no scale.

    Returns:
        [rows]; NaN where no two judgements are of one dimension.
    """
    flat = (
        judgements.alias("j")
        .to_frame()
        .with_columns(pair=kinds == "pair")
        .with_row_index("row")
        .explode("j", empty_as_null=False, keep_nulls=False)
    ).unnest("j")
    case = ["row", "dimension", "response", "step"]
    value, count = pl.col("normalised"), pl.col("count")
    each = (
        flat.with_columns(normalised=pl.when("pair").then("value").otherwise("normalised"))
        .filter(value.is_not_null())
        .sort(*case, "normalised", nulls_last=False)
        .with_columns(before=count.cum_sum().over(case) - count, n=count.sum().over(case))
        .filter(pl.col("n") > 1)
        # Sorted, a value is the greater one of as many pairs as there are before it, and the lesser of the others.
        .group_by(case)
        .agg(gap=(count * value * (2 * pl.col("before") + count - pl.col("n"))).sum(), n=pl.col("n").first())
        .with_columns(gap=2 * pl.col("gap") / (pl.col("n") * (pl.col("n") - 1)))
        .sort(*case)
        .group_by("row")
        .agg(pl.col("gap").mean())
    )
    out = np.full(len(judgements), np.nan)
    out[each["row"].to_numpy()] = each["gap"].to_numpy().round(5)
    return out


def write_signals(task: dict[str, Any], folder: str) -> Stats:
    """Write a block's rows that are no copies and have a signal: `NAME` with `COLUMNS`.

    Args:
        task: `path` and `name` of the block, the stages' folders `identity`, `groups` and `strength` (None where it
            did not run), and `dimension`.
        folder: to write to.
    """
    name = task["name"]
    rows = read_frame(task["path"], ["kind", "content_id", "judgements"]).with_row_index("row")
    known = read_frame(f"{task['identity']}/{name}", ["copy_of", "judgements"]).rename({"judgements": "merged"})
    groups = read_frame(f"{task['groups']}/{name}", ["group_id"])
    logits = (
        read_frame(f"{task['strength']}/{name}", ["strength_logit"])
        if task["strength"]
        else pl.DataFrame({"strength_logit": pl.Series([None] * rows.height, dtype=pl.Float64)})
    )
    rows = rows.hstack(known).hstack(groups).hstack(logits).filter(pl.col("copy_of").is_null())
    judgements = rows.select(pl.coalesce("merged", "judgements")).to_series()
    logit = rows["strength_logit"].fill_null(float("nan")).to_numpy()
    label = labels(judgements, rows["kind"], task["dimension"])["soft_label"].fill_null(float("nan")).to_numpy()
    error, residual = contradicted(label, logit)
    found = rows.select(
        "row",
        key=as_number(pl.col("content_id")),
        group=as_number(pl.col("group_id")),
        side=pl.Series(np.sign(np.nan_to_num(logit))),
        error=pl.Series(error).fill_nan(None),
        residual=pl.Series(residual).fill_nan(None),
        disagreement=pl.Series(disagreement(judgements, rows["kind"])).fill_nan(None),
    ).filter(pl.col("error").is_not_null() | pl.col("disagreement").is_not_null())
    blocks.write_frame(found.cast(COLUMNS), f"{folder}/{name}")
    return {"rows": found.height}
