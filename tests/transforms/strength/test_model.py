"""The detectors together: the same whatever the order and the sides, and right where the truth is known."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from tests.transforms.strength.support import made
from transforms.strength.model import Fitted, Scores, Settings, fit
from transforms.strength.noise import (
    from_trusted,
    from_votes,
    off_diagonal,
    p_error,
)
from transforms.strength.selfcheck import attainable, auroc

_SETTINGS = Settings(members=3, folds=3)


def columns(scores: Scores) -> dict[str, np.ndarray]:
    return {f.name: getattr(scores, f.name) for f in fields(scores) if f.name != "members"}


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit(made()[0], _SETTINGS)


def test_row_order_changes_nothing(fitted: Fitted) -> None:
    pairs, _ = made()
    plain = columns(fitted.model.score(pairs))
    order = np.random.default_rng(9).permutation(len(pairs))
    shuffled = columns(fit(pairs.at(order), _SETTINGS).model.score(pairs.at(order)))
    for name, values in plain.items():
        assert np.abs(values[order] - shuffled[name]).max() < 1e-6, name


def test_swapped_sides_turn_margins_and_leave_probabilities(fitted: Fitted) -> None:
    pairs, _ = made()
    half = np.arange(len(pairs)) % 2 == 0
    turned = pairs.swapped(half)
    assert (turned.labels[half] == 1 - pairs.labels[half]).all()
    assert (turned.responses[half] == pairs.responses[half][:, ::-1]).all()
    plain, other = columns(fitted.model.score(pairs)), columns(fit(turned, _SETTINGS).model.score(turned))
    for name, values in plain.items():
        sign = np.where(half & (name not in ("sigma", "p_error", "p_ambiguous", "counterexample")), -1, 1)
        assert np.abs(values - sign * other[name]).max() < 1e-6, name


def test_rows_that_were_fitted_on_have_the_scores_that_the_model_gives_them(fitted: Fitted) -> None:
    pairs, _ = made()
    again = columns(fitted.model.score(pairs.at(fitted.places)))
    for name, values in columns(fitted.scores).items():
        assert np.abs(values - again[name]).max() < 1e-6, name


def test_a_sample_fits_for_all() -> None:
    pairs, truth = made(2000, size=4)
    found = fit(pairs, Settings(members=3, folds=3, ceiling=1000))
    assert len(found.places) == 1000
    rest = np.setdiff1d(np.arange(2000), found.places)
    scores = found.model.score(pairs.at(rest))
    assert auroc(scores.logit, truth[rest]) > 0.85


def test_planted_flips_are_found() -> None:
    pairs, _ = made(3000, size=4)
    flipped = np.random.default_rng(1).random(3000) < 0.1
    found = fit(pairs.turned(flipped), _SETTINGS)
    scores = found.model.score(pairs.turned(flipped))
    best = attainable(fit(pairs, _SETTINGS).model.score(pairs).logit * np.sign(pairs.labels - 0.5))
    assert auroc(scores.p_error, flipped) > best - 0.03 > 0.85


def test_ties_are_neither_fitted_on_nor_wrong() -> None:
    pairs, _ = made(1000)
    tied = np.arange(1000) % 5 == 0
    labels = np.where(tied, 0.5, pairs.labels)
    votes = np.where(tied[:, None], 0.5, pairs.votes)
    scores = fit(replace(pairs, labels=labels, votes=votes), _SETTINGS).model.score(
        replace(pairs, labels=labels, votes=votes)
    )
    assert (np.isnan(scores.p_error) == tied).all()
    assert (scores.p_ambiguous[tied] == 1).all()


@pytest.mark.parametrize("eta", [0.0, 0.1, 0.2, 0.3])
def test_the_rate_from_repeated_judgements(eta: float) -> None:
    pairs, truth = made(6000, eta=eta, votes=3, seed=3)
    rate = from_votes(pairs.voices[:, 0], pairs.voices[:, 1], pairs.groups)
    assert rate is not None
    assert rate.value == pytest.approx(eta, abs=0.02)
    assert rate.low <= max(eta, 0.001) + 0.01
    found = fit(pairs, _SETTINGS)
    assert found.model.rate.identified
    scores = found.model.score(pairs)
    wrong = (pairs.labels > 0.5) != truth
    assert abs(scores.p_error.mean() - wrong.mean()) < 0.02


def test_two_votes_give_the_closed_form() -> None:
    differ = np.arange(1000) < 180
    rate = from_votes(np.where(differ, 1.0, 2.0), np.where(differ, 1.0, 0.0), np.arange(1000, dtype=np.uint64))
    assert rate is not None
    assert rate.value == pytest.approx((1 - np.sqrt(1 - 2 * 0.18)) / 2, abs=1e-4)


def test_trusted_relabels_give_the_rate() -> None:
    recorded = np.ones(400)
    trusted = np.where(np.arange(400) < 60, 0.0, 1.0)
    rate = from_trusted(recorded, trusted, np.arange(400, dtype=np.uint64))
    assert rate is not None
    assert rate.value == pytest.approx(0.15)
    assert rate.low < 0.15 < rate.high
    assert from_trusted(recorded[:50], trusted[:50], np.arange(50, dtype=np.uint64)) is None


def test_single_judgements_leave_the_rate_open() -> None:
    pairs, _ = made(1500, eta=0.2)
    rate = fit(pairs, _SETTINGS).model.rate
    assert not rate.identified
    assert rate.low == 0
    assert rate.high >= 0.2


def test_off_diagonal_by_hand() -> None:
    # Mean 0.6: one row is off (0.1), two are on.
    assert off_diagonal(np.array([0.9, 0.8, 0.1])) == pytest.approx(1 / 3)


def test_p_error_is_bayes_rule() -> None:
    p, e = 0.3, 0.2
    right = (1 - e) * p / ((1 - e) * p + e * (1 - p))
    assert p_error(np.log([p / (1 - p)]), np.array([e]))[0] == pytest.approx(1 - right)
