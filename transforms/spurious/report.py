"""What a run says of shortcuts: everything measured, before and after balancing, as JSON (`docs/shortcuts.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from transforms.spurious import rulers
from transforms.spurious.bias import Gap, gaps
from transforms.spurious.extra import PLACES
from transforms.spurious.features import NAMES
from transforms.spurious.given import Sides
from transforms.spurious.measure import (
    Estimate,
    accuracy,
    competency,
    in_units,
    means,
    parts,
    right,
    rounded,
    shares,
    sizes,
)
from transforms.strength.folds import cuts, fold_of, sample, uniform

#: Fewer pairs with a preference, or groups, and nothing is said: it would be chance.
PAIRS, GROUPS = 400, 10
#: Pairs that rulers and prediction bias are measured on at most, by a hash of their content.
RULED, TREES = 50_000, 8_000
_FOLDS = 5
#: How far the wins of both places may be apart, as a share, for a rater's love of one to be what makes them so.
LAYOUT = 0.9


def enough(pairs: Sides) -> str:
    """Why shortcuts are not measured; empty where they are."""
    told = ~pairs.held & (pairs.sides != 0)
    groups = len(np.unique(pairs.groups[told]))
    if told.sum() >= PAIRS and groups >= GROUPS:
        return ""
    return f"{int(told.sum())} training pairs with a preference in {groups} groups; {PAIRS} in {GROUPS} are needed"


def features(pairs: Sides, names: Sequence[str], after: np.ndarray | None) -> list[dict[str, Any]]:
    """Each feature's shares and means, before and after, the strongest shortcut first.

    Args:
        pairs: all.
        names: of the features.
        after: weights once balanced, of all pairs; None where nothing was.
    """
    train, held = np.flatnonzero(~pairs.held), np.flatnonzero(pairs.held)
    mine, others = pairs.at(train), pairs.at(held)
    there = mine.at(np.flatnonzero(mine.weights > 0))
    n, z, flagged = competency(there.raw, there.sides)
    size = sizes(there.scaled)
    x = in_units(mine.scaled, size)
    chosen = sampled(mine.keys, RULED)
    text = [j for j, name in enumerate(names) if name not in PLACES]
    # Files of chosen and rejected have the better one first, all but ties and conflicts: a layout and no shortcut.
    first = names.index("first")
    flagged[first] &= abs(z[first]) < LAYOUT * np.sqrt(n[first])
    out = [
        {"feature": name, "of": _kind(name), "n": int(n[j]), "z": rounded(z[j]), "flagged": bool(flagged[j])}
        for j, name in enumerate(names)
    ]

    def add(rows: Sides, units: np.ndarray, weights: np.ndarray, when: str) -> None:
        share = shares(rows.raw, rows.sides, weights, rows.groups)
        mean = means(rows.sides[:, None] * units, weights, rows.groups)
        for j, one in enumerate(out):
            one |= _named(share, j, "share", when) | _named(mean, j, "mean", when)

    def part(weights: np.ndarray, when: str) -> None:
        ruled = x[chosen][:, text]
        found = rulers.fit_linear(ruled, mine.sides[chosen], weights[chosen])
        for j, value in zip(text, parts(ruled, found, mine.sides[chosen], weights[chosen]), strict=True):
            out[j][f"part_{when}"] = rounded(value)

    add(mine, x, mine.weights, "before")
    part(mine.weights, "before")
    if after is not None:
        add(mine, x, after[train], "after")
        part(after[train], "after")
        if len(held):
            add(others, in_units(others.scaled, size), after[held], "held")
    return sorted(out, key=lambda one: (one["of"] == "position", -abs(one["z"] or 0.0)))


def _named(found: Estimate, j: int, what: str, when: str) -> dict[str, float | None]:
    """A figure under the keys of `docs/shortcuts.md`: `share_before`, `low` and `high`; `mean_low_after` and so on."""
    middle = "" if what == "share" else f"{what}_"
    end = "" if when == "before" else f"_{when}"
    return {
        f"{what}_{when}": rounded(found.value[j]),
        f"{middle}low{end}": rounded(found.low[j]),
        f"{middle}high{end}": rounded(found.high[j]),
    }


def _kind(name: str) -> str:
    if name in PLACES:
        return "position" if name == "first" else "generator"
    return "text" if name in NAMES else "user"


def _there(pairs: Sides) -> np.ndarray:
    """Training pairs with a preference that count before anything is balanced."""
    return np.asarray(~pairs.held & (pairs.sides != 0) & (pairs.weights > 0))


def sampled(keys: np.ndarray, count: int) -> np.ndarray:
    return sample(keys, count, salt=29)


def ruled(pairs: Sides, names: Sequence[str], after: np.ndarray | None, seed: int) -> dict[str, Any]:
    """Both rulers' accuracy: out of fold on the training pairs, and on the other splits fitted on those."""
    text = [j for j, name in enumerate(names) if name not in PLACES]
    train = np.flatnonzero(~pairs.held)
    x = in_units(pairs.scaled[:, text], sizes(pairs.scaled[train][:, text]))
    out: dict[str, Any] = {}
    for name, ruler, most in (("linear", rulers.linear, RULED), ("trees", rulers.trees, TREES)):
        mine = train[sampled(pairs.keys[train], most)]
        held = np.flatnonzero(pairs.held)
        held = held[sampled(pairs.keys[held], most)]
        one: dict[str, Any] = {}
        for when, weights in (("before", pairs.weights), ("after", after)):
            one[when] = one[f"held_{when}"] = None
            if weights is None:
                continue
            margins = rulers.out_of_fold(
                ruler, x[mine], pairs.sides[mine], weights[mine], pairs.groups[mine], _FOLDS, seed
            )
            one[when] = scored(margins, pairs.sides[mine], weights[mine], pairs.groups[mine])
            if (pairs.sides[held] != 0).sum() >= GROUPS:
                margins = ruler(x[mine], pairs.sides[mine], weights[mine], x[held])
                one[f"held_{when}"] = scored(margins, pairs.sides[held], weights[held], pairs.groups[held])
        out[name] = one
    return out


def scored(margins: np.ndarray, sides: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> dict[str, float | None]:
    """An accuracy with its interval, as JSON."""
    found = accuracy(margins, sides, weights, groups).one()
    return {"accuracy": found["value"], "low": found["low"], "high": found["high"]}


def position(pairs: Sides, after: np.ndarray | None) -> dict[str, float | None]:
    """How often the first response of the raw row is the chosen one."""
    train = ~pairs.held
    first = np.where(pairs.sides == 0, np.nan, pairs.sides > 0)[train]
    found = means(first, pairs.weights[train], pairs.groups[train]).one()
    out = {"first": found["value"], "low": found["low"], "high": found["high"], "first_after": None}
    if after is not None:
        out["first_after"] = means(first, after[train], pairs.groups[train]).one()["value"]
    return out


def generators(pairs: Sides, seed: int) -> dict[str, Any] | None:
    """How often who wrote the responses, each by its wins in other folds, names the better one."""
    told = np.flatnonzero(_there(pairs) & (pairs.generators >= 0).all(axis=1))
    mine = pairs.at(told)
    if len(mine) < PAIRS or len(np.unique(mine.groups)) < GROUPS:
        return None
    count = int(mine.generators.max()) + 1
    fold = fold_of(mine.groups, cuts(mine.groups, _FOLDS, seed), seed)
    won = np.stack([mine.sides > 0, mine.sides < 0], axis=1)
    margins = np.zeros(len(mine))
    for k in range(_FOLDS):
        fit, out = fold != k, fold == k
        wins = np.bincount(mine.generators[fit].ravel(), won[fit].ravel(), count)
        met = np.bincount(mine.generators[fit].ravel(), minlength=count)
        rate = np.log((wins + 1) / (met - wins + 1))
        margins[out] = rate[mine.generators[out, 0]] - rate[mine.generators[out, 1]]
    return {"known": count, **scored(margins, mine.sides, mine.weights, mine.groups)}


def biases(pairs: Sides, names: Sequence[str], scorers: dict[str, np.ndarray], seed: int) -> list[dict[str, Any]]:
    """Prediction bias of each scorer by each feature: of training pairs, unweighted.

    Args:
        pairs: all.
        names: of the features.
        scorers: margins for the first response by the scorer's name; NaN where it says nothing [rows].
        seed: of permutations.
    """
    out = []
    for scorer, margins in scorers.items():
        told = np.flatnonzero(_there(pairs) & np.isfinite(margins))
        told = told[sampled(pairs.keys[told], RULED)]
        if len(told) < PAIRS:
            continue
        wanted = [j for j, name in enumerate(names) if name != "first"]
        turned = pairs.raw[told][:, wanted] * np.sign(pairs.sides[told]).astype(np.float32)[:, None]
        found = gaps(turned, right(margins[told], pairs.sides[told]), seed)
        out += [{"scorer": scorer, "feature": names[j], **_gap(gap)} for j, gap in zip(wanted, found, strict=True)]
    return sorted(out, key=lambda one: (one["scorer"], -(one["gap"] or 0.0)))


def _gap(gap: Gap) -> dict[str, Any]:
    figures = {name: rounded(getattr(gap, name)) for name in ("gap", "threshold", "below", "above", "null", "p")}
    return figures | {"significant": gap.significant}


def ratings(
    found: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]], names: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    """Of each dimension and feature the rank correlation with the score, and the gap between scores on both sides.

    Args:
        found: scores in [0, 1], features and groups by dimension.
        names: of the features.
        seed: of permutations.
    """
    from scipy.stats import rankdata

    out = []
    for dimension, (scores, counted, groups) in sorted(found.items()):
        if len(scores) < PAIRS:
            continue
        ranks = _standard(rankdata(scores))
        ranked = np.stack([_standard(rankdata(counted[:, j])) for j in range(counted.shape[1])], axis=1)
        # Of standardised ranks the mean product is Spearman's coefficient, so its interval is a mean's, by group.
        rho = means(ranked * ranks[:, None], np.ones(len(scores)), groups)
        chosen = np.argsort(uniform(np.arange(len(scores)).astype(np.uint64), 29), kind="stable")[:RULED]
        found_gaps = gaps(counted[chosen], scores[chosen], seed)
        out += [
            {
                "dimension": dimension, "feature": name, "n": len(scores), "correlation": rounded(rho.value[j]),
                "low": rounded(rho.low[j]), "high": rounded(rho.high[j]), **_gap(found_gaps[j]),
            }
            for j, name in enumerate(names)
        ]  # fmt: skip
    return out


def _standard(ranks: np.ndarray) -> np.ndarray:
    spread = ranks.std()
    return np.asarray((ranks - ranks.mean()) / spread if spread > 0 else np.zeros(len(ranks)))
