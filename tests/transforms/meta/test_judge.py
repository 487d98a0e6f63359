from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipelines.evaluate_text import table_of
from transforms.meta import judge_pairs, judge_rankings, judge_ratings
from transforms.meta.named import binned, numbers, slices
from transforms.meta.scope import Settings, common

SETTINGS = Settings(resamples=300, permutations=200)


def pairs(n=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.choice([0.0, 0.5, 1.0], n, p=[0.4, 0.2, 0.4])
    side = labels - 0.5
    margins = {"good": side + rng.normal(0, 0.3, n), "bad": rng.normal(0, 1, n), "none": np.zeros(n)}
    return judge_pairs.Pairs(labels, rng.integers(0, 2**60, n).astype(np.uint64), margins)


def test_all_scorers_are_judged_on_the_same_pairs():
    some = pairs()
    gaps = np.arange(400) % 10 == 0
    margins = {**some.margins, "gaps": np.where(gaps, np.nan, some.margins["good"]), "silent": np.full(400, np.nan)}
    found = judge_pairs.judge(judge_pairs.Pairs(some.labels, some.groups, margins), SETTINGS)
    assert (found["pairs"], found["left_out"], found["silent"]) == (360, 40, ["silent"])
    assert found["missing"] == {"good": 0, "bad": 0, "none": 0, "gaps": 40}
    assert found["scorers"]["gaps"] == found["scorers"]["good"]
    alone = judge_pairs.judge(some.at(~gaps), SETTINGS)
    assert alone["scorers"]["good"]["accuracy"] == found["scorers"]["good"]["accuracy"]


def test_figures_of_pairs():
    some = pairs()
    found = judge_pairs.judge(some, SETTINGS)
    sided = some.labels != 0.5
    right = np.sign(some.margins["good"][sided]) == np.sign(some.labels[sided] - 0.5)
    good, none = found["scorers"]["good"], found["scorers"]["none"]
    assert good["accuracy"] == pytest.approx(right.mean())
    assert good["low"] < good["accuracy"] < good["high"]
    assert none["accuracy"] == none["low"] == none["high"] == 0.5
    assert (none["strict_accuracy"], none["tied"]) == (0, 1)
    # A constant scorer's accuracy with ties is the rate at which people tie.
    assert none["acc_eq_calibrated"] == pytest.approx((~sided).mean()) == pytest.approx(found["tie_rate"])
    assert good["acc_eq_calibrated"] > good["acc_eq"]
    assert (good["cluster"], found["scorers"]["bad"]["cluster"], none["cluster"]) == (1, 2, 2)
    assert found["p"]["good"]["bad"] < 0.02 < found["p"]["bad"]["none"]


def test_slices_are_parts_of_the_same_pairs():
    some = pairs()
    half = pl.Series(["left" if i % 2 else "right" for i in range(399)] + ["rare"])
    found = judge_pairs.judge(some, SETTINGS, {"side": slices(half)})["slices"]["side"]
    assert found["left_out"] == 1
    assert [(one["value"], one["pairs"]) for one in found["slices"]] == [("left", 199), ("right", 200)]
    odd = (half == "left").to_numpy()
    alone = judge_pairs.judge(some.at(odd), SETTINGS)["scorers"]["good"]
    assert found["slices"][0]["scorers"]["good"]["accuracy"] == alone["accuracy"]


def test_sections_by_language():
    some = pairs()
    subsets = ["donotanswer" if i < 200 else "hep-go" for i in range(400)]
    languages = ["de" if i % 2 else None for i in range(398)] + ["fr", "fr"]
    found = judge_pairs.judge(some, SETTINGS, subsets=subsets, languages=languages)["sections"]
    first = judge_pairs.judge(some.at(np.arange(400) < 200), SETTINGS)["scorers"]["good"]["accuracy"]
    assert found["all"]["good"]["Safety"] == pytest.approx(first)
    assert set(found["languages"]) == {"de", "fr"}
    assert judge_pairs.judge(some, SETTINGS, subsets=[None] * 400)["sections"] is None


def rated(segments=120, systems=6, seed=1):
    rng = np.random.default_rng(seed)
    shape = (segments, systems)
    human = np.round(np.linspace(0, 2, systems) + rng.normal(0, 1, shape)).ravel()
    place = np.arange(segments).repeat(systems).astype(np.uint64) * np.uint64(7919)
    names = np.tile([f"s{i}" for i in range(systems)], segments)
    scores = {"gold": human * 3 + 1, "noisy": human + rng.normal(0, 2, len(human)), "flat": np.ones(len(human))}
    return judge_ratings.Rated(human, place, place, names, scores)


def test_figures_of_ratings():
    some = rated()
    found = judge_ratings.judge(some, SETTINGS)
    gold, noisy, flat = (found["scorers"][name] for name in ("gold", "noisy", "flat"))
    for figure in ("pearson", "spearman", "kendall_b", "acc_eq_calibrated", "acc_eq_held_out"):
        assert gold[figure] == pytest.approx(1, abs=1e-9)
    assert gold["soft_pairwise_accuracy"] == gold["pairwise_accuracy"] == 1
    assert 0.5 < noisy["soft_pairwise_accuracy"] < 1
    assert flat["acc_eq_calibrated"] == pytest.approx(found["tie_rate"], abs=1e-12)
    assert np.isnan(flat["pearson"])
    assert noisy["pearson_low"] < noisy["pearson"] < noisy["pearson_high"]
    assert noisy["acc_eq_calibrated_low"] < noisy["acc_eq_calibrated"] < noisy["acc_eq_calibrated_high"]
    assert [found["scorers"][name]["cluster"] for name in ("gold", "noisy", "flat")] == [1, 2, 3]
    means = found["systems"]["means"]
    assert [one["system"] for one in means] == [f"s{i}" for i in reversed(range(6))]
    assert means[0]["scorers"]["gold"] == pytest.approx(3 * means[0]["human"] + 1)


def test_the_bootstrap_of_pearson_is_that_of_resampled_segments():
    some = rated(80, 3)
    found = judge_ratings.judge(some, Settings(resamples=2000))["scorers"]["noisy"]
    rng, lines = np.random.default_rng(0), np.arange(240).reshape(80, 3)
    drawn = []
    for _ in range(2000):
        at = lines[rng.integers(0, 80, 80)].ravel()
        drawn.append(np.corrcoef(some.human[at], some.scores["noisy"][at])[0, 1])
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found["pearson_low"] == pytest.approx(low, abs=0.01)
    assert found["pearson_high"] == pytest.approx(high, abs=0.01)


def test_ratings_with_one_response_a_prompt_have_correlations_alone():
    rng = np.random.default_rng(2)
    human, place = rng.normal(0, 1, 100), np.arange(100).astype(np.uint64)
    some = judge_ratings.Rated(human, place, place, np.full(100, ""), {"a": human + rng.normal(0, 1, 100)})
    found = judge_ratings.judge(some, SETTINGS, {"half": slices(pl.Series(["x", "y"] * 50))})
    assert (found["ranked_by"], found["comparisons"], found["systems"]) == ("pearson", 0, None)
    assert np.isnan(found["scorers"]["a"]["acc_eq"])
    assert {one["value"]: one["ratings"] for one in found["slices"]["half"]["slices"]} == {"x": 50, "y": 50}


def test_systems_without_a_segment_in_common_are_not_compared_and_that_is_said():
    segments, systems_ = np.repeat(np.arange(20), 2), np.array((["a", "b"] * 10) + (["c", "d"] * 10))
    human = np.random.default_rng(0).normal(size=40)
    rated = judge_ratings.Rated(human, segments.astype(np.uint64), segments.astype(np.uint64), systems_, {"x": human})
    found = judge_ratings.judge(rated, SETTINGS)
    assert found["systems"] == {"segments": 0, "segments_left_out": 20, "left_out": [], "means": []}
    assert "soft_pairwise_accuracy" not in found["scorers"]["x"]
    report = {"pairs": None, "ratings": {"d": found}, "rankings": {}, "steps": None, "scorers": []}
    assert "systems are not compared: no segment has all of them" in table_of(report)
    rated.systems[:] = "a"
    rated.systems[:6] = "b"  # on three of twenty segments
    report["ratings"]["d"] = judge_ratings.judge(rated, SETTINGS)
    assert "systems are not compared: only one has enough segments; with too few segments: b" in table_of(report)


def test_systems_of_two_languages_are_compared_in_each():
    one, other = rated(60, 4, 5), rated(50, 3, 6)
    both = judge_ratings.Rated(
        *(np.concatenate([getattr(one, name), getattr(other, name) + np.uint64(more)])
          for name, more in (("human", 0), ("segments", 10**9), ("units", 10**9))),
        np.concatenate([one.systems, np.char.add("t", other.systems)]),
        {name: np.concatenate([one.scores[name], other.scores[name]]) for name in one.scores},
    )  # fmt: skip
    spoken = slices(pl.Series(["de"] * len(one.human) + ["zh"] * len(other.human)))
    half = slices(pl.Series(np.random.default_rng(0).choice(["x", "y"], 390)))  # hardly a segment has all systems there
    found = judge_ratings.judge(both, SETTINGS, {"language": spoken, "half": half})
    assert found["systems"]["means"] == []
    for told, alone in zip(found["slices"]["language"]["slices"], (one, other), strict=True):
        expected = judge_ratings.judge(alone, SETTINGS)
        ranked = {"compared": len(expected["systems"]["means"]), "segments": expected["systems"]["segments"]}
        assert told["systems"] == {**ranked, "segments_left_out": 0, "left_out": []}
        for figure in ("pairwise_accuracy", "soft_pairwise_accuracy", "system_pearson"):
            assert told["scorers"]["noisy"][figure] == expected["scorers"]["noisy"][figure]
    report = {"pairs": None, "ratings": {"d": found}, "rankings": {}, "steps": None, "scorers": []}
    assert "soft pairwise accuracy by language" in table_of(report)
    assert "soft pairwise accuracy by half" not in table_of(report)


def test_rewardbench_two():
    rng = np.random.default_rng(3)
    lines, good = [], []
    for row in range(80):
        subset = ["Focus", "Math"][row % 2] if row < 60 else "Ties"
        right = 1 if row < 60 or row % 2 else 3
        for place in range(4 if row < 60 else right + 2):
            version = None if row < 60 else ("ref" if row % 2 else "tied")
            human = float(place < right)
            lines.append((row, row, human, subset, version, str(row // 2)))
            good.append(float(place < right) + rng.normal(0, 1e-3))
    names = ["ranking", "segment", "human", "subset", "version", "prompt"]
    frame = pl.DataFrame(lines, schema=names, orient="row", infer_schema_length=None)
    scores = {"good": np.array(good), "flat": np.zeros(len(good)), "last": -np.array(good)}
    found = judge_rankings.judge(frame, scores, SETTINGS)
    assert (found["rankings"], found["chance"]) == (60, 0.25)
    assert found["scorers"]["good"]["subsets"] == {"Math": 1, "Focus": 1, "Ties": pytest.approx(1.01, abs=1e-4)}
    assert found["scorers"]["flat"]["subsets"] == {"Math": 0.25, "Focus": 0.25, "Ties": 0}
    assert found["scorers"]["last"]["best_of"] == 0
    assert found["scorers"]["flat"]["score"] == pytest.approx(0.5 / 3)


def test_columns_become_slices():
    many = pl.Series("n", [float(i % 50) for i in range(500)])
    found = slices(many)
    assert found["value"].n_unique() == 5
    assert found.group_by("value").len()["len"].to_list() == [100] * 5
    assert sorted(slices(pl.Series([["a", "b"], [], None, ["a"]])).rows()) == [(0, "a"), (0, "b"), (3, "a")]
    assert slices(pl.Series([1, 2, None])).rows() == [(0, "1"), (1, "2")]
    assert binned(pl.Series([1.0, 1.0, 1.0, None, 9.0])).to_list()[3] is None


def test_numbers_of_texts():
    assert numbers(pl.Series(["1.5", "x", None])).to_list() == [1.5, None, None]
    assert numbers(pl.Series(["[1, 2.5]", None])).to_list() == [[1.0, 2.5], None]
    assert numbers(pl.Series([True, False])).to_list() == [1.0, 0.0]


def test_common_lines():
    shared = common({"a": np.array([1, np.nan, 3]), "b": np.array([np.inf, 1, 1]), "c": np.full(3, np.nan)})
    assert shared.lines.tolist() == [False, False, True]
    assert (shared.silent, shared.missing) == (["c"], {"a": 1, "b": 1})
