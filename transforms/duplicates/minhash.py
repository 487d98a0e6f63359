"""Sets to MinHash signatures, and signatures to the bands in which near-duplicates meet.

Two sets share the minimum of a random order of all hashes with a probability that is their Jaccard similarity s (Broder
1997). With b bands of r minima each they share at least one whole band with probability 1 - (1 - s^r)^b:

| similarity | 0.2 | 0.3 | 0.4 | 0.5 | 0.6 | 0.7 | 0.8 | 0.9 |
|---|---|---|---|---|---|---|---|---|
| 25 × 5, chosen for 0.7 | 0.008 | 0.059 | 0.227 | 0.548 | 0.868 | 0.990 | 1.000 | 1.000 |
| 18 × 7, chosen for 0.8 | 0.000 | 0.004 | 0.029 | 0.132 | 0.400 | 0.787 | 0.986 | 1.000 |
| 42 × 3, chosen for 0.5 | 0.286 | 0.683 | 0.938 | 0.996 | 1.000 | 1.000 | 1.000 | 1.000 |

Sharing a band makes a candidate, no more: candidates are verified exactly, so that a false one costs time alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.duplicates.sets import Sets, runs
from transforms.duplicates.shingles import mix

PERMUTATIONS = 128
#: How often two sets that are just similar enough must become candidates.
RECALL = 0.98
#: Hashes whose 128 values fit a processor's cache.
_CHUNK = 1 << 15


@dataclass(frozen=True)
class Bands:
    """How many bands there are, and of how many minima each is."""

    count: int
    rows: int

    def chance(self, similarity: float) -> float:
        """The probability with which two sets of this similarity share a band."""
        return float(1 - (1 - similarity**self.rows) ** self.count)


def bands(threshold: float, recall: float = RECALL) -> Bands:
    """The longest bands, which make the fewest false candidates, that still find `recall` of what is on the threshold.

    Args:
        threshold: similarity in (0, 1].
        recall: probability in (0, 1).
    """
    tried = [Bands(PERMUTATIONS // rows, rows) for rows in range(PERMUTATIONS, 0, -1)]
    return next((one for one in tried if one.chance(threshold) >= recall), tried[-1])


def signatures(sets: Sets) -> np.ndarray:
    """The least value of each set under each of the permutations.

    Returns:
        uint32 of shape (permutations, sets); the largest number there is for an empty set.
    """
    full = np.flatnonzero(sets.counts)
    starts, counts = sets.offsets[:-1][full], sets.counts[full]
    minima = np.empty((PERMUTATIONS, len(full)), dtype=np.uint32)
    for run in runs(counts, _CHUNK):
        first = starts[run.start]
        values = sets.values[first : starts[run.stop - 1] + counts[run.stop - 1]]
        within = starts[run] - first
        permuted = np.empty_like(values)
        for place, (factor, shift) in enumerate(zip(_FACTORS, _SHIFTS, strict=True)):
            np.multiply(values, factor, out=permuted)
            np.add(permuted, shift, out=permuted)
            np.minimum.reduceat(permuted, within, out=minima[place, run])
    out = np.full((PERMUTATIONS, len(sets)), np.iinfo(np.uint32).max, dtype=np.uint32)
    out[:, full] = minima
    return out


def of_unions(signed: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Signatures of the unions of consecutive sets, of which each has so many, at least one."""
    return np.minimum.reduceat(signed, np.concatenate([[0], np.cumsum(counts)[:-1]]), axis=1)


def band_keys(signed: np.ndarray, shape: Bands, forms: np.ndarray | None = None) -> np.ndarray:
    """A hash of each band of each signature: uint32 of shape (bands, sets).

    Sets with different `forms` (numbers, one a set) do not meet.
    """
    banded = signed[: shape.count * shape.rows].reshape(shape.count, shape.rows, -1)
    keys = np.zeros((shape.count, signed.shape[1]), dtype=np.uint64)
    if forms is not None:
        keys += forms.astype(np.uint64)
    for row in range(shape.rows):
        keys = mix(keys ^ banded[:, row])
    return (keys >> np.uint64(32)).astype(np.uint32)


_RANDOM = (mix(np.arange(1, 2 * PERMUTATIONS + 1, dtype=np.uint64)) >> np.uint64(32)).astype(np.uint32)
_FACTORS, _SHIFTS = _RANDOM[:PERMUTATIONS] | np.uint32(1), _RANDOM[PERMUTATIONS:]
