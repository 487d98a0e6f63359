"""Labels from judgements: means, margins, ties, and what is of one dimension."""

from __future__ import annotations

import itertools

import polars as pl
import pytest

from schemas.arrow import JUDGEMENT
from tests.transforms.decide.support import Raw, judged
from transforms.decide.labels import LABELS, labels


def label(*judgements: Raw, kind: str = "pair", dimension: str | None = None) -> Raw:
    made = labels(pl.Series([list(judgements)], dtype=pl.List(JUDGEMENT)), pl.Series([kind]), dimension)
    assert made.schema == LABELS
    return made.row(0, named=True)


@pytest.mark.parametrize(
    ("judgements", "wanted"),
    [
        ([judged(1)], 1.0),
        ([judged(1), judged(1), judged(0)], 0.66667),
        ([judged(1, count=3), judged(0)], 0.75),
        ([judged(0.9), judged(0.6, count=2)], 0.7),
        # A dimension that was judged more often does not count for more.
        ([judged(1, "a"), judged(1, "a"), judged(1, "a"), judged(0, "b")], 0.5),
        ([judged(1, "a"), judged(0, "a"), judged(0, "b"), judged(0, "c")], 0.16667),
        ([judged(1), judged(0)], 0.5),
        ([judged(0.1), judged(0.7), judged(0.7)], 0.5),  # float dust makes no winner
        ([], None),
    ],
)
def test_soft_label_is_the_mean_within_and_then_over_dimensions(judgements: list[Raw], wanted: float | None) -> None:
    for order in itertools.islice(itertools.permutations(judgements), 6):
        made = label(*order)
        assert made["soft_label"] == wanted
        assert made["label"] == (None if wanted in (None, 0.5) else int(wanted < 0.5))
        assert made["judged"] is (wanted is not None)


def test_one_dimension_makes_the_label() -> None:
    judgements = [judged(1, "a"), judged(0, "b")]
    assert label(*judgements, dimension="b")["label"] == 1
    assert label(*judgements, dimension="c") == {
        "label": None, "soft_label": None, "margin": None, "judged": False, "scored": False, "stepped": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("judgements", "margin"),
    [
        ([judged(1, strength=3)], 3.0),
        ([judged(0, strength=3)], 3.0),
        ([judged(1, strength=3), judged(0, strength=1)], 1.0),
        ([judged(1, strength=1), judged(0, strength=3)], 1.0),
        ([judged(1, strength=4), judged(0, strength=1, count=3)], 0.25),
        ([judged(1, strength=3), judged(1)], 3.0),  # who does not say how far is not asked
        ([judged(0.5, strength=3), judged(1, strength=3)], 1.5),  # a tie has no direction
        ([judged(1, "a", strength=4), judged(0, "b", strength=1)], 1.5),
        ([judged(1, "a", strength=4), judged(1, "b")], 4.0),
        ([judged(1)], None),
    ],
)
def test_margin_is_the_absolute_mean_of_signed_strengths(judgements: list[Raw], margin: float | None) -> None:
    assert label(*judgements)["margin"] == margin


def test_only_pairs_have_labels() -> None:
    made = label(judged(5, strength=1, normalised=0.5), kind="rating")
    assert made == {
        "label": None, "soft_label": None, "margin": None, "judged": True, "scored": True, "stepped": False,
    }  # fmt: skip
    assert label(judged(5), kind="rating")["scored"] is False
    assert label(judged(5, "a", normalised=0.5), kind="rating", dimension="b")["scored"] is False
    assert label(kind="rating")["judged"] is False


@pytest.mark.parametrize(("steps", "stepped"), [([0, 1, 2], True), ([0, 0, 1], True), ([0, 2], False), ([1], False)])
def test_stepped_where_no_step_is_left_out(steps: list[int], stepped: bool) -> None:
    assert label(*(judged(1, step=step) for step in steps), kind="stepwise")["stepped"] is stepped


def test_labels_stay_with_their_rows() -> None:
    lists = [[judged(1)], [], [judged(0), judged(0)], [judged(0.5)]]
    made = labels(pl.Series(lists, dtype=pl.List(JUDGEMENT)), pl.Series(["pair"] * 4), None)
    assert made["label"].to_list() == [0, None, 1, None]
    assert made["soft_label"].to_list() == [1.0, None, 0.0, 0.5]
