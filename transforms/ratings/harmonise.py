"""Raters made comparable: some are strict, some use half of the scale.

A rater's values are moved onto the scale of all raters together: by mean and spread (z), by ranks, or by a model with
an effect for each item and each rater, which tells a strict rater from one who was given bad items.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.stats import rankdata

How = Literal["raw", "z", "rank", "mixed"]
HOWS: tuple[How, ...] = ("raw", "z", "rank", "mixed")
#: A rater with fewer values is left as he is: nothing is known of his scale.
ENOUGH = 10
#: A rater's offset and spread weigh as if he had as many more values like everybody's.
_PRIOR = 5.0
_ROUNDS = 50
_DUST = 1e-9


def harmonise(units: np.ndarray, raters: np.ndarray, values: np.ndarray, how: How) -> np.ndarray:
    """Values on one scale.

    Args:
        units: number of what was rated, from 0 [values].
        raters: number of the rater, from 0; -1 for nobody in particular [values].
        values: finite [values].
        how: `raw` leaves them; `z` gives each rater the mean and the spread of all values; `rank` gives each rater's
            mid-ranks the quantiles of all values; `mixed` takes off what `offsets` finds.

    Returns:
        Values in the units of `values`; those of raters with fewer than `ENOUGH` values are as they were.
    """
    if how == "raw" or not len(values):
        return values.copy()
    if how == "mixed":
        return values - offsets(units, raters, values)
    people = int(raters.max()) + 1
    known = raters >= 0
    counts = np.bincount(raters[known], minlength=people) if people else np.zeros(0, dtype=np.int64)
    some = known & (counts[raters] >= ENOUGH) if people else known
    out = values.copy()
    if not some.any():
        return out
    who = raters[some]
    if how == "z":
        mean = np.bincount(who, values[some], people) / np.maximum(counts, 1)
        spread = np.sqrt(np.bincount(who, (values[some] - mean[who]) ** 2, people) / np.maximum(counts, 1))
        unit = np.where(spread[who] > _DUST, (values[some] - mean[who]) / np.maximum(spread[who], _DUST), 0.0)
        out[some] = values[some].mean() + values[some].std() * unit
        return out
    order = np.argsort(who, kind="stable")
    edges = np.flatnonzero(np.diff(who[order])) + 1
    ranks = np.empty(len(who))
    for part in np.split(order, edges):  # a rater at a time, not a value
        ranks[part] = (rankdata(values[some][part]) - 0.5) / len(part)
    out[some] = np.quantile(values[some], ranks, method="averaged_inverted_cdf")
    return out


def offsets(units: np.ndarray, raters: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How far each value is moved by its rater: b_r of the model value = item_i + b_r + noise [values].

    Items and offsets are fitted in turn (Gauss-Seidel on the normal equations), offsets shrunk towards 0 as if each
    rater had `_PRIOR` more values without one; raters with fewer than `ENOUGH` values, and nobody, have none. What two
    raters never judged in common, directly or through others, the shrinkage decides.
    """
    out = np.zeros(len(values))
    known = raters >= 0
    if not known.any():
        return out
    people = int(raters.max()) + 1
    counts = np.bincount(raters[known], minlength=people)
    enough = counts >= ENOUGH
    sizes = np.bincount(units)
    effect = np.zeros(people)
    for _ in range(_ROUNDS):
        shift = np.where(known, effect[raters], 0.0)
        item = np.bincount(units, values - shift, len(sizes)) / np.maximum(sizes, 1)
        rest = np.bincount(raters[known], (values - item[units])[known], people)
        new = np.where(enough, rest / (counts + _PRIOR), 0.0)
        # Only differences between raters can be seen: their mean is the items'.
        new = np.where(enough, new - (new * counts).sum() / max(counts[enough].sum(), 1), 0.0)
        done = np.abs(new - effect).max() < _DUST
        effect = new
        if done:
            break
    out[known] = effect[raters[known]]
    return out


def spreads(raters: np.ndarray, residuals: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each value's rater's variance around what is expected, shrunk towards that of all [values].

    Args:
        raters: number of the rater; -1 for nobody.
        residuals: of each value.
        weights: how much each counts, 0 to 1.
    """
    whole = float((weights * residuals**2).sum() / max(weights.sum(), _DUST))
    out = np.full(len(residuals), max(whole, _DUST))
    known = raters >= 0
    if known.any():
        people = int(raters.max()) + 1
        squares = np.bincount(raters[known], (weights * residuals**2)[known], people)
        counts = np.bincount(raters[known], weights[known], people)
        each = (squares + 2 * _PRIOR * whole) / (counts + 2 * _PRIOR)
        out[known] = np.maximum(each[raters[known]], _DUST)
    return out
