"""Preference strength: an ensemble of small Bradley-Terry heads, each row judged by heads that never saw its group.

A head is a linear reward r(x, a) = w . phi(x, a), so that the difference of two, w . (phi(x, a) - phi(x, b)),
is antisymmetric and has no intercept: swapping a pair's sides turns its sign and nothing else (Wang et al. 2024,
Secrets of RLHF II, with out-of-fold heads instead of heads that have seen the row). Members differ in the groups and
the features that they are given.

All heads are fitted at once by majorisation (Boehning and Lindsay 1988): a quarter of the Gram matrix bounds the loss's
curvature, so each step goes down, and rows pass through two matrix products a step. Members are given subsets of the
groups, without repeats, which the same matrix bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from transforms.strength.folds import fold_of, spread, uniform

if TYPE_CHECKING:
    import torch

#: Steps of the fit, which are also the epochs of the training dynamics.
STEPS = 20
#: Share of the groups, and of the features, that a member is given.
GROUPS, FEATURES = 0.85, 0.8
#: Ridge penalties tried, as shares of the rows; the one with the least loss out of fold is taken.
RIDGES = (0.003, 0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Heads:
    """Fitted heads.

    Attributes:
        weights: float32 [members, folds, features]; those of a fold were fitted without its groups.
        cuts: which groups are in which fold [folds - 1].
        scale: what each member's margins are multiplied by, so that members count alike [members].
        ridge: the penalty taken, as a share of the rows.
        seed: of folds and members.
    """

    weights: np.ndarray
    cuts: np.ndarray
    scale: np.ndarray
    ridge: float
    seed: int

    def margins(self, features: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Each member's margin for the first response, out of fold; float32 [rows, members]."""
        fold = fold_of(groups, self.cuts, self.seed)
        out = np.zeros((len(features), len(self.weights)), dtype=np.float32)
        for k in range(self.weights.shape[1]):
            mine = np.flatnonzero(fold == k)
            out[mine] = features[mine] @ self.weights[:, k].T
        return np.asarray(out * self.scale.astype(np.float32))


@dataclass(frozen=True)
class Dynamics:
    """How rows fared while heads that were given them learnt; one number a row, NaN for rows that no head was given.

    Attributes:
        confidence: the mean over epochs of the probability of the recorded label (Swayamdipta et al. 2020).
        variability: its standard deviation over epochs.
        aum: the mean margin of the recorded label over epochs (Pleiss et al. 2020), in logits.
    """

    confidence: np.ndarray
    variability: np.ndarray
    aum: np.ndarray


def fit_heads(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    members: int = 10,
    folds: int = 5,
    seed: int = 0,
    ridge: float | None = None,
    device: str = "cpu",
    weights: np.ndarray | None = None,
) -> tuple[Heads, Dynamics]:
    """Fit an ensemble out of fold.

    Args:
        features: differences between the first response's features and the second's, float32 [rows, features]; of
            about one size, since one penalty is for all.
        labels: preference for the first response, in [0, 1] [rows].
        groups: a 64-bit hash of each row's group [rows].
        members: how many heads a fold.
        folds: of groups.
        seed: of folds and members.
        ridge: the penalty as a share of the rows; found among `RIDGES` when None.
        device: of torch.
        weights: of rows, for each fold those that its heads learn with, of mean 1; all alike when None [rows, folds].

    Raises:
        ValueError: fewer groups than folds.
    """
    import torch

    where, fold = spread(groups, folds, seed)
    data = _Data(
        torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)).to(device),
        torch.from_numpy(labels.astype(np.float32)).to(device),
        torch.from_numpy(fold).to(device),
        folds,
        None if weights is None else torch.from_numpy(weights.astype(np.float32)).to(device),
    )
    if ridge is None:
        ridge = _best_ridge(data)
    given = [torch.from_numpy(uniform(groups, seed + 101 + m) < GROUPS).to(device) for m in range(members)]
    names = np.arange(features.shape[1], dtype=np.uint64) + np.uint64(1)
    drawn = [uniform(names, seed + 10_007 + m) < FEATURES for m in range(members)]
    # Of a feature or two a member may be given none, and is given all.
    used = [torch.from_numpy(mine if mine.any() else ~mine).to(device) for mine in drawn]
    found, dynamics = _fit(data, given, used, [ridge * GROUPS] * members, follow=True)
    raw = Heads(found.cpu().numpy(), where, np.ones(members), ridge, seed)
    size = np.sqrt((raw.margins(features, groups).astype(np.float64) ** 2).mean(axis=0))
    scale = np.divide(size.mean(), size, out=np.zeros_like(size), where=size > 0)
    return Heads(raw.weights, where, scale, ridge, seed), dynamics


@dataclass(frozen=True)
class _Data:
    features: torch.Tensor
    labels: torch.Tensor
    fold: torch.Tensor
    folds: int
    weights: torch.Tensor | None


def _best_ridge(data: _Data) -> float:
    """The penalty with the least loss out of fold, of one head on everything."""
    import torch

    rows, width = data.features.shape
    every = [torch.ones(rows, dtype=torch.bool, device=data.features.device)] * len(RIDGES)
    whole = [torch.ones(width, dtype=torch.bool, device=data.features.device)] * len(RIDGES)
    weights, _ = _fit(data, every, whole, list(RIDGES), follow=False)
    losses = torch.zeros(len(RIDGES), dtype=torch.float64)
    for k in range(data.folds):
        mine = data.fold == k
        margin = data.features[mine] @ weights[:, k].T
        label = data.labels[mine, None].expand_as(margin)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(margin, label, reduction="none")
        if data.weights is not None:
            loss = loss * data.weights[mine, k, None]
        losses += loss.sum(dim=0, dtype=torch.float64).cpu()
    return RIDGES[int(losses.argmin())]


def _fit(
    data: _Data, given: list[torch.Tensor], used: list[torch.Tensor], ridges: list[float], *, follow: bool
) -> tuple[torch.Tensor, Dynamics]:
    """Weights [members, folds, features] of all heads, and the dynamics where they are to be followed."""
    import torch

    x, members, folds = data.features, len(given), data.folds
    rows, width = x.shape
    # Which rows a head learns from: [rows, members * folds], a member's folds side by side.
    learns = (
        torch.stack(given, dim=1)[:, :, None] & (data.fold[:, None] != torch.arange(folds, device=x.device))[:, None]
    )
    if data.weights is not None:
        learns = learns * data.weights[:, None]
    learns = learns.reshape(rows, members * folds).float()
    penalty = torch.tensor(ridges, device=x.device).repeat_interleave(folds) * rows * (folds - 1) / folds
    factors = _factors(data, used, penalty)
    mask = torch.stack(used).repeat_interleave(folds, dim=0).float()
    weights = torch.zeros(members * folds, width, device=x.device)
    label = data.labels[:, None]
    sign = 2 * label - 1
    told = learns.sum(dim=1)
    told = torch.where(told > 0, told, 1.0)
    sums = [torch.zeros(rows, device=x.device, dtype=torch.float64) for _ in range(3)]
    margin = torch.zeros(rows, members * folds, device=x.device)
    for _ in range(STEPS):
        slope = (x.T @ (learns * (label - torch.sigmoid(margin)))).T - penalty[:, None] * weights
        step = torch.cholesky_solve((slope * mask)[:, :, None], factors)[:, :, 0]
        weights = weights + step * mask
        margin = x @ weights.T
        if follow:
            right = margin * sign
            p = ((torch.sigmoid(right) * learns).sum(dim=1) / told).double()
            sums = [sums[0] + p, sums[1] + p * p, sums[2] + ((right * learns).sum(dim=1) / told).double()]
    mean, squares, aum = (one.cpu().numpy() / STEPS for one in sums)
    known = (learns.sum(dim=1) > 0).cpu().numpy()
    dynamics = Dynamics(
        *(np.where(known, one, np.nan) for one in (mean, np.sqrt(np.maximum(squares - mean**2, 0)), aum))
    )
    return weights.reshape(members, folds, width), dynamics


def _factors(data: _Data, used: list[torch.Tensor], penalty: torch.Tensor) -> torch.Tensor:
    """Cholesky factors of each head's bound on the curvature, in the order of the heads."""
    import torch

    x = data.features
    if data.weights is None:
        grams = torch.stack([x[data.fold == k].T @ x[data.fold == k] for k in range(data.folds)])
        bounds = (grams.sum(dim=0) - grams) / 4
    else:
        apart = [(data.fold != k) * data.weights[:, k] for k in range(data.folds)]
        bounds = torch.stack([x.T @ (x * one[:, None]) for one in apart]) / 4
    out = []
    for m, mask in enumerate(used):
        both = mask[:, None] & mask[None, :]
        for k in range(data.folds):
            bound = torch.where(both, bounds[k], 0.0)
            bound.diagonal().add_(penalty[m * data.folds + k])
            out.append(torch.linalg.cholesky(bound))
    return torch.stack(out)
