"""Strength as tasks: one fits all detectors on a bounded sample, the others apply them to a block each."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.markers import Stats
from transforms.strength import store
from transforms.strength.bins import BINS, bins, quantiles
from transforms.strength.folds import sample
from transforms.strength.inputs import read_frames, read_pairs
from transforms.strength.model import Fitted, Scores, Settings, fit
from transforms.strength.noise import Rate, from_trusted, label_rate
from transforms.strength.pairs import Pairs
from transforms.strength.selfcheck import attainable, self_check

#: Fewer pairs with a side, or groups, and nothing is fitted: what would be said would be chance.
PAIRS, GROUPS = 400, 50
#: What is said of a row; all null for rows that are no pairs, and for copies. Margins are for `responses[0]`.
SIGNALS = pl.Schema(
    {
        "strength_mu": pl.Float64,
        "strength_sigma": pl.Float64,
        "strength_surface": pl.Float64,
        "strength_residual": pl.Float64,
        "strength_logit": pl.Float64,
        "strength_bin": pl.String,
        "strength_limit": pl.Float64,
        "neighbours_agree": pl.Float64,
        "p_error": pl.Float64,
        "p_ambiguous": pl.Float64,
        "counterexample": pl.Float64,
        "confidence": pl.Float64,
        "variability": pl.Float64,
        "aum": pl.Float64,
    }
)
#: Digits of all of them.
_DIGITS = 5


def fit_all(task: dict[str, Any], folder: str) -> Stats:
    """Fit the detectors and check them; writes `model.npz`, `dynamics.parquet` and `report.json`.

    Args:
        task: `inputs` and `texts` (folders; the latter None without embeddings), `names` (of the blocks' sidecars),
            `settings`.
        folder: to write to.
    """
    frame = read_frames(task["inputs"], task["names"])
    sided = frame.filter(pl.col("label").is_not_nan() & (pl.col("label") != 0.5))
    seen = {"pairs": frame.height, "sided": sided.height, "groups": sided["group"].n_unique()}
    if seen["sided"] < PAIRS or seen["groups"] < GROUPS:
        why = f"{seen['sided']} pairs with a preference in {seen['groups']} groups; {PAIRS} in {GROUPS} are needed"
        blocks.write_json({**seen, "fitted": False, "why": why}, f"{folder}/report.json")
        return {"rows": frame.height}
    settings = Settings(**task["settings"])
    pairs, chosen = _sampled(task, frame, settings.ceiling)
    found = fit(pairs, settings, evidence=_evidence(frame))
    checks = self_check(pairs, found, settings)
    store.save(found.model, f"{folder}/model.npz")
    kept = {name: getattr(found.dynamics, name) for name in ("confidence", "variability", "aum")}
    dynamics = pl.DataFrame({"key": pairs.keys[found.places], **kept}).unique("key", keep="first").sort("key")
    blocks.write_frame(dynamics, f"{folder}/dynamics.parquet")
    sources = chosen["source"].to_numpy()[found.places]
    blocks.write_json(
        {**seen, "fitted": True, **_report(pairs.at(found.places), sources, found, settings),
         "checks": [_checked(check, found, pairs.at(found.places)) for check in checks]},
        f"{folder}/report.json",
    )  # fmt: skip
    return {"rows": frame.height}


def _evidence(frame: pl.DataFrame) -> Rate | None:
    """The noise rate by what trusted raters said of any of the pairs; None where they said too little."""
    said = frame.filter(pl.col("trusted").is_not_nan() & pl.col("label").is_not_nan())
    # Who the configuration trusts judged a random sample: as large a share of all as they judged.
    share = int(said["chance"].is_nan().sum()) / max(frame.height, 1)
    chances = said["chance"].fill_nan(pl.lit(share)).to_numpy()
    return from_trusted(said["label"].to_numpy(), said["trusted"].to_numpy(), said["group"].to_numpy(), chances)


def _sampled(task: dict[str, Any], frame: pl.DataFrame, ceiling: int) -> tuple[Pairs, pl.DataFrame]:
    """The pairs to fit on, without reading the arrays of the others, and their lines of the frame."""
    mask = np.zeros(frame.height, dtype=bool)
    mask[sample(frame["key"].to_numpy(), ceiling, salt=11)] = True
    parts, start = [], 0
    for name in task["names"]:
        rows = blocks.read_frame(f"{task['inputs']}/{name}", ["row"]).height
        places = np.flatnonzero(mask[start : start + rows])
        start += rows
        if len(places):
            parts.append(read_pairs(task["inputs"], task["texts"], name, places))
    return Pairs.together(parts), frame.filter(pl.Series(mask))


def _report(pairs: Pairs, sources: np.ndarray, found: Fitted, settings: Settings) -> dict[str, Any]:
    """What was found out about the run as a whole."""
    model, scores, sided = found.model, found.scores, pairs.sided
    sign = np.sign(np.nan_to_num(pairs.labels, nan=0.5) - 0.5)
    strength = (scores.mu * sign)[sided]
    right = {
        name: round(float((getattr(scores, name)[sided] * sign[sided] > 0).mean()), 5)
        for name in ("mu", "surface", "neighbours", "logit", "residual")
    }
    return {
        "fitted_on": len(pairs),
        "members": settings.members,
        "folds": settings.folds,
        "device": settings.device,
        "embeddings": pairs.responses.shape[2],
        "ridge": model.heads.ridge,
        **model.rate.to_dict(),
        "right": right,
        "external_right": [
            round(float((one[~np.isnan(one)] > 0).mean()), 5) if (~np.isnan(one)).any() else None
            for one in (pairs.external * sign[:, None])[sided].T
        ],
        "below_zero": round(float((strength < 0).mean()), 5),
        "auroc_attainable": round(attainable((scores.logit * sign)[sided]), 5),
        "surface_leads": model.standing.leads,
        "surface_right_low": round(model.standing.low, 5),
        "counterexamples": round(float((scores.counterexample[sided] > 0.5).mean()), 5),
        "surface_explains": round(model.residualiser.explained, 5),
        "weights": [round(float(w), 5) for w in model.calibrator.weights.mean(axis=0)],
        "ambiguity_identified": model.ambiguity.identified,
        "quantiles": {
            str(source): quantiles((scores.mu * sign)[sided & (sources == source)])
            for source in np.unique(sources[sided])
        },
    }


def _checked(check: Any, found: Fitted, pairs: Pairs) -> dict[str, Any]:
    low, high = (label_rate(pairs.net[pairs.sided], end) for end in (found.model.rate.low, found.model.rate.high))
    shown = {name: round(value, 5) if isinstance(value, float) else value for name, value in asdict(check).items()}
    return {
        **shown,
        "precision_low": round(check.precision(low), 5),
        "precision_high": round(check.precision(high), 5),
        "precision_bound": round(check.lower(low), 5),
    }


def score_block(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's signals.

    Args:
        task: `name`, `rows` (of the block), `inputs`, `texts`, `fitted` (the folder of `fit_all`).
        folder: to write to.
    """
    report = blocks.read_json(f"{task['fitted']}/report.json")
    frame = blocks.read_frame(f"{task['inputs']}/{task['name']}", ["row", "source", "key"])
    if not report["fitted"] or frame.is_empty():
        told = pl.DataFrame(schema={"row": pl.Int64, **SIGNALS})
    else:
        told = _told(frame, read_pairs(task["inputs"], task["texts"], task["name"]), report, task["fitted"])
    rows = pl.DataFrame({"row": pl.int_range(task["rows"], dtype=pl.Int64, eager=True)})
    whole = rows.join(told, on="row", how="left", maintain_order="left").select(
        pl.col(name).cast(dtype) for name, dtype in SIGNALS.items()
    )
    blocks.write_frame(whole, f"{folder}/{task['name']}")
    return {"rows": told.height, "bins": _counted(whole["strength_bin"])}


def _counted(named: pl.Series) -> dict[str, int]:
    return {name: int((named == name).sum()) for name in BINS}


@cache
def _model(path: str) -> Any:
    """A model, read once a worker."""
    return store.load(path)


def _told(frame: pl.DataFrame, pairs: Pairs, report: dict[str, Any], fitted: str) -> pl.DataFrame:
    scores: Scores = _model(f"{fitted}/model.npz").score(pairs)
    sign = np.sign(np.nan_to_num(pairs.labels, nan=0.5) - 0.5)
    everywhere = [max(cut) for cut in zip(*report["quantiles"].values(), strict=True)]
    cuts = np.array([report["quantiles"].get(source, everywhere) for source in frame["source"].to_list()])
    which = bins(scores.mu * sign, scores.sigma / np.sqrt(scores.members), cuts)
    named = pl.Series(np.array(BINS)[which])
    dynamics = blocks.read_frame(f"{fitted}/dynamics.parquet")
    return (
        frame.select("row", "key")
        .with_columns(
            strength_mu=scores.mu,
            strength_sigma=scores.sigma,
            strength_surface=scores.surface,
            strength_residual=scores.residual,
            strength_logit=scores.logit,
            strength_bin=pl.when(pl.Series(pairs.sided)).then(named),
            strength_limit=cuts[:, 4],
            neighbours_agree=scores.neighbours,
            p_error=scores.p_error,
            p_ambiguous=scores.p_ambiguous,
            counterexample=scores.counterexample,
        )
        .join(dynamics, on="key", how="left", maintain_order="left")
        .drop("key")
        .with_columns(pl.col(pl.Float64).fill_nan(None).round(_DIGITS))
    )
