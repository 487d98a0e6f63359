from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arrow import JUDGEMENT
from transforms.steps.aggregate import AGGREGATORS, aggregate, contradiction, verdicts
from transforms.steps.rows import aggregated, judged, units

STEPS = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def one(values):
    return aggregate(np.array(values, dtype=float), np.array([len(values)])).row(0, named=True)


def test_aggregators_by_hand():
    found = one([0.5, 0.8, 0.9])
    assert found == {
        "product": pytest.approx(0.36),
        "minimum": 0.5,
        "mean": pytest.approx(2.2 / 3),
        "last": 0.9,
        "length_normalised": pytest.approx(0.36 ** (1 / 3)),
        "log_odds": pytest.approx(math.log(4) + math.log(9)),
    }
    assert one([0.0, 1.0])["log_odds"] == pytest.approx(0)
    assert one([1.0, 0.0])["product"] == one([1.0, 0.0])["length_normalised"] == 0


@settings(max_examples=60, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_the_order_of_steps_matters_to_the_last_alone(values, random):
    mixed = values[:]
    random.shuffle(mixed)
    a, b = one(values), one(mixed)
    for name in AGGREGATORS:
        if name != "last":
            assert a[name] == pytest.approx(b[name], abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_perfect_step_more_changes_neither_product_nor_minimum(values):
    a, b = one(values), one([*values, 1.0])
    assert b["product"] == pytest.approx(a["product"], abs=1e-9)
    assert b["minimum"] == a["minimum"]
    assert b["mean"] >= a["mean"] - 1e-9
    assert b["length_normalised"] >= a["length_normalised"] - 1e-9
    assert b["log_odds"] > a["log_odds"]


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_bounds(values):
    found = one(values)
    assert found["product"] <= found["minimum"] + 1e-9
    assert found["minimum"] - 1e-9 <= found["length_normalised"] <= found["mean"] + 1e-9
    # Steps of one value come to that value, however many.
    same = one([values[0]] * len(values))
    for name in ("minimum", "mean", "last", "length_normalised"):
        assert same[name] == pytest.approx(values[0], abs=1e-8)


def test_products_of_many_steps_are_told_apart_however_small():
    rng = np.random.default_rng(0)
    counts = rng.integers(20, 60, 200)
    parts = [rng.uniform(0.05, 0.95, count) for count in counts]
    found = aggregate(np.concatenate(parts), counts)
    assert found["product"].to_list() == pytest.approx([float(np.prod(part)) for part in parts], rel=1e-8)
    assert found["product"].n_unique() == 200


def test_many_solutions_at_once_and_none_without_steps():
    values, counts = np.array([0.9, 0.1, 1.0]), np.array([2, 0, 1])
    found = aggregate(values, counts)
    assert found["minimum"].to_list() == [0.1, None, 1.0]
    assert found["last"].to_list() == [0.1, None, 1.0]
    assert aggregate(np.zeros(0), np.zeros(2, dtype=int))["product"].to_list() == [None, None]


def test_where_aggregators_contradict_each_other():
    # Nine right steps, and a wrong one in their middle: the last step has forgotten it, the mean drowned it.
    said = verdicts(aggregate(np.array([1.0] * 5 + [0.0] + [1.0] * 4), np.array([10])))
    assert said.row(0, named=True) == {
        "product": 0, "minimum": 0, "mean": 1, "last": 1, "length_normalised": 0, "log_odds": 1,
    }  # fmt: skip
    votes = pl.DataFrame({"s": [0.5, 1.0, 0.0, 5 / 6, 0.5], "same": [False, True, True, False, True]})
    share = votes.select(s=contradiction(pl.col("s"), pl.col("same")))["s"]
    assert share.to_list() == pytest.approx([1, 0, 0, 1 / 3, 0])
    # One step that is neither right nor wrong: all six call the solution even.
    assert set(verdicts(aggregate(np.array([0.5]), np.array([1]))).row(0)) == {0.5}


def rows():
    def said(*values, rater="r"):
        return [{"rater": rater, "dimension": "correctness", "value": v, "normalised": v, "step": i, "count": 1}
                for i, v in enumerate(values)]  # fmt: skip

    return pl.DataFrame(
        {
            "row": [0, 1, 2],
            "source": ["s"] * 3,
            "kind": ["stepwise", "stepwise", "pair"],
            "prompt": [["q"]] * 3,
            "prompt_id": ["p"] * 3,
            "response_ids": [["a"], ["b"], ["c", "d"]],
            "judgements": pl.Series(
                [said(1.0, 0.5) + said(0.0, 0.5, rater="t"), said(1.0, 1.0), said(1.0)], dtype=pl.List(JUDGEMENT)
            ),
        },
        schema_overrides={"row": pl.Int64},
    )


def test_raters_together_and_apart():
    both = judged(rows())
    assert both.rows() == [(0, 0, 0.5), (0, 1, 0.5), (1, 0, 1.0), (1, 1, 1.0)]
    assert aggregated(both)["product"].to_list() == [0.25, 1.0]
    apart = aggregated(judged(rows(), ["rater"]), ["rater"])
    assert apart.select("row", "rater", "minimum").rows() == [(0, "r", 0.5), (0, "t", 0.0), (1, "r", 1.0)]


def test_solutions_are_units_with_a_dimension_an_aggregator():
    found = units(rows().drop("row"), 7, ["product", "last"], unknown=False).sort("row", "rater", "dimension")
    assert found.select("block", "unit_id", "rater", "dimension", "value").rows() == [
        (7, "a", "r", "steps.last", 0.5), (7, "a", "r", "steps.product", 0.5), (7, "a", "t", "steps.last", 0.5),
        (7, "a", "t", "steps.product", 0.0), (7, "b", "r", "steps.last", 1.0), (7, "b", "r", "steps.product", 1.0),
    ]  # fmt: skip
