"""Value-order correlation of scorers: known values, baselines, and what is said where there is none."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from transforms.meta.scope import Settings
from transforms.meta.value_order import of_frames, of_pairs

SETTINGS = Settings(resamples=200)
FEW = {"voc": None, "low": None, "high": None, "defined": 0, "short": 0, "constant": 0}


def pairs(count: int, frames: int) -> pl.DataFrame:
    """All pairs of the frames of trajectories, the later one first; values are squares."""
    lines = [
        {"source": "s", "trajectory": f"t{n}", "frame": b, "earlier_frame": a, "value": float(b * b),
         "earlier_value": float(a * a)}
        for n in range(count) for a, b in combinations(range(frames), 2)
    ]  # fmt: skip
    return pl.DataFrame(lines)


def test_a_score_a_frame_has_spearmans_correlation() -> None:
    rows = pairs(6, 9)
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(6, 9))
    place = np.array([int(name[1:]) for name in rows["trajectory"]])
    late, early = rows["frame"].to_numpy(), rows["earlier_frame"].to_numpy()
    margins = {
        "rm": scores[place, late] - scores[place, early],
        "back": (early - late).astype(float),
        "all ties": np.zeros(rows.height),
    }
    said = {"labels": np.ones(rows.height), "style": np.full(rows.height, np.nan)}
    told = of_pairs(rows, margins, said, SETTINGS)
    assert told is not None
    wanted = [spearmanr(one, range(9)).statistic for one in scores]
    rm = told["scorers"]["rm"]
    assert rm["voc"] == pytest.approx(np.mean(wanted))
    assert min(wanted) < rm["low"] < rm["voc"] < rm["high"] < max(wanted)
    assert (rm["defined"], rm["short"], rm["constant"]) == (6, 0, 0)
    assert (told["scorers"]["back"]["voc"], told["scorers"]["back"]["high"]) == (-1, -1)
    assert told["scorers"]["all ties"] == FEW | {"constant": 6}
    assert told["labels"]["labels"]["voc"] == told["labels"]["value"]["voc"] == 1
    assert told["labels"]["style"] == FEW
    assert (told["trajectories"], told["rows"], told["left_out"]) == (6, rows.height, 0)


def test_rows_that_a_scorer_leaves_out_count_for_none() -> None:
    rows = pairs(3, 4)
    less = np.where(rows["trajectory"] == "t1", np.nan, 1.0)
    told = of_pairs(rows, {"all": np.ones(rows.height), "less": less, "silent": less * np.nan}, {}, SETTINGS)
    assert told is not None
    assert (told["trajectories"], told["left_out"]) == (2, 6)
    assert set(told["scorers"]) == {"all", "less"}
    assert told["scorers"]["all"]["defined"] == 2


def test_rated_frames_and_rows_that_show_none() -> None:
    rated = pl.DataFrame(
        {"source": "s", "trajectory": ["a"] * 4 + ["b"] + [None] * 2, "frame": [0, 1, 2, 3, 5, None, None],
         "earlier_frame": None, "value": [0.1, 0.2, 0.3, 0.4, None, None, None], "earlier_value": None},
        schema_overrides={"earlier_frame": pl.Int64, "earlier_value": pl.Float64},
    )  # fmt: skip
    scores = {"rm": np.array([1.0, 2, 4, 3, 9, 9, 9]), "lower": -np.arange(7.0)}
    told = of_frames(rated, scores, {"labels": np.array([1.0, 1, 2, 3, 3, 3, 3])}, SETTINGS)
    assert told is not None
    assert told["scorers"]["rm"]["voc"] == pytest.approx(0.8)
    assert (told["scorers"]["rm"]["defined"], told["scorers"]["rm"]["short"]) == (1, 1)
    assert told["scorers"]["lower"]["voc"] == -1
    assert told["labels"]["labels"]["voc"] == pytest.approx(spearmanr([1, 1, 2, 3], range(4)).statistic)
    assert told["labels"]["value"]["voc"] == 1
    assert of_pairs(rated, {"rm": scores["rm"]}, {}, SETTINGS) is None
    assert of_frames(pairs(1, 3), {"rm": np.zeros(3)}, {}, SETTINGS) is None
