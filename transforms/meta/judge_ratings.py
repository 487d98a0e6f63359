"""Scorers judged on ratings and rankings of one dimension: response by response, within prompts, and by system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from transforms.meta import systems
from transforms.meta.bootstrap import group_sums, interval, totals
from transforms.meta.calibration import calibration
from transforms.meta.correlation import kendall, pearson, spearman
from transforms.meta.scope import Settings, common, halves, moved, parts, told
from transforms.meta.significance import clusters, p_better
from transforms.meta.ties import Comparisons, acc_eq, calibrate, held_out, right, segment_tau, tie_rate, within


@dataclass(frozen=True)
class Rated:
    """Rated responses and what scorers say of them, all with one line a response.

    Attributes:
        human: mean of the raters, higher is better.
        segments: hash of what systems are compared on.
        units: hash of what responses are compared within.
        systems: who wrote it; empty where that is not known.
        scores: of each scorer; NaN where it says nothing.
    """

    human: np.ndarray
    segments: np.ndarray
    units: np.ndarray
    systems: np.ndarray
    scores: Mapping[str, np.ndarray]

    def at(self, some: np.ndarray) -> Rated:
        """Some of the responses."""
        scores = {name: one[some] for name, one in self.scores.items()}
        return Rated(self.human[some], self.segments[some], self.units[some], self.systems[some], scores)


@dataclass(frozen=True)
class _Within:
    """Comparisons within units: places of both sides, the unit's number, and the hash of each comparison's segment."""

    first: np.ndarray
    second: np.ndarray
    unit: np.ndarray
    group: np.ndarray

    def of(self, rated: Rated, scores: np.ndarray) -> Comparisons:
        a, b = self.first, self.second
        return Comparisons(self.unit, rated.human[a] - rated.human[b], scores[a] - scores[b])


def judge(rated: Rated, settings: Settings, slices: Mapping[str, pl.DataFrame] | None = None) -> dict[str, Any]:
    """Judge all scorers.

    Args:
        rated: in any order.
        settings: of bootstrap and permutations.
        slices: by column, the lines of each slice.
    """
    shared = common(rated.scores)
    names = [name for name in rated.scores if name not in shared.silent]
    kept = Rated(rated.human, rated.segments, rated.units, rated.systems, {n: rated.scores[n] for n in names})
    kept = kept.at(shared.lines)
    pairs = _within(kept)
    scorers, rate, by = _main(kept, pairs, names, settings)
    out: dict[str, Any] = {
        "ratings": len(kept.human),
        "segments": len(np.unique(kept.segments)),
        "comparisons": len(pairs.first),
        "comparisons_left_out": _possible(kept.units) - len(pairs.first),
        "left_out": int((~shared.lines).sum()),
        "missing": shared.missing,
        "silent": shared.silent,
        "tie_rate": rate,
        "ranked_by": by,
        "scorers": scorers,
        "systems": _systems(kept, names, settings, scorers),
        "slices": {},
    }
    for column, lines in (slices or {}).items():
        some, small = parts(moved(lines, shared.lines), len(kept.human))
        found = [{"value": value, **_brief(kept.at(mask), names, settings, scorers)} for value, mask in some]
        out["slices"][column] = {"left_out": small, "slices": found}
    return out


def _possible(units: np.ndarray) -> int:
    """How many comparisons there are within units."""
    sizes = np.unique(units, return_counts=True)[1].astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _within(rated: Rated) -> _Within:
    _, number = np.unique(rated.units, return_inverse=True)
    first, second = within(number) if len(number) else (number, number)
    return _Within(first, second, number[first], rated.segments[first])


def _main(
    rated: Rated, pairs: _Within, names: list[str], settings: Settings
) -> tuple[dict[str, dict[str, Any]], float, str]:
    """Figures of each scorer, how often people tie, and the figure by which scorers are ranked."""
    folds = halves(pairs.group)
    scorers: dict[str, dict[str, Any]] = {}
    rate, said = float("nan"), []
    for name in names:
        scores = rated.scores[name]
        compared = pairs.of(rated, scores)
        tied, tau = calibrate(compared), segment_tau(compared)
        rate = tie_rate(compared)
        said.append(right(compared, tied.epsilon))
        sided = np.where(compared.human == 0, 0.5, compared.human > 0)
        scorers[name] = {
            "pearson": pearson(rated.human, scores),
            "spearman": spearman(rated.human, scores),
            "kendall_b": kendall(rated.human, scores, "b"),
            "kendall_c": kendall(rated.human, scores, "c"),
            "kendall_b_within": tau[0],
            "segments_with_kendall": tau[1],
            "acc_eq": tied.plain,
            "acc_eq_calibrated": tied.accuracy,
            "epsilon": tied.epsilon,
            "acc_eq_held_out": held_out(compared, folds),
            **told(calibration(compared.metric, sided, folds)),
        }
    drawn = _resampled(rated, pairs, said, names, settings)
    for key, replicates in drawn.items():
        for place, name in enumerate(names):
            scorers[name][f"{key}_low"], scorers[name][f"{key}_high"] = interval(replicates[:, place])
    by = "acc_eq_calibrated" if len(pairs.first) else "pearson"
    values = np.array([scorers[name][by] for name in names])
    for name, cluster in zip(names, clusters(values.tolist(), p_better(values, drawn[by])), strict=True):
        scorers[name]["cluster"] = cluster
    return scorers, rate, by


def _resampled(
    rated: Rated, pairs: _Within, said: list[np.ndarray], names: list[str], settings: Settings
) -> dict[str, np.ndarray]:
    """Pearson's r and calibrated acc_eq in the same resamples of segments, each [resamples, scorers].

    Both follow from sums over segments: of products, and of the shares of comparisons that are right. Thresholds stay
    those of all rows.
    """
    human = _scaled(rated.human)
    columns = [np.ones(len(human)), human, human**2]
    for name in names:
        scores = _scaled(rated.scores[name])
        columns += [scores, scores**2, scores * human]
    _, unit, sizes = np.unique(pairs.unit, return_inverse=True, return_counts=True)
    weight = 1 / sizes[unit] if len(unit) else np.zeros(0)
    more = np.stack([weight, *(weight * one for one in said)], axis=1)
    lines = np.zeros((len(human) + len(weight), len(columns) + more.shape[1]))
    lines[: len(human), : len(columns)], lines[len(human) :, len(columns) :] = np.stack(columns, axis=1), more
    sums = group_sums(np.concatenate([rated.segments, pairs.group]), lines)
    found = totals(sums, settings.resamples, settings.seed)
    count, h, hh = (found[:, i] for i in range(3))
    r = np.full((len(found), len(names)), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        for place in range(len(names)):
            m, mm, hm = (found[:, 3 + 3 * place + i] for i in range(3))
            spread = (count * hh - h**2) * (count * mm - m**2)
            r[:, place] = np.where(spread > 1e-12, (count * hm - h * m) / np.sqrt(np.maximum(spread, 1e-300)), np.nan)
        start = len(columns)
        shares = found[:, start + 1 :] / found[:, start : start + 1]
    return {"pearson": r, "acc_eq_calibrated": shares}


def _scaled(values: np.ndarray) -> np.ndarray:
    """Values with mean 0 and spread 1, or 0 where they are all the same."""
    centred = values - values.mean() if len(values) else values
    spread = centred.std() if len(values) else 0.0
    return centred / spread if spread > 0 else np.zeros(len(values))


def _systems(
    rated: Rated, names: list[str], settings: Settings, scorers: dict[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """Mean scores of systems on segments that all have; pairwise accuracies go to the scorers. None without systems.

    Where no segment has all of them, none is compared and there are no means.
    """
    named = rated.systems != ""
    if len(np.unique(rated.systems[named])) < 2:
        return None
    values = [rated.human[named], *(rated.scores[name][named] for name in names)]
    laid = systems.matrix(rated.systems[named], rated.segments[named], values)
    told = {"segments": laid.segments, "segments_left_out": laid.dropped, "left_out": laid.left_out}
    if len(laid.systems) < 2 or not laid.segments:
        return {**told, "means": []}
    human, means = laid.values[0], [one.mean(axis=1) for one in laid.values]
    sure = systems.p_values(human, settings.permutations)
    for name, one, mean in zip(names, laid.values[1:], means[1:], strict=True):
        scorers[name]["pairwise_accuracy"] = systems.pairwise_accuracy(means[0], mean)
        p = systems.p_values(one, settings.permutations)
        scorers[name]["soft_pairwise_accuracy"] = systems.soft_pairwise_accuracy(sure, p)
        scorers[name]["system_pearson"] = pearson(means[0], mean)
    order = np.argsort(-means[0], kind="stable")
    return {
        **told,
        "means": [
            {
                "system": laid.systems[i],
                "human": float(means[0][i]),
                "scorers": {name: float(mean[i]) for name, mean in zip(names, means[1:], strict=True)},
            }
            for i in order
        ],
    }


def _brief(rated: Rated, names: list[str], settings: Settings, scorers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A slice's figures, with the thresholds of all rows; systems are compared on its own segments."""
    pairs = _within(rated)
    out: dict[str, dict[str, Any]] = {}
    for name in names:
        compared = pairs.of(rated, rated.scores[name])
        out[name] = {
            "pearson": pearson(rated.human, rated.scores[name]),
            "kendall_b": kendall(rated.human, rated.scores[name], "b"),
            "acc_eq_calibrated": acc_eq(compared, scorers[name]["epsilon"]),
        }
    found = _systems(rated, names, settings, out)
    ranked = None if found is None else {"compared": len(found.pop("means")), **found}
    return {"ratings": len(rated.human), "comparisons": len(pairs.first), "systems": ranked, "scorers": out}
