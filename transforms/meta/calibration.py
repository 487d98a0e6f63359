"""Whether a scorer that is surer is right more often: temperature, calibration error, Brier score, reliability table.

A margin m is taken for the probability 1 / (1 + exp(-m / T)) that the first side is better. T is fitted on some folds
and judged on another. Sides are exchangeable, so what is looked at is folded: the confidence max(p, 1 - p), and whether
the side that it is for is the better one; unfolded, one would only measure how often the first side is written first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

BINS = 15
#: The sharpest that a margin of average size may be taken for: odds of e^50.
_SHARPEST = 50.0


@dataclass(frozen=True)
class Reliability:
    """One bin of the reliability table.

    Attributes:
        count: comparisons.
        confidence: their mean confidence, 0.5 to 1.
        accuracy: how often the side was right; a label in between counts in part.
    """

    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How well confidence and accuracy go together.

    Attributes:
        temperature: fitted on all comparisons; infinite where the scores point nowhere or the wrong way.
        error: expected calibration error of the folded probabilities, out of fold.
        brier: mean squared distance of the probability from the label, out of fold.
        table: bins of equal size, from the least sure.
        count: comparisons.
    """

    temperature: float
    error: float
    brier: float
    table: list[Reliability]
    count: int


def inverse_temperature(margins: np.ndarray, labels: np.ndarray) -> float:
    """The b >= 0 with the least -log likelihood of labels under 1 / (1 + exp(-b m)); 0 where none above 0 is better.

    Args:
        margins: finite [comparisons].
        labels: preference for the first side in [0, 1].
    """
    size = float(np.sqrt((margins**2).mean())) if len(margins) else 0.0
    if size == 0:
        return 0.0
    unit = margins / size

    def slope(b: float) -> float:
        return float(unit @ (expit(b * unit) - labels)) / len(unit)

    if slope(0.0) >= 0:
        return 0.0
    if slope(_SHARPEST) <= 0:  # all are right, and no end to how sure one may be
        return _SHARPEST / size
    return float(brentq(slope, 0.0, _SHARPEST, xtol=1e-10)) / size


def calibration(margins: np.ndarray, labels: np.ndarray, folds: np.ndarray, bins: int = BINS) -> Calibration:
    """Measure calibration.

    Args:
        margins: for the first side; NaN where there is none [comparisons].
        labels: preference for the first side in [0, 1]; NaN where there is none.
        folds: of each comparison; each fold has the temperature of the others.
        bins: of the reliability table.
    """
    some = np.isfinite(margins) & np.isfinite(labels)
    margins, labels, folds = margins[some], labels[some], folds[some]
    if not len(margins):
        return Calibration(float("nan"), float("nan"), float("nan"), [], 0)
    p = np.full(len(margins), 0.5)
    for fold in np.unique(folds):
        mine = folds == fold
        others = ~mine if (~mine).any() else mine
        p[mine] = expit(inverse_temperature(margins[others], labels[others]) * margins[mine])
    table = reliability(p, labels, bins)
    gaps = [one.count * abs(one.accuracy - one.confidence) for one in table]
    whole = inverse_temperature(margins, labels)
    return Calibration(
        1 / whole if whole else float("inf"),
        float(sum(gaps) / len(p)),
        float(((p - labels) ** 2).mean()),
        table,
        len(p),
    )


def reliability(p: np.ndarray, labels: np.ndarray, bins: int = BINS) -> list[Reliability]:
    """Folded probabilities in bins of equal size; equal confidences are in one bin, so there may be fewer."""
    confidence = np.maximum(p, 1 - p)
    # Half of an even call is right.
    agreed = np.where(p > 0.5, labels, np.where(p < 0.5, 1 - labels, 0.5))
    order = np.argsort(confidence, kind="stable")
    ascending = np.round(confidence[order], 12)
    # A confidence's bin is that of the first place it stands in.
    first = np.searchsorted(ascending, ascending, side="left")
    number = first * bins // len(p)
    counts = np.bincount(number, minlength=bins)
    means = [np.bincount(number, one[order], bins) / np.maximum(counts, 1) for one in (confidence, agreed)]
    return [Reliability(int(n), float(sure), float(good)) for n, sure, good in zip(counts, *means, strict=True) if n]
