"""How far labels go with what can be counted: shares and means with intervals, and what the parts of a ruler are.

Rows of one group are no independent witnesses: every interval is of sums over groups (a sandwich estimate, which a
bootstrap of groups tends to).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

#: Two-sided 95 %.
_Z = 1.959964
#: Competency (Gardner et al. 2021): the level that Bonferroni divides by the features; the least effect that counts.
LEVEL, EFFECT = 0.01, 0.05


@dataclass(frozen=True)
class Estimate:
    """Figures with their intervals, one a column."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def one(self, place: int = 0) -> dict[str, float | None]:
        """One figure as JSON: value, low, high; None where there is nothing to measure it on."""
        names = ("value", "low", "high")
        return {name: rounded(getattr(self, name)[place]) for name in names}


def rounded(value: float) -> float | None:
    """A figure with five digits; None for one that is not finite."""
    return round(float(value), 5) if np.isfinite(value) else None


def means(values: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> Estimate:
    """Weighted means of columns, with 95 % intervals by group; those of a single group have none.

    Args:
        values: [rows, columns]; NaN where a row says nothing of a column.
        weights: [rows].
        groups: a hash of each row's group.
    """
    values = values.reshape(len(weights), -1)
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max(initial=-1)) + 1
    out = np.full((3, values.shape[1]), np.nan)
    for j in range(values.shape[1]):
        column = values[:, j].astype(np.float64)
        told = np.isfinite(column)
        w = np.where(told, weights, 0.0)
        total = w.sum()
        if total <= 0:
            continue
        column = np.where(told, column, 0.0)
        mean = float(w @ column) / total
        sums = np.bincount(group, weights=w * (column - mean), minlength=count)
        several = int((np.bincount(group, weights=w, minlength=count) > 0).sum())
        error = np.sqrt(float(sums @ sums) * several / (several - 1)) / total if several > 1 else np.nan
        out[:, j] = mean, mean - _Z * error, mean + _Z * error
    return Estimate(*out)


def signs(raw: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Whether the chosen side has more of a feature: 1, 0, or NaN where the sides do not differ or none is chosen."""
    f = np.sign(raw) * np.sign(sides)[:, None].astype(np.float32)
    return np.where(f == 0, np.nan, (f > 0)).astype(np.float32)


def shares(raw: np.ndarray, sides: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> Estimate:
    """How often the chosen side has more of each feature, in [0, 1]."""
    found = means(signs(raw, sides), weights, groups)
    return Estimate(found.value, found.low.clip(0, 1), found.high.clip(0, 1))


def competency(raw: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gardner's z of each feature, unweighted: (pairs that differ in it, z, whether it is flagged)."""
    more = signs(raw, sides)
    n = np.isfinite(more).sum(axis=0)
    k = np.nansum(more, axis=0)
    z = np.divide(2 * k - n, np.sqrt(n), out=np.zeros(len(n)), where=n > 0)
    threshold = NormalDist().inv_cdf(1 - LEVEL / (2 * max(len(n), 1)))
    off = np.abs(np.divide(k, n, out=np.full(len(n), 0.5), where=n > 0) - 0.5)
    return n, z, (np.abs(z) > threshold) & (off >= EFFECT)


def sizes(scaled: np.ndarray) -> np.ndarray:
    """The root mean square of each feature's difference; 0 of one that never differs."""
    return np.asarray(
        np.sqrt(np.square(scaled, dtype=np.float64).mean(axis=0)) if len(scaled) else np.zeros(scaled.shape[1])
    )


def in_units(scaled: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Differences in units of their size; 0 where that is 0."""
    wide = np.broadcast_to(size.astype(np.float32), scaled.shape)
    return np.divide(scaled, wide, out=np.zeros_like(scaled), where=wide > 1e-9)


def parts(x: np.ndarray, coefficients: np.ndarray, sides: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each feature's share of a linear ruler's mean margin towards the labels; they sum to 1 (or are all 0)."""
    toward = (weights * sides) @ x * coefficients
    total = toward.sum()
    return np.asarray(toward / total if abs(total) > 1e-12 else np.zeros(len(toward)))


def accuracy(margins: np.ndarray, sides: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> Estimate:
    """The weighted share of pairs with a preference whose margin is on its side; a margin of 0 is half right."""
    found = means(right(margins, sides), weights, groups)
    return Estimate(found.value, found.low.clip(0, 1), found.high.clip(0, 1))


def right(margins: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """1 where a margin is on the label's side, 0.5 where it is 0, 0 where it is not; NaN without a side or margin."""
    value = (1 + np.sign(margins) * np.sign(sides)) / 2
    return np.where(sides == 0, np.nan, value)
