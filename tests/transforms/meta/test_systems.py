from __future__ import annotations

import itertools

import numpy as np
import pytest

from transforms.meta.lines import DIGITS
from transforms.meta.systems import matrix, p_values, pairwise_accuracy, soft_pairwise_accuracy


def reference(scores, permutations, seed):
    """The paired permutation test of mt-metrics-eval, a pair of systems and a permutation at a time."""
    rng = np.random.default_rng(seed)
    signs = np.rint(rng.random((permutations, scores.shape[1]), dtype=np.float32)) * 2 - 1
    out = np.full((len(scores), len(scores)), np.nan)
    for i, j in itertools.combinations(range(len(scores)), 2):
        gap = scores[i] - scores[j]
        out[i, j] = np.mean([(row * gap).sum() >= gap.sum() - 1e-9 for row in signs])
    return out


def test_p_values_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 1, (5, 40)) + np.linspace(0, 0.5, 5)[:, None]
    assert np.allclose(p_values(scores, 200, 4), reference(scores, 200, 4), equal_nan=True, atol=1e-12)


def test_p_values_are_the_exact_tests_in_the_limit():
    """With six segments all sign vectors can be gone through."""
    scores = np.array([[3.0, 1, 4, 1, 5, 9], [2, 6, 1, 3, 5, 8]])
    gap = scores[0] - scores[1]
    exact = np.mean([np.dot(signs, gap) >= gap.sum() for signs in itertools.product((-1, 1), repeat=6)])
    assert p_values(scores, 40_000)[0, 1] == pytest.approx(exact, abs=0.01)


def test_a_scorer_agrees_with_itself_and_ties_are_even():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 5, (6, 50)).astype(float)
    p = p_values(scores)
    assert soft_pairwise_accuracy(p, p) == 1
    assert pairwise_accuracy(scores.mean(axis=1), scores.mean(axis=1)) == 1
    constant = p_values(np.zeros((6, 50)))
    assert (constant[np.triu_indices(6, 1)] == 1).all()
    assert np.isnan(soft_pairwise_accuracy(p[:1, :1], p[:1, :1]))


def test_more_noise_is_less_agreement():
    rng = np.random.default_rng(2)
    gold = rng.normal(0, 1, (12, 300)) + np.linspace(0, 1, 12)[:, None]
    human = p_values(gold)
    found = [soft_pairwise_accuracy(human, p_values(gold + rng.normal(0, s, gold.shape))) for s in (0.1, 3, 30)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.99


def test_the_order_of_segments_and_scales_change_nothing_but_the_draws():
    rng = np.random.default_rng(3)
    gold = rng.integers(-5, 6, (4, 30)).astype(float)
    assert (np.nan_to_num(p_values(gold)) == np.nan_to_num(p_values(gold * 0.1))).all()


def test_scores_are_laid_out_on_segments_that_all_systems_have():
    systems = np.array(["b", "a", "b", "a", "b", "a", "c", "a"])
    segments = np.array([1, 1, 2, 2, 3, 3, 1, 1])
    human = np.array([1.0, 2, 3, 4, 5, np.nan, 7, 4])
    laid = matrix(systems, segments, [human, human * 10])
    # c has one of three segments, fewer than half of what b has; a has no score on segment 3.
    assert (laid.systems, laid.left_out, laid.segments, laid.dropped) == (["a", "b"], ["c"], 2, 1)
    assert laid.values[0].tolist() == [[3.0, 4.0], [1.0, 3.0]]
    assert laid.values[1].tolist() == [[30.0, 40.0], [10.0, 30.0]]


def test_pairwise_accuracy_counts_directions():
    assert pairwise_accuracy(np.array([1.0, 2, 3]), np.array([1.0, 3, 2])) == pytest.approx(2 / 3)
    assert pairwise_accuracy(np.array([1.0, 1, 3]), np.array([1.0, 2, 3])) == pytest.approx(2 / 3)


def test_means_of_three_raters_are_as_exact_as_their_sums():
    """Sums of thirds tie as often as those of the whole numbers that they are a third of."""
    whole = np.random.default_rng(1).integers(3, 16, (6, 100)).astype(float)
    thirds = np.round(whole / 3, DIGITS)
    np.testing.assert_array_equal(p_values(thirds), p_values(whole))
    # An offset is no more than the order of sums.
    np.testing.assert_array_equal(p_values(thirds + 1000), p_values(whole))
