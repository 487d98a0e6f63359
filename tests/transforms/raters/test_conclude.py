"""Labels of rows from their votes, whatever the order of rows and sides."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from tests.transforms.raters.support import Raw, Seen, judged, pair, see, swapped
from tests.transforms.raters.test_behaviour import add, crowd

METHODS = ("mean", "majority", "dawid_skene", "bradley_terry")


def vote(*values: float | None, **config: Any) -> Raw:
    """The consensus of one pair's votes, by a rater each."""
    return see([pair("a", "b", *(judged(v, f"r{i}") for i, v in enumerate(values) if v is not None))], **config).label(
        "r0"
    )


@pytest.mark.parametrize(
    ("values", "mean", "majority", "agreement", "opposed"),
    [
        ((1, 1, 0), 0.66667, 1.0, 0.66667, True),
        ((0, 0, 0), 0.0, 0.0, 1.0, False),
        ((1, 0), 0.5, 0.5, 0.0, True),
        ((1, 0.5, 0.5), 0.66667, 1.0, 0.33333, False),
        ((0.5, 0.5), 0.5, 0.5, 1.0, False),
        ((0.1, 0.7, 0.7), 0.5, 0.5, 0.0, True),  # float dust makes no winner
    ],
)
def test_counting(values: tuple[float, ...], mean: float, majority: float, agreement: float, opposed: bool) -> None:
    one = vote(*values, consensus="mean")
    wanted = {"soft_label": mean, "agreement": agreement, "opposed": opposed, "raters": len(values), "tied": 0.0}
    assert {name: one[name] for name in wanted} == wanted
    assert vote(*values, consensus="majority")["soft_label"] == majority
    assert one["uncertainty"] <= 0.5


def test_anonymous_votes_count_as_often_as_they_stand_for_people() -> None:
    one = see([pair("a", "b", judged(1, count=3), judged(0, "x"))], consensus="mean").label("r0")
    assert (one["soft_label"], one["raters"], one["agreement"]) == (0.75, 4, 0.75)


def test_reliable_raters_weigh_more() -> None:
    rows = crowd(300, raters="abc", skill=0.95)
    rng = random.Random(1)
    for name in "xyz":
        add(rows, name, lambda i, one: rng.randint(0, 1))
    rows.append(pair("a", "b", *(judged(1, r) for r in "ab"), *(judged(0, r) for r in "xyz")))
    seen = see(rows)
    one = seen.label("r300")
    assert one["method"] == "dawid_skene"
    assert one["soft_label"] > 0.9
    assert one["agreement"] == 0.4
    assert see(rows, consensus="mean").label("r300")["soft_label"] == 0.4


@pytest.mark.parametrize("method", METHODS)
def test_rows_and_sides_in_any_order_give_the_same_labels(method: str) -> None:
    rng = random.Random(0)
    rows = []
    pairs = [(f"q{p}", *rng.sample(two, 2)) for p in range(5) for two in itertools.combinations("tuvwx", 2)]
    for i, (prompt, a, b) in enumerate(pairs):
        said = [judged(rng.choice([0, 0, 0.5, 1, 1, 0.8]), rng.choice("abcdef")) for _ in range(4)]
        said = list({j["rater"]: j for j in said}.values())
        rows.append(pair(a, b, *said, judged(rng.choice([0, 1])), prompt=prompt, row_id=f"r{i}"))
    wanted = see(rows, consensus=method, enough_votes=1)
    for seed in range(2):
        shuffled = random.Random(seed).sample(rows, len(rows))
        assert_same(wanted, see(shuffled, blocks=3, consensus=method, enough_votes=1), set())
    turned = {one["row_id"] for one in rows if rng.random() < 0.5}
    if method == "bradley_terry":  # the side that stood first is something it knows of
        rows = [one | {"judgements": [j for j in one["judgements"] if j["rater"] is None]} for one in rows]
        wanted = see(rows, consensus=method)
    again = see([swapped(one) if one["row_id"] in turned else one for one in rows], consensus=method, enough_votes=1)
    assert_same(wanted, again, turned)


def assert_same(wanted: Seen, again: Seen, turned: set[str]) -> None:
    """The same labels to 1e-6, turned round where the sides were."""
    assert again.labels.keys() == wanted.labels.keys()
    for row_id, (one,) in wanted.labels.items():
        (other,) = again.labels[row_id]
        soft = 1 - other["soft_label"] if row_id in turned else other["soft_label"]
        assert soft == pytest.approx(one["soft_label"], abs=1e-6)
        assert other["uncertainty"] == pytest.approx(one["uncertainty"], abs=1e-6)
        for name in ("tied", "raters", "agreement", "opposed", "component", "reversal"):
            assert other[name] == one[name]


def test_votes_of_copies_are_votes_on_the_row_that_stands_for_them() -> None:
    rows = crowd(40)
    copy = swapped(rows[0]) | {"metadata": "{}"}
    copy["judgements"] = [judged(0.5, "d"), judged(0.5, "e")]
    seen = see([*rows, copy], consensus="mean")
    assert len(seen.labels) == 40
    total = sum(j["value"] for j in rows[0]["judgements"]) + 1
    (one,) = seen.labels.get("r0") or seen.labels["r40"]
    soft = one["soft_label"] if "r0" in seen.labels else 1 - one["soft_label"]
    assert soft == pytest.approx(total / 5)
    assert one["raters"] == 5


@pytest.mark.parametrize("method", ["auto", "mean", "majority", "bradley_terry"])
def test_votes_of_raters_worse_than_chance_are_left_out(method: str) -> None:
    rows = crowd(200, raters="abcde", skill=0.85)
    add(rows, "foe", lambda i, one: 1 - one["judgements"][0]["value"])
    rows += [
        pair("u", "v", judged(0, "foe"), judged(1, "a"), prompt="mixed"),
        pair("u", "v", judged(0, "foe"), prompt="alone"),
    ]
    seen = see(rows, consensus=method)
    mixed, alone = seen.label("r200"), seen.label("r201")
    assert mixed["soft_label"] > 0.5
    assert (mixed["left_out"], mixed["raters"], mixed["agreement"]) == (1, 1, 1.0)
    assert mixed["reliability"] == pytest.approx(seen.rater("foe")["reliability"], abs=1e-5)
    wanted = {"soft_label": None, "uncertainty": None, "tied": None, "agreement": None, "raters": 0, "left_out": 1}
    assert {name: alone[name] for name in wanted} == wanted
    kept = see(rows, consensus=method, worse_than_chance="keep").label("r201")
    assert kept["soft_label"] is not None
    assert kept["left_out"] == 0


def test_what_one_rater_says_twice_is_one_vote() -> None:
    rows = crowd(60)
    rows.append(pair("u", "v", judged(1, "a"), judged(0, "a"), judged(1, "b"), prompt="twice"))
    one = see(rows).label("r60")
    assert one["raters"] == 2
    assert one["soft_label"] > 0.5


def test_dimensions_are_apart() -> None:
    seen = see([pair("a", "b", judged(1, "x", "style"), judged(0, "x", "facts"), judged(0, "y", "facts"))])
    assert [(one["dimension"], one["soft_label"]) for one in seen.labels["r0"]] == [("facts", 0.0), ("style", 1.0)]


# Cycles ---------------------------------------------------------------------------------------------------------------


def circle(prompt: str = "q", votes: tuple[int, int, int] = (3, 1, 2), **other: Any) -> list[Raw]:
    sides = [("a", "b"), ("b", "c"), ("c", "a")]
    return [pair(x, y, judged(1, count=n), prompt=prompt, **other) for (x, y), n in zip(sides, votes, strict=True)]


def test_a_circle_of_preferences_and_the_vote_that_breaks_it() -> None:
    rows = [*circle(), pair("a", "d", judged(1)), *circle("other")[:2]]
    seen = see(rows)
    assert [seen.label(f"r{i}")["component"] for i in range(6)] == [3, 3, 3, 0, 0, 0]
    assert [seen.label(f"r{i}")["reversal"] for i in range(6)] == [False, True] + [False] * 4
    assert [seen.label(f"r{i}")["onward"] for i in range(4)] == ["r1", "r2", "r0", None]


def test_swapped_sides_are_the_same_circle() -> None:
    rows = [swapped(one) if i % 2 else one for i, one in enumerate(circle())]
    assert [see(rows).label(f"r{i}")["reversal"] for i in range(3)] == [False, True, False]


def test_ties_and_other_dimensions_close_no_circle() -> None:
    rows = circle()
    rows[1]["judgements"] = [judged(1), judged(0)]
    assert {see(rows).label(f"r{i}")["component"] for i in range(3)} == {0}
    rows = circle()
    rows[1]["judgements"] = [judged(1, dimension="style")]
    assert {see(rows).label(f"r{i}")["component"] for i in range(3)} == {0}


def test_votes_that_are_left_out_close_no_circle() -> None:
    rows = crowd(200, raters="abcde", skill=0.85)
    add(rows, "foe", lambda i, one: 1 - one["judgements"][0]["value"])
    rows += circle()
    rows[-1]["judgements"] = [judged(1, "foe")]
    assert see(rows).label("r202")["component"] == 0
    assert see(rows, worse_than_chance="keep").label("r202")["component"] == 3


def test_strengths_break_circles() -> None:
    """Bradley-Terry gives labels that hold no circle, whatever the votes."""
    seen = see(circle(votes=(5, 1, 5)), consensus="bradley_terry")
    soft = [seen.label(f"r{i}")["soft_label"] for i in range(3)]
    assert soft[0] > 0.5
    assert soft[2] > 0.5
    assert soft[1] < 0.5
