"""Accuracy on comparisons that may be ties: acc_eq, its calibration, and what the calibration is worth.

A comparison is two responses within one segment (a prompt, a source text). With C concordant comparisons, D discordant,
T_h tied by people alone, T_m by the scorer alone and T_hm by both,

    acc_eq = (C + T_hm) / (C + D + T_h + T_m + T_hm),

the mean over segments (Deutsch, Foster and Freitag 2023, "Ties Matter"). Scorers with real numbers never tie, so a
threshold is looked for: differences up to it count as ties. It is chosen on what it is judged by, so the value on
segments that it was not chosen on stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Comparisons that are made at most; past it, those with the smallest hashes of their segments.
LIMIT = 5_000_000
#: Sizes nearer than this share of the largest are the same.
_DUST = 1e-12


@dataclass(frozen=True)
class Comparisons:
    """Comparisons side by side, all arrays [comparisons].

    Attributes:
        segment: number of the segment, from 0.
        human: difference of the human scores, 0 where they tie.
        metric: difference of the scorer's scores, in the same direction.
    """

    segment: np.ndarray
    human: np.ndarray
    metric: np.ndarray

    def __len__(self) -> int:
        return len(self.segment)

    def at(self, some: np.ndarray) -> Comparisons:
        """Some of the comparisons."""
        return Comparisons(self.segment[some], self.human[some], self.metric[some])

    @property
    def finite(self) -> Comparisons:
        """Those that both sides speak of."""
        return self.at(np.isfinite(self.human) & np.isfinite(self.metric))


@dataclass(frozen=True)
class Calibrated:
    """A threshold for ties, and what it gives.

    Attributes:
        epsilon: differences up to it count as ties; 0 adds none.
        accuracy: acc_eq with it.
        plain: acc_eq without.
    """

    epsilon: float
    accuracy: float
    plain: float


def within(segments: np.ndarray, limit: int = LIMIT) -> tuple[np.ndarray, np.ndarray]:
    """All comparisons of two lines of one segment, as two arrays of places.

    Args:
        segments: number of each line's segment, from 0; numbers are in an order that says nothing.
        limit: comparisons at most; whole segments are left out from the end of that order.
    """
    order = np.argsort(segments, kind="stable")
    sizes = np.bincount(segments)
    starts = np.cumsum(sizes) - sizes
    kept = np.cumsum(sizes.astype(np.int64) * (sizes - 1) // 2) <= limit
    firsts, seconds = [], []
    for size in np.unique(sizes[kept]):
        if size < 2:
            continue
        lines = order[starts[(sizes == size) & kept][:, None] + np.arange(size)]
        i, j = np.triu_indices(int(size), 1)
        firsts.append(lines[:, i].ravel())
        seconds.append(lines[:, j].ravel())
    none = np.zeros(0, dtype=np.int64)
    return np.concatenate([none, *firsts]), np.concatenate([none, *seconds])


def right(compared: Comparisons, epsilon: float = 0.0) -> np.ndarray:
    """Whether the scorer and people say the same of each comparison: this side, that side, or a tie [comparisons]."""
    said = np.where(np.abs(compared.metric) <= epsilon, 0.0, np.sign(compared.metric))
    return np.asarray(said == np.sign(compared.human))


def acc_eq(compared: Comparisons, epsilon: float = 0.0) -> float:
    """The mean over segments of the share of comparisons that are right; NaN where there is none."""
    compared = compared.finite
    return float(right(compared, epsilon) @ _weights(compared)) if len(compared) else float("nan")


def tie_rate(compared: Comparisons) -> float:
    """The mean over segments of the share of comparisons that people tie: what calling everything a tie scores."""
    compared = compared.finite
    return float((compared.human == 0) @ _weights(compared)) if len(compared) else float("nan")


def tau_eq(compared: Comparisons, epsilon: float = 0.0) -> float:
    """The same as a correlation, 2 acc_eq - 1."""
    return 2 * acc_eq(compared, epsilon) - 1


def calibrate(compared: Comparisons) -> Calibrated:
    """The threshold with the highest acc_eq; of equal ones the smallest.

    Comparisons are turned into ties from the smallest difference up, and what each changes is added up: O(n log n).
    """
    compared = compared.finite
    if not len(compared):
        return Calibrated(0.0, float("nan"), float("nan"))
    weights = _weights(compared)
    size = np.abs(compared.metric)
    change = (compared.human == 0).astype(float) - (np.sign(compared.metric) == np.sign(compared.human))
    order = np.argsort(size, kind="stable")
    ascending = size[order]
    gained = np.cumsum((weights * change)[order])
    # A threshold turns all comparisons of its size at once, and 0.3 - 0.2 is the size of 0.2 - 0.1.
    last = np.append(np.diff(ascending) > _DUST * ascending[-1], True)
    plain = acc_eq(compared)
    thresholds = np.append(0.0, ascending[last])
    values = np.append(0.0, gained[last])
    best = int(np.argmax(np.round(values, 12)))
    return Calibrated(float(thresholds[best]), acc_eq(compared, float(thresholds[best])), plain)


def held_out(compared: Comparisons, folds: np.ndarray) -> float:
    """acc_eq where each fold's segments have the threshold that the other folds' would choose.

    Args:
        compared: the comparisons.
        folds: of each comparison, the same for a whole segment.
    """
    finite = np.isfinite(compared.human) & np.isfinite(compared.metric)
    compared, folds = compared.at(finite), folds[finite]
    total, segments = 0.0, 0
    for fold in np.unique(folds):
        mine, others = compared.at(folds == fold), compared.at(folds != fold)
        if len(others):
            count = int(np.count_nonzero(np.bincount(mine.segment)))
            total += count * acc_eq(mine, calibrate(others).epsilon)
            segments += count
    return total / segments if segments else float("nan")


def segment_tau(compared: Comparisons) -> tuple[float, int]:
    """The mean over segments of Kendall's tau_b within each, and in how many it is defined."""
    compared = compared.finite
    if not len(compared):
        return float("nan"), 0
    _, segment = np.unique(compared.segment, return_inverse=True)
    human, metric = np.sign(compared.human), np.sign(compared.metric)
    agree, untied_h, untied_m = (np.bincount(segment, one) for one in (human * metric, human != 0, metric != 0))
    scale = np.sqrt(untied_h * untied_m)
    defined = scale > 0
    return (float((agree[defined] / scale[defined]).mean()) if defined.any() else float("nan")), int(defined.sum())


def _weights(compared: Comparisons) -> np.ndarray:
    """What each comparison weighs so that segments weigh the same, 1 in all."""
    sizes = np.bincount(compared.segment)
    return 1.0 / (sizes[compared.segment] * np.count_nonzero(sizes))
