"""Several detectors' margins as one: a small logistic calibrator, fitted without the row's fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Steps of Newton's method; a handful of weights needs fewer.
_STEPS = 30


@dataclass(frozen=True)
class Calibrator:
    """Weights of signals on the log-odds of the first response; no weight is below 0 [folds, signals]."""

    weights: np.ndarray

    def logits(self, signals: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """The log-odds that the first response is the one preferred [rows]."""
        return np.asarray(np.einsum("rs,rs->r", signals.astype(np.float64), self.weights[fold]))


def fit_calibrator(
    signals: np.ndarray, labels: np.ndarray, fold: np.ndarray, folds: int, weights: np.ndarray | None = None
) -> Calibrator:
    """Fit one weight a signal, without an intercept, for each fold on the others.

    A signal that speaks against the labels once the others have spoken gets no weight: it would be fitted to noise.

    Args:
        signals: antisymmetric margins, themselves out of fold [rows, signals].
        labels: preference for the first response, in [0, 1] [rows].
        fold: of each row.
        folds: how many there are.
        weights: of rows; all alike when None.
    """
    x = signals.astype(np.float64)
    size = np.sqrt((x**2).mean(axis=0))
    x = np.divide(x, size, out=np.zeros_like(x), where=size > 0)
    rows = [fold != k for k in range(folds)]
    weights = np.stack([_positive(x[mine], labels[mine], None if weights is None else weights[mine]) for mine in rows])
    return Calibrator(np.divide(weights, size, out=np.zeros_like(weights), where=size > 0))


def _positive(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    used = np.ones(x.shape[1], dtype=bool)
    while used.any():
        found = logistic(x[:, used], y, weights)
        if (found >= 0).all():
            out = np.zeros(x.shape[1])
            out[used] = found
            return out
        used[np.flatnonzero(used)[int(found.argmin())]] = False
    return np.zeros(x.shape[1])


def logistic(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Weights of a logistic regression on columns, with a weak ridge, by Newton's method; rows may have weights."""
    w, row = np.zeros(x.shape[1]), np.ones(len(y)) if weights is None else weights
    for _ in range(_STEPS):
        p = sigmoid(x @ w)
        slope = x.T @ (row * (y - p)) - w
        curvature = (x * (row * p * (1 - p))[:, None]).T @ x + np.eye(len(w))
        step = np.linalg.solve(curvature, slope)
        w = w + step
        if np.abs(step).max() < 1e-9:
            break
    return w


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))
