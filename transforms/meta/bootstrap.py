"""Bootstrap over groups: the same resamples for all scorers, so that differences have intervals of their own.

What a statistic needs is added up within each group; a resample is how often each group is drawn. Groups whose sums are
the same cannot be told apart, so patterns of sums are drawn instead of groups, in the order of their values: exact,
the same whatever the order of rows, and a million pairs with right or wrong for each scorer are a few hundred patterns.
"""

from __future__ import annotations

import numpy as np
import polars as pl

#: Numbers drawn at once.
_CHUNK = 4_000_000
#: From this many groups a pattern on, patterns are drawn; below, groups.
_FEW = 4


def group_sums(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums of values within groups [groups, columns].

    Args:
        groups: of each line, any numbers [lines].
        values: [lines, columns], finite.
    """
    # One after the other, in the order of lines: sums of floats made side by side end in other bits.
    names, group = np.unique(groups, return_inverse=True)
    return np.stack([np.bincount(group, values[:, i], len(names)) for i in range(values.shape[1])], axis=1)


def totals(sums: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Totals of resamples of groups, drawn with replacement [resamples, columns].

    Args:
        sums: of each group [groups, columns].
        resamples: how many.
        seed: of the draws.
    """
    names = [str(i) for i in range(sums.shape[1])]
    # Dust from the order of sums would make patterns of its own.
    frame = pl.DataFrame(np.round(sums, 9), schema=names, orient="row")
    patterns = frame.group_by(names).len().sort(names)
    values, counts = patterns.select(names).to_numpy(), patterns["len"].to_numpy().astype(np.int64)
    groups, kinds, rng = int(counts.sum()), len(counts), np.random.default_rng(seed)
    if not groups:
        return np.zeros((resamples, sums.shape[1]))
    out = np.empty((resamples, sums.shape[1]))
    if kinds * _FEW <= groups:
        rows = max(1, _CHUNK // kinds)
        for start in range(0, resamples, rows):
            drawn = rng.multinomial(groups, counts / groups, size=min(rows, resamples - start))
            out[start : start + rows] = drawn @ values
        return out
    pattern = np.repeat(np.arange(kinds), counts)
    for number in range(resamples):
        drawn = np.bincount(pattern[rng.integers(0, groups, groups)], minlength=kinds)
        out[number] = drawn @ values
    return out


def interval(replicates: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval; NaN where no resample has a value."""
    some = replicates[np.isfinite(replicates)]
    if not len(some):
        return float("nan"), float("nan")
    low, high = np.quantile(some, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
