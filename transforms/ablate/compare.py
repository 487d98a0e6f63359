"""Arms beside each other: accuracy on the same frozen rows, and differences with paired bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transforms.meta.bootstrap import group_sums, interval, totals


@dataclass(frozen=True)
class Outcome:
    """What heads got right.

    Attributes:
        arms: names.
        accuracy: mean over seeds and rows [arms].
        replicates: the same of resamples of groups and of seeds, the same ones for all arms [resamples, arms].
        by_seed: [arms, seeds].
    """

    arms: list[str]
    accuracy: np.ndarray
    replicates: np.ndarray
    by_seed: np.ndarray

    def alone(self, arm: str) -> dict[str, Any]:
        """One arm's accuracy, its interval, and the standard deviation over seeds."""
        place = self.arms.index(arm)
        low, high = interval(self.replicates[:, place])
        spread = float(self.by_seed[place].std(ddof=1)) if self.by_seed.shape[1] > 1 else None
        return {
            "accuracy": round(float(self.accuracy[place]), 5),
            "low": round(low, 5),
            "high": round(high, 5),
            "over_seeds": None if spread is None else round(spread, 5),
        }

    def less(self, arm: str, other: str) -> dict[str, Any]:
        """An arm's accuracy less another's, with its interval and whether that leaves out nought."""
        a, b = self.arms.index(arm), self.arms.index(other)
        low, high = interval(self.replicates[:, a] - self.replicates[:, b])
        return {
            "than": other,
            "difference": round(float(self.accuracy[a] - self.accuracy[b]), 5),
            "low": round(low, 5),
            "high": round(high, 5),
            "sure": bool(low > 0 or high < 0),
        }


def outcome(arms: list[str], credits: np.ndarray, groups: np.ndarray, resamples: int, seed: int) -> Outcome:
    """Resample groups of rows, and seeds, the same for all arms.

    Args:
        arms: names [arms].
        credits: 1 where a head is right, 0.5 where it ties, 0 else [arms, seeds, rows].
        groups: a hash of each row's group [rows].
        resamples: how many.
        seed: of the draws.
    """
    count, seeds, rows = credits.shape
    flat = np.hstack([credits.reshape(count * seeds, rows).T, np.ones((rows, 1))])
    drawn = totals(group_sums(groups, flat), resamples, seed)
    shares = (drawn[:, :-1] / drawn[:, -1:]).reshape(resamples, count, seeds)
    picked = np.random.default_rng([seed, 1]).integers(0, seeds, (resamples, seeds))
    replicates = np.take_along_axis(shares, picked[:, None, :], axis=2).mean(axis=2)
    by_seed = credits.mean(axis=2)
    return Outcome(arms, by_seed.mean(axis=1), replicates, by_seed)
