"""What is known of raters: their table, figures, and which consensus a source gets."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.transforms.raters.support import Raw, judged, pair, row, see
from tests.transforms.raters.test_behaviour import add, crowd


def ratings(rows: int = 60, seed: int = 0) -> list[Raw]:
    """Three raters of one quality: plain, severe and narrow, upside down."""
    rng = random.Random(seed)
    out = []
    for i in range(rows):
        q = rng.uniform(0, 100)
        said = [judged(q, "plain"), judged(q / 4 + rng.uniform(0, 2), "severe"), judged(100 - q, "reversed")]
        out.append(row("rating", [f"t{i}"], said))
    return out


def figure(rows: list[Raw], **config: Any) -> Raw:
    (one,) = see(rows, **config).measured.figures
    return one


def test_table_of_pairs() -> None:
    rows = crowd(300, skill=0.85)
    add(rows, "guess", lambda i, one: i % 2)
    rows[0]["judgements"].append(judged(1, None))
    seen = see(rows)
    good, guess, nobody = (seen.rater(name) for name in ("a", "guess", None))
    assert good["votes"] == good["shared"] == 300
    assert good["reliability"] == pytest.approx(0.85, abs=0.06)
    assert guess["reliability"] == pytest.approx(0.5, abs=0.1)
    assert good["agreement"] > guess["agreement"]
    assert guess["worse_than_chance"] is False
    assert (nobody["votes"], nobody["reliability"], nobody["worse_than_chance"]) == (1, None, None)
    assert seen.measured.figures[0]["anonymous"] == 1


def test_raters_of_ratings_are_held_against_the_others() -> None:
    rows = ratings()
    add(rows, "lenient", lambda i, one: 60 + one["judgements"][1]["value"])
    add(rows, "wild", lambda i, one: (i * 37) % 101)
    add(rows, "steady", lambda i, one: one["judgements"][0]["value"])
    seen = see(rows)
    assert seen.rater("plain")["reliability"] > 0.5
    assert seen.rater("reversed")["worse_than_chance"] is True
    assert seen.rater("wild")["worse_than_chance"] is False
    assert seen.rater("steady")["copy_of"] == "plain"
    values = [one["judgements"][1]["value"] for one in rows]
    assert seen.rater("severe")["mean"] == pytest.approx(np.mean(values))
    assert seen.rater("severe")["sd"] == pytest.approx(np.std(values))


def test_normalising_raters_raises_alpha_where_they_differ_in_scale() -> None:
    rows = [one | {"judgements": one["judgements"][:2]} for one in ratings()]
    one = figure(rows)
    assert one["alpha_before"] == one["alpha_interval"] < 0.3
    assert one["alpha_normalised"] > 0.9
    # Of a rater who always says the same there is no z-score, and alpha before is of the same judgements as after.
    add(rows, "flat", lambda i, one: 50)
    again = figure(rows)
    assert again["alpha_before"] == one["alpha_before"]
    assert again["alpha_normalised"] == one["alpha_normalised"]
    assert again["alpha_interval"] != one["alpha_interval"]
    assert figure(crowd(30))["alpha_normalised"] is None


def test_judgements_that_stand_alone_are_counted_and_no_more() -> None:
    rows = [pair(f"x{i}", f"y{i}", judged(1), prompt=f"q{i}") for i in range(5)]
    one = figure(rows)
    assert (one["judgements"], one["anonymous"], one["raters"], one["shared"]) == (5, 5, 0, 0)
    assert (one["alpha_nominal"], one["consensus"]) == (None, "mean")
    assert see(rows).rater(None)["votes"] == 5


def test_sources_kinds_and_dimensions_are_apart() -> None:
    rows = crowd(30, source="t") + [one | {"source": "u"} for one in crowd(30, seed=1)] + ratings(20)
    for i, one in enumerate(rows):
        one["prompt"] = [{"role": "user", "content": f"q{i}"}]
    figures = see(rows).measured.figures
    assert [(f["source"], f["kind"], f["raters"]) for f in figures] == [
        ("s", "rating", 3),
        ("t", "pair", 3),
        ("u", "pair", 3),
    ]
    assert see(rows).measured.raters.height == 9


@pytest.mark.parametrize(
    ("rows", "config", "method"),
    [
        (crowd(30), {}, "dawid_skene"),
        (crowd(30), {"enough_votes": 31}, "mean"),
        (crowd(30, raters="ab"), {}, "mean"),  # whose fault it is that two disagree nobody can say
        (crowd(30), {"consensus": "mean"}, "mean"),
        (crowd(30), {"consensus": "majority"}, "majority"),
        (crowd(30), {"consensus": "bradley_terry"}, "bradley_terry"),
        (crowd(30, raters="ab"), {"consensus": "dawid_skene"}, "dawid_skene"),
        (crowd(30, raters="a"), {"consensus": "dawid_skene"}, "mean"),  # nobody judged what another did
    ],
)
def test_which_consensus(rows: list[Raw], config: Any, method: str) -> None:
    assert figure(rows, **config)["consensus"] == method


def test_mostly_anonymous_votes_get_the_mean() -> None:
    rows = crowd(30)
    for one in rows:
        one["judgements"] += [judged(1), judged(1), judged(0), judged(0)]
    assert figure(rows)["consensus"] == "mean"


def test_raters_worse_than_chance_are_left_out_or_kept() -> None:
    rows = crowd(200, raters="abcde", skill=0.85)
    add(rows, "foe", lambda i, one: 1 - one["judgements"][0]["value"])
    seen = see(rows)
    assert seen.rater("foe")["worse_than_chance"]
    assert seen.rater("foe")["side_reliability"] < 0.4
    assert seen.measured.figures[0]["left_out"] == 1
    assert seen.measured.model.filter(pl.col("left_out"))["rater"].to_list() == ["foe"]
    kept = see(rows, worse_than_chance="keep")
    assert kept.rater("foe")["worse_than_chance"]
    assert not kept.measured.model["left_out"].any()


def test_habits_of_raters_are_told_where_bradley_terry_was_asked_for() -> None:
    rows = crowd(100)
    add(rows, "first", lambda i, one: 1)
    seen = see(rows, consensus="bradley_terry")
    assert seen.rater("first")["pull_of_place"] > 1
    assert abs(seen.rater("a")["pull_of_place"]) < 0.5
    assert seen.rater("first")["care"] < seen.rater("a")["care"]
    assert see(rows).rater("first")["care"] is None


def test_the_order_of_rows_changes_nothing() -> None:
    rows = crowd(60) + ratings(30)
    for i, one in enumerate(rows):
        one["row_id"] = f"r{i}"
    wanted = see(rows).measured
    for seed in range(3):
        again = see(random.Random(seed).sample(rows, len(rows)), blocks=3).measured
        for name in ("raters", "pairs", "copies", "model"):
            assert getattr(again, name).equals(getattr(wanted, name))
        assert again.figures == wanted.figures


def test_nothing_to_measure() -> None:
    seen = see([pair("x", "y"), row("rating", ["t"], [])])
    assert seen.measured.figures == []
    assert seen.labels == {}
