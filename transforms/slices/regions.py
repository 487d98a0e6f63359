"""Regions of an embedding space: what a slice is, so that any row can be said to be in it or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transforms.duplicates import kmeans


@dataclass(frozen=True)
class Cell:
    """Where one of several centres is the nearest: centres [count, dimensions], and which."""

    centres: np.ndarray
    index: int

    def contains(self, vectors: np.ndarray) -> np.ndarray:
        """Whether each vector is in it [rows]; vectors of nothing are not."""
        return _some(vectors) & (kmeans.nearest(vectors, self.centres, 1)[:, 0] == self.index)


@dataclass(frozen=True)
class Ball:
    """What has at least a cosine with a centre [dimensions] of length 1."""

    centre: np.ndarray
    cosine: float

    def contains(self, vectors: np.ndarray) -> np.ndarray:
        """Whether each vector is in it [rows]; vectors of nothing are not."""
        return _some(vectors) & ((vectors @ self.centre).round(4) >= self.cosine)


@dataclass(frozen=True)
class Component:
    """Where one of a mixture's components is the likeliest, by the embedding alone.

    Attributes:
        origin: subtracted from vectors [dimensions].
        basis: what is left of them: products with these [dimensions, kept].
        weights: logarithms of the components' shares [components].
        means: of the components [components, kept].
        variances: of the components [components, kept].
        index: which component.
    """

    origin: np.ndarray
    basis: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    index: int

    def likeliest(self, vectors: np.ndarray) -> np.ndarray:
        """The likeliest component of each vector [rows]."""
        z = (vectors - self.origin) @ self.basis
        return np.asarray((self.weights + log_density(z, self.means, self.variances)).round(4).argmax(axis=1))

    def contains(self, vectors: np.ndarray) -> np.ndarray:
        """Whether each vector is in it [rows]; vectors of nothing are not."""
        return _some(vectors) & (self.likeliest(vectors) == self.index)


Region = Cell | Ball | Component
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Cell, Ball, Component)}


def log_density(z: np.ndarray, means: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Logarithms of normal densities with diagonal covariances, up to a constant [rows, components]."""
    precision = 1 / variances
    square = (z * z) @ precision.T - 2 * z @ (means * precision).T + (means * means * precision).sum(axis=1)
    return np.asarray(-0.5 * (square + np.log(variances).sum(axis=1)))


def to_arrays(region: Region, name: str) -> dict[str, np.ndarray]:
    """A region as arrays to save, under names that begin with `name`."""
    parts = {f"{name}.{field}": np.asarray(value) for field, value in vars(region).items()}
    return {**parts, f"{name}.kind": np.asarray(type(region).__name__)}


def from_arrays(arrays: dict[str, np.ndarray], name: str) -> Region:
    """The way back from `to_arrays`."""
    parts = {key.removeprefix(f"{name}."): value for key, value in arrays.items() if key.startswith(f"{name}.")}
    kind = _KINDS[str(parts.pop("kind"))]
    region: Region = kind(**{field: value if value.ndim else value.item() for field, value in parts.items()})
    return region


def _some(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(vectors).sum(axis=1) > 0)
