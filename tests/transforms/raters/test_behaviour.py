"""How raters go about it, planted and then found."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.transforms.raters.support import Raw, judged, pair, row, see, swapped


def crowd(rows: int, seed: int = 0, raters: str = "abc", skill: float = 0.8, **other: str) -> list[Raw]:
    """Pairs whose first side is better in half of them, each judged by all raters, who are right with their skill."""
    rng = random.Random(seed)
    out = []
    for i in range(rows):
        truth = rng.random() < 0.5
        said = [judged(truth if rng.random() < skill else not truth, rater) for rater in raters]
        out.append(pair(f"x{i}", f"y{i}", *said, prompt=f"q{i}", **other))
    return out


def add(rows: list[Raw], rater: str, value: Callable[[int, Raw], float]) -> None:
    """One more rater, who judges every row."""
    for i, one in enumerate(rows):
        one["judgements"].append(judged(value(i, one), rater))


def test_raters_who_always_take_the_first_or_the_second_side() -> None:
    rows = crowd(100)
    add(rows, "first", lambda i, one: 1)
    add(rows, "second", lambda i, one: 0)
    seen = see(rows)
    first, second, diligent = (seen.rater(name) for name in ("first", "second", "a"))
    assert (first["first_share"], second["first_share"]) == (1, 0)
    assert first["always_one_place"]
    assert second["always_one_place"]
    assert not diligent["always_one_place"]
    assert first["position_bias"] == pytest.approx(0.5, abs=0.1)
    assert second["position_bias"] == pytest.approx(-0.5, abs=0.1)
    assert diligent["position_bias"] == pytest.approx(0, abs=0.1)
    # Few votes prove nothing.
    assert see(rows[:10]).rater("first")["always_one_place"] is False


def test_where_the_order_is_the_label_it_says_nothing_of_raters() -> None:
    """chosen and rejected: all votes of the source are for the first side."""
    seen = see([pair(f"x{i}", f"y{i}", judged(1, "ab"[i % 2]), prompt=f"q{i}") for i in range(60)])
    for name in "ab":
        assert seen.rater(name)["first_share"] is None
        assert seen.rater(name)["always_one_place"] is None


def test_straight_lines() -> None:
    def scores(*values: int) -> list[Raw]:
        return [judged(v, "x", dimension) for v, dimension in zip(values, "abc", strict=True)]

    rows = [
        row("rating", [f"t{i}"], scores(*values))
        for i, values in enumerate([(5, 5, 5), (5, 5, 5), (5, 5, 4), (1, 2, 3)])
    ]
    seen = see(rows)
    assert {seen.rater("x", d)["straight_lines"] for d in "abc"} == {0.5}
    assert [seen.rater("x", d)["modal_share"] for d in "abc"] == [0.75, 0.75, 0.5]
    # Nobody's judgements belong together in a row that has one on each dimension, and only there.
    anonymous = [one | {"judgements": [j | {"rater": None} for j in one["judgements"]]} for one in rows]
    assert see(anonymous).rater(None, "a")["straight_lines"] == 0.5
    several = [one | {"judgements": one["judgements"] * 2} for one in anonymous]
    assert see(several).rater(None, "a")["straight_lines"] is None
    single = see([row("rating", ["t"], [judged(1, "x", "a")])])
    assert single.rater("x", "a")["straight_lines"] is None


def test_what_raters_say_the_second_time() -> None:
    rows = []
    for i in range(20):
        first = pair(f"x{i}", f"y{i}", judged(1, "same"), judged(1, "wavering"), prompt=f"q{i}", timestamp="1")
        later = first | {"timestamp": "2", "judgements": [judged(1, "same"), judged(i % 2, "wavering")]}
        rows += [first, swapped(later) if i % 4 else later]
    seen = see(rows)
    assert (seen.rater("same")["repeats"], seen.rater("same")["consistency"]) == (20, 1)
    assert (seen.rater("wavering")["repeats"], seen.rater("wavering")["consistency"]) == (20, 0.5)


def test_a_record_filed_twice_is_not_a_second_look() -> None:
    one = pair("x", "y", judged(1, "a"), judged(0, "b"))
    seen = see([one, one, pair("v", "w", judged(1, "a"))])
    assert seen.rater("a")["repeats"] == 0
    assert seen.rater("a")["consistency"] is None
    assert seen.rater("a")["votes"] == 2


def test_ratings_are_consistent_when_a_second_look_gives_about_the_same() -> None:
    rng = random.Random(0)
    rows = []
    for i in range(40):
        score = rng.randint(0, 100)
        for look, steady, wild in (("1", score, rng.randint(0, 100)), ("2", score + 1, rng.randint(0, 100))):
            said = [judged(steady, "steady"), judged(wild, "wild")]
            rows.append(row("rating", [f"t{i}"], said, timestamp=look))
    seen = see(rows)
    assert seen.rater("steady")["consistency"] > 0.99
    assert abs(seen.rater("wild")["consistency"]) < 0.4


def test_copies_of_a_rater_are_found_and_counted_once() -> None:
    rows = crowd(200)
    for one in rows:
        one["judgements"].append(one["judgements"][0] | {"rater": "d"})
    seen = see(rows)
    assert seen.measured.copies.select("rater", "copy_of", "batch", "shared").rows() == [("d", "a", None, 200)]
    assert (seen.rater("d")["copy_of"], seen.rater("d")["copied"]) == ("a", 200)
    assert seen.rater("a")["copy_of"] is None
    assert seen.measured.figures[0]["copied"] == 200
    # Labels and agreement are as if the copy were not there.
    plain = see(crowd(200))
    assert seen.labels == plain.labels
    assert {k: v for k, v in seen.measured.figures[0].items() if k.startswith("alpha")} == {
        k: v for k, v in plain.measured.figures[0].items() if k.startswith("alpha")
    }


def test_a_part_of_a_rater_that_is_anothers_is_found() -> None:
    rows = crowd(200, generators=["m1", "m2"]) + crowd(100, seed=1, generators=["m1", "m3"])
    for i, one in enumerate(rows):
        one["prompt"][0]["content"] = f"q{i}"
        if i >= 200:
            one["judgements"][1] = one["judgements"][0] | {"rater": "b"}
    (found,) = see(rows).measured.copies.to_dicts()
    assert (found["rater"], found["copy_of"], found["shared"]) == ("b", "a", 100)
    assert found["batch"] is not None


def test_agreement_alone_is_no_copy() -> None:
    assert see(crowd(100, skill=0.97)).measured.copies.is_empty()  # good raters agree
    few = crowd(6)
    add(few, "d", lambda i, one: one["judgements"][0]["value"])
    assert see(few).measured.copies.is_empty()  # a few equal answers are chance
    lazy = crowd(100)
    add(lazy, "d", lambda i, one: 0.5)
    add(lazy, "e", lambda i, one: 0.5)
    assert see(lazy).measured.copies.is_empty()  # two who always say the same


def test_one_models_labels_filed_under_two_judges(data: Callable[[str], Path]) -> None:
    """AlpacaEval: for one of the models judged, two judges' files hold the labels of one of them."""
    rows = []
    for path in sorted(data("alpaca_eval_multijudge").glob("results/*/*/annotations.json")):
        model, judge = path.parts[-3:-1]
        for i, one in enumerate(json.loads(path.read_text())):
            if one["preference"] is not None and 1 <= one["preference"] <= 2:
                said = judged(2 - one["preference"], judge)
                told = {"prompt": one["instruction"], "generators": ["baseline", model], "row_id": f"{model}{judge}{i}"}
                rows.append(pair(one["output_1"], one["output_2"], said, **told))
    found = see(rows).measured.copies
    assert found.select("rater", "copy_of").rows() == [("alpaca_eval_gpt4_turbo_fn", "alpaca_eval_cot_gpt4_turbo_fn")]
    assert 780 <= found["shared"][0] <= 805
