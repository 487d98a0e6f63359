"""Ridge probes out of fold: from a response's features to its rating on each dimension.

After MRMBench (Wang et al. 2025), whose probes are linear on frozen features; here they are fitted in closed form, and
no response is judged by a probe that has seen its group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.strength.folds import fold_of, spread

#: Penalties tried, as shares of the rows (features have about one size); the one with the least error out of fold is
#: taken.
RIDGES = (0.001, 0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class Probe:
    """A fitted probe of one dimension.

    Attributes:
        weights: of centred features, one line a fold, fitted without it [folds, features].
        means: of the features, likewise [folds, features].
        levels: of the ratings, likewise [folds].
        cuts: which groups are in which fold [folds - 1].
        ridge: the penalty taken, as a share of the rows.
        correlation: of ratings with what is said of them out of fold (Pearson); 0 where that never varies.
        rows: fitted on.
    """

    weights: np.ndarray
    means: np.ndarray
    levels: np.ndarray
    cuts: np.ndarray
    ridge: float
    correlation: float
    rows: int

    def ratings(self, features: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
        """Ratings in [0, 1], more or less, by probes that never saw the rows' groups [rows]."""
        fold = fold_of(groups, self.cuts, seed)
        out = np.zeros(len(features))
        for k in range(len(self.weights)):
            mine = np.flatnonzero(fold == k)
            out[mine] = (features[mine] - self.means[k]) @ self.weights[k] + self.levels[k]
        return out


def fit_probe(features: np.ndarray, ratings: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> Probe:
    """Fit one dimension.

    Args:
        features: of responses, float [rows, features].
        ratings: in [0, 1], higher is better [rows].
        groups: a 64-bit hash of each row's group [rows].
        folds: of groups.
        seed: of folds.

    Raises:
        ValueError: fewer groups than folds.
    """
    where, fold = spread(groups, folds, seed)
    x, y = features.astype(np.float64), ratings.astype(np.float64)
    counts = np.bincount(fold, minlength=folds)
    sums = np.stack([x[fold == k].sum(axis=0) for k in range(folds)])
    totals = np.bincount(fold, y, minlength=folds)
    grams = np.stack([x[fold == k].T @ x[fold == k] for k in range(folds)])
    sides = np.stack([x[fold == k].T @ y[fold == k] for k in range(folds)])
    left = len(x) - counts
    means = (sums.sum(axis=0) - sums) / left[:, None]
    levels = (totals.sum() - totals) / left
    said = np.zeros((len(RIDGES), len(x)))
    weights = np.zeros((len(RIDGES), folds, x.shape[1]))
    for k in range(folds):
        gram = grams.sum(axis=0) - grams[k] - left[k] * np.outer(means[k], means[k])
        side = sides.sum(axis=0) - sides[k] - left[k] * means[k] * levels[k]
        # All penalties from one decomposition.
        values, vectors = np.linalg.eigh(gram)
        turned = vectors.T @ side
        size = max(float(values.mean()), 1e-12)
        mine = fold == k
        for place, ridge in enumerate(RIDGES):
            weights[place, k] = vectors @ (turned / (np.maximum(values, 0) + ridge * size))
            said[place, mine] = (x[mine] - means[k]) @ weights[place, k] + levels[k]
    best = int(((said - y) ** 2).sum(axis=1).argmin())
    return Probe(weights[best], means, levels, where, RIDGES[best], correlation(said[best], y), len(x))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 0 where either never varies."""
    if len(a) < 2 or a.std() < 1e-12 or b.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
