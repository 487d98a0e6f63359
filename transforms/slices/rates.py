"""A slice's rate with its interval, and the features that it has more of."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import stats

_Z = 1.959964


def rate(values: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """The mean of values in [0, 1], and its 95 % interval.

    Values of one group are alike, so the interval is Wilson's for as many rows as would say as much if each were alone:
    rows over the design effect (Kish 1965), which is at least 1.

    Args:
        values: in [0, 1], at least one [rows].
        groups: a hash of each row's group [rows].
    """
    mean, rows = float(values.mean()), len(values)
    which = np.unique(groups, return_inverse=True)[1]
    count = int(which.max()) + 1
    if count < 2 or not 0 < mean < 1:
        return (mean, *wilson(mean, count))
    apart = np.bincount(which, weights=values - mean)
    variance = count / (count - 1) * float((apart**2).sum()) / rows**2
    alone = float(values.var()) / rows
    return (mean, *wilson(mean, max(1, round(rows * min(1.0, alone / variance) if variance > 0 else rows))))


def over_represented(
    features: pl.DataFrame, inside: np.ndarray, groups: np.ndarray, level: float = 0.05, most: int = 8
) -> list[dict[str, object]]:
    """Features whose mean is higher, or lower, in a slice than elsewhere.

    Welch's t-test on the groups' means, with Holm's correction over features.

    Args:
        features: numbers, a line a row.
        inside: whether a row is in the slice [rows].
        groups: a hash of each row's group [rows].
        level: family-wise, over the features.
        most: how many to return.

    Returns:
        For each, the strongest first: `feature`, `inside` and `elsewhere` (means over groups), `d` (their difference in
        standard deviations of all groups), `p` (corrected).
    """
    means = features.with_columns(_in=inside, _group=groups).group_by("_in", "_group").mean().sort("_in", "_group")
    apart = means["_in"].to_numpy()
    table = means.drop("_in", "_group").to_numpy().astype(np.float64)
    if min(apart.sum(), (~apart).sum()) < 5:
        return []
    spread = table.std(axis=0)
    used = np.flatnonzero(spread > 1e-9)
    p = stats.ttest_ind(table[apart][:, used], table[~apart][:, used], equal_var=False).pvalue
    order = np.argsort(np.nan_to_num(p, nan=1.0), kind="stable")
    steps = np.nan_to_num(p, nan=1.0)[order] * (len(used) - np.arange(len(used)))
    held = np.minimum(np.maximum.accumulate(steps), 1.0)
    out: list[dict[str, object]] = []
    for place, corrected in zip(order, held, strict=True):
        if corrected > level or len(out) == most:
            break
        column = table[:, used[place]]
        high, low = float(column[apart].mean()), float(column[~apart].mean())
        out.append(
            {
                "feature": features.columns[used[place]],
                "inside": round(high, 5),
                "elsewhere": round(low, 5),
                "d": round((high - low) / float(spread[used[place]]), 5),
                "p": float(f"{corrected:.3g}"),
            }
        )
    return out


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's interval of 95 % of a share of so many."""
    centre = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
