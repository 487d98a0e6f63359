"""Weights under which no surface feature pays, for detectors that are not to learn a bias of the labels.

Labels that prefer the longer side for its length teach a detector to take every counterexample for an error. Learnt
from weighed pairs, among which features tell the sides apart no better than chance, it speaks of what is left.
"""

from __future__ import annotations

import numpy as np

from transforms.spurious.balance import FEW, ONE_SIGNED
from transforms.spurious.entropy import solve

#: The largest weight, in mean weights, and the penalty of `transforms.spurious.entropy`.
_CAP, _PENALTY = 3.5, 0.03


def balanced_weights(surface: np.ndarray, labels: np.ndarray, fold: np.ndarray, folds: int) -> np.ndarray:
    """Entropy-balancing weights, those of a column fitted without that fold [rows, folds].

    A feature that hardly ever differs, or always favours one side, has no balance and is left out, as where training
    pairs are balanced. Weights have mean 1 over the rows that they were fitted on.

    Args:
        surface: scaled differences of surface features [rows, features].
        labels: preference for the first side, in [0, 1] [rows].
        fold: of each row.
        folds: how many there are.
    """
    sides = (2 * labels - 1)[:, None]
    signs = (np.sign(surface) * sides).astype(np.float32)
    whole = np.hstack([surface * sides, signs]).astype(np.float32)
    out = np.ones((len(labels), folds))
    for k in range(folds):
        mine = fold != k
        told = (signs[mine] != 0).sum(axis=0)
        for_first, for_second = (signs[mine] > 0).sum(axis=0), (signs[mine] < 0).sum(axis=0)
        can = (told >= FEW) & (np.maximum(for_first, for_second) < ONE_SIGNED * np.maximum(told, 1))
        some = whole[:, np.tile(can, 2)]
        if not can.any():
            continue
        size = np.sqrt(np.square(some[mine], dtype=np.float64).mean(axis=0)).astype(np.float32)
        some = some / np.maximum(size, np.float32(1e-9))
        found = solve(some[mine], penalty=_PENALTY, cap=_CAP)
        out[:, k] = found.weigh(some, np.ones(len(some)))
    return out
