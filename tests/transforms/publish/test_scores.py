"""Whose score of a rating is published, and what is left of it in float16."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.transforms.publish.test_shapes import SCALE, judged, rating, rows
from transforms.publish.scores import LEAST
from transforms.publish.shapes import Facts, shape
from transforms.ratings.stage import SIGNALS

HARMONISED = Facts(harmonised=True)


def beside(given, *found):
    """Rows with what the ratings stage found of each: (dimension, score, standard error), or None."""
    blank = dict.fromkeys(SIGNALS["ratings"].inner.to_schema())
    names = ("dimension", "score", "stderr")
    lists = [None if one is None else [blank | dict(zip(names, one, strict=True))] for one in found]
    return given.with_columns(pl.Series("ratings", lists, dtype=SIGNALS["ratings"]))


def rated(value: float, **scale: object):
    share = (value - 1) / 4
    told = judged(value, dimension="quality", normalised=1 - share if scale.get("higher_is_better") is False else share)
    return rating(told, scales=[SCALE | scale])


def build(name, *given, found=(), facts=HARMONISED):
    frame = rows(*given)
    return shape(name).build(beside(frame, *found) if found else frame, facts).to_dicts()


def test_the_stages_score_takes_the_place_of_the_mean_which_is_kept_beside():
    found = [("quality", 2.5, 0.25), ("other", 5.0, 0.1), None]
    lines = build("ratings", rated(4), rated(4), rated(4), found=found)
    assert [(one["score"], one["normalised"], one["recorded"], one["stderr"]) for one in lines] == [
        (2.5, 0.375, 4.0, 0.25),
        (4.0, 0.75, 4.0, None),
        (4.0, 0.75, 4.0, None),
    ]
    assert [one["score"] for one in build("comet", rated(4), rated(4), found=found[:2])] == [0.375, 0.75]
    assert [one["label"] for one in build("metricx", rated(4), rated(4), found=found[:2])] == [15.625, 6.25]


def test_as_recorded_nothing_is_beside():
    (line,) = build("ratings", rated(4), found=[("quality", 2.5, 0.25)], facts=Facts())
    assert (line["score"], line["normalised"]) == (4.0, 0.75)
    assert not {"recorded", "stderr"} & set(line)


@pytest.mark.parametrize(("found", "score", "normalised"), [(5.75, 5.0, 1.0), (0.25, 1.0, 0.0), (4.0, 4.0, 0.75)])
def test_a_score_past_an_end_of_the_scale_is_that_end(found, score, normalised):
    (line,) = build("ratings", rated(3), found=[("quality", found, 0.1)])
    assert (line["score"], line["normalised"]) == (score, normalised)
    (turned,) = build("ratings", rated(3, higher_is_better=False), found=[("quality", found, 0.1)])
    assert (turned["score"], turned["normalised"]) == (score, 1 - normalised)


def test_without_a_scale_a_harmonised_score_is_as_it_is_and_in_no_metrics_shape():
    given = rating(judged(7, dimension="quality"))
    (line,) = build("ratings", given, found=[("quality", 8.5, 1.0)])
    assert (line["score"], line["normalised"]) == (8.5, None)
    assert build("comet", given, found=[("quality", 8.5, 1.0)]) == []


def float16_safe(scores: np.ndarray, top: float) -> None:
    """No score is lost to float16's range, and two in order stay in it where they are further apart than its steps."""
    short = scores.astype(np.float16)
    assert np.isfinite(short).all()
    assert ((short == 0) == (scores == 0)).all()
    assert (np.abs(short[short != 0]) >= np.finfo(np.float16).tiny).all()  # none is subnormal
    assert (scores.min(), scores.max()) == (0, top)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(short[order].astype(np.float64)) >= 0).all()
    far = np.diff(scores[order]) > np.spacing(short[order][1:]).astype(np.float64)
    assert far.sum() > 50
    assert (np.diff(short[order].astype(np.float64))[far] > 0).all()


@pytest.mark.parametrize("harmonised", [False, True])
@pytest.mark.parametrize(("name", "column", "top"), [("comet", "score", 1), ("ratings", "normalised", 1),
                                                     ("metricx", "label", 25)])  # fmt: skip
def test_published_scores_are_float16_safe(name, column, top, harmonised):
    grid = np.concatenate([np.arange(0, 100) * 1e-5, np.linspace(0, 1, 4001), 1 - np.arange(0, 100) * 1e-5])
    low, high = 1.0, 5.0
    values = low + (high - low) * grid
    if harmonised:
        found = [("quality", value, 0.1) for value in values.tolist()]
        lines = build(name, *[rated(3)] * len(grid), found=found)
    else:
        lines = build(name, *[rated(value) for value in values.tolist()], facts=Facts())
    scores = np.array([one[column] for one in lines])
    assert len(scores) == len(grid)
    assert np.abs(np.sort(scores / top) - np.sort(np.clip(grid, 0, 1))).max() <= LEAST + 1e-5
    float16_safe(scores, top)


def test_a_score_that_float16_could_not_hold_would_be_seen():
    with pytest.raises(AssertionError):
        float16_safe(np.concatenate([[1e-5], np.linspace(0, 1, 4001)]), 1)
