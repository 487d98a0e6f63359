"""Pairs that contradict a shortcut: which they are, and that there are none where the surface leads nowhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.transforms.strength.support import made
from transforms.strength import store
from transforms.strength.counterexamples import LEAST, Standing, counterexamples, standing
from transforms.strength.model import Settings, fit
from transforms.strength.selfcheck import self_check

LEADS = Standing(0.8, 0.7)


def test_by_hand():
    margins = np.array([2.0, -2.0, 2.0, 0.0, 2.0, 2.0])
    labels = np.array([1.0, 1.0, 0.2, 1.0, 0.5, np.nan])
    found = counterexamples(margins, labels, LEADS)
    sure = 1 / (1 + np.exp(-2.0))
    assert found == pytest.approx([1 - sure, sure, sure, 0.5, 0, 0])
    assert (found > 0.5).tolist() == [False, True, True, False, False, False]  # a ruler that is silent contradicts none
    assert not counterexamples(margins, labels, Standing(0.8, LEAST)).any()


def test_a_ruler_leads_only_where_it_is_surely_better_than_by_the_margin():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 2, 2000).astype(float), np.arange(2000).astype(np.uint64)
    chance = standing(rng.normal(size=2000), labels, groups)
    assert chance.right == pytest.approx(0.5, abs=0.03)
    assert not chance.leads
    right = rng.random(2000) < 0.6
    margins = np.where(right, 1.0, -1.0) * (2 * labels - 1)
    many = standing(margins, labels, groups)
    assert many.right == right.mean()
    assert many.low == pytest.approx(many.right - 1.96 * np.sqrt(many.right * (1 - many.right) / 2000), abs=1e-4)
    assert many.leads
    places = np.empty(2000, dtype=np.int64)
    places[np.argsort(right, kind="stable")] = np.arange(2000)
    few = standing(margins, labels, places // 100)  # rows that fare alike are one witness
    assert few.right == pytest.approx(many.right)
    assert not few.leads
    assert not standing(margins[:1], labels[:1], groups[:1]).leads
    # Silence is half right.
    assert standing(np.zeros(10), labels[:10], groups[:10]).right == 0.5


def biased(bias):
    """Pairs of which this share of those that a feature is against are made to go along with it; and which were."""
    pairs, _ = made(rows=1500)
    rng = np.random.default_rng(3)
    # Of lengths there are several, of which a head is given some.
    surface = np.repeat(pairs.surface[:, :, :1], 6, axis=2) + rng.normal(0, 0.1, (1500, 2, 6))
    pairs = replace(pairs, surface=surface.astype(np.float32))
    first = pairs.surface[:, 0].mean(axis=1) > pairs.surface[:, 1].mean(axis=1)
    against = first != (pairs.labels > 0.5)
    bent = against & (rng.random(len(pairs)) < bias)
    labels = np.where(bent, 1 - pairs.labels, pairs.labels)
    votes = np.stack([labels, 1 - labels], axis=1)
    return replace(pairs, labels=labels, votes=votes, voices=votes), first != (labels > 0.5)


@pytest.mark.parametrize("balanced", [(), tuple(range(6))])
def test_with_a_planted_bias_counterexamples_are_those_that_it_did_not_bend(balanced, tmp_path):
    pairs, against = biased(0.8)
    found = fit(pairs, Settings(members=3, folds=3, balanced=balanced))
    assert found.model.standing.leads
    pairs, against = pairs.at(found.places), against[found.places]
    called = found.scores.counterexample > 0.5
    assert against[called].mean() > 0.9
    assert called[against].mean() > 0.9
    # Detectors that learnt the bias take them for errors; what is balanced is still held against labels as recorded.
    if not balanced:
        assert found.scores.p_error[against].mean() > 2 * found.scores.p_error[~against].mean()
    store.save(found.model, str(tmp_path / "m.npz"))
    again = store.load(str(tmp_path / "m.npz"))
    assert again.standing == found.model.standing
    assert (again.score(pairs).counterexample == found.scores.counterexample).all()


def test_the_ruler_goes_by_the_named_features_alone(tmp_path):
    pairs, _ = biased(0.8)
    found = fit(pairs, Settings(members=3, folds=3, balanced=(2,)))
    assert found.model.standing.leads
    pairs = pairs.at(found.places)
    more = pairs.surface[:, 0, 2] > pairs.surface[:, 1, 2]
    assert ((found.scores.counterexample > 0.5) == (more != (pairs.labels > 0.5))).all()
    store.save(found.model, str(tmp_path / "m.npz"))
    assert (store.load(str(tmp_path / "m.npz")).score(pairs).counterexample == found.scores.counterexample).all()


def test_the_self_check_also_says_what_becomes_of_errors_where_counterexamples_are_left_alone():
    pairs, _ = biased(0.8)
    settings = Settings(members=3, folds=3, noise_rate=0.1)
    checks = self_check(pairs, fit(pairs, settings), settings)
    both = {(one.place, one.threshold, one.spared): one for one in checks}
    assert len(both) == len(checks) == 2 * sum(not one.spared for one in checks)
    all_of_them, others = (both["uniform", 0.5, spared] for spared in (False, True))
    # Most planted errors contradict the bias, and are among those that nobody calls wrong then.
    assert others.planted == all_of_them.planted
    assert others.found < 0.5 * all_of_them.found
    assert others.over < all_of_them.over
    assert others.precision(0.1) != all_of_them.precision(0.1)


def test_without_a_bias_there_are_none():
    pairs, _ = biased(0.0)
    found = fit(pairs, Settings(members=3, folds=3))
    assert not found.model.standing.leads
    assert not found.scores.counterexample.any()
