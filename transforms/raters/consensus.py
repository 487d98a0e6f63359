"""What the votes on a pair say together: Dawid and Skene's model with ties, and what plain counting knows.

A row with a winner is one where a rater can be right (`right`), call it a tie (`tie`) or take the other side (`wrong`);
a tie is one that a rater calls so (`tied`) or not. That is all a rater's confusion matrix holds here: both sides are
treated alike, so swapping the sides of a row turns its label round and changes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

#: How many votes of an average rater are added to each rater's own; chosen by the likelihood of held-out votes
#: (benchmarks/results.md, "Raters").
PRIOR_VOTES = 20.0
#: Rounds stop when no posterior moves by more; measured data needs 20 to 60.
_STILL = 1e-7
_ROUNDS = 500
#: The rater of votes that nobody's name is on.
ANONYMOUS = -1

#: Outcomes of a vote, as columns of a confusion.
RIGHT, TIE, WRONG, TIED = range(4)


@dataclass(frozen=True)
class Model:
    """What Dawid-Skene found out about raters.

    Attributes:
        ties: share of rows that are ties.
        pool: an average rater's confusion, four numbers: right, tie and wrong (which sum to 1), tied.
        raters: each rater's confusion, shape (raters, 4).
    """

    ties: float
    pool: np.ndarray
    raters: np.ndarray


@dataclass(frozen=True)
class Fit:
    """A model, and what it says of the rows it was fitted on.

    Attributes:
        model: the raters.
        posterior: probability that the first side is better, that it is a tie, that the second is; shape (units, 3).
        others: the same in the eyes of all but the one who cast a vote, for each vote; NaN where no one else cast any
            that counts; shape (votes, 3).
        rounds: how many rounds it took.
    """

    model: Model
    posterior: np.ndarray
    others: np.ndarray
    rounds: int


def shares(votes: np.ndarray) -> np.ndarray:
    """Votes in [0, 1] as shares of first, tie and second; 0.75 is half a vote for the first and half a tie.

    Shape (votes, 3); the mean value of the shares is the vote.
    """
    lean = 2 * votes - 1
    return np.stack([np.maximum(lean, 0), 1 - np.abs(lean), np.maximum(-lean, 0)], axis=1)


def dawid_skene(
    units: np.ndarray, raters: np.ndarray, votes: np.ndarray, weights: np.ndarray, prior: float = PRIOR_VOTES
) -> Fit:
    """Fit raters' confusions and the rows' labels in turn (Dawid & Skene, Applied Statistics 28, 1979).

    Two things differ from the paper, both against overconfidence on few votes: confusions are shrunk to the average
    rater's (maximum a posteriori under a Dirichlet prior worth `prior` votes), and the share of ties is that of the
    votes, where fitting it lets the class of ties die out. A rater is never taken to be wrong more often than right:
    then they say nothing, instead of the opposite.

    Args:
        units: the row of each vote, numbers from 0.
        raters: the rater of each, numbers from 0; `ANONYMOUS` where nobody is named: an average rater.
        votes: preference for the first side in [0, 1].
        weights: how many votes each stands for.
        prior: strength of the shrinkage.

    Raises:
        ValueError: a vote is outside [0, 1].
    """
    if len(votes) and not (votes.min() >= 0 and votes.max() <= 1):
        raise ValueError(f"dawid_skene: a vote is in [0, 1], not {votes[(votes < 0) | (votes > 1)][0]}")
    rows, people = int(units.max(initial=-1)) + 1, int(raters.max(initial=-1)) + 1
    cast = shares(votes) * weights[:, None]
    known = raters != ANONYMOUS
    posterior = _normalised(_by(units, cast, rows) + 1e-9)
    ties = float(cast[:, 1].sum() / max(cast.sum(), 1e-9))
    rounds = 0
    while rounds < _ROUNDS:
        outcomes = _outcomes(cast, posterior[units])
        model = _model(_by(raters[known], outcomes[known], people), outcomes.sum(axis=0), ties, prior)
        evidence = log_votes(model, raters, cast)
        new = _posterior(model, _by(units, evidence, rows))
        moved = np.abs(new - posterior).max(initial=0)
        posterior, rounds = new, rounds + 1
        if moved <= _STILL:
            break
    counted = (weights > 0).astype(float)
    company = np.bincount(units, counted, rows)[units] - counted > 0
    others = _posterior(model, _by(units, evidence, rows)[units] - evidence)
    return Fit(model, posterior, np.where(company[:, None], others, np.nan), rounds)


def outcomes_of(
    truth: np.ndarray, raters: np.ndarray, votes: np.ndarray, weights: np.ndarray, people: int
) -> np.ndarray:
    """Expected outcomes of each rater's votes.

    Args:
        truth: probabilities of first, tie and second that each vote is held against, shape (votes, 3): the rows', or
            those in the eyes of the others, where a rater's own vote does not confirm itself. NaN are not counted.
        raters: the number of each vote's rater; `ANONYMOUS` are not counted.
        votes: preferences for the first side.
        weights: how many votes each stands for.
        people: how many raters there are.

    Returns:
        Shape (raters, 5): right, tie and wrong on rows with a winner, tied and not tied on ties.
    """
    seen = (raters != ANONYMOUS) & ~np.isnan(truth[:, 0])
    cast = shares(votes[seen]) * weights[seen, None]
    return _by(raters[seen], _outcomes(cast, truth[seen]), people)


def log_votes(model: Model, raters: np.ndarray, cast: np.ndarray) -> np.ndarray:
    """How much each vote speaks for first, tie and second, in logarithms of probabilities; shape (votes, 3).

    Args:
        model: raters' confusions.
        raters: their numbers; `ANONYMOUS` for an average one.
        cast: `shares` of the votes, times how often each counts.
    """
    table = np.log(np.maximum(np.vstack([model.raters, model.pool]), 1e-12))  # -1 is the last: the average rater
    untied = np.log(np.maximum(1 - np.append(model.raters[:, TIED], model.pool[TIED]), 1e-12)) - np.log(2)
    who = table[raters]
    first, tie, second = cast.T
    return np.stack(
        [
            first * who[:, RIGHT] + tie * who[:, TIE] + second * who[:, WRONG],
            tie * who[:, TIED] + (first + second) * untied[raters],
            first * who[:, WRONG] + tie * who[:, TIE] + second * who[:, RIGHT],
        ],
        axis=1,
    )


def posterior_of(
    model: Model, units: np.ndarray, raters: np.ndarray, votes: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The rows' probabilities of first, tie and second under raters that are known already; shape (units, 3)."""
    evidence = log_votes(model, raters, shares(votes) * weights[:, None])
    return _posterior(model, _by(units, evidence, int(units.max(initial=-1)) + 1))


def majority(first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean vote, and the probability that more voters would turn the label round.

    Args:
        first: sum of the votes for the first side, for each row.
        count: number of votes.

    Returns:
        Mean in [0, 1]; and min(P(q < 1/2), P(q > 1/2)) of the voters' true share q under Jeffreys' prior.
    """
    below = betainc(first + 0.5, count - first + 0.5, 0.5)
    return first / np.maximum(count, 1e-9), np.minimum(below, 1 - below)


def worse_than_chance(right: np.ndarray, wrong: np.ndarray, level: float = 0.99) -> np.ndarray:
    """Raters who take the wrong side more often than not, with this probability under a uniform prior.

    Args:
        right: expected votes for the better side, in the eyes of others.
        wrong: for the other side.
        level: the probability asked for.
    """
    return betainc(right + 1, wrong + 1, 0.5) > level


def _outcomes(cast: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    """Expected outcomes of votes: right, tie, wrong, tied, not tied; shape (votes, 5)."""
    first, tie, second = cast.T
    a, t, b = posterior.T
    return np.stack(
        [first * a + second * b, tie * (a + b), first * b + second * a, tie * t, (first + second) * t], axis=1
    )


def _model(counts: np.ndarray, total: np.ndarray, ties: float, prior: float) -> Model:
    """The confusions that counts of outcomes make most probable."""
    pool = np.append(_normalised(total[None, :3] + 1e-9)[0], (total[3] + 1e-9) / (total[3:].sum() + 2e-9))
    own = counts[:, :3] + prior * pool[:3]
    # The best confusion among those that are right as often as wrong gives both the mean of the two.
    even = np.maximum((own[:, WRONG] - own[:, RIGHT]) / 2, 0)
    own[:, RIGHT] += even
    own[:, WRONG] -= even
    tied = (counts[:, 3] + prior * pool[TIED]) / (counts[:, 3:].sum(axis=1) + prior)
    return Model(ties, pool, np.column_stack([_normalised(own), tied]))


def _posterior(model: Model, evidence: np.ndarray) -> np.ndarray:
    side = np.log(max(1 - model.ties, 1e-9) / 2)
    score = evidence + np.array([side, np.log(max(model.ties, 1e-9)), side])
    return _normalised(np.exp(score - score.max(axis=1, keepdims=True)))


def _by(keys: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Sums of the columns of `values` by key, in the order of the lines."""
    return np.stack([np.bincount(keys, column, size) for column in values.T], axis=1)


def _normalised(values: np.ndarray) -> np.ndarray:
    out: np.ndarray = values / values.sum(axis=1, keepdims=True)
    return out
