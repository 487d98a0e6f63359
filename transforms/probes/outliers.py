"""How far a response lies from all that was rated: what probes say of it is not to be trusted where that is far.

Distances are to the nearest of a few centroids of the rated responses, in units in which these vary alike in every
direction (whitened): MRMBench's own are Euclidean distances of one model, whose threshold holds for no other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.duplicates import kmeans

#: Directions that are kept at most: no more than a tenth of the rated responses can tell.
_DIRECTIONS = 512
#: Rated responses a centroid, and centroids at most.
_ROWS, _CENTROIDS = 50, 32
#: What is added to each direction's variance, as a share of the greatest: those with next to none say nothing.
_FLOOR = 0.01
_QUANTILES = 200


@dataclass(frozen=True)
class Surroundings:
    """Where rated responses lie.

    Attributes:
        mean: of their vectors [dimensions].
        whitener: from centred vectors to whitened ones [dimensions, directions].
        rest: the standard deviation in each direction outside of these; 0 where there is none.
        centroids: in whitened units [centroids, directions].
        quantiles: of distances, rising, of rated responses that nothing was fitted on [201].
    """

    mean: np.ndarray
    whitener: np.ndarray
    rest: float
    centroids: np.ndarray
    quantiles: np.ndarray

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """To the nearest centroid, and out of the directions that are known [rows]."""
        centred = vectors.astype(np.float64) - self.mean
        inside = centred @ self.whitener
        square = (inside**2).sum(axis=1)[:, None] - 2 * inside @ self.centroids.T + (self.centroids**2).sum(axis=1)
        out = np.maximum(square.min(axis=1), 0)
        if self.rest > 0:
            basis = self.whitener / np.linalg.norm(self.whitener, axis=0)
            beyond = (centred**2).sum(axis=1) - ((centred @ basis) ** 2).sum(axis=1)
            out = out + np.maximum(beyond, 0) / self.rest**2
        return np.asarray(np.sqrt(out))

    def shares(self, distances: np.ndarray) -> np.ndarray:
        """The share of the rated responses that lie nearer, in [0, 1] [rows]."""
        return np.interp(distances, self.quantiles, np.linspace(0, 1, len(self.quantiles)))


def fit_surroundings(vectors: np.ndarray, device: str = "cpu") -> Surroundings:
    """Measure where rated responses lie.

    Args:
        vectors: of two responses or more, in an order that says nothing [rows, dimensions].
        device: of torch.
    """
    # One half says where they lie, the other how far from there is usual: who is among the first is nearer than others.
    x, others = vectors[::2].astype(np.float64), vectors[1::2]
    mean = x.mean(axis=0)
    count = min(_CENTROIDS, max(len(x) // _ROWS, 1))
    # First centroids as vectors lie, then again in units of what varies around those: in units of the whole, kinds that
    # lie apart would be drawn together.
    first = kmeans.fit((x - mean).astype(np.float32), count, device)
    nearest = kmeans.nearest((x - mean).astype(np.float32), first, 1, device)[:, 0]
    whitener, rest = _whitener(x - mean - first[nearest])
    centroids = kmeans.fit(((x - mean) @ whitener).astype(np.float32), count, device)
    found = Surroundings(mean, whitener, rest, centroids.astype(np.float64), np.zeros(1))
    quantiles = np.quantile(found.distances(others), np.linspace(0, 1, _QUANTILES + 1))
    rising = np.maximum.accumulate(quantiles) + 1e-12 * np.arange(_QUANTILES + 1)
    return Surroundings(mean, whitener, rest, centroids.astype(np.float64), rising)


def _whitener(centred: np.ndarray) -> tuple[np.ndarray, float]:
    """From centred vectors to units in which they vary alike, and the deviation in those left out."""
    values, basis = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = np.argsort(values)[::-1][: min(_DIRECTIONS, len(values), max(len(centred) // 10, 1))]
    top = np.maximum(values[kept], 0)
    left = np.maximum(np.delete(values, kept), 0)
    # Directions that are left out are taken for alike, as in probabilistic PCA (Tipping and Bishop 1999).
    rest = float(np.sqrt(left.mean() + _FLOOR * top.max() + 1e-12)) if len(left) else 0.0
    return basis[:, kept] / np.sqrt(top + _FLOOR * top.max() + 1e-12), rest
