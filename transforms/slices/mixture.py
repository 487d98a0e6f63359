"""An error-aware mixture: regions that are alike in their texts and in their errors (Domino: Eyuboglu et al. 2022).

Each component is normal in the embedding's leading directions and in the error signal, and the latter weighs more, so
that components bend round what goes wrong. What was fitted on errors cannot be tested on them: a mixture is fitted on
half of the groups, and its components, by the embedding alone, are tested on the other half.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from transforms.duplicates import kmeans
from transforms.slices.families import GROUPS, Cells
from transforms.slices.regions import Component, log_density
from transforms.strength.folds import uniform

#: Leading directions of the embedding; steps of EM; how much the error weighs beside the embedding; components at most
#: and groups for each; the weight of the overall variance in each component's, in groups.
_KEPT, _STEPS, _ERROR, _MOST, _EACH, _PRIOR = 16, 20, 4.0, 25, 20, 2.0


def mixtures(vectors: np.ndarray, values: np.ndarray, groups: np.ndarray, seed: int) -> list[Cells]:
    """Two families: components fitted on either half of the groups, to be tested on the other.

    Args:
        vectors: float32 [rows, dimensions].
        values: the signal [rows].
        groups: uint64, a hash of each row's group.
        seed: which halves.
    """
    there = np.abs(vectors).sum(axis=1) > 0
    half = uniform(groups, 503 + seed) < 0.5
    out = []
    for fitted_on in (half, ~half):
        fitted = _fit(vectors[there & fitted_on], values[there & fitted_on], groups[there & fitted_on], seed)
        if fitted is None:
            continue
        members = np.where(there, fitted.likeliest(vectors), -1)
        count = len(fitted.weights)
        # The two halves of one seed are no second opinion of each other, but those of another seed are.
        out.append(Cells("prompts", "mixture", seed, members, count, _region(fitted), there & ~fitted_on))
    return out


def _region(fitted: Component):  # type: ignore[no-untyped-def] # from a number to its component
    return lambda index: Component(**{**vars(fitted), "index": index})


def _fit(vectors: np.ndarray, values: np.ndarray, groups: np.ndarray, seed: int) -> Component | None:
    """A mixture of groups, each with its first row's vector and its mean value; None where there are too few."""
    named, first, which, rows = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    chosen = np.sort(np.argsort(uniform(named, 509 + seed), kind="stable")[:GROUPS])
    count = min(_MOST, len(chosen) // _EACH)
    if count < 2:
        return None
    error = (np.bincount(which, weights=values) / rows)[chosen]
    weight = rows[chosen] / rows[chosen].mean()
    x = vectors[first[chosen]].astype(np.float64)
    origin = x.mean(axis=0)
    # The sign of a direction and its last bits are the library's; both are settled here.
    _, directions = np.linalg.eigh(((x - origin).T @ (x - origin)).round(6))
    basis = directions[:, ::-1][:, :_KEPT]
    basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    z = (x - origin) @ basis
    size = float(np.sqrt(z.var(axis=0).mean())) or 1.0
    z, basis = z / size, basis / size
    wide, loud = np.ones(z.shape[1]) * z.var(axis=0).mean(), max(float(error.var()), 1e-9)
    order = np.argsort(uniform(named[chosen], 521 + seed), kind="stable")
    belongs = kmeans.nearest(z, kmeans.fit(z[order].astype(np.float32), count), 1)[:, 0]
    share = np.full((len(z), count), 0.1 / count)
    share[np.arange(len(z)), belongs] += 0.9
    for _ in range(_STEPS):
        mass = share * weight[:, None]
        total = mass.sum(axis=0) + 1e-9
        weights = np.log(total / total.sum())
        means, high = mass.T @ z / total[:, None], mass.T @ error / total
        scatter = np.maximum(mass.T @ (z * z) / total[:, None] - means**2, 0)
        variances = (scatter * total[:, None] + wide * _PRIOR) / (total[:, None] + _PRIOR)
        noise = np.maximum(mass.T @ error**2 / total - high**2, 0)
        noise = np.maximum((noise * total + loud * _PRIOR) / (total + _PRIOR), loud / 20)
        said = log_density(error[:, None], high[:, None], noise[:, None])
        joint = weights + log_density(z, means, variances) + _ERROR * said
        share = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    return Component(origin, basis, weights, means, variances, 0)
