"""Attributes: the linear programme, target mixtures, names and findings, where the truth is known."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest

from benchmarks.attributes import greedy
from transforms.attributes.discover import NothingKnown, discover, opening, opening_vectors
from transforms.attributes.findings import findings
from transforms.attributes.mixture import chances, weigh
from transforms.attributes.programme import InfeasibleQuotas, assign, bounds


def test_five_thousand_prompts_and_fifteen_attributes() -> None:
    rng = np.random.default_rng(0)
    affinity = (1 + 4 * rng.random((5000, 15)) ** 2 + rng.random(15)).clip(1, 5).round(4)
    quotas = rng.dirichlet(np.full(15, 5.0))
    started = time.process_time()
    chosen = assign(affinity, quotas, 0.1)
    assert time.process_time() - started < 10
    low, high = bounds(5000, quotas, 0.1)
    assert (chosen.sum(axis=1) == 2).all()
    assert ((chosen.sum(axis=0) >= low) & (chosen.sum(axis=0) <= high)).all()
    assert (np.abs(chosen.sum(axis=0) - 10_000 * quotas) <= 0.1 * 10_000 * quotas + 1e-6).all()
    other = greedy(affinity, quotas, 0.1)
    assert (other.sum(axis=0) <= high).all()
    assert affinity[chosen].sum() >= affinity[other].sum()


@pytest.mark.parametrize("seed", range(5))
def test_small_programmes_are_solved_as_by_trying_everything(seed: int) -> None:
    rng = np.random.default_rng(seed)
    affinity, quotas = rng.random((4, 3)).round(3), np.array([0.5, 0.25, 0.25])
    low, high = bounds(4, quotas, 0.2)
    best = -1.0
    for code in range(3**4):  # which attribute each row does without
        out = np.ones((4, 3), dtype=bool)
        out[np.arange(4), [code // 3**i % 3 for i in range(4)]] = False
        if ((out.sum(axis=0) >= low) & (out.sum(axis=0) <= high)).all():
            best = max(best, affinity[out].sum())
    assert affinity[assign(affinity, quotas, 0.2)].sum() == pytest.approx(best)


def test_parts_meet_the_quotas_together() -> None:
    rng = np.random.default_rng(1)
    quotas = np.array([0.4, 0.3, 0.2, 0.1])
    chosen = assign(rng.random((12_000, 4)), quotas, 0.05)
    assert (np.abs(chosen.mean(axis=0) / 2 - quotas) <= 0.05 * quotas + 1e-9).all()


def test_quotas_that_cannot_be_met_are_named() -> None:
    with pytest.raises(InfeasibleQuotas, match=r"attribute 1 should have 80\.0% .* at most 55\.6%"):
        assign(np.ones((100, 3)), np.array([0.1, 0.8, 0.1]), 0.1)
    with pytest.raises(InfeasibleQuotas, match="2 of 1 attributes"):
        assign(np.ones((10, 1)), np.ones(1))


def test_weights_give_a_target_and_are_the_nearest_to_even() -> None:
    rng = np.random.default_rng(2)
    names = np.array([rng.choice(4, 2, replace=False, p=[0.6, 0.2, 0.1, 0.1]) for _ in range(2000)])
    parts = np.zeros((2000, 4))
    np.put_along_axis(parts, names, 0.5, axis=1)
    target = np.array([0.25, 0.25, 0.25, 0.25])
    found = weigh(parts, target, cap=50.0)
    assert found.shares == pytest.approx(target, abs=1e-5)
    assert found.weights.mean() == pytest.approx(1)
    # Of the form exp(Σ λ a): rows with the same attributes weigh the same, and the logarithms are additive.
    fit, _, rank, _ = np.linalg.lstsq(parts, np.log(found.weights), rcond=None)
    assert rank == 4
    assert np.abs(parts @ fit - np.log(found.weights)).max() < 1e-6
    assert 0 < found.effective < 2000
    assert weigh(parts, parts.mean(axis=0), 10.0).weights == pytest.approx(np.ones(2000), abs=1e-4)
    capped = weigh(parts, np.array([0.05, 0.05, 0.45, 0.45]), cap=1.5)
    assert capped.weights.max() <= 1.5
    with pytest.raises(ValueError, match=r"attribute 1 should have 50\.0%, and no row has it"):
        weigh(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0.5, 0.5]), 10.0)


def test_chances_keep_as_much_as_they_must() -> None:
    weights = np.array([0.5] * 90 + [5.5] * 10)
    assert chances(weights, 0.1) == pytest.approx(weights / 5.5)
    kept = chances(weights, 0.6)
    assert kept.mean() == pytest.approx(0.6)
    assert kept[-1] == 1


def test_domains_are_named_by_their_words() -> None:
    rng = np.random.default_rng(3)
    topic = np.arange(300) % 3
    middle = np.eye(3, 8)
    vectors = middle[topic] + 0.05 * rng.normal(size=(300, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    said = np.array(["bake bread", "fix python code", "plan a journey"])
    texts = pl.Series([f"Please {said[one]} for {i}" for i, one in enumerate(topic)])
    keys = np.sort(rng.integers(1, 2**63, 300).astype(np.uint64))
    found = discover("domain", vectors, keys, texts, 3, 0)
    assert sorted(found.names) == ["bake, bread", "code, fix, python", "journey, plan"]
    assert found.affinity.min() == 1
    assert found.affinity.max() == 5
    best = found.affinity.argmax(axis=1)
    assert all(len(set(best[topic == one])) == 1 for one in range(3))


def test_skills_are_how_prompts_open() -> None:
    texts = pl.Series(["Write a poem, about the SEA and all the fish that swim", "What's this?", None])
    assert opening(texts).to_list() == ["write a poem about the sea and all", "what's this", ""]
    openings = pl.Series([f"{('write a', 'what is')[i % 2]} word{i}" for i in range(60)])
    vectors = opening_vectors(openings, np.arange(60, dtype=np.uint64))
    assert vectors.shape[0] == 60
    assert (vectors @ vectors.T)[0, 2] > (vectors @ vectors.T)[0, 1] + 0.5


def test_findings_by_hand() -> None:
    rng = np.random.default_rng(4)
    rows = pl.DataFrame(
        {
            "group": np.arange(2000) // 2,
            "domains": [["law", "sport"] if i // 2 % 4 == 0 else ["art", "sport"] for i in range(2000)],
            "error": np.where(np.arange(2000) // 2 % 4 == 0, rng.random(2000) < 0.4, rng.random(2000) < 0.1) * 1.0,
            "tie": (rng.random(2000) < 0.1) * 1.0,
        }
    )
    table, told = findings(rows, {"domain": "domains"})
    assert {(one["name"], one["measure"]) for one in told} == {("law", "error"), ("art", "error")}
    assert {one["name"] for one in table} == {"law", "art"}  # every row has sport: there is nothing to compare
    law = next(one for one in told if one["name"] == "law")
    errors = rows["error"].to_numpy()
    inside = np.arange(2000) // 2 % 4 == 0
    assert law["inside"] == pytest.approx(errors[inside].mean(), abs=1e-5)
    assert law["low"] < errors[inside].mean() - errors[~inside].mean() < law["high"]
    assert f"{law['inside']:.1%} of the labels are contradicted" in law["sentence"]


def test_prompts_of_which_the_model_knows_nothing_are_said_to_be_so() -> None:
    keys = np.arange(4, dtype=np.uint64)
    with pytest.raises(NothingKnown, match="nothing of 4 prompts, so no domain"):
        discover("domain", np.zeros((4, 8), dtype=np.float32), keys, pl.Series(["a", "b", "c", "d"]), 2, 0)
