"""Surface-only rulers: how often a model that never reads the answers names the better one, out of fold by group.

Both are antisymmetric: with its sides swapped a pair's margin turns its sign and nothing else, so which side comes
first tells nothing. Weights are taken in fitting; what a ruler scores is the weighted share of pairs it gets right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from transforms.strength.folds import cuts, fold_of, spread

#: From differences and labels to margins of other differences: (x, signs, weights, x of others) -> margins.
Ruler = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
#: Steps of Newton's method, and the ridge penalty as a share of the weights.
_STEPS, _RIDGE = 25, 1e-3


def linear(x: np.ndarray, sides: np.ndarray, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Margins of a logistic model without intercept; arguments as in `out_of_fold`."""
    return np.asarray(others @ fit_linear(x, sides, weights).astype(np.float32), dtype=np.float64)


def fit_linear(x: np.ndarray, sides: np.ndarray, weights: np.ndarray, ridge: float = _RIDGE) -> np.ndarray:
    """The coefficients of a logistic model without intercept.

    Args:
        x: float32 [rows, features], differences between the sides, each of about size 1.
        sides: the preference for the first side, from -1 to 1 [rows].
        weights: none below 0 [rows].
        ridge: the penalty, as a share of the weights' sum.
    """
    rows, width = x.shape
    share = weights / weights.sum()
    out = np.zeros(width)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ out.astype(np.float32), -30, 30).astype(np.float64)))
        slope = (share * ((1 + sides) / 2 - p)) @ x - ridge * out
        root = np.sqrt(share * rows * p * (1 - p)).astype(np.float32)[:, None] * x
        curve = (root.T @ root).astype(np.float64) / rows + ridge * np.eye(width)
        step = np.linalg.solve(curve, slope)
        out = out + step
        if np.abs(step).max(initial=0.0) < 1e-6:
            break
    return out


def trees(x: np.ndarray, sides: np.ndarray, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Margins of boosted trees on pairs and their mirror images, made antisymmetric; arguments as in `out_of_fold`."""
    return _margins(fit_trees(x, sides, weights), others)


def fit_trees(x: np.ndarray, sides: np.ndarray, weights: np.ndarray) -> Any:
    """Boosted trees on pairs and their mirror images; arguments as in `out_of_fold`."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    told = (sides != 0) & (weights > 0)
    x, sides, weights = x[told], sides[told], weights[told] * np.abs(sides[told])
    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.15, max_leaf_nodes=15, min_samples_leaf=40, l2_regularization=1.0,
        early_stopping=False, random_state=0,
    )  # fmt: skip
    won, counts = np.concatenate([sides > 0, sides < 0]), np.concatenate([weights, weights]) / weights.mean()
    with threadpool_limits(1):  # threads that wait for each other on a busy machine take a hundred times as long
        model.fit(np.concatenate([x, -x]), won, counts)
    return model


def _margins(model: Any, others: np.ndarray) -> np.ndarray:
    """Margins of boosted trees, made antisymmetric."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return np.asarray(model.decision_function(others) - model.decision_function(-others)) / 2


@dataclass(frozen=True)
class Folded:
    """Boosted trees for each fold of groups, fitted without it; any pair is scored by those that saw no such group."""

    models: list[Any]
    cuts: np.ndarray
    seed: int

    @classmethod
    def fit(
        cls, x: np.ndarray, sides: np.ndarray, weights: np.ndarray, groups: np.ndarray, folds: int = 5, seed: int = 0
    ) -> Folded:
        """Fit them; arguments as in `out_of_fold`."""
        found = cuts(groups, folds, seed)
        fold = fold_of(groups, found, seed)
        models = [fit_trees(x[fold != k], sides[fold != k], weights[fold != k]) for k in range(folds)]
        return cls(models, found, seed)

    def margins(self, x: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Margins of pairs, seen or not."""
        fold = fold_of(groups, self.cuts, self.seed)
        out = np.zeros(len(x))
        for k, model in enumerate(self.models):
            mine = fold == k
            if mine.any():
                out[mine] = _margins(model, x[mine])
        return out


def out_of_fold(
    ruler: Ruler,
    x: np.ndarray,
    sides: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray,
    folds: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Each pair's margin by a ruler that never saw its group.

    Args:
        ruler: `linear` or `trees`.
        x: float32 [rows, features], differences between the sides.
        sides: the preference for the first side, from -1 to 1 [rows].
        weights: none below 0 [rows].
        groups: a 64-bit hash of each row's group.
        folds: of groups.
        seed: of folds.

    Raises:
        ValueError: fewer groups than folds.
    """
    _, fold = spread(groups, folds, seed)
    out = np.zeros(len(x))
    for k in range(folds):
        mine = fold == k
        if mine.any():
            out[mine] = ruler(x[~mine], sides[~mine], weights[~mine], x[mine])
    return out
