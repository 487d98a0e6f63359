"""Strength that the surface does not explain: margins less what a linear model of surface features says of them.

The surface model never saw the row's group. What is left still ranks pairs where length and layout do not decide; a
margin that shrinks to nothing here was a shortcut's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Residualiser:
    """What the surface says of margins.

    Attributes:
        weights: of surface differences, one line a fold [folds, features].
        explained: the share of the margins' variance that they explain out of fold; below 0 for none.
    """

    weights: np.ndarray
    explained: float

    def residuals(self, margins: np.ndarray, surface: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """Margins without the surface's part [rows]."""
        return np.asarray(margins - np.einsum("rf,rf->r", surface, self.weights[fold], dtype=np.float64))


def fit_residualiser(margins: np.ndarray, surface: np.ndarray, fold: np.ndarray, folds: int) -> Residualiser:
    """Fit by ridge regression without an intercept, so that swapping a pair's sides turns its residual's sign.

    Args:
        margins: for the first response [rows].
        surface: scaled differences of surface features [rows, features].
        fold: of each row.
        folds: how many there are.
    """
    x, y = surface.astype(np.float64), margins.astype(np.float64)
    grams = np.stack([x[fold == k].T @ x[fold == k] for k in range(folds)])
    sides = np.stack([x[fold == k].T @ y[fold == k] for k in range(folds)])
    ridge = np.eye(x.shape[1]) * (1 + 1e-3 * np.trace(grams.sum(axis=0)) / x.shape[1])
    whole, side = grams.sum(axis=0) + ridge, sides.sum(axis=0)
    weights = np.stack([np.linalg.solve(whole - grams[k], side - sides[k]) for k in range(folds)])
    total = float(y @ y)
    left = Residualiser(weights, 0.0).residuals(y, x, fold)
    return Residualiser(weights, 1 - float(left @ left) / total if total > 0 else 0.0)
