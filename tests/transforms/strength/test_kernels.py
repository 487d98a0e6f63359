"""Folds, heads, neighbours, calibrators: each against what can be computed by hand or by another's solver."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from transforms.strength.combine import fit_calibrator, sigmoid
from transforms.strength.folds import cuts, fold_of, sample, uniform
from transforms.strength.heads import GROUPS, fit_heads
from transforms.strength.neighbours import nearest
from transforms.strength.residual import fit_residualiser


def hashes(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(1, 2**63, count).astype(np.uint64)


def test_draws_are_even_and_differ_by_salt() -> None:
    keys = np.arange(20_000, dtype=np.uint64)
    a, b = uniform(keys, 1), uniform(keys, 2)
    for draws in (a, b):
        assert abs(draws.mean() - 0.5) < 0.01
        assert np.histogram(draws, 10, (0, 1))[0].min() > 1800
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03


def test_folds_hold_whole_groups_and_about_as_many_rows_each() -> None:
    rng = np.random.default_rng(0)
    groups = hashes(rng, 300)[rng.integers(0, 300, 5000)]
    where = cuts(groups, 5, 0)
    fold = fold_of(groups, where, 0)
    assert all(len(np.unique(fold[groups == group])) == 1 for group in np.unique(groups))
    assert np.bincount(fold, minlength=5).min() > 900
    order = rng.permutation(5000)
    assert (cuts(groups[order], 5, 0) == where).all()


def test_a_sample_does_not_depend_on_order() -> None:
    rng = np.random.default_rng(1)
    keys = hashes(rng, 1000)
    order = rng.permutation(1000)
    assert (keys[sample(keys, 100, 3)] == keys[order][sample(keys[order], 100, 3)]).all()


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3000, 12)).astype(np.float32)
    labels = (rng.random(3000) < sigmoid(x @ rng.normal(size=12))).astype(float)
    return x, labels, hashes(rng, 3000)


def test_heads_come_to_where_another_solver_comes_to(data: tuple[np.ndarray, ...]) -> None:
    x, labels, groups = data
    heads, _ = fit_heads(x, labels, groups, members=1, folds=3, ridge=0.03, seed=1)
    fold = fold_of(groups, heads.cuts, 1)
    given = uniform(groups, 102) < GROUPS
    used = heads.weights[0, 0] != 0
    assert 0 < used.sum() < 12  # a member is not given every feature
    for k in range(3):
        mine = given & (fold != k)
        penalty = 0.03 * GROUPS * len(x) * 2 / 3
        theirs = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-8).fit(x[mine][:, used], labels[mine])
        assert np.abs(heads.weights[0, k][used] - theirs.coef_[0]).max() < 2e-3


def test_no_head_judges_a_group_it_has_seen(data: tuple[np.ndarray, ...]) -> None:
    x, labels, _ = data
    groups = np.arange(3000, dtype=np.uint64) // np.uint64(10) + np.uint64(1)
    heads, _ = fit_heads(x, labels, groups, members=2, folds=5, ridge=0.03)
    one = groups == 7
    other, _ = fit_heads(x, np.where(one, 1 - labels, labels), groups, members=2, folds=5, ridge=0.03)
    theirs = fold_of(groups, heads.cuts, 0)[one][0]
    assert (other.weights[:, theirs] == heads.weights[:, theirs]).all()
    assert (np.delete(other.weights, theirs, axis=1) != np.delete(heads.weights, theirs, axis=1)).any()


def test_dynamics_tell_flipped_labels_from_others(data: tuple[np.ndarray, ...]) -> None:
    x, labels, groups = data
    flipped = np.arange(3000) % 10 == 0
    _, dynamics = fit_heads(x, np.where(flipped, 1 - labels, labels), groups, members=4, folds=3)
    for measure in (dynamics.confidence, dynamics.aum):
        assert np.nanmean(measure[flipped]) < np.nanmean(measure[~flipped]) - 0.1
    assert np.nanmin(dynamics.variability) >= 0


def test_too_few_groups_are_named() -> None:
    with pytest.raises(ValueError, match="2 groups cannot be spread over 5 folds"):
        fit_heads(np.ones((4, 2), np.float32), np.ones(4), np.array([1, 1, 2, 2], np.uint64))


def test_neighbours_are_those_of_all_cosines() -> None:
    rng = np.random.default_rng(3)
    v, groups = rng.normal(size=(400, 6)).astype(np.float32), hashes(rng, 40)[rng.integers(0, 40, 400)]
    labels = rng.random(400).round()
    found = nearest(v, groups, v[:300], groups[:300], k=25)
    u = v / np.linalg.norm(v, axis=1, keepdims=True)
    cosine = u @ u[:300].T
    cosine[groups[:, None] == groups[None, :300]] = 0
    places = np.argsort(-np.abs(cosine), axis=1)[:, :25]
    kept = np.take_along_axis(cosine, places, axis=1)
    by_hand = (kept * (2 * labels[places] - 1)).sum(axis=1) / np.abs(kept).sum(axis=1)
    assert np.abs(found.agreement(labels[:300]) - by_hand).max() < 1e-5
    assert (groups[found.places] != groups[:, None]).all()


def test_swapped_references_say_the_same() -> None:
    rng = np.random.default_rng(4)
    v, groups, labels = rng.normal(size=(200, 5)).astype(np.float32), hashes(rng, 200), rng.random(200).round()
    signs = np.where(rng.random(200) < 0.5, -1, 1).astype(np.float32)
    plain = nearest(v, groups, v, groups, k=20).agreement(labels)
    turned = v * signs[:, None]
    told = nearest(turned, groups, turned, groups, k=20).agreement(np.where(signs < 0, 1 - labels, labels))
    assert np.abs(told - plain * signs).max() < 1e-6


def test_rows_without_a_neighbour_have_no_say() -> None:
    v, one = np.ones((3, 2), np.float32), np.ones(3, np.uint64)
    assert (nearest(v, one, v, one).agreement(np.ones(3)) == 0).all()
    assert (nearest(v, one, v[:0], one[:0]).agreement(np.ones(0)) == 0).all()
    zero = np.zeros((1, 2), np.float32)
    assert (nearest(zero, np.array([9], np.uint64), v, one).agreement(np.ones(3)) == 0).all()


def test_a_calibrator_gives_a_signal_against_the_labels_nothing() -> None:
    rng = np.random.default_rng(5)
    good = rng.normal(size=4000)
    labels = (rng.random(4000) < sigmoid(2 * good)).astype(float)
    found = fit_calibrator(np.stack([good, -labels + rng.normal(size=4000)], axis=1), labels, np.arange(4000) % 2, 2)
    assert (found.weights[:, 1] == 0).all()
    assert np.abs(found.weights[:, 0] - 2).max() < 0.3


def test_residuals_hold_nothing_of_the_surface() -> None:
    rng = np.random.default_rng(6)
    surface = rng.normal(size=(4000, 3)).astype(np.float32)
    own = rng.normal(size=4000)
    fold = np.arange(4000) % 5
    found = fit_residualiser(own + surface @ np.array([3.0, -2.0, 0.0]), surface, fold, 5)
    left = found.residuals(own + surface @ np.array([3.0, -2.0, 0.0]), surface, fold)
    assert np.corrcoef(left, own)[0, 1] > 0.99
    assert max(abs(np.corrcoef(left, surface[:, i])[0, 1]) for i in range(3)) < 0.05
    assert found.explained == pytest.approx(13 / 14, abs=0.02)
