"""Slices: the null, the scan, the mixture and what is told of a slice, where the truth is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from transforms.keywords import keywords
from transforms.slices.families import balls, clusters
from transforms.slices.find import Rows, Settings, find
from transforms.slices.mixture import mixtures
from transforms.slices.permute import Permutations
from transforms.slices.rates import over_represented, rate, wilson
from transforms.slices.regions import from_arrays, to_arrays
from transforms.slices.scan import measure, select
from transforms.slices.signals import contradicted, disagreement

_SETTINGS = Settings(resolutions=(10,), seeds=2, permutations=40, smallest=30)


def made(prompts: int = 200, each: int = 4, topics: int = 10, seed: int = 0) -> tuple[Rows, np.ndarray]:
    """Rows of prompts in well separated topics, in the order of their hashes; and each row's topic."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=(topics, 16))
    topic = np.arange(prompts) % topics
    vectors = middle[topic] + 0.25 * rng.normal(size=(prompts, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = rng.integers(1, 2**63, prompts).astype(np.uint64)
    keys = np.sort(rng.integers(1, 2**63, prompts * each).astype(np.uint64))
    owner = rng.permutation(np.repeat(np.arange(prompts), each))
    return Rows(keys, groups[owner], {"prompts": vectors[owner].astype(np.float32)}), topic[owner]


def errors(topic: np.ndarray, bad: int | None, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, 1])
    return (rng.random(len(topic)) < np.where(topic == bad, 0.6, 0.15)).astype(np.float64)


def test_permutations_move_whole_groups_and_keep_every_value() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(rng.integers(1, 2**63, 180).astype(np.uint64), np.repeat([1, 2, 5], [60, 60, 60]))
    keys = rng.integers(1, 2**63, len(groups)).astype(np.uint64)
    named, number = np.unique(groups, return_inverse=True)
    own = number.astype(np.float64)
    laid = Permutations(keys, groups).laid(own, 1)
    assert sorted(laid) == sorted(own)
    assert (laid != own).mean() > 0.9
    # Groups of five are all in one stratum: each of them lies on one group, whole.
    assert all(len(np.unique(laid[groups == one])) == 1 for one in named[np.bincount(number) == 5])
    order = rng.permutation(len(groups))
    again = Permutations(keys[order], groups[order]).laid(own[order], 1)
    assert (again == laid[order]).all()


def test_a_planted_slice_is_found_first_and_its_region_says_which_rows() -> None:
    rows, topic = made()
    found, families = find(rows, errors(topic, 3), _SETTINGS)
    first = found[0]
    assert first.p <= 0.05
    assert (topic[first.rows] == 3).mean() > 0.9
    assert first.rows[topic == 3].mean() > 0.6
    assert first.stability > 0.5
    for one in found:
        region = families[one.family].region(one.candidate)
        kept = from_arrays(to_arrays(region, "0"), "0")
        assert (kept.contains(rows.views["prompts"]) == one.rows).all()


def test_nothing_is_found_where_nothing_is_even_where_prompts_differ() -> None:
    rows, _ = made(prompts=200, each=8)
    number = np.unique(rows.groups, return_inverse=True)[1]
    vectors = rows.views["prompts"]
    ball = balls(vectors, rows.groups, 0)
    cells = clusters("prompts", vectors, rows.groups, 20, 0)
    assert ball is not None
    assert cells is not None
    every = [cells, ball]
    wrong = [0, 0]
    for draw in range(20):
        rng = np.random.default_rng(draw)
        chance = 1 / (1 + np.exp(-rng.normal(-1.5, 2.0, 200)))[number]
        values = (rng.random(len(number)) < chance).astype(np.float64)
        for place, groups in enumerate((rows.groups, rows.keys)):
            null = measure(values, every, rows.keys, groups, 39, 30)
            wrong[place] += bool(select(null, every, 0.05, 1))
    assert wrong[0] <= 4  # the chance of more is below 0.003 at the level of 5 %
    assert wrong[1] >= 10  # single rows that change places would cry wolf


def test_mixtures_are_tested_on_the_half_that_they_did_not_see() -> None:
    rows, topic = made(prompts=600)
    values = errors(topic, 3)
    two = mixtures(rows.views["prompts"], values, rows.groups, seed=0)
    assert len(two) == 2
    first, second = (one.counted for one in two)
    assert first is not None
    assert second is not None
    assert (first != second).all()
    assert all(len(np.unique(first[rows.groups == one])) == 1 for one in np.unique(rows.groups)[:50])
    for one in two:
        rates = one.sums(values) / np.maximum(one.sums(np.ones(len(values))), 1)
        worst = int(np.where(one.sums(np.ones(len(values))) > 50, rates, 0).argmax())
        assert (topic[one.rows(worst)] == 3).mean() > 0.6
    changed = np.where(first, 1 - values, values)  # what it is tested on does not move what was fitted
    again = mixtures(rows.views["prompts"], changed, rows.groups, seed=0)[0]
    assert (again.members == two[0].members).all()


def test_rows_without_a_vector_are_in_nothing() -> None:
    rows, _ = made(prompts=60)
    vectors = rows.views["prompts"].copy()
    vectors[:7] = 0
    cells, ball = clusters("prompts", vectors, rows.keys, 5, 0), balls(vectors, rows.groups, 0)
    assert (cells.members[:7] == -1).all()
    assert ball is not None
    assert (ball.group[:7] == -1).all()
    assert not cells.region(0).contains(vectors)[:7].any()
    assert balls(np.zeros((3, 4), np.float32), rows.groups[:3], 0) is None


def test_contradicted_labels_by_hand() -> None:
    error, residual = contradicted(np.array([1.0, 0.0, 0.5, np.nan, 1.0]), np.array([2.0, 2.0, 2.0, 2.0, np.nan]))
    assert error[:2].tolist() == [0, 1]
    assert np.isnan(error[2:]).all()
    q = 1 / (1 + np.exp(2))
    size = np.sqrt(q * (1 - q) + 0.02)
    assert residual[:2] == pytest.approx([-q / size, (1 - q) / size])


def test_disagreement_is_the_mean_difference_of_two_raters() -> None:
    def said(*values: tuple[float, int], dimension: str = "overall", scaled: bool = True) -> list[dict[str, object]]:
        one = {"dimension": dimension, "response": None, "step": None}
        return [one | {"value": v, "normalised": v if scaled else None, "count": n} for v, n in values]

    kind = pl.Struct(
        {
            "dimension": pl.String, "response": pl.Int64, "step": pl.Int64, "value": pl.Float64,
            "normalised": pl.Float64, "count": pl.Int64,
        }
    )  # fmt: skip
    rows = [
        said((1.0, 3), (0.0, 2), scaled=False),  # 6 of 10 pairs of votes differ
        said((1.0, 1)),
        said((0.2, 1), (0.5, 1), (1.0, 1)),
        said((1.0, 2)) + said((0.0, 1), (0.5, 1), dimension="style"),
        [],
    ]
    found = disagreement(pl.Series(rows, dtype=pl.List(kind)), pl.Series(["pair", *["rating"] * 4]))
    assert found[[0, 2, 3]] == pytest.approx([0.6, (0.3 + 0.5 + 0.8) / 3, 0.25], abs=1e-5)
    assert np.isnan(found[[1, 4]]).all()


def test_intervals_are_wider_where_values_of_a_group_are_alike() -> None:
    values = (np.arange(400) % 5 == 0).astype(np.float64)
    alone = rate(values, np.arange(400, dtype=np.uint64))
    assert alone == pytest.approx((0.2, *wilson(0.2, 400)), abs=1e-3)
    together = rate(np.sort(values), np.arange(400, dtype=np.uint64) // np.uint64(10))
    assert together == pytest.approx((0.2, *wilson(0.2, 39)), abs=0.005)  # 40 groups of one value each
    assert rate(np.ones(10), np.arange(10, dtype=np.uint64)) == (1.0, *wilson(1.0, 10))


def test_over_represented_features_are_named() -> None:
    rng = np.random.default_rng(0)
    inside = np.arange(600) < 150
    features = pl.DataFrame(
        {"digits": rng.normal(size=600) + 2 * inside, "words": rng.normal(size=600), "links": np.zeros(600)}
    )
    (one,) = over_represented(features, inside, np.arange(600, dtype=np.uint64))
    assert one["feature"] == "digits"
    assert float(str(one["p"])) < 1e-10
    assert float(str(one["inside"])) > float(str(one["elsewhere"])) + 1.5


def test_keywords_are_words_that_a_class_has_more_of() -> None:
    texts = pl.Series(["How to bake bread?", "Bake the cake", "bread, bread, bread and the oven"] + ["the sea"] * 5)
    found = keywords(texts, np.array([0, 0, 0, 1, 1, 1, -1, -1]), least=2)
    assert found[0][:2] == ["bake", "bread"]
    assert "the" not in found[0]
    assert found[1][0] == "sea"
    assert keywords(pl.Series([], dtype=pl.String), np.zeros(0, np.int64)) == []


def test_texts_that_the_model_does_not_know_are_in_no_slice() -> None:
    keys = np.arange(2000, dtype=np.uint64)
    none = np.zeros((2000, 8), dtype=np.float32)
    rows = Rows(keys, keys, {"prompts": none, "differences": none})
    assert find(rows, (keys % 3 == 0).astype(np.float64), _SETTINGS) == ([], [])
