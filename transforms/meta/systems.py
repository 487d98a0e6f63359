"""Whether a scorer ranks systems as people do: pairwise accuracy, and soft pairwise accuracy.

Soft pairwise accuracy (Thompson, Mathur, Deutsch and Khayrallah 2024) asks how sure each is: for every two systems a
paired permutation test gives p, one-sided, with one matrix of signs for all;

    SPA = 1 - mean over i < j of |p_human - p_metric|.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Signs drawn at once, in numbers.
_CHUNK = 2_000_000
#: Share of the segments that a system has scores of at least; one with fewer would cost the others theirs.
COVERED = 0.5
#: A null difference short of the observed one by this share of what was added up is the same: the order of sums, and
#: by that share of the differences, since means of raters have so many digits.
_DUST, _ROUNDED = 1e-12, 1e-10


@dataclass(frozen=True)
class Matrix:
    """Scores of systems on segments that all of them have scores of.

    Attributes:
        systems: their names, in order.
        left_out: systems with too few segments.
        segments: how many there are.
        dropped: segments that some system lacks.
        values: one array a scorer [systems, segments].
    """

    systems: list[str]
    left_out: list[str]
    segments: int
    dropped: int
    values: list[np.ndarray]


def matrix(systems: np.ndarray, segments: np.ndarray, values: list[np.ndarray]) -> Matrix:
    """Lay scores out by system and segment; several of one system on one segment become their mean.

    Args:
        systems: name of each line's system [lines].
        segments: of each line [lines].
        values: one array a scorer [lines]; a line that is not finite in all of them counts for none.
    """
    some = np.logical_and.reduce([np.isfinite(one) for one in values])
    names, system = np.unique(systems[some], return_inverse=True)
    places, segment = np.unique(segments[some], return_inverse=True)
    shape = (len(names), len(places))
    cell = system * len(places) + segment
    counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    coverage = (counts > 0).mean(axis=1) if len(places) else np.zeros(len(names))
    kept = coverage >= COVERED * coverage.max(initial=0)
    whole = (counts[kept] > 0).all(axis=0)
    out = []
    for one in values:
        sums = np.bincount(cell, one[some], minlength=shape[0] * shape[1]).reshape(shape)
        out.append((sums / np.maximum(counts, 1))[kept][:, whole])
    return Matrix(
        [str(name) for name in names[kept]],
        [str(name) for name in names[~kept]],
        int(whole.sum()),
        int((~whole).sum()),
        out,
    )


def p_values(scores: np.ndarray, permutations: int = 1000, seed: int = 4) -> np.ndarray:
    """How often chance alone gives a difference as large as that of system i over system j.

    Args:
        scores: [systems, segments], finite.
        permutations: sign vectors drawn.
        seed: of them; with 4 they are those of mt-metrics-eval.

    Returns:
        Shares for i < j, NaN elsewhere [systems, systems].
    """
    count, segments = scores.shape
    i, j = np.triu_indices(count, 1)
    sums = scores.sum(axis=1)
    whole = np.abs(scores).sum(axis=1)
    apart = np.array([np.abs(scores[a] - scores[b]).sum() for a, b in zip(i, j, strict=True)])
    observed = sums[i] - sums[j] - _DUST * (whole[i] + whole[j]) - _ROUNDED * apart
    at_least = np.zeros(len(i))
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // max(segments, 1))
    for start in range(0, permutations, rows):
        size = (min(rows, permutations - start), segments)
        signs = 2.0 * np.rint(rng.random(size, dtype=np.float32)).astype(np.float64) - 1
        drawn = signs @ scores.T
        at_least += (drawn[:, i] - drawn[:, j] >= observed).sum(axis=0)
    out = np.full((count, count), np.nan)
    out[i, j] = at_least / permutations
    return out


def soft_pairwise_accuracy(human: np.ndarray, metric: np.ndarray) -> float:
    """SPA from two results of `p_values`; NaN with fewer than two systems."""
    upper = np.triu_indices(len(human), 1)
    return float(1 - np.abs(human - metric)[upper].mean()) if len(upper[0]) else float("nan")


def pairwise_accuracy(human: np.ndarray, metric: np.ndarray) -> float:
    """Share of pairs of systems whose mean scores differ in the same direction; a tie agrees with a tie alone.

    Args:
        human: mean score of each system [systems].
        metric: the same by the scorer.
    """
    i, j = np.triu_indices(len(human), 1)
    same = np.sign(human[i] - human[j]) == np.sign(metric[i] - metric[j])
    return float(same.mean()) if len(i) else float("nan")
