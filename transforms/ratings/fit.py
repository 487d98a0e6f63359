"""All ratings of a run together: raters, items, heads and errors, source by source and dimension by dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import ndtr

from transforms.raters.agreement import alpha
from transforms.ratings.aggregate import together
from transforms.ratings.error import borders, errors, latent, variances
from transforms.ratings.harmonise import ENOUGH, HOWS, How, harmonise
from transforms.ratings.head import out_of_fold

#: Fewer rated rows than this and texts are not looked at: nothing can be learned from them.
FEWEST = 100
#: What a value that is surely wrong still counts.
_LEAST = 0.02
#: What is found of each rated row and dimension, in the source's units. `p_error` is how much of what makes the score
#: is wrong, `p_worst` how probably the most doubtful of its values is.
FOUND = pl.Schema(
    {
        "line": pl.Int64,
        "source": pl.String,
        "dimension": pl.String,
        "raters": pl.Int64,
        "mean": pl.Float64,
        "score": pl.Float64,
        "stderr": pl.Float64,
        "predicted": pl.Float64,
        "p_error": pl.Float64,
        "p_worst": pl.Float64,
        "p_ambiguous": pl.Float64,
    }
)


@dataclass(frozen=True)
class Settings:
    """How ratings are looked at (`schemas.config.Ratings`)."""

    raters: str
    folds: int
    seed: int


def fit(
    values: pl.DataFrame, features: np.ndarray | None, groups: np.ndarray, settings: Settings
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Judge all ratings.

    Args:
        values: `line` (of the row), `source`, `dimension`, `rater`, `value`.
        features: of the rows' texts [rows, columns]; None where they are not looked at.
        groups: hash of each row's group [rows].
        settings: as configured.

    Returns:
        Frame of `FOUND`, and what is said of each source and dimension.
    """
    parts, said = [pl.DataFrame(schema=FOUND)], []
    for (source, dimension), part in sorted(
        values.partition_by("source", "dimension", as_dict=True).items(), key=lambda item: item[0]
    ):
        found, told = _one(part, features, groups, settings)
        named = found.with_columns(source=pl.lit(source), dimension=pl.lit(dimension))
        parts.append(named.select(pl.col(name).cast(dtype) for name, dtype in FOUND.items()))
        said.append({"source": source, "dimension": dimension, **told})
    return pl.concat(parts), said


def _one(
    part: pl.DataFrame, features: np.ndarray | None, groups: np.ndarray, settings: Settings
) -> tuple[pl.DataFrame, dict[str, Any]]:
    part = part.sort("line", "rater", "value", nulls_last=False)
    lines, units = np.unique(part["line"].to_numpy(), return_inverse=True)
    names = part["rater"].drop_nulls().unique().sort()
    raters = part.select(
        pl.col("rater").replace_strict(names, pl.int_range(len(names), eager=True), default=-1, return_dtype=pl.Int64)
    ).to_series().to_numpy()  # fmt: skip
    given = part["value"].to_numpy()
    counts = np.bincount(units)
    agreement = {how: _alpha(units, harmonise(units, raters, given, how)) for how in HOWS}
    how = choose(settings.raters, units, raters)
    even = harmonise(units, raters, given, how)
    opinions = latent(even)
    target = np.bincount(units, opinions) / counts
    predicted, explained = np.full(len(lines), target.mean()), None
    if features is not None and len(lines) >= FEWEST and target.std() > 0:
        own = groups[lines]
        predicted, explained = out_of_fold(features[lines], target, np.sqrt(counts), own, settings.folds, settings.seed)
    wrong = errors(units, raters, opinions, *borders(given, given - even), predicted[units])
    said = np.quantile(even, ndtr(predicted))
    spread, _ = variances(units, raters, even, said[units], 1 - wrong.p_error)
    # A value counts as far as it is not wrong.
    whole = together(units, even, spread / np.maximum(1 - wrong.p_error, _LEAST), len(lines))
    share = np.bincount(units, wrong.p_error / spread) / np.bincount(units, 1 / spread)
    worst = np.zeros(len(lines))
    np.maximum.at(worst, units, wrong.p_error)
    found = pl.DataFrame(
        {
            "line": lines,
            "raters": counts,
            "mean": np.bincount(units, given) / counts,
            "score": whole.score,
            "stderr": whole.stderr,
            "predicted": said,
            "p_error": share,
            "p_worst": worst,
            "p_ambiguous": whole.p_ambiguous,
        }
    )
    # Sums of floats end in other bits on other machines; what policy reads does not.
    found = found.with_columns(pl.col(pl.Float64).round(5).fill_nan(None))
    told = {
        "rows": len(lines),
        "values": len(given),
        "raters": len(names),
        "several": int((counts > 1).sum()),
        "normalised_by": how,
        "alpha": agreement,
        "explained": None if explained is None else round(explained, 5),
        "wrong_share": round(wrong.share, 5),
        "mean_stderr": round(float(np.nanmean(whole.stderr)), 5),
    }
    return found, told


def choose(asked: str, units: np.ndarray, raters: np.ndarray) -> How:
    """How raters are made comparable where that is left open (`schemas.config.Ratings.raters`)."""
    for how in HOWS:
        if asked == how:
            return how
    known = raters >= 0
    counts = np.bincount(raters[known]) if known.any() else np.zeros(1, dtype=np.int64)
    enough = known & (counts[np.maximum(raters, 0)] >= ENOUGH)
    if enough.mean() <= 0.5:
        return "raw"
    several = np.bincount(units)[units] > 1
    return "mixed" if (several & enough).mean() > 0.5 else "z"


def _alpha(units: np.ndarray, values: np.ndarray) -> float | None:
    """Krippendorff's alpha of values, as an interval scale."""
    found = alpha(pl.DataFrame({"unit": units, "value": values}), "interval")["alpha"]
    return None if found.is_empty() or found[0] is None else round(float(found[0]), 5)
