"""Prediction bias (Mikula et al. 2024, Think Twice): how much a scorer leans on a feature.

Rows are cut in two at a threshold of the feature; the gap is by how much the intervals of both segments' accuracies,
each of a subsample of equal size, are apart, at the threshold where that is most. A maximum over thresholds is above 0
by chance too, so it is held against the same with rows permuted. Instead of drawing a hundred subsamples, the interval
of their mean is taken as the normal one of draws without replacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Subsamples' size at most, and how many rows there are for each of theirs.
_SIZE, _SHARE = 800, 8
#: Thresholds tried at most; permutations; and the quantile of them that a gap must exceed.
_THRESHOLDS, _PERMUTATIONS, _LEVEL = 100, 200, 0.95
_Z = 1.959964


@dataclass(frozen=True)
class Gap:
    """A feature's prediction bias.

    Attributes:
        gap: by how much the segments' intervals are apart at the worst threshold; 0 where they always touch.
        threshold: of the feature, the worst one; segments are at most this, and above. NaN where none could be tried.
        below: the mean of what was scored up to the threshold.
        above: that beyond it.
        null: the 95 % quantile of gaps with rows permuted.
        p: the share of those that were as large.
    """

    gap: float
    threshold: float
    below: float
    above: float
    null: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether chance makes no such gap."""
        return self.gap > 0 and self.gap > self.null


def gaps(features: np.ndarray, scored: np.ndarray, seed: int = 0) -> list[Gap]:
    """The prediction bias of each feature.

    Args:
        features: [rows, features]; of pairs what the chosen side has more than the other.
        scored: what a scorer got of each row, in [0, 1]: 1 for right, 0 for wrong [rows].
        seed: of the permutations.
    """
    rows = len(scored)
    size = min(_SIZE, rows // _SHARE)
    cuts = [
        _thresholds(features[:, j], 2 * size) if size > 1 else (np.zeros(0, int), None)
        for j in range(features.shape[1])
    ]
    rng = np.random.default_rng(seed)
    chance = np.zeros((_PERMUTATIONS, features.shape[1]))
    for k in range(_PERMUTATIONS if size > 1 else 0):
        first, second = _sums(rng.permutation(scored))
        for j, (places, _) in enumerate(cuts):
            chance[k, j] = _gap(first, second, places, size)[0].max(initial=0.0)
    out = []
    for j, (places, order) in enumerate(cuts):
        if order is None or not len(places):
            out.append(Gap(0.0, np.nan, np.nan, np.nan, 0.0, 1.0))
            continue
        apart, below, above = _gap(*_sums(scored[order]), places, size)
        worst = int(apart.argmax())
        out.append(
            Gap(
                float(apart[worst]),
                float(features[order[places[worst] - 1], j]),
                float(below[worst]),
                float(above[worst]),
                float(np.quantile(chance[:, j], _LEVEL)),
                float((1 + (chance[:, j] >= apart[worst]).sum()) / (1 + _PERMUTATIONS)),
            )
        )
    return out


def _thresholds(feature: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """How many rows are at most each threshold tried, and the order of the rows by the feature."""
    order = np.argsort(feature, kind="stable")
    ordered = feature[order]
    ends = np.flatnonzero(ordered[1:] > ordered[:-1]) + 1
    ends = ends[(ends >= least) & (ends <= len(feature) - least)]
    if len(ends) > _THRESHOLDS:
        ends = ends[np.linspace(0, len(ends) - 1, _THRESHOLDS).astype(int)]
    return ends, order


def _sums(scored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    start = np.zeros(1)
    return np.concatenate([start, np.cumsum(scored)]), np.concatenate([start, np.cumsum(scored**2)])


def _gap(
    first: np.ndarray, second: np.ndarray, places: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaps at thresholds, and both segments' means there."""
    rows = len(first) - 1
    below, above = first[places] / places, (first[-1] - first[places]) / (rows - places)
    halves = []
    for mean, square, count in (
        (below, second[places] / places, places),
        (above, (second[-1] - second[places]) / (rows - places), rows - places),
    ):
        spread = np.maximum(square - mean**2, 0) / size * (1 - size / count)
        halves.append(_Z * np.sqrt(spread))
    return np.maximum(np.abs(below - above) - halves[0] - halves[1], 0), below, above
