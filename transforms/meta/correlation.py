"""Correlations of a scorer with people: Pearson's r, Spearman's rho, Kendall's tau_b and tau_c.

All take two arrays of one length [values] and look at places where both are finite. Where a correlation is not defined
(fewer than two values, or one side is constant) it is NaN, never 0.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats


def known(*arrays: np.ndarray) -> np.ndarray:
    """Places where all arrays are finite."""
    return np.asarray(np.logical_and.reduce([np.isfinite(one) for one in arrays]))


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r."""
    some = known(a, b)
    x, y = a[some] - a[some].mean() if some.any() else a[some], b[some] - b[some].mean() if some.any() else b[some]
    if len(x) < 2 or _constant(a[some]) or _constant(b[some]):
        return float("nan")
    return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1, 1))


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rho: Pearson's r of ranks, ties at their mean rank."""
    some = known(a, b)
    return pearson(stats.rankdata(a[some]), stats.rankdata(b[some]))


def kendall(a: np.ndarray, b: np.ndarray, variant: Literal["b", "c"] = "b") -> float:
    """Kendall's tau_b or Stuart's tau_c, in O(n log n)."""
    some = known(a, b)
    if some.sum() < 2 or _constant(a[some]) or _constant(b[some]):
        return float("nan")
    # Which p goes with it does not matter here, but SciPy's asymptotic one divides by nought for two values.
    method = "asymptotic" if some.sum() > 2 else "exact"
    return float(stats.kendalltau(a[some], b[some], variant=variant, method=method).statistic)


def _constant(values: np.ndarray) -> bool:
    return bool(len(values) == 0 or (values == values[0]).all())
