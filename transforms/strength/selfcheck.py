"""Would flips be right? Errors are planted on the user's own rows, in an ensemble of its own, and looked for.

Whole groups of a known sample are turned round, once any groups and once those with the closest pairs, where real
errors lie. How many of the turned rows are found at a threshold, t, and how many of the others, o, gives the precision
that a flip would have where labels are wrong at a rate e. The others hold real errors at that rate, which are found as
planted ones are and are no false alarms, and of the turned rows as many were wrong before and are right now:
o = e TPR + (1 - e) FPR and t = (1 - e) TPR + e FPR. So TPR = ((1 - e) t - e o) / (1 - 2 e), and the precision,
e TPR / o, is a matter of e and t / o alone, as its lower bound is. Nothing fitted here is published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from transforms.strength.folds import uniform
from transforms.strength.model import Fitted, Settings, fit
from transforms.strength.pairs import Pairs

#: Share of the rows whose labels are turned, members of the ensemble that looks for them, and the seed it starts from.
PLANTED, MEMBERS, _SALT = 0.1, 4, 53
#: Where errors are planted.
PLACES = ("uniform", "close")
#: `p_error` from which a row would be called wrong.
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
#: How sure the lower bound of a precision is.
_SURE = 0.95


@dataclass(frozen=True)
class Check:
    """How errors planted in one place were found.

    Attributes:
        place: one of `PLACES`.
        spared: whether counterexamples are never called wrong, as policy can have it.
        threshold: at or over which a row was called wrong.
        planted: how many rows, and `groups` how many groups, were turned round.
        auroc: that `p_error` tells planted rows from others.
        found: share of the planted rows at or over the threshold, t above.
        over: share of the other rows of the place, real errors among them, o above.
        least: lower bound of t / o.
    """

    place: str
    spared: bool
    threshold: float
    planted: int
    groups: int
    auroc: float
    found: float
    over: float
    least: float

    def precision(self, rate: float) -> float:
        """What share of flips would be right where labels are wrong at this rate; 0 where nothing is flipped."""
        if not self.found:
            return 0.0
        return precision(rate, self.found / self.over if self.over else np.inf)

    def lower(self, rate: float) -> float:
        """What it is at least, as sure as 95 %."""
        return min(self.precision(rate), precision(rate, self.least))


def precision(rate: float, ratio: float) -> float:
    """The share of flips that are right, e TPR / o.

    Args:
        rate: at which labels are wrong, under 1/2.
        ratio: t / o.
    """
    return float(np.clip(rate * ((1 - rate) * ratio - rate) / (1 - 2 * rate), 0, 1)) if rate else 0.0


def self_check(pairs: Pairs, found: Fitted, settings: Settings) -> list[Check]:
    """Plant errors and look for them.

    Args:
        pairs: those that the model was fitted on, and others.
        found: that fit, whose neighbours and units are taken over.
        settings: of the fit.

    Returns:
        Checks of each place where anything could be planted, at each threshold: with counterexamples called wrong as
        others are, and without.
    """
    mine = pairs.at(found.places)
    out = []
    for place in PLACES:
        where, region = _plant(mine, place)
        if not where.any() or (where == region).all():
            continue
        turned = np.zeros(len(pairs), dtype=bool)
        turned[found.places] = where
        # The rate that is looked for is the one that there is, and the one that was planted.
        rate = found.model.rate.value
        noisy = min(rate + PLANTED * (1 - 2 * rate), 0.49)
        other = replace(settings, members=min(MEMBERS, settings.members), noise_rate=noisy)
        scores = fit(pairs.turned(turned), other, found).scores
        for spared in (False, True):
            wrong = np.where(spared & (scores.counterexample > 0.5), 0.0, scores.p_error)
            out += [_check(place, spared, wrong, where, region, mine.groups, at) for at in THRESHOLDS]
    return out


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The probability that a positive row's score is the higher, half for equal ones."""
    order = np.argsort(scores, kind="stable")
    _, inverse, counts = np.unique(scores[order], return_inverse=True, return_counts=True)
    ranks = np.empty(len(scores))
    ranks[order] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return float("nan")
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def attainable(margins: np.ndarray) -> float:
    """AUROC*: P(m + m' > 0) for two of the margins of recorded labels, out of fold.

    What the detector can reach as the rate of random flips goes to 0, when m is a clean label's margin and -m' a
    flipped one's; half for sums of 0.
    """
    ordered = np.sort(margins)
    above = len(margins) - np.searchsorted(ordered, -margins, side="right")
    equal = np.searchsorted(ordered, -margins, side="right") - np.searchsorted(ordered, -margins, side="left")
    return float((above + equal / 2).mean() / max(len(margins), 1))


def _plant(pairs: Pairs, place: str) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are turned round, all of some groups that hold about `PLANTED` of a region's rows; and the region."""
    groups, inverse = np.unique(pairs.groups, return_inverse=True)
    rows = np.bincount(inverse, pairs.sided)
    inside = np.ones(len(groups), dtype=bool)
    if place == "close":  # the third of the groups whose pairs are the closest
        closeness = np.bincount(inverse, pairs.closeness()) / np.bincount(inverse)
        inside = np.argsort(np.argsort(-closeness, kind="stable"), kind="stable") < len(groups) / 3
    order = np.flatnonzero(inside)[np.argsort(uniform(groups[inside], _SALT), kind="stable")]
    chosen = np.cumsum(rows[order]) - rows[order] / 2 <= PLANTED * rows[inside].sum()
    chosen[:1] = True
    picked = np.zeros(len(groups), dtype=bool)
    picked[order[chosen]] = True
    return np.asarray(picked[inverse] & pairs.sided), np.asarray(inside[inverse] & pairs.sided)


def _check(
    place: str,
    spared: bool,
    scores: np.ndarray,
    planted: np.ndarray,
    region: np.ndarray,
    named: np.ndarray,
    threshold: float,
) -> Check:
    others = region & ~planted
    over = scores >= threshold
    return Check(
        place,
        spared,
        threshold,
        int(planted.sum()),
        len(np.unique(named[planted])),
        auroc(scores[region], planted[region]),
        float(over[planted].mean()),
        float(over[others].mean()),
        least_ratio(over[planted], named[planted], over[others], named[others]),
    )


def least_ratio(first: np.ndarray, groups: np.ndarray, second: np.ndarray, their_groups: np.ndarray) -> float:
    """Lower bound of one share over another, from the logarithm's standard error (Katz et al. 1978).

    Half a row is added to each count, as is usual, so that none has a logarithm. Rows of a group are not independent
    witnesses: a share's variance is that of its groups, and no less than that of as many independent rows; where groups
    are few, Student's distribution is wide (degrees of freedom by Satterthwaite).
    """
    parts = [_relative(hits, where) for hits, where in ((first, groups), (second, their_groups))]
    (share, variance, freedom), (other, their_variance, their_freedom) = parts
    total = variance + their_variance
    degrees = total**2 / (variance**2 / freedom + their_variance**2 / their_freedom)
    return float(share / other * np.exp(-stats.t.ppf(_SURE, degrees) * np.sqrt(total)))


def _relative(hits: np.ndarray, groups: np.ndarray) -> tuple[float, float, int]:
    """A share, the variance of its logarithm, and how many groups more than one it rests on, at least one."""
    rows = len(hits)
    share = (hits.sum() + 0.5) / (rows + 1)
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    apart = np.bincount(inverse, hits) - hits.mean() * counts
    freedom = max(len(counts) - 1, 1)
    between = (apart**2).sum() * len(counts) / freedom / rows**2
    return float(share), float(max(between, share * (1 - share) / (rows + 1)) / share**2), freedom
