"""How probably a rating is wrong: a mixture of raters who mean what they say and values that say nothing.

Opinions are looked at on a latent scale on which all values together are standard normal, since scales of ratings are
skewed and end somewhere. What is expected of a rater is made of what his text leads to expect (out of fold) and of what
others said of the same item, each by its precision: a mean m and a spread s. A value on an ordinal scale is what an
opinion around that falls into, between borders half way to the neighbouring values, open at the ends (ordered probit):

    P(v | means it) = Phi((upper - m) / s) - Phi((lower - m) / s),        P(v | says nothing) = Phi(upper) - Phi(lower),

and the posterior of the second is p_error. Its prior is fitted (EM), under a Beta prior around one in twenty. Where
text and others tell nothing, m is 0 and s is 1, both are the same, and nobody is accused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from transforms.ratings.harmonise import spreads

#: Values of a scale that are told apart; more are taken together, as many in each.
LEVELS = 100
#: The prior of the share of wrong values: as if so many of so many values had been seen to be.
_WRONG, _SEEN = 1.0, 20.0
_ROUNDS = 30
_DUST = 1e-12
#: The least width of a level on the latent scale.
_NARROW = 1e-3


@dataclass(frozen=True)
class Errors:
    """What was found.

    Attributes:
        p_error: of each value [values].
        variances: of each value's rater around his own opinion [values].
        share: of values that are wrong.
        head: variance of the head's predictions around items.
    """

    p_error: np.ndarray
    variances: np.ndarray
    share: float
    head: float


def latent(values: np.ndarray) -> np.ndarray:
    """Values as standard normal scores of their mid-ranks [values]."""
    return np.asarray(ndtri((rankdata(values) - 0.5) / len(values)))


def borders(given: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper border of each value's level on the latent scale, open at the ends.

    Args:
        given: values as the raters gave them [values].
        shifts: how far above what others would have said the rater is [values].
    """
    levels = np.unique(given)
    if len(levels) > LEVELS:
        levels = np.unique(np.quantile(given, (np.arange(LEVELS) + 0.5) / LEVELS, method="nearest"))
    middle = (levels[1:] + levels[:-1]) / 2
    place = np.searchsorted(middle, given, side="left")
    edges = np.concatenate([[-np.inf], middle, [np.inf]])
    pooled = np.sort(given - shifts)

    def score(raw: np.ndarray) -> np.ndarray:
        below = np.searchsorted(pooled, raw, "left") + np.searchsorted(pooled, raw, "right")
        shared = np.clip(below / 2, 0.5, len(pooled) - 0.5) / len(pooled)
        return np.where(np.isinf(raw), raw, ndtri(shared))

    lower, upper = score(edges[place] - shifts), score(edges[place + 1] - shifts)
    # A level beyond what any other rater says, moved, would hold nothing.
    return lower, np.maximum(upper, lower + _NARROW)


def errors(
    units: np.ndarray,
    raters: np.ndarray,
    values: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    predicted: np.ndarray,
) -> Errors:
    """Look for wrong values; everything is on the latent scale.

    Args:
        units: number of each value's item, from 0 [values].
        raters: number of each value's rater; -1 for nobody [values].
        values: less what their raters give too much [values].
        lower: the value's border below [values].
        upper: and above [values].
        predicted: what the item's text leads to expect [values].
    """
    good = np.ones(len(values))
    prior, variance, head = _WRONG / _SEEN, np.ones(len(values)), 1.0
    share = ndtr(upper) - ndtr(lower)
    for _ in range(_ROUNDS):
        variance, head = variances(units, raters, values, predicted, good)
        mean, doubt = _expected(units, values, predicted, good, variance, head)
        spread = np.sqrt(variance + doubt)
        meant = ndtr((upper - mean) / spread) - ndtr((lower - mean) / spread)
        wrong = prior * share
        p = wrong / (wrong + (1 - prior) * np.maximum(meant, _DUST))
        changed = np.abs(p - (1 - good)).max(initial=0.0)
        good = 1 - p
        prior = float((p.sum() + _WRONG) / (len(p) + _SEEN))
        if changed < 1e-6:
            break
    return Errors(1 - good, variance, prior, head)


def variances(
    units: np.ndarray, raters: np.ndarray, values: np.ndarray, predicted: np.ndarray, good: np.ndarray
) -> tuple[np.ndarray, float]:
    """Each value's rater's variance around his opinion, and that of predictions around items.

    What the head is off by shows in items that several judged; without any of these, half of what is off is its own.

    Args:
        units: number of each value's item, from 0 [values].
        raters: number of each value's rater; -1 for nobody [values].
        values: on any scale [values].
        predicted: on the same [values].
        good: how much each value counts, 0 to 1 [values].
    """
    counts, weight = np.bincount(units), np.bincount(units, good)
    mean = np.bincount(units, good * values) / np.maximum(weight, _DUST)
    several = counts[units] > 1
    off = values - predicted
    if not several.any():
        each = spreads(raters, off, good)
        return each / 2, float((good * off**2).sum() / max(good.sum(), _DUST)) / 2 + _DUST
    # A value pulls its item's mean towards itself: of n values the spread shows (n - 1) / n of the variance.
    shown = np.where(several, np.maximum(1 - good / np.maximum(weight[units], _DUST), 0.05), 1.0)
    whole = spreads(raters, (values - mean[units]) / np.sqrt(shown), good * several)
    text = np.bincount(units, predicted) / np.maximum(counts, 1)
    own = np.bincount(units, whole) / np.maximum(counts, 1) ** 2
    head = float(np.average((mean - text) ** 2 - own, weights=np.minimum(weight, 1) + _DUST))
    return whole, max(head, 0.05 * float(np.var(values)) + _DUST)


def _expected(
    units: np.ndarray, even: np.ndarray, predicted: np.ndarray, good: np.ndarray, variance: np.ndarray, head: float
) -> tuple[np.ndarray, np.ndarray]:
    """What is expected of each value by the text and the other raters of its item, and that expectation's variance."""
    precision = good / variance
    total = np.bincount(units, precision)[units] - precision
    sums = np.bincount(units, precision * even)[units] - precision * even
    whole = np.maximum(total, 0) + 1 / head
    return (sums + predicted / head) / whole, 1 / whole
