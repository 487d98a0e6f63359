"""Several raters' values of one item as one, with how sure it is and how far they are apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2


@dataclass(frozen=True)
class Together:
    """What the raters of each item say, all arrays [items].

    Attributes:
        score: mean weighed by the raters' precision.
        stderr: its standard error, from the raters' variances.
        raters: how many values.
        p_ambiguous: the probability that raters of this precision would be less far apart than these are; NaN where
            there is one. Near 1 an item divides its raters, whatever its score.
    """

    score: np.ndarray
    stderr: np.ndarray
    raters: np.ndarray
    p_ambiguous: np.ndarray


def together(units: np.ndarray, values: np.ndarray, variances: np.ndarray, items: int) -> Together:
    """Put values together.

    Args:
        units: number of each value's item, from 0 [values].
        values: on one scale [values].
        variances: of each value's rater [values].
        items: how many there are.
    """
    precision = 1 / variances
    total = np.bincount(units, precision, items)
    counts = np.bincount(units, minlength=items)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.bincount(units, precision * values, items) / total
        apart = np.bincount(units, precision * (values - score[units]) ** 2, items)
        stderr = 1 / np.sqrt(total)
        ambiguous = chi2.cdf(apart, np.maximum(counts - 1, 1))
    return Together(score, np.where(counts > 0, stderr, np.nan), counts, np.where(counts > 1, ambiguous, np.nan))


def noise_variance(units: np.ndarray, values: np.ndarray) -> float:
    """The variance of values around their item's mean, from items with two or more; NaN without any."""
    counts = np.bincount(units)
    mean = np.bincount(units, values) / np.maximum(counts, 1)
    degrees = int(np.maximum(counts - 1, 0).sum())
    return float(((values - mean[units]) ** 2).sum() / degrees) if degrees else float("nan")
