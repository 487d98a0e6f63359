from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.meta.ties import Comparisons, acc_eq, calibrate, held_out, right, segment_tau, tau_eq, tie_rate, within


def naive(segments, human, metric, epsilon=0.0):
    """acc_eq as its definition says, one comparison after the other."""
    shares = []
    for segment in np.unique(segments):
        lines = [i for i in np.flatnonzero(segments == segment) if np.isfinite(human[i]) and np.isfinite(metric[i])]
        agreed = []
        for i, j in combinations(lines, 2):
            gap = metric[i] - metric[j]
            said = 0 if abs(gap) <= epsilon else np.sign(gap)
            agreed.append(said == np.sign(human[i] - human[j]))
        if agreed:
            shares.append(np.mean(agreed))
    return float(np.mean(shares)) if shares else float("nan")


def compared(segments, human, metric):
    i, j = within(segments)
    return Comparisons(segments[i], human[i] - human[j], metric[i] - metric[j])


def drawn(seed, n=60, gaps=0.1):
    rng = np.random.default_rng(seed)
    segments = rng.integers(0, 9, n)
    human = rng.integers(0, 4, n).astype(float)
    metric = np.round(human + rng.normal(0, 1.5, n), 1)
    human[rng.random(n) < gaps] = np.nan
    metric[rng.random(n) < gaps] = np.nan
    return segments, human, metric


@pytest.mark.parametrize("seed", range(8))
def test_acc_eq_and_its_calibration_are_those_of_the_definition(seed):
    segments, human, metric = drawn(seed)
    some = compared(segments, human, metric)
    found = calibrate(some)
    assert acc_eq(some) == pytest.approx(naive(segments, human, metric), abs=1e-12)
    assert found.plain == acc_eq(some)
    # Scores have one decimal, so these are all thresholds; those of one size are the same whatever their last bits.
    every = {round(e, 1): naive(segments, human, metric, e + 1e-9) for e in np.arange(0, 12, 0.1)}
    best = max(every.values())
    assert found.accuracy == pytest.approx(best, abs=1e-9)
    assert found.accuracy == pytest.approx(naive(segments, human, metric, found.epsilon), abs=1e-12)
    assert found.epsilon == pytest.approx(min(e for e, value in every.items() if value > best - 1e-12), abs=1e-9)
    assert tau_eq(some) == pytest.approx(2 * naive(segments, human, metric) - 1)


@pytest.mark.parametrize("seed", range(4))
def test_a_constant_metric_scores_the_mean_tie_rate_of_segments_and_gold_scores_one(seed):
    segments, human, _ = drawn(seed)
    rates = []
    for segment in np.unique(segments):
        mine = human[(segments == segment) & np.isfinite(human)]
        if len(mine) > 1:
            rates.append(np.mean([a == b for a, b in combinations(mine, 2)]))
    constant = compared(segments, human, np.zeros(len(human)))
    assert calibrate(constant).accuracy == pytest.approx(np.mean(rates), abs=1e-12)
    assert tie_rate(constant) == pytest.approx(np.mean(rates), abs=1e-12)
    gold = calibrate(compared(segments, human, human))
    assert (gold.accuracy, gold.epsilon) == (pytest.approx(1, abs=1e-12), 0.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-3.0, 0.5, 7.0]))
def test_only_the_scorers_order_and_distances_count(seed, shift):
    segments, human, metric = drawn(seed, 30)
    found, moved = (calibrate(compared(segments, human, one)) for one in (metric, metric * 4 + shift))
    assert moved.accuracy == pytest.approx(found.accuracy, abs=1e-9)
    assert found.accuracy >= found.plain - 1e-12 or np.isnan(found.plain)
    order = np.random.default_rng(seed).permutation(len(segments))
    turned = calibrate(compared(segments[order], human[order], metric[order]))
    assert turned.accuracy == pytest.approx(found.accuracy, abs=1e-12, nan_ok=True)


def test_the_held_out_threshold_is_that_of_the_other_folds():
    segments, human, metric = drawn(3, 200, 0)
    some = compared(segments, human, metric)
    folds = some.segment % 2
    expected, count = 0.0, 0
    for fold in (0, 1):
        epsilon = calibrate(some.at(folds != fold)).epsilon
        mine = np.unique(some.segment[folds == fold])
        lines = np.isin(segments, mine)
        expected += len(mine) * naive(segments[lines], human[lines], metric[lines], epsilon)
        count += len(mine)
    assert held_out(some, folds) == pytest.approx(expected / count, abs=1e-12)
    assert np.isnan(held_out(some, np.zeros(len(some))))


def test_comparisons_stay_within_segments_and_under_the_limit():
    segments = np.array([2, 0, 1, 0, 2, 0])
    i, j = within(segments)
    assert {frozenset(pair) for pair in zip(i.tolist(), j.tolist(), strict=True)} == {
        frozenset(pair) for pair in ((1, 3), (1, 5), (3, 5), (0, 4))
    }
    i, j = within(segments, limit=3)
    assert set(segments[i]) == {0}
    assert all(len(one) == 0 for one in within(np.zeros(0, dtype=np.int64)))


def test_tau_b_within_segments_is_scipys():
    from scipy.stats import kendalltau

    segments, human, metric = drawn(5, 120, 0.05)
    taus = []
    for segment in np.unique(segments):
        some = (segments == segment) & np.isfinite(human) & np.isfinite(metric)
        taus.append(kendalltau(human[some], metric[some]).statistic)
    value, count = segment_tau(compared(segments, human, metric))
    assert count == np.isfinite(taus).sum()
    assert value == pytest.approx(np.nanmean(taus), abs=1e-12)


def test_nothing_to_compare_is_no_number():
    none = compared(np.arange(3), np.arange(3.0), np.arange(3.0))
    assert np.isnan([acc_eq(none), tie_rate(none), calibrate(none).accuracy, segment_tau(none)[0]]).all()
    assert right(none).shape == (0,)
