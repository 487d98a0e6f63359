from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from transforms.meta.correlation import kendall, pearson, spearman


@pytest.mark.parametrize("seed", range(5))
def test_correlations_are_scipys_where_both_are_there(seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 6, 300).astype(float)
    b = np.round(a + rng.normal(0, 3, 300))
    a[rng.random(300) < 0.1] = np.nan
    b[rng.random(300) < 0.1] = np.inf
    some = np.isfinite(a) & np.isfinite(b)
    x, y = a[some], b[some]
    assert pearson(a, b) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    for variant in ("b", "c"):
        assert kendall(a, b, variant) == pytest.approx(stats.kendalltau(x, y, variant=variant).statistic, abs=1e-12)


def test_closed_forms():
    a = np.array([1.0, 2, 3, 4])
    assert pearson(a, -2 * a) == spearman(a, -(a**3)) == kendall(a, -a) == -1
    # Two of six pairs turned round: (4 - 2) / 6.
    assert kendall(a, np.array([2.0, 1, 4, 3])) == pytest.approx(1 / 3)
    # tau_c = 2 (C - D) m / (n² (m - 1)), with C = 4, D = 0, m = 2 and n = 4.
    assert kendall(np.array([0.0, 0, 1, 1]), np.array([0.0, 0, 1, 1]), "c") == pytest.approx(1)


@pytest.mark.parametrize("variant", ["b", "c"])
def test_two_values_rise_together_or_do_not(variant):
    assert kendall(np.array([1.0, 2.0]), np.array([0.0, 5.0]), variant) == 1
    assert kendall(np.array([1.0, np.nan, 2.0]), np.array([5.0, 1.0, 0.0]), variant) == -1


def test_what_is_not_defined_is_no_number():
    a = np.array([1.0, 2, 3])
    for made in (pearson, spearman, kendall):
        assert np.isnan(made(a, np.ones(3)))
        assert np.isnan(made(a, np.array([np.nan, np.nan, 1])))
        assert np.isnan(made(np.zeros(0), np.zeros(0)))
