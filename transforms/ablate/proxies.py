"""What is cheap to know of a training set, and whether it tells how good a head trained on it will be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from transforms.meta.correlation import spearman
from transforms.raters.agreement import alpha
from transforms.spurious.measure import in_units, sizes
from transforms.spurious.rulers import linear, out_of_fold

#: By name, what each proxy is.
PROXIES = {
    "strength": "mean margin of the labels by the run's out-of-fold ensemble",
    "gap": "mean margin as recorded",
    "alpha": "Krippendorff's alpha of the votes",
    "kept": "share of the raw rows",
    "surface": "accuracy, out of fold, of a model that never reads the answers",
}
#: A proxy says something from this rank correlation on, over this many arms.
RHO, ARMS = 0.5, 8
_FOLDS = 5


def proxies(lines: pl.DataFrame, rows: pl.DataFrame, surface: np.ndarray, raw: int) -> dict[str, float | None]:
    """The proxies of one training set; None where one is not defined.

    Args:
        lines: the set's (`transforms.ablate.lines`).
        rows: `row_id`, `of`, `group`, `strength_mu` and `votes` of all pairs.
        surface: differences of surface features by place [places, features].
        raw: how many lines the raw arm has.
    """
    of = rows.select(of="row_id", mu="strength_mu", cast="votes")
    known = lines.join(rows.select("row_id", "of", "group"), on="row_id", how="left", maintain_order="left")
    known = known.join(of, on="of", how="left", maintain_order="left")
    side, weights = 2 * known["label"].to_numpy() - 1, known["weight"].to_numpy()
    # Margins are of originals, and so are the lines' labels: both are for the first side at `place`.
    mu = np.sign(side) * known["mu"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return {
        "strength": _mean(mu, weights),
        "gap": _mean(known["margin"].fill_null(float("nan")).to_numpy(), weights),
        "alpha": _alpha(known),
        "kept": lines.height / raw,
        "surface": _surface(surface[known["place"].to_numpy()], side, weights, known["group"].to_numpy()),
    }


def _mean(values: np.ndarray, weights: np.ndarray) -> float | None:
    some = np.isfinite(values)
    return float((values[some] * weights[some]).sum() / weights[some].sum()) if weights[some].sum() > 0 else None


def _alpha(known: pl.DataFrame) -> float | None:
    """Of originals' votes, which are whole votes for one side or the other."""
    once = known.filter(pl.col("row_id") == pl.col("of")).drop_nulls("cast")
    votes = once["cast"].to_numpy().reshape(-1, 2)
    unit = np.repeat(np.arange(len(votes)), 2)
    flat = pl.DataFrame({"unit": unit, "value": np.tile([1.0, 0.0], len(votes)), "count": votes.ravel()})
    found = alpha(flat.filter(pl.col("count") > 0), "nominal")
    value = found["alpha"].item() if found.height == 1 else None
    return float(value) if value is not None and np.isfinite(value) else None


def _surface(x: np.ndarray, sides: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> float | None:
    told = sides != 0
    if len(np.unique(groups[told])) < _FOLDS:
        return None
    x, sides, weights, groups = np.asarray(x[told]), sides[told], weights[told], groups[told]
    found = out_of_fold(linear, in_units(x, sizes(x)), sides, weights, groups)
    right = 0.5 + 0.5 * np.sign(found) * np.sign(sides)
    return float((right * weights).sum() / weights.sum())


def predicts(arms: Sequence[str], values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How well each proxy ranks arms as their accuracy does.

    Args:
        arms: which.
        values: by arm, `accuracy` and `proxies`.

    Returns:
        By proxy: what it is, `rho` (Spearman's, None where it is not defined), over how many arms, and whether it
        `predicts`: whether rho is at least `RHO` either way over at least `ARMS` arms.
    """
    out = {}
    for name, what in PROXIES.items():
        told = [values[arm]["proxies"][name] for arm in arms]
        proxy = np.array([np.nan if value is None else value for value in told])
        # Dust of sums is no order.
        rho = spearman(np.round(proxy, 9), np.round(np.array([values[arm]["accuracy"] for arm in arms]), 9))
        count = int(np.isfinite(proxy).sum())
        known = bool(np.isfinite(rho))
        out[name] = {
            "what": what,
            "rho": round(rho, 5) if known else None,
            "arms": count,
            "predicts": known and count >= ARMS and abs(rho) >= RHO,
        }
    return out
