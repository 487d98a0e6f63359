"""Balancing training pairs: weights under which no shortcut pays, and the rows that are kept where no weight is read.

A pair's moment of a feature is (2 label - 1) times the difference of its sides, and the same of the difference's sign.
`transforms.spurious.entropy` finds the weights nearest to the verdicts' under which all moments' means are nearly
nought; the cap holds as a constraint, not as a clip afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.config import Balance
from transforms.spurious.entropy import Solution, solve
from transforms.spurious.given import Sides
from transforms.spurious.rulers import Folded
from transforms.strength.folds import sample, uniform

#: A feature with fewer pairs that differ in it, or whose differences nearly all favour one side, has no balance.
FEW, ONE_SIGNED = 50, 0.98
#: A value of the column that pairs are balanced within is alone with so many pairs that have a preference.
ALONE = 400
#: Lots of pairs that are not those of one value.
ALL, OTHERS = "", "(others)"
#: The penalty is this over the square root of the number of groups where that is less: what it leaves is well within
#: the means' intervals then, which narrow so.
_FINE = 2.5
#: Trees are fitted on so many pairs at most, in so many folds of groups; a margin of theirs that is sure, in logits.
TREES, _FOLDS, _SURE = 50_000, 5, 0.5
#: What a mean may be left at, in moments' units, and the cap not be too low; how far caps are tried.
_LEFT, _CAPS = 0.1, (1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
#: Bins that the size of a matched difference is told apart by.
_BINS = 20
#: Salt of the draws by which rows are kept.
_SALT = 1009


@dataclass(frozen=True)
class Stratum:
    """One lot of pairs that were balanced by themselves.

    Attributes:
        value: of the column; empty where all are one lot.
        rows: training pairs.
        start: the mean of the verdicts' weights over them.
        size: the moments' units [2 * columns].
        left: places of features whose means are not near nought.
        cap: the least cap tried that would have done, where the one asked for was too low; else None.
        solution: what was fitted.
    """

    value: str
    rows: int
    start: float
    size: np.ndarray
    left: list[int]
    cap: float | None
    solution: Solution


@dataclass(frozen=True)
class Balanced:
    """What was fitted on the training pairs.

    Attributes:
        columns: of the features that were balanced.
        why: by column why others were not.
        strata: one for each lot of pairs.
        trees: what still told the sides apart once moments were balanced, and was balanced too; None without.
    """

    columns: np.ndarray
    why: dict[int, str]
    strata: list[Stratum]
    trees: Folded | None = None

    def together(self) -> tuple[np.ndarray, np.ndarray]:
        """The moments' units and lambda, means of all lots' by their rows [2 * columns]."""
        share = np.array([one.rows for one in self.strata], dtype=np.float64) / sum(one.rows for one in self.strata)
        sizes = np.stack([one.size for one in self.strata])
        coefficients = np.stack([one.solution.coefficients for one in self.strata])
        return np.maximum(share @ sizes, 1e-9), share @ coefficients

    def weigh(self, pairs: Sides) -> np.ndarray:
        """Weights of any pairs; those of the training pairs sum to what the verdicts' do."""
        out = pairs.weights.astype(np.float64).copy()
        for stratum, mine in _lots(pairs, [stratum.value for stratum in self.strata]):
            fitted = self.strata[stratum]
            theirs, _ = moments(pairs.at(mine), self.columns, fitted.size, self.trees)
            out[mine] = fitted.solution.weigh(theirs, out[mine] / fitted.start) * fitted.start
        return out


def cannot(pairs: Sides, columns: Sequence[int]) -> dict[int, str]:
    """Which features of these training pairs have no balance, by column, and why."""
    out = {}
    for j in columns:
        f = np.sign(pairs.raw[:, j]) * np.sign(pairs.sides)
        told = int((f != 0).sum())
        if told < FEW:
            out[j] = f"cannot_balance: {told} pairs with a preference differ in it, and {FEW} are needed"
        elif (most := max((f > 0).sum(), (f < 0).sum()) / told) >= ONE_SIGNED:
            out[j] = f"cannot_balance: {most:.1%} of its differences are for one side"
    return out


def moments(
    pairs: Sides, columns: np.ndarray, size: np.ndarray | None = None, trees: Folded | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Moments of pairs in units of their size: of differences, then of signs, then of what trees say and its sign.

    Args:
        pairs: any.
        columns: of features.
        size: the units; measured here when None.
        trees: what else is balanced.

    Returns:
        float32 [rows, 2 * columns, and 2 with trees], and the units.
    """
    width = len(columns)
    out = np.empty((len(pairs), 2 * width + 2 * (trees is not None)), dtype=np.float32)
    sides = pairs.sides.astype(np.float32)
    if trees is not None:
        said = trees.margins(pairs.scaled[:, columns], pairs.groups)
        out[:, -2], out[:, -1] = sides * np.tanh(said / _SURE), sides * np.sign(said)
    for place, j in enumerate(columns):
        out[:, place] = sides * pairs.scaled[:, j]
        out[:, width + place] = sides * np.sign(pairs.raw[:, j])
    if size is None:
        size = np.sqrt(np.array([np.square(out[:, j], dtype=np.float64).mean() for j in range(out.shape[1])]))
    out /= np.maximum(size, 1e-9).astype(np.float32)
    return out, size


def balance(pairs: Sides, columns: Sequence[int], asked: Balance) -> Balanced:
    """Fit weights.

    Args:
        pairs: the training pairs.
        columns: of the features asked for.
        asked: cap and penalty.
    """
    why = cannot(pairs, columns)
    chosen = np.array([j for j in columns if j not in why], dtype=int)
    penalty = min(asked.penalty, _FINE / np.sqrt(len(np.unique(pairs.groups))))
    found = Balanced(chosen, why, _strata(pairs, chosen, asked, penalty, None))
    if not asked.trees or asked.output not in ("weights", "subsample") or not len(chosen):
        return found
    places = sample(pairs.keys, TREES, salt=31)
    weights = found.weigh(pairs)[places]
    if len(np.unique(pairs.groups[places])) < _FOLDS:
        return found
    some = pairs.at(places)
    trees = Folded.fit(some.scaled[:, chosen], some.sides, weights, some.groups, _FOLDS)
    return Balanced(chosen, why, _strata(pairs, chosen, asked, penalty, trees), trees)


def _strata(pairs: Sides, chosen: np.ndarray, asked: Balance, penalty: float, trees: Folded | None) -> list[Stratum]:
    """Solve for each lot of pairs."""
    values, counts = np.unique(pairs.within[pairs.sides != 0].astype(str), return_counts=True)
    alone = [str(value) for value, count in zip(values, counts, strict=True) if count >= ALONE]
    lots = [*alone, OTHERS] if len(values) > 1 and alone else [ALL]
    strata = []
    for lot, mine in _lots(pairs, lots):
        start = pairs.weights[mine]
        whole, size = moments(pairs.at(mine), chosen, trees=trees)
        found = solve(whole, start, penalty=penalty, cap=asked.cap)
        left = _unmet(found, len(chosen))
        cap = _enough(whole, start, asked.cap, penalty, len(chosen)) if left else None
        strata.append(Stratum(lots[lot], len(mine), float(start.mean()), size, left, cap, found))
    return strata


def _lots(pairs: Sides, values: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
    """The places of each value's pairs that there are any of; `ALL` is every pair, `OTHERS` what no value names."""
    named = pairs.within.astype(str)
    for place, value in enumerate(values):
        if value == ALL:
            mine = np.arange(len(pairs))
        else:
            mine = np.flatnonzero(~np.isin(named, values) if value == OTHERS else named == value)
        if len(mine):
            yield place, mine


def _enough(whole: np.ndarray, start: np.ndarray, cap: float, penalty: float, width: int) -> float | None:
    """The least cap tried with which no mean is left."""
    for factor in _CAPS:
        if not _unmet(solve(whole, start, penalty=penalty, cap=cap * factor), width):
            return cap * factor
    return None


def _unmet(found: Solution, width: int) -> list[int]:
    """Places of features of which either moment's mean is not near nought."""
    off = np.abs(found.left) > _LEFT
    return [place for place in range(width) if off[place] or off[width + place]]


def keep_shares(weights: np.ndarray, loss: float) -> tuple[np.ndarray, float]:
    """The share with which each row is kept, min(1, w / c), and c: the one with which `loss` of the rows go.

    Where fewer rows need to go for every share to be w / max w, fewer do. Weights above c are not told apart: that is
    what remains of the bias.
    """
    largest = float(weights.max())
    low, high = 0.0, largest
    if np.minimum(1.0, weights / largest).mean() < 1 - loss:
        for _ in range(60):
            middle = (low + high) / 2
            if np.minimum(1.0, weights / middle).mean() < 1 - loss:
                high = middle
            else:
                low = middle
    return np.minimum(1.0, weights / high), high


def draws(keys: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for each row, by its content: it is kept where that is below its share."""
    return uniform(keys, seed + _SALT)


def matched(pairs: Sides, columns: Sequence[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact matching: as many pairs whose chosen side has more as pairs where it has as much less.

    Args:
        pairs: training pairs.
        columns: features that are matched together: cells are of the sizes of all their differences.
        seed: of the order in which rows of one cell are kept.

    Returns:
        For each row the share of its cell's side that is kept, and the row's place in it, in [0, 1).
    """
    cell = np.zeros(len(pairs), dtype=np.int64)
    turn = np.zeros(len(pairs))
    for j in columns:
        size = np.abs(pairs.scaled[:, j])
        edges = np.unique(np.quantile(size[size > 0], np.arange(1, _BINS) / _BINS)) if (size > 0).any() else np.zeros(0)
        sign = np.sign(pairs.raw[:, j]) * np.sign(pairs.sides)
        turn = np.where(turn == 0, sign, turn)
        cell = cell * (3 * (_BINS + 2)) + np.where(size > 0, np.searchsorted(edges, size) + 1, 0) * 3
        cell += (sign * turn).astype(np.int64) + 1
    order = np.lexsort((pairs.keys, draws(pairs.keys, seed), turn, cell))
    new = np.ones(len(pairs), dtype=bool)
    new[1:] = (cell[order][1:] != cell[order][:-1]) | (turn[order][1:] != turn[order][:-1])
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(pairs)))
    lot = np.cumsum(new) - 1
    which = {(int(c), int(t)): int(n) for c, t, n in zip(cell[order][starts], turn[order][starts], counts, strict=True)}
    others = np.array(
        [n if t == 0 else which.get((c, -t), 0) for (c, t), n in which.items()], dtype=np.int64
    )  # in the order of the lots
    share, place = np.empty(len(pairs)), np.empty(len(pairs))
    share[order] = (np.minimum(others, counts) / counts)[lot]
    place[order] = (np.arange(len(pairs)) - starts[lot]) / counts[lot]
    return share, place
