"""Dawid-Skene on simulated raters whose skill is known, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest

from transforms.raters.consensus import (
    ANONYMOUS,
    Fit,
    dawid_skene,
    majority,
    outcomes_of,
    posterior_of,
    shares,
    worse_than_chance,
)

Votes = tuple[np.ndarray, np.ndarray, np.ndarray]


def simulated(rows: int, skill: np.ndarray, each: int, seed: int, ties: float = 0.0) -> tuple[Votes, np.ndarray]:
    """Votes of raters who are right with their skill; a tie is called a tie with it, and else is given to a side."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([0.0, 0.5, 1.0], rows, p=[(1 - ties) / 2, ties, (1 - ties) / 2])
    raters = np.argsort(rng.random((rows, len(skill))), axis=1)[:, :each].ravel()
    units = np.repeat(np.arange(rows), each)
    right = rng.random(len(units)) < skill[raters]
    wrong = np.where(truth[units] == 0.5, rng.integers(0, 2, len(units)), 1 - truth[units])
    return (units, raters, np.where(right, truth[units], wrong)), truth


def fitted(votes: Votes, weights: np.ndarray | None = None) -> Fit:
    units, raters, values = votes
    return dawid_skene(units, raters, values, np.ones(len(units)) if weights is None else weights)


def labels(fit: Fit) -> np.ndarray:
    return np.array([1.0, 0.5, 0.0])[fit.posterior.argmax(axis=1)]


def test_fifty_simulated_raters() -> None:
    """The set of benchmarks/peers/multi.py: accuracies from 0.95 to 0.45, five votes a row."""
    rng = np.random.default_rng(1)
    skill = np.linspace(0.95, 0.45, 50)
    truth = rng.integers(0, 2, 20_000)
    units, raters, values = [], [], []
    for i in range(20_000):
        some = rng.choice(50, 5, replace=False)
        right = rng.random(5) < skill[some]
        units += [i] * 5
        raters += some.tolist()
        values += np.where(right, truth[i], 1 - truth[i]).tolist()
    votes = np.array(units), np.array(raters), np.array(values, dtype=float)
    fit = fitted(votes)
    counted = np.bincount(votes[0], votes[2]) / 5
    assert (labels(fit) == truth).mean() >= 0.90
    assert (labels(fit) == truth).mean() > ((counted > 0.5) == truth).mean() + 0.05
    found = outcomes_of(fit.others, votes[1], votes[2], np.ones(100_000), 50)
    assert np.corrcoef(found[:, 0] / found.sum(axis=1), skill)[0, 1] > 0.99
    # Probabilities mean what they say.
    p = fit.posterior[:, 0]
    for low in np.arange(0, 1, 0.1):
        some = (p >= low) & (p < low + 0.1)
        assert truth[some].mean() == pytest.approx(p[some].mean(), abs=0.03)


def test_ties_are_found() -> None:
    votes, truth = simulated(4000, np.linspace(0.9, 0.5, 20), 5, seed=3, ties=0.3)
    fit = fitted(votes)
    plain = np.bincount(votes[0], votes[2]) / 5
    nearest = np.array([0.0, 0.5, 1.0])[np.abs(plain[:, None] - [0, 0.5, 1]).argmin(axis=1)]
    assert (labels(fit) == truth).mean() > (nearest == truth).mean() + 0.03
    assert (labels(fit)[truth == 0.5] == 0.5).mean() > 0.75


def test_swapping_sides_turns_labels_round_and_nothing_else() -> None:
    (units, raters, values), _ = simulated(500, np.linspace(0.9, 0.45, 12), 4, seed=4, ties=0.2)
    fit = fitted((units, raters, values))
    some = np.random.default_rng(0).random(500) < 0.5
    other = fitted((units, raters, np.where(some[units], 1 - values, values)))
    turned = np.where(some[:, None], other.posterior[:, ::-1], other.posterior)
    assert np.abs(turned - fit.posterior).max() < 1e-9
    assert np.abs(other.model.raters - fit.model.raters).max() < 1e-9


def test_raters_worse_than_chance_are_found_and_say_nothing() -> None:
    skill = np.array([0.85] * 9 + [0.15] * 3)
    votes, truth = simulated(3000, skill, 5, seed=5)
    fit = fitted(votes)
    found = outcomes_of(fit.others, votes[1], votes[2], np.ones(len(votes[0])), 12)
    assert worse_than_chance(found[:, 0], found[:, 2]).tolist() == [False] * 9 + [True] * 3
    # They are never taken to mean the opposite of what they say.
    assert (fit.model.raters[:, 0] >= fit.model.raters[:, 2] - 1e-12).all()
    assert (labels(fit) == truth).mean() > 0.9
    # Two who guess are not found to be worse than chance.
    votes, _ = simulated(3000, np.array([0.85] * 9 + [0.5] * 2), 5, seed=6)
    fit = fitted(votes)
    found = outcomes_of(fit.others, votes[1], votes[2], np.ones(len(votes[0])), 11)
    assert not worse_than_chance(found[:, 0], found[:, 2]).any()


def test_a_rater_does_not_confirm_themselves() -> None:
    """Two raters who always disagree are each right half of the time in the other's eyes, however sure the fit is."""
    units = np.repeat(np.arange(40), 2)
    raters = np.tile([0, 1], 40)
    values = np.tile([1.0, 0.0, 0.0, 1.0], 20)
    fit = fitted((units, raters, values))
    found = outcomes_of(fit.others, raters, values, np.ones(80), 2)
    assert (found[:, 0] <= found[:, 2] + 1e-9).all()
    alone = fitted((np.arange(3), np.zeros(3, dtype=int), np.ones(3)))
    assert np.isnan(alone.others).all()
    assert outcomes_of(alone.others, np.zeros(3, dtype=int), np.ones(3), np.ones(3), 1).sum() == 0


def test_few_votes_are_shrunk_to_the_average_rater() -> None:
    votes, _ = simulated(2000, np.full(10, 0.8), 4, seed=7)
    units, raters, values = votes
    novice = np.append(raters, [10, 10]), np.append(units, [0, 1]), np.append(values, [1 - values[0], 1 - values[4]])
    fit = fitted((novice[1], novice[0], novice[2]))
    assert 0.5 < fit.model.raters[10, 0] < fit.model.pool[0]


def test_anonymous_votes_count_as_an_average_raters() -> None:
    (units, raters, values), _ = simulated(500, np.full(8, 0.8), 3, seed=8)
    fit = fitted((units, np.where(raters == 7, ANONYMOUS, raters), values))
    assert fit.model.raters.shape == (7, 4)
    for vote, wanted in ((1.0, fit.model.pool[0]), (0.0, fit.model.pool[2])):
        one = posterior_of(fit.model, np.zeros(1, dtype=int), np.array([ANONYMOUS]), np.array([vote]), np.ones(1))[0]
        assert one[0] / (one[0] + one[2]) == pytest.approx(wanted / (fit.model.pool[0] + fit.model.pool[2]))


def test_weights_are_votes_and_zero_is_none() -> None:
    (units, raters, values), _ = simulated(300, np.linspace(0.9, 0.6, 6), 3, seed=9)
    once = fitted((units, raters, values))
    twice = fitted((np.tile(units, 2), np.tile(raters, 2), np.tile(values, 2)))
    assert np.allclose(fitted((units, raters, values), np.full(len(units), 2.0)).posterior, twice.posterior)
    stay = raters != 5
    without = fitted((units, raters, values), stay.astype(float))
    assert np.allclose(without.posterior, fitted((units[stay], raters[stay], values[stay])).posterior, atol=1e-6)
    assert not np.allclose(without.posterior, once.posterior, atol=1e-3)


def test_values_between_are_parts_of_votes() -> None:
    assert shares(np.array([1.0, 0.75, 0.5, 0.1, 0.0])).tolist() == [
        [1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, pytest.approx(0.2), pytest.approx(0.8)], [0, 0, 1],
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"not 1\.5"):
        dawid_skene(np.zeros(2, dtype=int), np.arange(2), np.array([0.5, 1.5]), np.ones(2))


def test_nobody_and_nothing() -> None:
    none = np.array([], dtype=int)
    fit = dawid_skene(none, none, np.array([]), np.array([]))
    assert fit.posterior.shape == (0, 3)
    assert fit.model.raters.shape == (0, 4)


def test_majority() -> None:
    mean, doubt = majority(np.array([1.0, 0.0, 2.0, 5.0, 1.0]), np.array([1.0, 1.0, 3.0, 5.0, 2.0]))
    assert mean.tolist() == [1, 0, pytest.approx(2 / 3), 1, 0.5]
    assert doubt[0] == pytest.approx(doubt[1])
    assert doubt[3] < doubt[0] < doubt[2] < doubt[4]
    assert doubt[4] == pytest.approx(0.5)
