"""How likely a pair's sides cannot be told apart: which is no error, whatever the label says.

A pair has a leaning t, and a rater takes the first side with probability q = sigmoid(t). What is known of t before
anybody votes is the margin, give or take what the model does not see, and texts that share most words leave little of
that to see. Votes then speak for themselves (a logistic-normal model of votes, integrated by Gauss-Hermite
quadrature): a label against a clear margin says that not all would judge like that, five votes to none that all would.
How far leanings stray from margins is fitted out of fold where raters judged enough rows apart. Where not, it is wide,
so that a margin alone takes no row for surely ambiguous, since a weak model can tell no pair apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.strength.combine import sigmoid
from transforms.strength.noise import ENOUGH

#: Responses less alike than this are told apart by what differs; of those of the same words so many are even (of
#: PandaLM's 21 pairs with a likeness over 0.9, votes are even in 15).
_ALIKE, _EVEN = 0.8, 0.75
#: Share of words in common past which leanings stray no less: what tells such texts apart is what differs.
_COMMON = 0.5
#: How far leanings stray from margins, in logits, where no votes say it.
_SPREAD = 2.0
#: What is tried where they do.
_SCALES = np.geomspace(0.25, 4.0, 9)
_SPREADS = np.geomspace(0.25, 8.0, 11)
#: More votes than this are taken for as many: what they say is clear by then, and falls between the nodes.
_VOTES = 12.0
#: Nodes and weights of the quadrature, and rows of one block of it.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(25)
_BLOCK = 2**15


@dataclass(frozen=True)
class Ambiguity:
    """How leanings go with margins; one number a fold, fitted on the others.

    Attributes:
        scale: of margins [folds].
        spread: standard deviation of leanings about scaled margins, for texts that share no word [folds].
        identified: whether raters' votes say so.
    """

    scale: np.ndarray
    spread: np.ndarray
    identified: bool

    def p_ambiguous(
        self, margins: np.ndarray, likeness: np.ndarray, votes: np.ndarray, labels: np.ndarray, fold: np.ndarray
    ) -> np.ndarray:
        """How far raters would split, or call the sides even: 0 for one voice, 1 for even halves [rows].

        The higher of two: what is expected of more raters, and how the judgements that are there are divided. Texts
        that are nearly the same are even unless votes say that raters can tell them apart.

        Args:
            margins: of models that never saw the rows' groups [rows].
            likeness: of the two texts, in [0, 1] [rows].
            votes: for each side [rows, 2].
            labels: preference for the first response [rows].
            fold: of each row.
        """
        near = _EVEN * np.clip((likeness - _ALIKE) / (1 - _ALIKE), 0, 1)
        cast = _capped(votes)
        expected = np.zeros(len(margins))
        for start in range(0, len(margins), _BLOCK):
            part = slice(start, start + _BLOCK)
            spread = self.spread[fold[part]] * _room(likeness[part])
            joint, q = _joint(self.scale[fold[part]] * margins[part], spread, cast[part])
            even = near[part] * 0.5 ** cast[part].sum(axis=1)
            told = (1 - near[part])[:, None] * joint
            expected[part] = (even + (told * 4 * q * (1 - q)).sum(axis=1)) / (even + told.sum(axis=1))
        return np.maximum(expected, split(votes, labels))


def split(votes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How evenly judgements are divided: 1 for even halves or a tie, 0 for one voice [rows].

    A single vote divides nothing; several do by 1 - (2 s - 1)^2 of their share s, and so does a lukewarm one. Where
    nobody judged, nothing is divided.
    """
    total = votes.sum(axis=1)
    share = np.divide(votes[:, 0], total, out=np.full(len(votes), 0.5), where=total > 0)
    share = np.where(total > 0, share, np.nan_to_num(labels, nan=0.0))
    return np.asarray(1 - (2 * share - 1) ** 2)


def fit_ambiguity(
    margins: np.ndarray, likeness: np.ndarray, voices: np.ndarray, fold: np.ndarray, folds: int
) -> Ambiguity:
    """Fit how leanings go with margins where enough rows have two votes or more: the likeliest of a grid.

    Args:
        margins: of models that never saw the rows' groups [rows].
        likeness: of the two texts [rows].
        voices: raters for each side [rows, 2].
        fold: of each row.
        folds: how many there are.
    """
    several = np.flatnonzero(voices.sum(axis=1) >= 2)
    divided = int((voices[several].min(axis=1) > 0).sum())
    if len(several) < ENOUGH or min(divided, len(several) - divided) < ENOUGH // 5:
        return Ambiguity(np.ones(folds), np.full(folds, _SPREAD), False)
    tried = [(scale, spread) for scale in _SCALES for spread in _SPREADS]
    each = np.stack([_log_likelihood(*one, margins, likeness, voices, fold, several, folds) for one in tried])
    scale, spread = np.array(tried)[(each.sum(axis=1, keepdims=True) - each).argmax(axis=0)].T
    return Ambiguity(scale, spread, True)


def _log_likelihood(
    scale: float,
    spread: float,
    margins: np.ndarray,
    likeness: np.ndarray,
    voices: np.ndarray,
    fold: np.ndarray,
    places: np.ndarray,
    folds: int,
) -> np.ndarray:
    """Of the votes at some places, by fold [folds]."""
    out = np.zeros(folds)
    for start in range(0, len(places), _BLOCK):
        mine = places[start : start + _BLOCK]
        joint, _ = _joint(scale * margins[mine], spread * _room(likeness[mine]), _capped(voices[mine]))
        out += np.bincount(fold[mine], np.log(joint.sum(axis=1)), folds)
    return out


def _room(likeness: np.ndarray) -> np.ndarray:
    """What the share of words that differ leaves of the spread; variances add up over words."""
    return np.sqrt(1 - np.clip(likeness, 0, _COMMON))


def _capped(votes: np.ndarray) -> np.ndarray:
    return np.asarray(votes * np.minimum(1, _VOTES / np.maximum(votes.sum(axis=1, keepdims=True), 1)))


def _joint(middle: np.ndarray, spread: np.ndarray, votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the leanings at the nodes times the votes' likelihood there, and the first side's probability there.

    Both [rows, nodes].
    """
    t = middle[:, None] + spread[:, None] * _NODES
    log = -votes[:, :1] * np.logaddexp(0, -t) - votes[:, 1:] * np.logaddexp(0, t)
    return np.exp(log) * (_WEIGHTS / _WEIGHTS.sum()), sigmoid(t)
