from __future__ import annotations

import numpy as np
import pytest

from transforms.meta.bootstrap import group_sums, interval, totals
from transforms.meta.significance import clusters, p_better


def test_a_means_interval_is_the_one_of_theory():
    """The standard error of a mean of n coins is sqrt(p q / n)."""
    rng = np.random.default_rng(0)
    right = (rng.random(4_000) < 0.7).astype(float)
    sums = group_sums(np.arange(4_000), np.stack([right, np.ones(4_000)], axis=1))
    drawn = totals(sums, 2_000, 1)
    means = drawn[:, 0] / drawn[:, 1]
    low, high = interval(means)
    spread = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 4_000)
    assert low == pytest.approx(right.mean() - spread, abs=0.003)
    assert high == pytest.approx(right.mean() + spread, abs=0.003)


def test_drawing_groups_and_drawing_patterns_are_the_same_law():
    """Values that are all different are drawn group by group, rounded ones as patterns."""
    rng = np.random.default_rng(1)
    coarse = np.stack([rng.integers(0, 3, 600), np.ones(600)], axis=1).astype(float)
    fine = coarse + np.stack([rng.normal(0, 1e-6, 600), np.zeros(600)], axis=1)
    for a, b in zip(totals(coarse, 4_000, 2).T, totals(fine, 4_000, 2).T, strict=True):
        assert np.quantile(a, [0.025, 0.5, 0.975]) == pytest.approx(np.quantile(b, [0.025, 0.5, 0.975]), abs=3)
    assert (totals(fine, 10, 2)[:, 1] == 600).all()


def test_groups_go_together_so_copies_tell_nothing_new():
    rng = np.random.default_rng(3)
    right = (rng.random(500) < 0.6).astype(float)
    lines = np.stack([right, np.ones(500)], axis=1)
    once = totals(group_sums(np.arange(500), lines), 1_000, 4)
    eight = totals(group_sums(np.tile(np.arange(500), 8), np.tile(lines, (8, 1))), 1_000, 4)
    widths = [np.diff(interval(one[:, 0] / one[:, 1]))[0] for one in (once, eight)]
    assert widths[0] == pytest.approx(widths[1])


@pytest.mark.parametrize("digits", [0, 6])
def test_the_order_of_rows_changes_no_bit(digits):
    rng = np.random.default_rng(5)
    sums = np.round(rng.random((300, 3)) * 4, digits)
    order = rng.permutation(300)
    assert (totals(sums, 50, 6) == totals(sums[order], 50, 6)).all()


def test_no_group_at_all():
    assert (totals(np.zeros((0, 2)), 3, 0) == 0).all()
    assert np.isnan(interval(np.array([np.nan]))).all()


def test_clusters_part_where_everything_above_beats_everything_below():
    p = np.ones((4, 4))
    for better, worse in ((0, 2), (0, 3), (1, 2), (1, 3)):
        p[better, worse] = p[worse, better] = 0.01
    assert clusters([0.9, 0.89, 0.5, 0.4], p) == [1, 1, 2, 2]
    # One pair of them not apart, and there is no border.
    p[1, 2] = p[2, 1] = 0.2
    assert clusters([0.9, 0.89, 0.5, 0.4], p) == [1, 1, 1, 1]
    assert clusters([0.4, float("nan"), 0.9, 0.89], np.full((4, 4), 0.01)) == [3, 0, 1, 2]


def test_p_of_a_difference():
    rng = np.random.default_rng(7)
    right = (rng.random((2_000, 3)) < [0.8, 0.6, 0.6]).astype(float)
    right[:, 2] = right[:, 1]
    drawn = totals(group_sums(np.arange(2_000), right), 1_000, 8) / 2_000
    p = p_better(right.mean(axis=0), drawn)
    assert p[0, 1] == p[1, 0] == pytest.approx(2 / 1001)
    assert p[1, 2] == 1
    assert (np.diag(p) == 1).all()
