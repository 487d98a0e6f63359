"""What all judgements of scorers share: settings, the rows that all scorers speak of, and figures as they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from transforms.meta.calibration import Calibration
from transforms.strength.folds import uniform

#: Slices with fewer lines are counted and not judged.
SMALLEST = 20
#: The largest slices of a column that are judged.
MOST = 60
_FOLD_SALT = 71


@dataclass(frozen=True)
class Settings:
    """How scorers are judged.

    Attributes:
        resamples: of the bootstrap.
        permutations: of soft pairwise accuracy.
        seed: of the resamples.
    """

    resamples: int = 1000
    permutations: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Common:
    """The lines that all scorers speak of.

    Attributes:
        lines: which these are [lines].
        silent: scorers with no score on any line; they are not in the table.
        missing: of each other scorer, the lines that it says nothing of.
    """

    lines: np.ndarray
    silent: list[str]
    missing: dict[str, int]


def common(scores: Mapping[str, np.ndarray]) -> Common:
    """Find them; a scorer that says nothing at all (a metric where there are no references) takes no line away."""
    known = {name: np.isfinite(one) for name, one in scores.items()}
    silent = [name for name, some in known.items() if not some.any()]
    speaking = {name: some for name, some in known.items() if name not in silent}
    size = len(next(iter(scores.values()))) if scores else 0
    lines = np.logical_and.reduce([np.ones(size, dtype=bool), *speaking.values()])
    return Common(np.asarray(lines), silent, {name: int((~some).sum()) for name, some in speaking.items()})


def halves(groups: np.ndarray) -> np.ndarray:
    """Each line's half, 0 or 1, by its group's hash: what is fitted on one is judged on the other."""
    return (uniform(groups, _FOLD_SALT) < 0.5).astype(np.int64)


def told(calibrated: Calibration) -> dict[str, Any]:
    """Calibration as it stands in the report."""
    return {
        "calibration_error": calibrated.error,
        "brier": calibrated.brier,
        "temperature": calibrated.temperature if np.isfinite(calibrated.temperature) else None,
        "reliability": [vars(one) for one in calibrated.table],
    }


def parts(slices: pl.DataFrame, size: int) -> tuple[list[tuple[str, np.ndarray]], int]:
    """The slices of one column that are judged, by name, and how many are too small or too many.

    Args:
        slices: `line` and `value` (`transforms.meta.named.slices`).
        size: lines in all.
    """
    found = slices.group_by("value").agg("line", n=pl.len()).sort(["n", "value"], descending=[True, False])
    kept = found.filter(pl.col("n") >= SMALLEST).head(MOST).sort("value")
    out = []
    for value, lines in kept.select("value", "line").iter_rows():
        mask = np.zeros(size, dtype=bool)
        mask[lines] = True
        out.append((value, mask))
    return out, found.height - kept.height


def moved(slices: pl.DataFrame, kept: np.ndarray) -> pl.DataFrame:
    """Slices of the lines that are kept, by the numbers that these have among each other.

    Args:
        slices: `line` and `value`.
        kept: whether a line is [lines].
    """
    at, number = slices["line"].to_numpy(), np.cumsum(kept) - 1
    return slices.with_columns(line=pl.Series(number[at], dtype=pl.Int64)).filter(pl.Series(kept[at], dtype=pl.Boolean))
