"""Gradients against finite differences, and planted strengths, care and pull of the first place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from transforms.raters.bradley_terry import (
    Raters,
    Votes,
    fit_raters,
    fit_strengths,
    joint_loss,
    preference,
)
from transforms.raters.consensus import shares


def random_votes(seed: int, votes: int = 60, responses: int = 8, people: int = 4) -> Votes:
    rng = np.random.default_rng(seed)
    cast = shares(rng.choice([0.0, 0.3, 0.5, 1.0], votes)) * rng.integers(1, 4, votes)[:, None]
    ends = rng.integers(0, responses, (2, votes))
    return Votes(ends[0], ends[1], rng.integers(-1, people, votes), rng.integers(-1, 2, votes).astype(float), cast)


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_is_the_slope(seed: int) -> None:
    votes = random_votes(seed)
    z = np.random.default_rng(seed).normal(size=8 + 3 * 4 + 1)
    _, slope = joint_loss(z, votes, 4)
    steps = np.eye(len(z)) * 1e-5
    numeric = [(joint_loss(z + e, votes, 4)[0] - joint_loss(z - e, votes, 4)[0]) / 2e-5 for e in steps]
    assert slope == pytest.approx(np.array(numeric), abs=1e-6)


def simulated(seed: int, pull: float = 0.0) -> tuple[Votes, np.ndarray, np.ndarray]:
    """20 prompts of 12 responses; careful raters, careless ones, one who says the opposite, one drawn to the first."""
    rng = np.random.default_rng(seed)
    strengths = rng.normal(0, 1.5, 240)
    prompt = rng.integers(0, 20, 12_000)
    pair = np.argsort(rng.random((12_000, 12)), axis=1)[:, :2] + 12 * prompt[:, None]
    a, b = pair.min(axis=1), pair.max(axis=1)
    care = np.array([1.5, 1.5, 1.2, 1.0, 1.0, 0.8, 0.3, 0.3, -0.8, 1.0])
    place = np.append(np.zeros(9), pull)
    rater = rng.integers(0, 10, 12_000)
    shown = rng.choice([-1.0, 1.0], 12_000)
    first = rng.random(12_000) < expit(care[rater] * (strengths[a] - strengths[b]) + place[rater] * shown)
    return Votes(a, b, rater, shown, shares(first.astype(float))), strengths, care


def test_planted_raters_and_strengths_are_found() -> None:
    votes, strengths, care = simulated(0, pull=1.5)
    raters, found = fit_raters(votes)
    assert np.corrcoef(raters.care, care)[0, 1] > 0.97
    assert raters.care.argmin() == 8
    assert raters.care[8] < 0
    assert raters.place[9] == pytest.approx(1.5, abs=0.25)
    assert np.abs(raters.place[:9]).max() < 0.3
    within = strengths.reshape(20, 12) - strengths.reshape(20, 12).mean(axis=1, keepdims=True)
    assert np.corrcoef(found, within.ravel())[0, 1] > 0.97


def test_strengths_under_known_raters_are_those_of_the_joint_fit() -> None:
    votes, _, _ = simulated(1)
    raters, joint = fit_raters(votes)
    alone, variances = fit_strengths(votes, raters)
    assert np.abs(alone - joint).max() < 1e-6
    assert (variances > 0).all()
    # Prompts have nothing in common: one alone gives the same.
    some = votes.a < 12
    part = Votes(votes.a[some], votes.b[some], votes.rater[some], votes.place[some], votes.cast[some])
    assert np.abs(fit_strengths(part, raters)[0] - alone[:12]).max() < 1e-6


def test_swapping_sides_turns_strengths_round_for_nobody() -> None:
    votes, _, _ = simulated(2, pull=1.0)
    raters, strengths = fit_raters(votes)
    some = np.random.default_rng(0).random(len(votes.a)) < 0.5
    a, b = np.where(some, votes.b, votes.a), np.where(some, votes.a, votes.b)
    cast = np.where(some[:, None], votes.cast[:, ::-1], votes.cast)
    swapped, again = fit_raters(Votes(a, b, votes.rater, np.where(some, -votes.place, votes.place), cast))
    assert np.abs(again - strengths).max() < 1e-6
    assert np.abs(swapped.place - raters.place).max() < 1e-6


def test_responses_that_are_compared_in_many_pairs_help_each_other() -> None:
    """c beats b beats a, three times each; one vote for a over c counts for little."""
    a, b = np.array([0] * 3 + [1] * 3 + [0]), np.array([1] * 3 + [2] * 3 + [2])
    cast = shares(np.array([0.0] * 6 + [1.0]))
    votes = Votes(a, b, np.full(7, -1), np.zeros(7), cast)
    nobody = Raters(np.array([]), np.array([]), np.array([]), -2.0)
    strengths, variances = fit_strengths(votes, nobody)
    assert preference(strengths[0] - strengths[2], variances[0] + variances[2]) < 0.35
    lone = Votes(np.array([0]), np.array([1]), np.array([-1]), np.zeros(1), shares(np.ones(1)))
    s, v = fit_strengths(lone, nobody)
    assert 0.5 < preference(s[0] - s[1], v[0] + v[1]) < 0.8


def test_ties_draw_strengths_together() -> None:
    votes = Votes(np.zeros(6, dtype=int), np.ones(6, dtype=int), np.full(6, -1), np.zeros(6), shares(np.full(6, 0.5)))
    strengths, _ = fit_strengths(votes, Raters(np.array([]), np.array([]), np.array([]), 0.0))
    assert strengths == pytest.approx([0, 0], abs=1e-6)
    raters, _ = fit_raters(votes)
    assert raters.average_ties > 1


def test_a_gap_that_is_not_known_is_less_sure() -> None:
    assert preference(np.array([2.0]), np.zeros(1)) == pytest.approx(expit(2.0))
    assert 0.5 < preference(np.array([2.0]), np.array([4.0]))[0] < expit(2.0)
