"""Entropy balancing: the weights nearest to the given ones under which every moment's mean is nought.

Of all weights w with sum 1, none above a cap, those that are nearest to q in relative entropy and have sum(w f) = 0
are w = min(cap, q exp(lambda . f + nu)) (Hainmueller 2012). lambda minimises a convex function of as many unknowns as
there are moments; for unlimited weights it is log sum q exp(lambda . f). A small penalty on lambda leaves means of
-penalty * lambda and keeps it finite where no weights would do. Newton's method, each step one pass over the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Rows whose products are summed at once.
_ROWS = 65_536
#: Steps, and halvings of one, at most; what a step must promise to be worth taking (moments have single precision).
_STEPS, _HALVINGS, _WORTH = 60, 30, 1e-9


@dataclass(frozen=True)
class Solution:
    """What was found.

    Attributes:
        weights: of the rows, with mean 1 [rows].
        coefficients: lambda, in the moments' units [moments].
        offset: nu; a row that the fit did not see has the weight min(cap, q exp(lambda . f + nu)), for q of mean 1.
        left: what remains of each moment's weighted mean [moments].
        cap: the largest weight that was allowed.
        steps: of Newton's method.
    """

    weights: np.ndarray
    coefficients: np.ndarray
    offset: float
    left: np.ndarray
    cap: float
    steps: int

    def weigh(self, moments: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Weights of any rows, of the same units as those of the fit; `start` as there, of mean 1 over its rows."""
        with np.errstate(over="ignore"):
            return np.asarray(np.minimum(self.cap, start * np.exp(_margins(moments, self.coefficients) + self.offset)))


def effective(weights: np.ndarray) -> float:
    """The effective sample size (Kish) of weights, as a share of their number; 0 of none."""
    square = float(np.square(weights).sum()) * len(weights)
    return float(weights.sum()) ** 2 / square if square > 0 else 0.0


def solve(
    moments: np.ndarray, start: np.ndarray | None = None, *, penalty: float = 1e-3, cap: float = np.inf
) -> Solution:
    """Weights under which the moments' means are (nearly) nought.

    Args:
        moments: float32 [rows, moments], each of about size 1, since one penalty is for all.
        start: weights to begin from, none below 0, of any scale; all alike when None [rows].
        penalty: delta of delta / 2 * |lambda|^2, added to the dual.
        cap: the largest weight, in units of the mean weight; above 1.

    Raises:
        ValueError: a cap of 1 or less, weights that are negative or all 0, or moments that are not finite.
    """
    rows, width = moments.shape
    q = np.ones(rows) if start is None else np.asarray(start, dtype=np.float64)
    if not cap > 1:
        raise ValueError(f"a cap of {cap} mean weights leaves nothing to change; it must be above 1")
    if not (rows and np.isfinite(q).all() and (q >= 0).all() and q.sum() > 0):
        raise ValueError("weights to begin from must be finite, none below 0, and not all 0")
    if not np.isfinite(moments).all():
        raise ValueError("moments must be finite")
    with np.errstate(divide="ignore"):
        log_q = np.log(q / q.sum())
    most = min(cap, rows) / rows  # no weight can be more than all
    coefficients = np.zeros(width)
    now = _State.at(moments, log_q, most, coefficients, penalty)
    steps = 0
    while steps < _STEPS:
        slope, curve = _slope(moments, now, penalty)
        direction = -np.linalg.solve(curve, slope)
        drop, size = float(slope @ direction), 1.0
        if -drop < _WORTH:
            break
        steps += 1
        for _ in range(_HALVINGS):
            new = _State.at(moments, log_q, most, now.coefficients + size * direction, penalty)
            if new.value <= now.value + 1e-4 * size * drop:
                break
            size /= 2
        else:  # as low as numbers can tell
            break
        now = new
    total = now.weights.sum()
    return Solution(
        now.weights * (rows / total),
        now.coefficients,
        now.offset - float(np.log(total)),
        _mean(moments, now.weights) / total,
        cap,
        steps,
    )


@dataclass(frozen=True)
class _State:
    """The dual at some lambda, with nu at its best."""

    coefficients: np.ndarray
    weights: np.ndarray
    below: np.ndarray
    offset: float
    value: float

    @classmethod
    def at(
        cls, moments: np.ndarray, log_q: np.ndarray, most: float, coefficients: np.ndarray, penalty: float
    ) -> _State:
        logs = log_q + _margins(moments, coefficients)
        offset, capped = _offset(logs, most)
        logs += offset
        weights = np.exp(np.minimum(logs, np.log(most)))
        beyond = float(most * (logs[capped] - np.log(most)).sum())
        value = float(weights.sum()) + beyond - offset + penalty / 2 * float(coefficients @ coefficients)
        return cls(coefficients, weights, ~capped, offset, value)


def _offset(logs: np.ndarray, most: float) -> tuple[float, np.ndarray]:
    """nu for which the weights, none above `most`, sum to 1; and which of them are at `most`."""
    some = np.isfinite(logs)
    capped = np.zeros(len(logs), dtype=bool)
    while True:
        free = logs[some & ~capped]
        room = 1 - most * capped.sum()
        if not len(free) or room <= 0:  # all that have any weight are at the cap
            return float(np.log(most) - logs[some].min()), some
        peak = free.max()
        offset = float(np.log(room) - np.log(np.exp(free - peak).sum()) - peak)
        more = (logs + offset > np.log(most)) & ~capped
        if not more.any():
            return offset, capped
        capped |= more


def _margins(moments: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return np.asarray(moments @ coefficients.astype(np.float32), dtype=np.float64)


def _mean(moments: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums of weighted moments, a slice of rows at a time."""
    out = np.zeros(moments.shape[1])
    for first in range(0, len(moments), _ROWS):
        part = moments[first : first + _ROWS]
        out += weights[first : first + _ROWS] @ part
    return out


def _slope(moments: np.ndarray, now: _State, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """The dual's slope and its curvature."""
    width = moments.shape[1]
    slope = penalty * now.coefficients + _mean(moments, now.weights)
    inner = np.where(now.below, now.weights, 0.0)
    curve, mean = np.eye(width) * penalty, _mean(moments, inner)
    for first in range(0, len(moments), _ROWS):
        part = moments[first : first + _ROWS]
        root = np.sqrt(inner[first : first + _ROWS] * len(moments)).astype(np.float32)[:, None] * part
        curve += (root.T @ root).astype(np.float64) / len(moments)
    total = inner.sum()
    if total > 0:
        curve -= np.outer(mean, mean) / total
    return slope, curve
