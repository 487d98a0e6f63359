"""Bradley and Terry's model of comparisons, with raters who differ in care, in ties, and in love of the first place.

A vote of rater k on responses a and b of one prompt is for a, a tie, or for b with odds
exp(x/2) : exp(n_k) : exp(-x/2), x = c_k (s_a - s_b) + p_k d (Bradley & Terry, 1952; ties as in Davidson, 1970; raters
as in Chen et al.'s Crowd-BT, 2013). s are the responses' strengths, c_k how closely the rater follows them (1 on
average, below 0 for one who says the opposite), p_k the pull of the place (d = 1 where a stood first, -1 where b did, 0
where nobody knows), n_k the liking for ties. Normal priors hold everything in place. Responses of a prompt that are
compared in many pairs help each other: a vote against what the other pairs say counts for less.

Given the raters the loss is convex in the strengths, and prompts have none in common: raters are fitted once, on at
most so many votes, and strengths wherever a prompt's votes are. Gradients are written out and checked against finite
differences (a known library's are wrong).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

#: Standard deviations of the priors: strengths, care, place and ties. The first two were chosen by the likelihood of
#: held-out votes (benchmarks/results.md, "Raters").
STRENGTH, CARE, PLACE, TIES = 1.0, 0.5, 0.5, 1.0
#: L-BFGS goes on until no part of the gradient is larger, in units of one vote.
_FLAT = 1e-7
_ROUNDS = 2000


@dataclass(frozen=True)
class Votes:
    """Votes on pairs, one line each.

    Attributes:
        a, b: numbers of the two responses, from 0.
        rater: number of the rater, from 0; -1 for an average one.
        place: 1 where a stood first, -1 where b did, 0 where that is not known.
        cast: votes for a, for a tie and for b, shape (votes, 3), times how often they count.
    """

    a: np.ndarray
    b: np.ndarray
    rater: np.ndarray
    place: np.ndarray
    cast: np.ndarray


@dataclass(frozen=True)
class Raters:
    """What raters are like, one line each.

    Attributes:
        care: how closely votes follow the strengths.
        place: pull of the first place, in logits.
        ties: liking for ties, in logits.
        average_ties: what an average rater's is.
    """

    care: np.ndarray
    place: np.ndarray
    ties: np.ndarray
    average_ties: float


def fit_raters(votes: Votes) -> tuple[Raters, np.ndarray]:
    """Raters and strengths together, by maximum a posteriori; returns both."""
    people, responses = int(votes.rater.max(initial=-1)) + 1, _responses(votes)
    start = np.concatenate([np.zeros(responses), np.ones(people), np.zeros(2 * people + 1)])
    found = _minimise(lambda z: joint_loss(z, votes, people), start)
    s, care, place, ties, average = _parts(found, responses, people)
    return Raters(care, place, ties, float(average)), s


def fit_strengths(votes: Votes, raters: Raters) -> tuple[np.ndarray, np.ndarray]:
    """The responses' strengths under known raters, and the variance of each.

    The variance is one over the curvature of the loss along its own axis.
    """
    care, place, ties = (
        np.append(known, rest)[votes.rater]
        for known, rest in ((raters.care, 1.0), (raters.place, 0.0), (raters.ties, raters.average_ties))
    )
    responses = _responses(votes)

    def loss(s: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope, _ = _vote_loss(care * (s[votes.a] - s[votes.b]) + place * votes.place, ties, votes.cast)
        down = _spread(votes, slope * care, responses)
        return value + float(s @ s) / (2 * STRENGTH**2), down + s / STRENGTH**2

    s = _minimise(loss, np.zeros(responses))
    share = _odds(care * (s[votes.a] - s[votes.b]) + place * votes.place, ties)
    # Of the mean of +1/2, 0 and -1/2 under the three shares: its slope along x.
    bend = (share[0] + share[2]) / 4 - ((share[0] - share[2]) / 2) ** 2
    curved = bend * care**2 * votes.cast.sum(axis=1)
    curvature = np.bincount(votes.a, curved, responses) + np.bincount(votes.b, curved, responses) + 1 / STRENGTH**2
    return s, 1 / curvature


def preference(gap: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Probability that the first response is the better one, for a gap of strengths known with this variance.

    The mean of the logistic function under a normal gap, by MacKay's approximation (1992).
    """
    out: np.ndarray = expit(gap / np.sqrt(1 + np.pi * variance / 8))
    return out


def joint_loss(z: np.ndarray, votes: Votes, people: int) -> tuple[float, np.ndarray]:
    """Minus the logarithm of the posterior density, less a constant, and its gradient.

    Args:
        z: strengths, then each rater's care, place and ties, then the average liking for ties.
        votes: what was said.
        people: how many raters there are.
    """
    responses = len(z) - 3 * people - 1
    s, care, place, ties, average = _parts(z, responses, people)
    k, known = votes.rater, votes.rater >= 0
    own_care, own_place, own_ties = np.append(care, 1.0)[k], np.append(place, 0.0)[k], np.append(ties, average)[k]
    gap = s[votes.a] - s[votes.b]
    value, slope, tied = _vote_loss(own_care * gap + own_place * votes.place, own_ties, votes.cast)
    drift = (ties - average) / TIES**2
    value += float(
        s @ s / STRENGTH**2
        + ((care - 1) ** 2).sum() / CARE**2
        + place @ place / PLACE**2
        + (ties - average) @ drift
    ) / 2  # fmt: skip

    def of(each: np.ndarray) -> np.ndarray:
        return np.bincount(k[known], each[known], people)

    down = [
        _spread(votes, slope * own_care, responses) + s / STRENGTH**2,
        of(slope * gap) + (care - 1) / CARE**2,
        of(slope * votes.place) + place / PLACE**2,
        of(tied) + drift,
        np.array([tied[~known].sum() - drift.sum()]),
    ]
    return value, np.concatenate(down)


def _vote_loss(x: np.ndarray, ties: np.ndarray, cast: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Minus the votes' log-likelihood, and its slopes along each x and each liking for ties."""
    share = _odds(x, ties)
    said = np.log(np.maximum(np.stack(share, axis=1), 1e-300))
    count = cast.sum(axis=1)
    slope = count * (share[0] - share[2]) / 2 - (cast[:, 0] - cast[:, 2]) / 2
    return -float((cast * said).sum()), slope, count * share[1] - cast[:, 1]


def _odds(x: np.ndarray, ties: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of a, tie and b."""
    top = np.maximum(np.abs(x) / 2, ties)
    a, tie, b = np.exp(x / 2 - top), np.exp(ties - top), np.exp(-x / 2 - top)
    whole = a + tie + b
    return a / whole, tie / whole, b / whole


def _spread(votes: Votes, slope: np.ndarray, responses: int) -> np.ndarray:
    return np.bincount(votes.a, slope, responses) - np.bincount(votes.b, slope, responses)


def _parts(z: np.ndarray, responses: int, people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    s, care, place, ties, average = np.split(z, responses + people * np.arange(4))
    return s, care, place, ties, average[0]


def _responses(votes: Votes) -> int:
    return 1 + int(max(votes.a.max(initial=-1), votes.b.max(initial=-1)))


def _minimise(loss, start: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    options = {"maxiter": _ROUNDS, "maxfun": 2 * _ROUNDS, "maxcor": 20, "ftol": 0.0, "gtol": _FLAT}
    found: np.ndarray = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return found
