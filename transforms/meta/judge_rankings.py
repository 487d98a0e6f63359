"""Scorers judged by the response that they put first: best of several, and RewardBench 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from transforms.meta.bootstrap import group_sums, interval, totals
from transforms.meta.rewardbench import SUBSETS_2, best_of, ties_score
from transforms.meta.scope import Settings, common

#: The subset with several right answers.
_TIES = "Ties"


def judge(lines: pl.DataFrame, scores: Mapping[str, np.ndarray], settings: Settings) -> dict[str, Any]:
    """Judge all scorers.

    Args:
        lines: one a response: `ranking` (number of the row), `segment` (hash of the prompt), `human` (higher is
            better), `subset`, `version` and `prompt` (`transforms.meta.lines.rank_kinds`).
        scores: of each scorer [responses].
        settings: of the bootstrap.

    Returns:
        Of each scorer the share of rankings whose first is one of the best, by subset too. With RewardBench 2's subsets
        its score: the mean over subsets, Ties by its own formula. Chance is one over the number of responses.
    """
    shared = common(scores)
    names = [name for name in scores if name not in shared.silent]
    some = lines.with_columns(spoken=shared.lines).with_columns(whole=pl.col("spoken").all().over("ranking"))
    kept = some["whole"].to_numpy()
    lines = some.filter("whole").with_columns(
        best=pl.col("human") == pl.col("human").max().over("ranking"),
        first=pl.int_range(pl.len()).over("ranking") == 0,
    )
    rows, best = lines["ranking"].to_numpy(), lines["best"].to_numpy()
    per_row = lines.filter("first").sort("ranking")
    chance = lines.group_by("ranking").agg(pl.col("best").mean()).sort("ranking")["best"].to_numpy()
    subset = per_row["subset"].fill_null("").to_numpy()
    benchmark = set(subset) <= set(SUBSETS_2) and len(subset) > 0
    plain = subset != _TIES if benchmark else np.ones(len(subset), dtype=bool)
    credits = [best_of(rows, best, scores[name][kept])[1] for name in names]
    columns = np.stack([*credits, np.ones(len(subset))], axis=1)[plain]
    sums = group_sums(per_row["segment"].to_numpy()[plain], columns)
    drawn = totals(sums, settings.resamples, settings.seed)
    scorers: dict[str, Any] = {}
    for place, (name, credit) in enumerate(zip(names, credits, strict=True)):
        with np.errstate(invalid="ignore"):
            low, high = interval(drawn[:, place] / drawn[:, -1])
        first = float(credit[plain].mean()) if plain.any() else float("nan")
        scorers[name] = {"best_of": first, "low": low, "high": high}
        if not benchmark:
            continue
        each = {one: float(credit[subset == one].mean()) for one in SUBSETS_2 if one != _TIES and one in subset}
        if _TIES in subset:
            each[_TIES] = _ties(lines.with_columns(score=pl.lit(pl.Series(scores[name][kept]))))
        scorers[name]["subsets"] = each
        scorers[name]["score"] = float(np.mean(list(each.values())))
    return {
        "rankings": int(plain.sum()),
        "left_out": some.filter(~pl.col("whole"))["ranking"].n_unique(),
        "chance": float(chance[plain].mean()) if plain.any() else float("nan"),
        "missing": shared.missing,
        "silent": shared.silent,
        "scorers": scorers,
    }


def _ties(lines: pl.DataFrame) -> float:
    mine = lines.filter(pl.col("subset") == _TIES)
    _, prompts = np.unique(mine["prompt"].fill_null("").to_numpy(), return_inverse=True)
    tied = (mine["version"] == "tied").fill_null(False).to_numpy()
    correct = mine["best"].to_numpy()
    return ties_score(mine["ranking"].to_numpy(), correct, mine["score"].to_numpy(), prompts, tied)
