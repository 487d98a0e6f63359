"""Scorers judged on trajectories: whether what they say of frames rises with time.

Frames of pairs have the values whose differences are nearest to a scorer's margins, so that a scorer that gives each
frame one number has these (`transforms.trajectories.order`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from transforms.meta.bootstrap import interval, totals
from transforms.meta.scope import Settings, common
from transforms.trajectories.voices import VALUE, orders

#: What is read of the frames that rows show.
FRAMES = ("trajectory", "frame", "earlier_frame", "value", "earlier_value")


def of_pairs(
    rows: pl.DataFrame, margins: Mapping[str, np.ndarray], said: Mapping[str, np.ndarray], settings: Settings
) -> dict[str, Any] | None:
    """Value-order correlation of scorers, and of labels, on pairs of frames.

    Args:
        rows: source and `FRAMES` of each pair.
        margins: of each scorer, for the first response; NaN where it says nothing.
        said: labels by where they come from, as preferences for the first response; NaN where there is none.
        settings: of bootstrap.

    Returns:
        As `_judged`; None where no pair is one of two frames.
    """
    shown = (rows["trajectory"].is_not_null() & rows["earlier_frame"].is_not_null()).to_numpy()
    return _judged(rows, shown, margins, {name: 2 * one - 1 for name, one in said.items()}, "margin", settings)


def of_frames(
    rows: pl.DataFrame, scores: Mapping[str, np.ndarray], said: Mapping[str, np.ndarray], settings: Settings
) -> dict[str, Any] | None:
    """The same on rated frames, of which scorers and raters say how good they are."""
    shown = (rows["trajectory"].is_not_null() & rows["earlier_frame"].is_null()).to_numpy()
    return _judged(rows, shown, scores, said, "score", settings)


def _judged(
    rows: pl.DataFrame,
    shown: np.ndarray,
    scores: Mapping[str, np.ndarray],
    said: Mapping[str, np.ndarray],
    what: str,
    settings: Settings,
) -> dict[str, Any] | None:
    """Figures of scorers and of label sources, on the rows that all scorers speak of.

    Returns:
        `trajectories` and `rows`; `left_out` rows, of which a scorer that is not silent says nothing; and for each of
        the `scorers`, and of the `labels` with the frames' own values, `voc`, the mean over its `defined` trajectories,
        with an interval of resampled trajectories, and how many have none: `short` and `constant`.
    """
    if not shown.any():
        return None
    mine = {name: one[shown] for name, one in scores.items()}
    shared = common(mine)
    speaking = {name: one for name, one in mine.items() if name not in shared.silent}
    voices = {f"s{place}": one[shared.lines] for place, one in enumerate(speaking.values())}
    voices |= {f"l{place}": one[shown][shared.lines] for place, one in enumerate(said.values())}
    kept = rows.filter(pl.Series(shown)).filter(pl.Series(shared.lines)).select("source", *FRAMES)
    found = orders(kept.with_columns(pl.Series(f"{what}_{name}", one).fill_nan(None) for name, one in voices.items()))
    figures = _figures(found, settings)
    none = dict.fromkeys(("voc", "low", "high")) | dict.fromkeys(("defined", "short", "constant"), 0)
    return {
        "trajectories": kept.select("source", "trajectory").n_unique(),
        "rows": kept.height,
        "left_out": int((~shared.lines).sum()),
        "scorers": {name: figures.get(f"s{place}", none) for place, name in enumerate(speaking)},
        "labels": {
            **{name: figures.get(f"l{place}", none) for place, name in enumerate(said)},
            **({VALUE: figures[VALUE]} if VALUE in figures else {}),
        },
    }


def _figures(found: pl.DataFrame, settings: Settings) -> dict[str, dict[str, Any]]:
    """The mean correlation of each voice with its interval; resamples of trajectories are the same for all."""
    named = found.select("source", "trajectory").unique().sort("source", "trajectory").with_row_index("number")
    placed = found.join(named, on=["source", "trajectory"], how="left")
    names = found["scorer"].unique().sort().to_list()
    sums = np.zeros((named.height, 2 * len(names)))
    out: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names):
        own = placed.filter(scorer=name)
        some = own.filter(pl.col("why").is_null())
        sums[some["number"].to_numpy(), 2 * place] = some["voc"].to_numpy()
        sums[some["number"].to_numpy(), 2 * place + 1] = 1
        out[name] = {
            "voc": float(some["voc"].sort().sum() / some.height) if some.height else None,
            "low": None,
            "high": None,
            "defined": some.height,
            "short": int((own["why"] == "short").sum()),
            "constant": int((own["why"] == "constant").sum()),
        }
    drawn = totals(sums, settings.resamples, settings.seed)
    for place, name in enumerate(names):
        with np.errstate(invalid="ignore"):
            low, high = interval(drawn[:, 2 * place] / drawn[:, 2 * place + 1])
        if out[name]["defined"]:
            out[name] |= {"low": low, "high": high}
    return out
