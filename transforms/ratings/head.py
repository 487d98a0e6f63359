"""What a response's rating should be by its text: ridge regression, out of fold by group."""

from __future__ import annotations

import numpy as np

from transforms.strength.folds import cuts, fold_of

#: Penalties that are tried, per row; the one with the least error out of fold is taken.
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def out_of_fold(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> tuple[np.ndarray, float]:
    """Predictions of rows by heads that have not seen their group.

    Args:
        features: [rows, columns], finite; they are brought to mean 0 and spread 1.
        targets: [rows].
        weights: of each row.
        groups: a hash of each row's group.
        folds: how many.
        seed: of folds.

    Returns:
        The predictions [rows] and the share of the targets' variance that they explain, 0 or less where there is
        nothing to learn; then the predictions are the mean of the other folds.
    """
    x = features.astype(np.float64)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    x = np.divide(x - mean, spread, out=np.zeros_like(x), where=spread > 1e-9)
    x = np.hstack([x, np.ones((len(x), 1))])
    fold = fold_of(groups, cuts(groups, folds, seed), seed)
    found = np.zeros((len(PENALTIES), len(x)))
    flat = np.zeros(len(x))
    # Sums over all rows, less each fold's own.
    every = (x * weights[:, None]).T @ x
    aim = x.T @ (weights * targets)
    for number in range(folds):
        mine = fold == number
        if not mine.any():
            continue
        own = x[mine]
        left = every - (own * weights[mine, None]).T @ own
        right = aim - own.T @ (weights * targets)[mine]
        total = max(left[-1, -1], 1e-12)
        flat[mine] = right[-1] / total
        size, vectors = np.linalg.eigh(left[:-1, :-1] - np.outer(left[-1, :-1], left[-1, :-1]) / total)
        turned = vectors.T @ (right[:-1] - left[-1, :-1] * right[-1] / total)
        centred = (own[:, :-1] - left[-1, :-1] / total) @ vectors
        for place, penalty in enumerate(PENALTIES):
            found[place, mine] = flat[mine] + centred @ (turned / (np.maximum(size, 0) + penalty * total))
    errors = ((found - targets) ** 2 * weights).sum(axis=1)
    best = int(np.argmin(errors))
    nothing = float(((flat - targets) ** 2 * weights).sum())
    explained = 1 - float(errors[best]) / nothing if nothing > 0 else 0.0
    return (found[best] if explained > 0 else flat), explained
