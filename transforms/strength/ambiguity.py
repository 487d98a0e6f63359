"""How likely a pair's sides cannot be told apart: which is no error, whatever the label says.

Three things say so, and none of them whether the label is wrong: raters who split or call it even, responses that are
nearly the same text, and a margin that is small against its own uncertainty. Where raters judged enough rows apart, how
often they split at which margin and likeness is fitted out of fold; where not, a model alone makes no row more than
half ambiguous, since a weak one can tell no pair apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.strength.combine import logistic, sigmoid
from transforms.strength.noise import ENOUGH

#: Responses less alike than this are told apart by what differs.
_ALIKE = 0.8
_QUANTILES = 100


@dataclass(frozen=True)
class Ambiguity:
    """What makes a margin small, and how often raters then split.

    Attributes:
        quantiles: of |margin| / uncertainty, rising [101].
        weights: of smallness, likeness and a constant on the log-odds of a split [folds, 3]; None without evidence.
    """

    quantiles: np.ndarray
    weights: np.ndarray | None

    def p_ambiguous(
        self, z: np.ndarray, likeness: np.ndarray, votes: np.ndarray, labels: np.ndarray, fold: np.ndarray
    ) -> np.ndarray:
        """The probability that raters would split, or call the sides even [rows].

        Args:
            z: margins over their uncertainty [rows].
            likeness: of the two texts, in [0, 1] [rows].
            votes: for each side [rows, 2].
            labels: preference for the first response [rows].
            fold: of each row.
        """
        small = self._small(z)
        if self.weights is None:
            modelled = small / 2
        else:
            x = np.stack([small, likeness, np.ones_like(small)], axis=1)
            modelled = sigmoid(np.einsum("rc,rc->r", x, self.weights[fold]))
        near = np.clip((likeness - _ALIKE) / (1 - _ALIKE), 0, 1)
        return np.asarray(1 - (1 - modelled) * (1 - near) * (1 - split(votes, labels)))

    def _small(self, z: np.ndarray) -> np.ndarray:
        """1 for the smallest of margins, 0 for the largest."""
        return np.asarray(1 - np.interp(np.abs(z), self.quantiles, np.linspace(0, 1, len(self.quantiles))))


def split(votes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How evenly judgements are divided: 1 for even halves or a tie, 0 for one voice [rows].

    A single vote divides nothing; several do by 1 - (2 s - 1)^2 of their share s, and so does a lukewarm one.
    """
    total = votes.sum(axis=1)
    share = np.divide(votes[:, 0], total, out=np.full(len(votes), 0.5), where=total > 0)
    share = np.where(total > 0, share, np.nan_to_num(labels, nan=0.5))
    return np.asarray(1 - (2 * share - 1) ** 2)


def fit_ambiguity(z: np.ndarray, likeness: np.ndarray, voices: np.ndarray, fold: np.ndarray, folds: int) -> Ambiguity:
    """Measure margins, and fit how often raters split where enough rows have two votes or more.

    Args:
        z: margins over their uncertainty [rows].
        likeness: of the two texts [rows].
        voices: raters for each side [rows, 2].
        fold: of each row.
        folds: how many there are.
    """
    quantiles = np.quantile(np.abs(z), np.linspace(0, 1, _QUANTILES + 1))
    found = Ambiguity(np.maximum.accumulate(quantiles + 1e-12 * np.arange(_QUANTILES + 1)), None)
    several = voices.sum(axis=1) >= 2
    divided = voices.min(axis=1) > 0
    if int(several.sum()) < ENOUGH or min(int(divided[several].sum()), int((~divided)[several].sum())) < ENOUGH // 5:
        return found
    x = np.stack([found._small(z), likeness, np.ones(len(z))], axis=1)
    rows = [several & (fold != k) for k in range(folds)]
    return Ambiguity(found.quantiles, np.stack([logistic(x[mine], divided[mine].astype(float)) for mine in rows]))
