"""Scorers judged on solutions in steps: who finds the first error, who tells right steps, and right solutions.

The first error as ProcessBench has it (Zheng et al. 2024): a scorer names the first step whose score is under a
threshold, or none. Of solutions with an error the share in which it names that step, of right ones the share in which
it names none, and F1, the harmonic mean of the two. The threshold is not what it is judged by: each half of the prompts
is judged with the one that is best on the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from transforms.meta.bootstrap import group_sums, interval, totals
from transforms.meta.scope import Settings, common, halves, moved, parts
from transforms.meta.significance import clusters, p_better
from transforms.steps.aggregate import AGGREGATORS, aggregate
from transforms.strength.selfcheck import auroc

#: Ways to put steps together that take any numbers; the others take probabilities.
ANY = ("minimum", "mean", "last")
#: A solution without an error, and one of which nobody knows whether it has one.
RIGHT, UNKNOWN = -1, -2


@dataclass(frozen=True)
class Steps:
    """Judged steps, solution by solution in their order, and what scorers say.

    Attributes:
        counts: judged steps of each solution, one at least [solutions].
        labels: of each step: 1 right, 0 wrong, 0.5 neither [steps].
        whole: whether every step of the solution was judged [solutions].
        groups: hash of the prompt [solutions].
        steps: of each scorer its scores of steps; NaN where it says nothing [steps].
        solutions: of each scorer its score of the whole solution; NaN likewise [solutions].
    """

    counts: np.ndarray
    labels: np.ndarray
    whole: np.ndarray
    groups: np.ndarray
    steps: Mapping[str, np.ndarray]
    solutions: Mapping[str, np.ndarray]

    @property
    def starts(self) -> np.ndarray:
        """The place of each solution's first step."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    @property
    def owners(self) -> np.ndarray:
        """Each step's solution."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def places(self) -> np.ndarray:
        """Each step's place in its solution, from 0."""
        return np.asarray(np.arange(len(self.labels)) - np.repeat(self.starts, self.counts))

    @property
    def first(self) -> np.ndarray:
        """The first wrong step of each solution, from 0; `RIGHT`, or `UNKNOWN` where some step was not judged."""
        places, none = self.places, len(self.labels)
        found = np.full(len(self.counts), none)
        np.minimum.at(found, self.owners, np.where(self.labels < 0.5, places, none))
        return np.where(found < none, found, np.where(self.whole, RIGHT, UNKNOWN))

    def at(self, some: np.ndarray) -> Steps:
        """Some of the solutions."""
        inside = np.repeat(some, self.counts)
        return Steps(
            self.counts[some], self.labels[inside], self.whole[some], self.groups[some],
            {name: one[inside] for name, one in self.steps.items()},
            {name: one[some] for name, one in self.solutions.items()},
        )  # fmt: skip


def judge(steps: Steps, settings: Settings, slices: Mapping[str, pl.DataFrame] | None = None) -> dict[str, Any]:
    """Judge all scorers; those that score steps on steps and solutions, those that score responses on solutions.

    Args:
        steps: in any order of solutions.
        settings: of the bootstrap.
        slices: by column, the solutions of each slice.
    """
    spoken = {}
    for name, one in steps.steps.items():
        silent = np.bincount(steps.owners, ~np.isfinite(one), len(steps.counts)) > 0
        spoken[name] = np.where(silent, np.nan, 1.0)
    spoken |= {name: one for name, one in steps.solutions.items() if name not in spoken}
    shared = common(spoken)
    kept = steps.at(shared.lines)
    first = kept.first
    names = [name for name in kept.steps if name not in shared.silent]
    alone = [name for name in kept.solutions if name not in shared.silent and name not in names]
    credits, scorers = _first_errors(kept, first, names, settings)
    for name in names:
        scorers[name] |= _of_steps(kept, name, scorers[name]["thresholds"])
        scorers[name]["solutions"] = _of_solutions(kept, first, aggregated(kept.counts, kept.steps[name]))
    for name in alone:
        scorers[name] = {"solutions": _of_solutions(kept, first, {"own": kept.solutions[name]})}
    out: dict[str, Any] = {
        "solutions": len(first), "right": int((first == RIGHT).sum()), "unknown": int((first == UNKNOWN).sum()),
        "steps": len(kept.labels), "neither": int((kept.labels == 0.5).sum()), "prompts": len(np.unique(kept.groups)),
        "left_out": int((~shared.lines).sum()), "missing": shared.missing, "silent": shared.silent,
        "scorers": scorers, "slices": {},
    }  # fmt: skip
    for column, lines in (slices or {}).items():
        some, small = parts(moved(lines, shared.lines), len(first))
        told = [
            {"value": value, "solutions": int(mask.sum()), "scorers": {
                name: {"f1": _f1(_sums(credits[name][mask], first[mask]).sum(axis=0))} for name in names}}
            for value, mask in some
        ]  # fmt: skip
        out["slices"][column] = {"left_out": small, "slices": told}
    return out


def aggregated(counts: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Each solution's score by every aggregator; by those of `ANY` where scores are not all in [0, 1]."""
    sure = bool(((scores >= 0) & (scores <= 1)).all())
    with np.errstate(invalid="ignore"):
        found = aggregate(scores, counts)
    return {name: found[name].to_numpy() for name in AGGREGATORS if sure or name in ANY}


def bounds(steps: Steps, first: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each solution the thresholds t, low < t <= high, with which a scorer is right about its first error.

    That is, the first wrong step's score is under t and no earlier one's; of a right solution, none is.
    """
    end = np.repeat(np.where(first >= 0, first, steps.counts), steps.counts)
    high = np.full(len(first), np.inf)
    np.minimum.at(high, steps.owners, np.where(steps.places < end, scores, np.inf))
    low = np.where(first >= 0, scores[steps.starts + np.maximum(first, 0)], -np.inf)
    return low, high


def best_threshold(low: np.ndarray, high: np.ndarray, wrong: np.ndarray) -> float:
    """The threshold of the highest F1, the lowest of several; exact, since F1 changes at bounds alone.

    Args:
        low: as `bounds` gives them [solutions].
        high: likewise.
        wrong: whether a solution has an error [solutions].
    """
    # Every solution is right or wrong up to one of the highs, or beyond the last low.
    tried = np.unique(np.concatenate([high, [np.inf]]))
    shares = []
    for some in (wrong, ~wrong):
        a, b = np.sort(low[some]), np.sort(np.maximum(high[some], low[some]))
        right = np.searchsorted(a, tried, side="left") - np.searchsorted(b, tried, side="left")
        shares.append(right / max(int(some.sum()), 1))
    return float(tried[int(np.argmax(_harmonic(shares[0], shares[1])))])


def _first_errors(
    steps: Steps, first: np.ndarray, names: list[str], settings: Settings
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
    """Whether each scorer is right about each solution's first error (0 for unknown ones), and its figures."""
    half, wrong, known = halves(steps.groups), first >= 0, first != UNKNOWN
    credits: dict[str, np.ndarray] = {}
    scorers: dict[str, dict[str, Any]] = {}
    values, drawn = [], []
    for name in names:
        low, high = bounds(steps, first, steps.steps[name])
        mine = known & (half == 0), known & (half == 1)
        at = [best_threshold(low[other], high[other], wrong[other]) for other in reversed(mine)]
        t = np.where(half == 0, at[0], at[1])
        credits[name] = known & (low < t) & (t <= high)
        sums = _sums(credits[name], first)
        resampled = _f1s(totals(group_sums(steps.groups, sums), settings.resamples, settings.seed))
        errors, rights = _shares(sums.sum(axis=0))
        value = _f1(sums.sum(axis=0))
        ends = interval(resampled)
        scorers[name] = {
            "f1": value, "low": ends[0], "high": ends[1], "error_accuracy": errors, "right_accuracy": rights,
            "thresholds": at, "threshold": best_threshold(low[known], high[known], wrong[known]),
        }  # fmt: skip
        values.append(value)
        drawn.append(resampled)
    if names:
        p = p_better(np.array(values), np.stack(drawn, axis=1))
        for name, cluster in zip(names, clusters(values, p), strict=True):
            scorers[name]["cluster"] = cluster
    return credits, scorers


def _sums(credit: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Of each solution: right about an error, has one; right about none, has none [solutions, 4]."""
    wrong, right = first >= 0, first == RIGHT
    return np.stack([credit & wrong, wrong, credit & right, right], axis=1).astype(float)


def _shares(sums: np.ndarray) -> tuple[float, float]:
    return tuple(float(sums[i] / sums[i + 1]) if sums[i + 1] else float("nan") for i in (0, 2))  # type: ignore[return-value]


def _f1(sums: np.ndarray) -> float:
    return float(_f1s(sums[None])[0])


def _f1s(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _harmonic(sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3])


def _harmonic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The harmonic mean; 0 where both are, NaN where one is unknown."""
    total = a + b
    return np.where(np.isnan(total), np.nan, 2 * a * b / np.where(total > 0, total, 1.0))


def _of_steps(steps: Steps, name: str, thresholds: list[float]) -> dict[str, Any]:
    """How well a scorer tells right steps from wrong ones, and how often it is right with the thresholds above."""
    scores, sided = steps.steps[name], steps.labels != 0.5
    half = np.repeat(halves(steps.groups), steps.counts)
    said = scores >= np.where(half == 0, thresholds[0], thresholds[1])
    right = said == (steps.labels > 0.5)
    return {
        "step_auroc": auroc(scores[sided], steps.labels[sided] > 0.5),
        "step_accuracy": float(right[sided].mean()) if sided.any() else float("nan"),
    }


def _of_solutions(steps: Steps, first: np.ndarray, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
    """How well each way to score a whole solution tells right ones from wrong ones (AUROC)."""
    known = first != UNKNOWN
    return {way: auroc(one[known], first[known] == RIGHT) for way, one in scores.items()}
