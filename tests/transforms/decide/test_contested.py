"""The dimension that makes a label is the one on which copies and near-copies contradict it, by one rule for both."""

from __future__ import annotations

import pytest

from tests.transforms.decide.test_decide import judged, near_sides, verdict, verdicts

LABEL = {"judgements": [judged(1, dimension="tone"), judged(1, dimension="facts")]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"conflict": True, "conflict_on": ["facts"]}, "conflict"),
        ({"near_sides": near_sides("facts", 1, 2) + near_sides("tone", 3, 0)}, "near_conflict"),
    ],
)
def test_the_dimension_asked_for_counts_and_any_where_none_is(change, reason):
    asked = {reason: "review"}
    assert verdict(LABEL | change, **asked, dimension="facts")["reasons"] == [reason]
    assert verdict(LABEL | change, **asked)["reasons"] == [reason]
    made = verdict(LABEL | change, **asked, dimension="tone")
    assert (made["action"], made["reasons"]) == ("keep", [])


def test_of_several_dimensions_the_one_on_which_fewest_agree_counts():
    sides = near_sides("a", 1, 1) + near_sides("b", 0, 1) + near_sides("c", 0, 1) + near_sides("d", 5, 0)
    sides[1]["contrary"] = "of b"
    (detail,) = verdict({"near_sides": sides})["details"]
    assert (detail["reason"], detail["score"], detail["counterpart"]) == ("near_conflict", 0.5, "of b")
    softened = verdict({"near_sides": near_sides("overall", 2, 1)}, near_conflict="soften")
    assert (softened["soft_label"], softened["label"]) == (0.75, 0)


def test_rows_stay_in_their_order_and_lines_of_none_say_nothing():
    said = ([], near_sides("x", 0, 1), None, near_sides("x", 2, 0))
    made = verdicts(*({"near_sides": sides} for sides in said))
    assert [one["reasons"] for one in made] == [[], ["near_conflict"], [], []]


def test_a_trusted_judgement_settles_it():
    made = verdict({"near_sides": near_sides("overall", 0, 1), "trusted": 1.0}, near_conflict="drop")
    assert (made["action"], made["reasons"]) == ("keep", ["relabelled"])
