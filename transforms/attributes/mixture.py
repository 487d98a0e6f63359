"""Target mixtures of attributes: weights that give each its share, or rows to leave out instead.

Of all weights that give the attributes their shares, the ones nearest to even are w_i ∝ exp(Σ_j λ_j a_ij), a_ij being
the row's share in the attribute: generalised iterative scaling finds λ (Darroch and Ratcliff 1972).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STEPS, _NEAR = 2_000, 1e-6


@dataclass(frozen=True)
class Mixture:
    """Weights of rows.

    Attributes:
        weights: with mean 1, at most the cap [rows].
        shares: what attributes then have of the whole [attributes].
        effective: Kish's effective sample size, (Σw)² / Σw².
    """

    weights: np.ndarray
    shares: np.ndarray
    effective: float


def weigh(parts: np.ndarray, target: np.ndarray, cap: float) -> Mixture:
    """Weights for a target mixture.

    Args:
        parts: each row's share in each attribute; the shares of a row sum to 1 [rows, attributes].
        target: share of each attribute; they sum to 1, and are 0 only where no row has the attribute [attributes].
        cap: the greatest weight; where it binds, the target may be missed: `shares` says by how much.

    Raises:
        ValueError: an attribute that no row has should have a share.
    """
    missing = (target > 0) & (parts.sum(axis=0) == 0)
    if missing.any():
        raise ValueError(f"attribute {int(np.argmax(missing))} should have {target[missing][0]:.1%}, and no row has it")
    weights = np.ones(len(parts))
    shares = parts.mean(axis=0)
    for _ in range(_STEPS):
        if np.abs(shares - target).max() < _NEAR:
            break
        step = np.log(np.maximum(target, 1e-12) / np.maximum(shares, 1e-12))
        weights = np.minimum(weights * np.exp(parts @ step), cap)
        weights = np.minimum(weights / weights.mean(), cap)
        shares = weights @ parts / weights.sum()
    return Mixture(weights, shares, float(weights.sum() ** 2 / (weights**2).sum()))


def chances(weights: np.ndarray, least: float) -> np.ndarray:
    """The chance of each row to be kept so that what is kept is as if weighed: min(1, w / c).

    Args:
        weights: of the rows.
        least: the share of the rows that is to remain at least: c is the greatest with which it does, at most the
            greatest weight, with which nothing of the mixture is lost.
    """
    low, high = 1e-9, float(weights.max())
    if np.minimum(1, weights / high).mean() >= least:
        return np.asarray(weights / high)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(1, weights / middle).mean() >= least else (low, middle)
    return np.asarray(np.minimum(1, weights / low))
