"""How noisy the labels are, and how likely each is wrong.

The noise rate is read off evidence: raters who judged one row apart, relabelled rows that are trusted, or the user's
own word. A model alone cannot tell a noisy set from a hard one. Confident learning's count of off-diagonal rows
(Northcutt et al. 2021) takes a weak model for noise, so it only bounds the rate from above; without evidence there is a
range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.strength.combine import sigmoid
from transforms.strength.folds import uniform

#: Rates are kept inside, so that no label is beyond doubt and none without worth.
LOWEST, HIGHEST = 0.001, 0.49
#: Rows with several votes, or trusted relabels, that make a rate known.
ENOUGH = 100
#: Parts that groups are spread over for the jackknife.
_PARTS = 20


@dataclass(frozen=True)
class Rate:
    """The rate at which one judgement names the wrong side.

    Attributes:
        value: the rate; the middle of the range where it is not identified.
        low: end of its 95 % interval, or of the range.
        high: likewise.
        identified: whether evidence says it.
        source: votes, trusted, config, or none.
        rows: how many rows said so.
    """

    value: float
    low: float
    high: float
    identified: bool
    source: str
    rows: int

    def to_dict(self) -> dict[str, object]:
        """For reports."""
        return {
            "eta": round(self.value, 5),
            "eta_low": round(self.low, 5),
            "eta_high": round(self.high, 5),
            "eta_identified": self.identified,
            "eta_source": self.source,
            "eta_rows": self.rows,
        }


def configured(rate: float) -> Rate:
    """The user's own word."""
    return Rate(_inside(rate), _inside(rate), _inside(rate), True, "config", 0)


def unidentified(probabilities: np.ndarray) -> Rate:
    """A range from nothing to confident learning's count.

    Args:
        probabilities: of the recorded labels, from a model that never saw the rows [rows].
    """
    high = off_diagonal(probabilities)
    return Rate(_inside(high / 2), 0.0, high, False, "none", 0)


def off_diagonal(probabilities: np.ndarray) -> float:
    """Confident learning's noise rate for pairs, whose two classes share one threshold: the mean probability."""
    if not len(probabilities):
        return HIGHEST
    threshold = probabilities.mean()
    off = int(((1 - probabilities >= threshold) & (probabilities < 0.5)).sum())
    on = int((probabilities >= threshold).sum())
    return min(off / (off + on), HIGHEST) if off + on else HIGHEST


def from_votes(first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> Rate | None:
    """The rate from rows that several raters judged apart, each wrong as often as the other.

    The likelihood of `a` votes against `b` is (1-e)^a e^b + e^a (1-e)^b over two, since either side may be the right
    one; with two votes it is the share of disagreements D solved for D = 2 e (1 - e). Raters who share a source of
    error agree on it, and are no evidence of it.

    Args:
        first: votes for the first response, one a rater [rows].
        second: for the second.
        groups: a 64-bit hash of each row's group, for the interval.

    Returns:
        None with fewer than `ENOUGH` rows of two votes or more.
    """
    several = first + second >= 2
    if int(several.sum()) < ENOUGH:
        return None
    a, b = first[several], second[several]
    part = (uniform(groups[several], 29) * _PARTS).astype(np.int64)
    value = _likeliest(a, b)
    return _with_interval(value, [_likeliest(a[part != p], b[part != p]) for p in range(_PARTS)], "votes", len(a))


def from_trusted(
    recorded: np.ndarray, trusted: np.ndarray, groups: np.ndarray, chances: np.ndarray | None = None
) -> Rate | None:
    """The rate from rows that someone trusted judged as well, each drawn with a chance that is known.

    A row counts with one over its chance (Hajek's estimator), so that rows may be drawn where they are most doubtful.

    Args:
        recorded: preference for the first response by everyone else [rows].
        trusted: by those who are trusted.
        groups: as above.
        chances: with which rows were drawn, in (0, 1]; all alike when None.

    Returns:
        None with fewer than `ENOUGH` rows on which both take a side.
    """
    sided = (recorded != 0.5) & (trusted != 0.5)
    if int(sided.sum()) < ENOUGH:
        return None
    wrong = (recorded[sided] > 0.5) != (trusted[sided] > 0.5)
    part = (uniform(groups[sided], 29) * _PARTS).astype(np.int64)
    weights = np.ones(len(wrong)) if chances is None else 1 / chances[sided]
    left = [float(np.average(wrong[part != p], weights=weights[part != p])) for p in range(_PARTS) if (part != p).any()]
    return _with_interval(float(np.average(wrong, weights=weights)), left, "trusted", len(wrong))


def _likeliest(a: np.ndarray, b: np.ndarray) -> float:
    """The rate of the highest likelihood, to 1e-5: a grid, refined twice."""
    cases, counts = np.unique(np.stack([a, b], axis=1), axis=0, return_counts=True)
    low, high = LOWEST, HIGHEST
    for _ in range(3):
        rates = np.linspace(low, high, 101)[:, None]
        right, wrong = np.log(1 - rates), np.log(rates)
        either = np.logaddexp(cases[:, 0] * right + cases[:, 1] * wrong, cases[:, 0] * wrong + cases[:, 1] * right)
        best = int((either * counts).sum(axis=1).argmax())
        low, high = float(rates[max(best - 1, 0), 0]), float(rates[min(best + 1, 100), 0])
    return (low + high) / 2


def _with_interval(value: float, left_out: list[float], source: str, rows: int) -> Rate:
    """A rate with the jackknife's interval over parts of the groups."""
    parts = np.array(left_out)
    error = np.sqrt((len(parts) - 1) / len(parts) * ((parts - parts.mean()) ** 2).sum())
    return Rate(
        _inside(value),
        max(0.0, float(value - 1.96 * error)),
        min(HIGHEST, float(value + 1.96 * error)),
        True,
        source,
        rows,
    )


def _inside(rate: float) -> float:
    return float(np.clip(rate, LOWEST, HIGHEST))


def unshrink(logits: np.ndarray, labels: np.ndarray, flips: np.ndarray, fold: np.ndarray, folds: int) -> np.ndarray:
    """What logits of a model that learnt from noisy labels must be multiplied by to speak of the right ones [folds].

    A noisy label is for the first response with probability e + (1 - 2e) p; here p = sigmoid(scale * logit), so it
    never leaves [0, 1]. The likeliest scale, for each fold from the others: golden-section search on its logarithm.

    Args:
        logits: out of fold [rows].
        labels: preference for the first response, in [0, 1] [rows].
        flips: how likely each recorded label is the wrong side, before the model is asked [rows].
        fold: of each row.
        folds: how many there are.
    """
    return np.array([_scale(logits[fold != k], labels[fold != k], flips[fold != k]) for k in range(folds)])


def _scale(logits: np.ndarray, labels: np.ndarray, flips: np.ndarray) -> float:
    def loss(log_scale: float) -> float:
        p = flips + (1 - 2 * flips) * sigmoid(np.exp(log_scale) * logits)
        p = np.clip(p, 1e-9, 1 - 1e-9)
        return -float((labels * np.log(p) + (1 - labels) * np.log(1 - p)).sum())

    low, high, ratio = np.log(0.05), np.log(20.0), (np.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-4:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))


def flip_rates(votes: np.ndarray, rate: float) -> np.ndarray:
    """How likely recorded labels are the wrong side when only their votes are looked at.

    Args:
        votes: the side's votes less the other's; 1 for a single judgement, less for a lukewarm one, 0 for a tie [rows].
        rate: at which one vote is wrong.
    """
    return sigmoid(-np.abs(votes) * np.log((1 - rate) / rate))


def label_rate(votes: np.ndarray, rate: float) -> float:
    """How often recorded labels, which may rest on several votes, are the wrong side where one vote is at this rate."""
    return float(flip_rates(votes, rate).mean()) if rate > 0 and len(votes) else 0.0


def p_error(logits: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """The probability that recorded labels are wrong.

    With p the model's probability of the recorded side and e the chance that its votes are wrong, the label is right
    with (1-e) p / ((1-e) p + e (1-p)).

    Args:
        logits: of the model, for the recorded side, unshrunk [rows].
        flips: what `flip_rates` gives [rows].
    """
    prior = np.clip(flips, 1e-9, 0.5)
    return sigmoid(-(logits + np.log((1 - prior) / prior)))
