"""The head of every arm: a linear reward by a fixed number of steps, the same for all but the rows it is given."""

from __future__ import annotations

import numpy as np

from transforms.strength.folds import uniform
from transforms.strength.heads import FEATURES, GROUPS, STEPS


def fit_head(x: np.ndarray, labels: np.ndarray, weights: np.ndarray, ridge: float) -> np.ndarray:
    """Weights of a Bradley-Terry head without intercept, by majorisation as in `transforms.strength.heads`.

    Args:
        x: differences between the sides' features, float32 [rows, features].
        labels: preference for the first side, in [0, 1] [rows].
        weights: none below 0 [rows].
        ridge: the penalty, as a share of the weights' sum.

    Raises:
        ValueError: no row has a weight.
    """
    if not weights.sum() > 0:
        raise ValueError("no row has a weight: there is nothing to fit a head on")
    penalty = ridge * float(weights.sum())
    root = np.sqrt(weights)[:, None].astype(np.float32) * x
    bound = (root.T @ root).astype(np.float64) / 4
    bound[np.diag_indices_from(bound)] += penalty
    lower = np.linalg.inv(np.linalg.cholesky(bound))
    out = np.zeros(x.shape[1])
    for _ in range(STEPS):
        margin = np.clip(x @ out.astype(np.float32), -30, 30).astype(np.float64)
        slope = (weights * (labels - 1 / (1 + np.exp(-margin)))) @ x - penalty * out
        out += lower.T @ (lower @ slope)
    return out


def given(groups: np.ndarray, seed: int) -> np.ndarray:
    """Which rows a seed's head is given: those of a part of the groups, the same groups in every arm [rows]."""
    return uniform(groups, seed + 101) < GROUPS


def used(width: int, seed: int) -> np.ndarray:
    """Which features a seed's head is given [features]."""
    return uniform(np.arange(width, dtype=np.uint64) + np.uint64(1), seed + 10_007) < FEATURES
