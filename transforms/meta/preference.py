"""Accuracy of a scorer on pairs.

The better side is the one with a soft label above 0.5; pairs that people tie have none, and count for `acc_eq`
(`transforms.meta.ties`) alone. A scorer that gives both sides the same is half right: RewardBench counts that as wrong
for models with a number a response and as half right for judges, so the strict count stands beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Accuracy:
    """Of pairs that people do not tie and that the scorer speaks of.

    Attributes:
        pairs: how many there are.
        accuracy: share that is right, a tie of the scorer's being half right; NaN without pairs.
        strict: the same, a tie being wrong.
        tied: share that the scorer ties.
        missing: pairs that people do not tie and that the scorer says nothing of.
    """

    pairs: int
    accuracy: float
    strict: float
    tied: float
    missing: int


def credit(margins: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """1 where the scorer takes the better side, 0.5 where it ties, 0 else; NaN where there is nothing to compare.

    Args:
        margins: score of the first side less that of the second [pairs, …]; NaN where there is none.
        labels: preference for the first side in [0, 1] [pairs]; NaN where there is none.
    """
    sides = np.sign(labels - 0.5)
    sides = sides.reshape(sides.shape + (1,) * (margins.ndim - labels.ndim))
    right = 0.5 + 0.5 * np.sign(margins) * sides
    return np.asarray(np.where((sides == 0) | ~np.isfinite(sides), np.nan, right))


def accuracy(margins: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Count one scorer's pairs; arguments as for `credit`."""
    got = credit(margins, labels)
    some = got[np.isfinite(got)]
    sided = np.isfinite(labels) & (labels != 0.5)
    missing = int((sided & ~np.isfinite(margins)).sum())
    if not len(some):
        return Accuracy(0, float("nan"), float("nan"), float("nan"), missing)
    return Accuracy(len(some), float(some.mean()), float((some == 1).mean()), float((some == 0.5).mean()), missing)
