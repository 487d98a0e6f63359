"""Which rows are asked about: what answers are worth, chances that add up, and draws that depend on content alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from transforms.hashing import digest
from transforms.relabel.choose import EVEN, candidates, draw, worth

NOBODY = pl.Series(dtype=pl.String)


def rows(count: int, seed: int = 0, groups: int | None = None) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "content_id": digest(pl.Series([f"{seed} {i}" for i in range(count)])),
            "group_id": [f"g{i % (groups or count)}" for i in range(count)],
            "action": "keep",
            "soft_label": 1.0,
            "p_error": rng.random(count) ** 3,
            "p_ambiguous": 0.0,
        }
    )


@pytest.mark.parametrize(
    ("action", "soft", "p", "even", "value"),
    [
        ("keep", 1.0, 0.3, 0.0, 0.3),  # trained on, and wrong with 0.3
        ("keep", 0.0, 0.3, 0.5, 0.15),  # who is asked may be unable to tell
        ("drop", 1.0, 0.9, 0.0, 0.1),  # right with 0.1, and lost
        ("flip", 0.2, 0.9, 0.0, 0.1),
        ("soften", 0.4, 0.6, 0.0, 0.52),  # 0.6 is published of what is wrong with 0.6
        ("review", 1.0, 0.7, 0.0, 1.0),
        ("keep", 0.8, None, None, 0.2),  # a fifth of the votes are for the other side
        ("keep", 0.5, None, None, 0.5),
    ],
)
def test_what_an_answer_is_worth(action: str, soft: float, p: float | None, even: float | None, value: float) -> None:
    one = pl.DataFrame(
        {"action": [action], "soft_label": [soft], "p_error": [p], "p_ambiguous": [even]},
        schema_overrides={"p_error": pl.Float64, "p_ambiguous": pl.Float64},
    )
    assert worth(one).to_list() == [pytest.approx(value)]


def test_only_rows_that_an_answer_can_bring_back() -> None:
    given = pl.DataFrame(
        {
            "kind": ["pair", "pair", "pair", "pair", "rating", "pair", "pair"],
            "copy_of": [None, None, None, "x", None, None, None],
            "soft_label": [1.0, 1.0, 0.5, 1.0, None, 1.0, None],
            "action": ["keep", "drop", "review", "merged", "keep", "drop", "drop"],
            "reasons": [
                [],
                ["likely_mislabelled", "ambiguous"],
                ["conflict"],
                ["merged_judgement"],
                [],
                ["near_duplicate", "likely_mislabelled"],
                ["no_judgement"],
            ],
        }
    ).with_row_index("n")
    assert candidates(given)["n"].to_list() == [0, 1, 2]


def test_weighed_by_their_chances_drawn_rows_are_as_all_are() -> None:
    """Sums of anything over its chance are right in the mean of draws; and rows are drawn where it is worth most."""
    sums, means = [], []
    for seed in range(100):
        every = rows(400, seed)
        drawn = draw(every, 60, NOBODY)
        assert drawn.height == 60
        sums.append((drawn["p_error"] / drawn["chance"]).sum() / every["p_error"].sum())
        means.append(drawn["p_error"].mean() / every["p_error"].mean())
        assert (1 / drawn["chance"]).sum() == pytest.approx(400, abs=1)
    assert abs(np.mean(sums) - 1) < 0.01
    assert np.std(sums) < 0.1
    assert np.mean(means) > 1.5


def test_no_row_has_next_to_no_chance() -> None:
    every = rows(3000)
    chances = draw(every, 300, NOBODY)["chance"]
    assert chances.min() > EVEN * 0.1 * 0.9
    assert chances.max() <= 1


def test_a_second_draw_goes_on_from_the_first_and_knows_its_rows_chances() -> None:
    every = rows(500)
    first = draw(every, 50, NOBODY)
    second = draw(every, 50, first["content_id"])
    both = draw(every, 100, NOBODY)
    fresh = second.filter("fresh")
    assert fresh.height == 50
    assert not set(fresh["content_id"]) & set(first["content_id"])
    assert set(second["content_id"]) == set(both["content_id"])
    assert second.sort("content_id")["chance"].to_list() == both.sort("content_id")["chance"].to_list()


def test_order_of_rows_changes_nothing() -> None:
    every = rows(300)
    shuffled = every.sample(fraction=1, shuffle=True, seed=1)
    assert draw(every, 40, NOBODY).equals(draw(shuffled, 40, NOBODY))


def test_large_groups_do_not_take_all() -> None:
    alone, together = rows(100), rows(900, 1, groups=1)
    drawn = draw(pl.concat([alone, together]).with_columns(p_error=0.2), 100, NOBODY)
    # By their numbers it would be ten; by the square root of the group's size three times as many.
    assert drawn.filter(pl.col("content_id").is_in(alone["content_id"].implode())).height > 18


def test_all_where_there_are_not_so_many() -> None:
    drawn = draw(rows(7), 50, NOBODY)
    assert drawn["chance"].to_list() == [1.0] * 7
    assert draw(rows(7), 50, drawn["content_id"]).filter("fresh").is_empty()
