"""Values of steps as one value of the solution: six ways that are in use, and where they contradict each other.

The way decides what a process reward model's user gets ("Let's Reinforce Step by Step", Pan et al. 2023): product and
minimum fall with the number of steps, the mean dilutes a mistake in many right ones, the last step forgets it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

Aggregator = Literal["product", "minimum", "mean", "last", "length_normalised", "log_odds"]
AGGREGATORS: tuple[Aggregator, ...] = ("product", "minimum", "mean", "last", "length_normalised", "log_odds")
#: Those whose terms may cancel each other.
_SUMS = ("mean", "log_odds")
#: As sure as a step may be for log-odds: labels of 0 and 1 would have infinite ones.
_SURE = 0.99


def aggregate(values: np.ndarray, counts: np.ndarray) -> pl.DataFrame:
    """Each solution's values by every aggregator.

    Args:
        values: probability that a step is right, solution by solution in the order of steps [steps].
        counts: judged steps of each solution [solutions].

    Returns:
        Frame of `AGGREGATORS`, a line a solution, null where it has no step: the product; the minimum; the mean; the
        last; the product to the power of 1 / steps; the sum of log(p / (1 - p)), p kept within 0.01 and 0.99.
    """
    owners = np.repeat(np.arange(len(counts)), counts)
    steps = np.maximum(counts, 1)
    with np.errstate(divide="ignore"):
        logs = np.bincount(owners, np.log(values), len(counts)) if len(values) else np.zeros(len(counts))
    least = np.full(len(counts), np.inf)
    np.minimum.at(least, owners, values)
    ends = np.cumsum(counts) - 1
    held = np.clip(values, 1 - _SURE, _SURE)
    found = {
        "product": np.exp(logs),
        "minimum": least,
        "mean": np.bincount(owners, values, len(counts)) / steps,
        "last": values[np.maximum(ends, 0)] if len(values) else least,
        "length_normalised": np.exp(logs / steps),
        "log_odds": np.bincount(owners, np.log(held / (1 - held)), len(counts)),
    }
    some = pl.Series(counts > 0)
    # Sums in another order end in other bits. What can be near 0 for many small factors has its digits there.
    return (
        pl.DataFrame(found)
        .cast(pl.Float64)
        .select(
            pl.when(some).then(pl.col(name).round(9) if name in _SUMS else pl.col(name).round_sig_figs(9)).alias(name)
            for name in AGGREGATORS
        )
    )


def verdicts(aggregated: pl.DataFrame) -> pl.DataFrame:
    """Whether each aggregator takes a solution for right, 1, or wrong, 0; 0.5 where it is even; null without steps."""
    even = {name: 0.0 if name == "log_odds" else 0.5 for name in AGGREGATORS}
    return aggregated.select((pl.col(name) - even[name]).sign() / 2 + 0.5 for name in AGGREGATORS)


def contradiction(share: pl.Expr, agreed: pl.Expr) -> pl.Expr:
    """How far votes contradict each other: 0 where all agree, also that it is even; 1 where as many are for each side.

    Args:
        share: the mean of the votes.
        agreed: whether they are all the same.
    """
    return pl.when(agreed).then(0.0).otherwise(2 * pl.min_horizontal(share, 1 - share))
