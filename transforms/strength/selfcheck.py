"""Would flips be right? Errors are planted on the user's own rows, in an ensemble of its own, and looked for.

Whole groups of a known sample are turned round, once any groups and once those with the closest pairs, where real
errors lie. How many planted errors are found at a threshold, and how many other rows with them, gives the
precision that a flip would have at a noise rate e: e TPR / (e TPR + (1 - e) FPR). The rows that were left alone hold
real errors at that rate, which are found as planted ones are and are no false alarms: what is over the threshold among
them is e TPR + (1 - e) FPR. Nothing fitted here is published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from transforms.strength.folds import uniform
from transforms.strength.model import Fitted, Settings, fit
from transforms.strength.pairs import Pairs

#: Share of the rows whose labels are turned, members of the ensemble that looks for them, and the seed it starts from.
PLANTED, MEMBERS, _SALT = 0.1, 4, 53
#: Where errors are planted.
PLACES = ("uniform", "close")
#: `p_error` from which a row would be called wrong.
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
#: Standard errors of a two-sided interval of 95 %.
_Z = 1.96


@dataclass(frozen=True)
class Check:
    """How errors planted in one place were found.

    Attributes:
        place: one of `PLACES`.
        threshold: at or over which a row was called wrong.
        planted: how many rows, and `groups` how many groups, were turned round.
        auroc: that `p_error` tells planted rows from others.
        tpr: share of the planted rows at or over the threshold; `tpr_low` its interval's lower end.
        over: share of the other rows of the place, real errors among them; `over_high` its interval's upper end.
    """

    place: str
    threshold: float
    planted: int
    groups: int
    auroc: float
    tpr: float
    tpr_low: float
    over: float
    over_high: float

    def precision(self, rate: float) -> float:
        """What share of flips would be right at this noise rate."""
        return precision(rate, self.tpr, self.over)

    def lower(self, rate: float) -> float:
        """The same at the interval's worse ends."""
        return precision(rate, self.tpr_low, self.over_high)


def precision(rate: float, tpr: float, over: float) -> float:
    """The share of flips that are right; 0 where nothing is flipped.

    Args:
        rate: at which labels are wrong.
        tpr: share of the wrong ones that are flipped.
        over: share of all that are flipped, rate * tpr + (1 - rate) * FPR.
    """
    right = rate * tpr
    wrong = max(over - right, 0.0)
    return right / (right + wrong) if right + wrong > 0 else 0.0


def self_check(pairs: Pairs, found: Fitted, settings: Settings) -> list[Check]:
    """Plant errors and look for them.

    Args:
        pairs: those that the model was fitted on, and others.
        found: that fit, whose neighbours and units are taken over.
        settings: of the fit.

    Returns:
        One check a place and threshold, without those where nothing could be planted.
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
        scores = fit(pairs.turned(turned), other, found).scores.p_error
        out += [_check(place, scores, where, region, mine.groups, threshold) for threshold in THRESHOLDS]
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
    place: str, scores: np.ndarray, planted: np.ndarray, region: np.ndarray, named: np.ndarray, threshold: float
) -> Check:
    others = region & ~planted
    over = scores >= threshold
    tpr, rest = float(over[planted].mean()), float(over[others].mean())
    # Rows of a group are not independent witnesses: groups are counted.
    groups = [len(np.unique(named[where])) for where in (planted, others)]
    return Check(
        place,
        threshold,
        int(planted.sum()),
        groups[0],
        auroc(scores[region], planted[region]),
        tpr,
        wilson(tpr, groups[0])[0],
        rest,
        wilson(rest, groups[1])[1],
    )


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's interval of 95 % of a share."""
    centre = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
