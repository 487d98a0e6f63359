"""Which scorers differ by more than chance, and clusters of those that do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def p_better(values: np.ndarray, replicates: np.ndarray) -> np.ndarray:
    """Two-sided p of the difference of each two scorers, from paired resamples [scorers, scorers]; 1 on the diagonal.

    Twice the share of resamples in which the difference is not on the side on which it was observed, one resample added
    to both counts: never 0.

    Args:
        values: of each scorer [scorers].
        replicates: of each in the same resamples [resamples, scorers].
    """
    gap = values[:, None] - values[None, :]
    drawn = replicates[:, :, None] - replicates[:, None, :]
    other = (drawn * np.sign(gap) <= 0).sum(axis=0)
    return np.asarray(np.minimum(1.0, np.where(gap == 0, 1.0, 2 * (other + 1) / (len(replicates) + 1))))


def clusters(values: Sequence[float], p: np.ndarray, alpha: float = 0.05) -> list[int]:
    """The significance cluster of each scorer, 1 the best, as at WMT.

    A cluster begins where every scorer above is better, with p under alpha, than every one from there on. Scorers
    without a value are in none, 0.
    """
    array = np.asarray(values, dtype=float)
    order = [int(i) for i in np.argsort(-array, kind="stable") if np.isfinite(array[i])]
    out, number = [0] * len(array), 1
    for place, scorer in enumerate(order):
        above, here = order[:place], order[place:]
        if place and (p[np.ix_(above, here)] < alpha).all():
            number += 1
        out[scorer] = number
    return out
