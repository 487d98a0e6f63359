from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit

from transforms.meta.calibration import calibration, inverse_temperature, reliability


def drawn(temperature, n=40_000, seed=0):
    rng = np.random.default_rng(seed)
    margins = rng.normal(0, 2, n)
    return margins, (rng.random(n) < expit(margins / temperature)).astype(float), rng.integers(0, 2, n)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_labels_were_drawn_with_is_found_and_leaves_no_error(temperature):
    found = calibration(*drawn(temperature))
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    assert found.error < 0.012
    assert sum(one.count for one in found.table) == found.count == 40_000
    assert len(found.table) == 15


def test_the_temperature_is_the_likelihoods_maximum():
    margins, labels, _ = drawn(1.7, 500)
    loss = minimize_scalar(
        lambda b: -np.log(np.where(labels > 0.5, expit(b * margins), expit(-b * margins))).sum(), (0.1, 2), tol=1e-12
    )
    assert inverse_temperature(margins, labels) == pytest.approx(loss.x, abs=1e-6)


def test_turning_sides_round_changes_nothing():
    margins, labels, folds = drawn(2.0, 3_000)
    turn = np.random.default_rng(9).random(3_000) < 0.5
    turned = calibration(np.where(turn, -margins, margins), np.where(turn, 1 - labels, labels), folds)
    found = calibration(margins, labels, folds)
    assert turned.error == pytest.approx(found.error, abs=1e-9)
    assert turned.brier == pytest.approx(found.brier, abs=1e-9)
    chosen = calibration(np.where(labels > 0.5, margins, -margins), np.ones(3_000), folds)
    assert chosen.error == pytest.approx(found.error, abs=1e-9)


def test_scores_that_point_nowhere_or_backwards_are_taken_for_even():
    margins, labels, folds = drawn(1.0, 2_000)
    for wrong in (-margins, np.zeros(2_000)):
        found = calibration(wrong, labels, folds)
        assert found.temperature == np.inf
        assert (found.brier, found.error) == (0.25, 0.0)
        assert [(one.confidence, one.accuracy) for one in found.table] == [(0.5, 0.5)]


def test_bins_are_counted_by_hand():
    p = np.array([0.9, 0.2, 0.6, 0.4])
    labels = np.array([1.0, 1.0, 1.0, 0.5])
    two = reliability(p, labels, 2)
    assert [one.count for one in two] == [2, 2]
    assert [one.confidence for one in two] == pytest.approx([0.6, 0.85])
    assert [one.accuracy for one in two] == pytest.approx([0.75, 0.5])


def test_what_is_missing_is_left_out():
    margins, labels, folds = drawn(1.0, 1_000)
    gap = np.arange(1_000) % 5 == 0
    some = calibration(np.where(gap, np.nan, margins), labels, folds)
    assert some.count == 800
    assert some.brier == calibration(margins[~gap], labels[~gap], folds[~gap]).brier
    assert calibration(np.full(3, np.nan), np.ones(3), np.zeros(3)).count == 0


def test_a_scorer_that_is_always_right_may_be_sure():
    found = calibration(np.array([1.0, 2, 3, -1] * 10), np.array([1.0, 1, 1, 0] * 10), np.arange(40) % 2)
    assert found.brier < 1e-6
    assert np.isfinite(found.temperature)
