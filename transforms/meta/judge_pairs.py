"""Scorers judged on pairs: one table for all of them, on the pairs that all of them speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from transforms.meta.bootstrap import group_sums, interval, totals
from transforms.meta.calibration import calibration
from transforms.meta.preference import accuracy, credit
from transforms.meta.rewardbench import SECTIONS, sections
from transforms.meta.scope import Settings, common, halves, moved, parts, told
from transforms.meta.significance import clusters, p_better
from transforms.meta.ties import Comparisons, calibrate, held_out, tie_rate


@dataclass(frozen=True)
class Pairs:
    """Pairs and what scorers say of them, all with one line a pair.

    Attributes:
        labels: preference for the first response, 0.5 a tie.
        groups: hash of the prompt.
        margins: of each scorer, for the first response; NaN where it says nothing.
    """

    labels: np.ndarray
    groups: np.ndarray
    margins: Mapping[str, np.ndarray]

    def at(self, some: np.ndarray) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.labels[some], self.groups[some], {name: one[some] for name, one in self.margins.items()})


def judge(
    pairs: Pairs,
    settings: Settings,
    slices: Mapping[str, pl.DataFrame] | None = None,
    subsets: Sequence[str | None] | None = None,
    languages: Sequence[str | None] | None = None,
) -> dict[str, Any]:
    """Judge all scorers.

    Args:
        pairs: in any order.
        settings: of bootstrap.
        slices: by column, the pairs of each slice.
        subsets: RewardBench's, of each pair; where they are its, section scores are given.
        languages: of each pair: with subsets of several languages, sections for each.

    Returns:
        What the report says; figures of scorers by name.
    """
    shared = common(pairs.margins)
    names = [name for name in pairs.margins if name not in shared.silent]
    kept = Pairs(pairs.labels, pairs.groups, {name: pairs.margins[name] for name in names}).at(shared.lines)
    found = _main(kept, names, settings)
    out: dict[str, Any] = {
        "pairs": len(kept.labels),
        "ties": int((kept.labels == 0.5).sum()),
        "prompts": len(np.unique(kept.groups)),
        "left_out": int((~shared.lines).sum()),
        "missing": shared.missing,
        "silent": shared.silent,
        **found,
    }
    if subsets is not None:
        named = np.array([one or "" for one in subsets], dtype=object)[shared.lines]
        spoken = None if languages is None else np.array([one or "" for one in languages], dtype=object)[shared.lines]
        out["sections"] = _sections(kept, named, spoken)
    out["slices"] = {}
    for column, lines in (slices or {}).items():
        mine = moved(lines, shared.lines)
        some, small = parts(mine, len(kept.labels))
        out["slices"][column] = {
            "left_out": small,
            "slices": [{"value": value, **_brief(kept.at(mask), names, settings)} for value, mask in some],
        }
    return out


def _resampled(pairs: Pairs, names: list[str], settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy of each scorer on pairs that are no ties, and in resamples of prompts [resamples, scorers]."""
    credits = np.stack([credit(pairs.margins[name], pairs.labels) for name in names], axis=1)
    some = np.isfinite(credits).all(axis=1)
    if not some.any():
        return np.full(len(names), np.nan), np.full((settings.resamples, len(names)), np.nan)
    lines = np.hstack([credits[some], np.ones((int(some.sum()), 1))])
    drawn = totals(group_sums(pairs.groups[some], lines), settings.resamples, settings.seed)
    return lines[:, :-1].mean(axis=0), drawn[:, :-1] / drawn[:, -1:]


def _brief(pairs: Pairs, names: list[str], settings: Settings) -> dict[str, Any]:
    """A slice's figures: accuracy with its interval."""
    values, drawn = _resampled(pairs, names, settings)
    scorers = {}
    for place, name in enumerate(names):
        low, high = interval(drawn[:, place])
        scorers[name] = {"accuracy": float(values[place]), "low": low, "high": high}
    return {"pairs": len(pairs.labels), "ties": int((pairs.labels == 0.5).sum()), "scorers": scorers}


def _main(pairs: Pairs, names: list[str], settings: Settings) -> dict[str, Any]:
    values, drawn = _resampled(pairs, names, settings)
    p = p_better(values, drawn) if len(names) else np.zeros((0, 0))
    rank = clusters(values.tolist(), p)
    folds, (_, segment) = halves(pairs.groups), np.unique(pairs.groups, return_inverse=True)
    scorers, rate = {}, float("nan")
    for place, name in enumerate(names):
        margins = pairs.margins[name]
        counted = accuracy(margins, pairs.labels)
        compared = Comparisons(segment, np.round(pairs.labels - 0.5, 9), margins)
        tied = calibrate(compared)
        rate = tie_rate(compared)
        low, high = interval(drawn[:, place])
        scorers[name] = {
            "accuracy": counted.accuracy,
            "low": low,
            "high": high,
            "cluster": rank[place],
            "strict_accuracy": counted.strict,
            "tied": counted.tied,
            "acc_eq": tied.plain,
            "acc_eq_calibrated": tied.accuracy,
            "epsilon": tied.epsilon,
            "acc_eq_held_out": held_out(compared, folds),
            **told(calibration(margins, pairs.labels, folds)),
        }
    return {
        "tie_rate": rate,
        "scorers": scorers,
        "p": {a: {b: float(p[i, j]) for j, b in enumerate(names)} for i, a in enumerate(names)},
    }


def _sections(pairs: Pairs, subsets: np.ndarray, languages: np.ndarray | None) -> dict[str, Any] | None:
    """RewardBench's sections by scorer, a tie being half right, and for each language where there are several."""
    known = {subset for weights in SECTIONS.values() for subset in weights}
    if not known & set(subsets):
        return None
    spoken = sorted(set(languages) - {""}) if languages is not None else []
    out: dict[str, Any] = {"all": _by_subset(pairs, subsets)}
    if len(spoken) > 1 and languages is not None:
        out["languages"] = {one: _by_subset(pairs.at(languages == one), subsets[languages == one]) for one in spoken}
    return out


def _by_subset(pairs: Pairs, subsets: np.ndarray) -> dict[str, Any]:
    out = {}
    for name, margins in pairs.margins.items():
        each = {str(one): accuracy(margins[subsets == one], pairs.labels[subsets == one]) for one in set(subsets)}
        out[name] = sections({subset: found.accuracy for subset, found in each.items()})
    return out
