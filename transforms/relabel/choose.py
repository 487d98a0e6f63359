"""Which rows are worth asking about, and with what chance each was drawn.

What an answer is worth is the expected error that it takes away from what is published now (`worth`). Rows are drawn
by priority sampling (Duffield, Lund and Thorup 2007): those with the highest weight over a draw of their own, of which
the first that is left out says with what chance the others were taken. So rows are drawn mostly where an answer is
worth most, and the answers still say, each counted with one over its chance, how often labels are wrong in the whole.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from transforms.hashing import uniform
from transforms.publish.shapes import KEPT

#: Reasons that speak of a row's label: who has only these is worth asking about, whatever became of it.
ABOUT_LABELS = (
    "likely_mislabelled", "ambiguous", "conflict", "near_conflict", "in_cycle", "unreliable_rater", "weighed_votes",
    "relabelled", "tie_not_expressible", "overlap_kept", "pii",
)  # fmt: skip
#: Share of the draw that is even over all rows, so that no row's chance is next to none.
EVEN = 1 / 3
#: Bands of weights in which the drawn rows stand for all, and drawn rows that are enough for one.
_BANDS, _IN_BAND = 10, 10
#: Which draws these are.
_DRAW, _ORDER = 61, 67


def worth(rows: pl.DataFrame) -> pl.Series:
    """What an answer takes away of the expected error of what is published; in [0, 1].

    With p the probability that the recorded label is wrong (where nothing was fitted, the share of its votes that are
    against it) and s the published share of the recorded side: p for a label that is kept, 1 - p for a row that is
    dropped or whose label is turned, p s + (1 - p)(1 - s) for a softened one, 1 for a row under review, which is lost
    unless somebody looks at it. All of it times 1 - p_ambiguous: who is asked cannot tell such sides apart either.

    Args:
        rows: action, soft_label, p_error and p_ambiguous.
    """
    share = pl.max_horizontal("soft_label", 1 - pl.col("soft_label")).fill_null(0.5)
    p = pl.coalesce("p_error", 1 - share)
    action = pl.col("action")
    cost = (
        pl.when(action == "review")
        .then(1.0)
        .when(action.is_in(["drop", "flip"]))
        .then(1 - p)
        .when(action == "soften")
        .then(p * share + (1 - p) * (1 - share))
        .otherwise(p)
    )
    return rows.select(worth=cost * (1 - pl.col("p_ambiguous").fill_null(0.0)))["worth"]


def candidates(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that an answer can do something for: judged pairs that are no copies, and are not gone for other reasons."""
    label = pl.col("reasons").list.eval(pl.element().is_in(list(ABOUT_LABELS))).list.all()
    return rows.filter(
        (pl.col("kind") == "pair")
        & pl.col("copy_of").is_null()
        & pl.col("soft_label").is_not_null()
        & (pl.col("action").is_in(KEPT) | label)
    )


def draw(rows: pl.DataFrame, count: int, known: pl.Series) -> pl.DataFrame:
    """Draw rows that were not answered yet.

    A row's weight is a third of an even share and two thirds of its share of all that answers are worth, over the
    square root of how many rows its group has: so that no large group takes all.

    Args:
        rows: content_id (distinct), group_id, and what `worth` reads.
        count: how many to draw at most.
        known: the content of rows that are answered; drawn before, they are drawn again without being counted.

    Returns:
        The drawn rows with `chance`, in (0, 1], and `fresh`, false for those that are answered; in an order that says
        nothing of them.
    """
    rows = rows.sort("content_id")
    value = worth(rows).to_numpy()
    mean = value.mean() if len(value) else 0.0
    weight = EVEN + (1 - EVEN) * (value / mean if mean > 0 else np.ones(len(value)))
    weighed = rows.with_columns(
        pl.Series("_weight", weight / np.sqrt(rows.select(pl.len().over("group_id")).to_series().to_numpy()))
    )
    # Equal draws are as good as impossible; 1 - u is never 0.
    priority = pl.col("_weight") / (1 - uniform(pl.col("content_id"), _DRAW))
    ordered = weighed.with_columns(
        _priority=priority, fresh=~pl.col("content_id").is_in(known.implode())
    ).sort("_priority", "content_id", descending=[True, False])  # fmt: skip
    nth = ordered["fresh"].cast(pl.Int64).cum_sum()
    taken = ordered.filter((nth <= count) & ~((nth == count) & ~ordered["fresh"]))
    beyond = ordered["_priority"][taken.height] if taken.height < ordered.height else 0.0
    held = taken["_weight"].to_numpy()
    chance = np.minimum(held / beyond, 1.0) if beyond > 0 else np.ones(len(held))
    chance = _calibrated(chance, held, weighed["_weight"].to_numpy())
    return (
        taken.with_columns(chance=pl.Series(chance))
        .sort(uniform(pl.col("content_id"), _ORDER), "content_id")
        .drop("_weight", "_priority")
    )


def _calibrated(chance: np.ndarray, drawn: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Chances by which the drawn rows of each band of weights stand for as many rows as there are in it.

    How many of the many rows with a small weight were drawn is chance, and how many there are is known.
    """
    order = np.argsort(-drawn, kind="stable")
    bands = np.array_split(order, max(1, min(_BANDS, len(order) // _IN_BAND)))
    # A band ends half way to the next one.
    ends = [(drawn[one[-1]] + drawn[other[0]]) / 2 for one, other in pairwise(bands)]
    out, above = chance.copy(), 0
    for band, end in zip(bands, [*ends, -np.inf], strict=True):
        rows = int((every >= end).sum())
        if rows > above:  # else rows of one weight are spread over two bands
            out[band] = np.minimum(chance[band] * (1 / chance[band]).sum() / (rows - above), 1.0)
            above = rows
    return out
