"""Draws, folds and samples from hashes of content: the same for a row whatever its place and its company's order."""

from __future__ import annotations

import numpy as np

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def uniform(keys: np.ndarray, salt: int) -> np.ndarray:
    """A number in [0, 1) for each 64-bit hash, another for each salt (splitmix64)."""
    with np.errstate(over="ignore"):
        x = keys.astype(np.uint64) ^ (np.uint64(salt + 1) * _SPREAD)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x ^ (x >> np.uint64(31))) >> np.uint64(11)) / float(1 << 53)


def cuts(groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Where the groups' draws are cut so that folds hold about as many rows each; [folds - 1], rising.

    A row's fold follows from its group's hash and these numbers alone, so rows that were not there when the cuts were
    made have one too.

    Args:
        groups: a hash of each row's group.
        folds: how many.
        seed: which draws.
    """
    each, rows = np.unique(groups, return_counts=True)
    draws = uniform(each, seed)
    order = np.argsort(draws, kind="stable")
    middle = np.cumsum(rows[order]) - rows[order] / 2
    first = np.searchsorted(middle, len(groups) * np.arange(1, folds) / folds)
    return np.append(draws[order], 1.0)[first]


def fold_of(groups: np.ndarray, found: np.ndarray, seed: int) -> np.ndarray:
    """Each row's fold."""
    return np.searchsorted(found, uniform(groups, seed), side="right")


def spread(groups: np.ndarray, folds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The cuts, and each row's fold; raises ValueError for fewer groups than folds."""
    if len(np.unique(groups)) < folds:
        raise ValueError(f"{len(np.unique(groups))} groups cannot be spread over {folds} folds")
    found = cuts(groups, folds, seed)
    return found, fold_of(groups, found, seed)


def sample(keys: np.ndarray, count: int, salt: int) -> np.ndarray:
    """Places of at most `count` rows, those with the lowest draws, in the order of their hashes."""
    lowest = np.argsort(uniform(keys, salt), kind="stable")[:count]
    return lowest[np.argsort(keys[lowest], kind="stable")]
