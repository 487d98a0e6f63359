"""What votes, margins and likeness say of how far raters would split, against sums over simulated raters."""

from __future__ import annotations

import numpy as np
import pytest

from transforms.strength.ambiguity import Ambiguity, fit_ambiguity
from transforms.strength.combine import sigmoid

_WIDE = Ambiguity(np.ones(1), np.full(1, 2.0), False)


def told(margin: float, first: float, second: float, likeness: float = 0.0, model: Ambiguity = _WIDE) -> float:
    total = first + second
    label = first / total if total else float("nan")
    one = (np.array([margin]), np.array([likeness]), np.array([[first, second]]), np.array([label]))
    return float(model.p_ambiguous(*one, np.zeros(1, dtype=np.int64))[0])


def test_what_is_expected_of_more_raters_is_a_sum_over_leanings() -> None:
    rng = np.random.default_rng(0)
    q = sigmoid(0.7 + 2 * rng.normal(size=400_000))
    for first, second in ((1, 0), (0, 1), (4, 0)):
        weights = q**first * (1 - q) ** second
        assert told(0.7, first, second) == pytest.approx((weights * 4 * q * (1 - q)).sum() / weights.sum(), abs=0.01)


def test_votes_speak_for_themselves() -> None:
    five, four, three = told(0.5, 5, 0), told(0.5, 4, 1), told(0.5, 3, 2)
    assert five < told(0.5, 1, 0) < four < three
    assert three == pytest.approx(1 - 0.2**2)  # as they are divided
    assert told(2.0, 1, 0) < told(2.0, 0, 1)  # a label against a clear margin
    assert told(4.0, 1, 0) < told(0.0, 1, 0) < 0.7  # alone, a margin makes no row sure
    assert told(0.5, 5, 0) == pytest.approx(told(-0.5, 0, 5), abs=1e-12)
    assert told(0.5, 500, 0) == pytest.approx(told(0.5, 12, 0))
    assert told(1.0, 0.5, 0.5) == 1  # one judge who calls it even
    assert told(3.0, 0, 0) < told(0.0, 0, 0) < 1  # nobody judged: the margin alone


def test_nearly_the_same_texts_are_even_unless_raters_tell_them_apart() -> None:
    assert told(0.3, 1, 0, likeness=1.0) > 0.8 > told(0.3, 1, 0, likeness=0.5)
    assert told(0.3, 5, 0, likeness=1.0) < 0.7 < told(0.3, 1, 0, likeness=1.0)


def test_leanings_are_fitted_to_votes_of_other_folds() -> None:
    rng = np.random.default_rng(1)
    margins, fold = rng.normal(size=6000) * 1.5, np.arange(6000) % 2
    q = sigmoid(2 * margins + rng.normal(size=6000))
    first = rng.binomial(5, q)
    voices = np.stack([first, 5 - first], axis=1).astype(float)
    alike = np.zeros(6000)
    found = fit_ambiguity(margins, alike, voices, fold, 2)
    assert found.identified
    assert np.abs(np.log2(found.scale / 2)).max() <= 0.5  # a step of the grid
    assert np.abs(np.log2(found.spread / 1)).max() <= 0.5
    one = voices * 0 + np.array([1.0, 0.0])
    seen = q > rng.random(6000)  # of each row, one more vote
    one[~seen] = [0.0, 1.0]
    said = found.p_ambiguous(margins, alike, one, one[:, 0], fold)
    for tenth in np.array_split(np.argsort(said), 10):
        assert said[tenth].mean() == pytest.approx((4 * q * (1 - q))[tenth].mean(), abs=0.05)
    turned = voices[:, ::-1].copy()
    other = fit_ambiguity(margins, alike, np.where(fold[:, None] == 0, turned, voices), fold, 2)
    assert other.spread[0] == found.spread[0]  # a fold's own votes have no part in it
    assert (other.scale[1], other.spread[1]) != (found.scale[1], found.spread[1])


def test_single_votes_identify_nothing() -> None:
    voices = np.tile([1.0, 0.0], (1000, 1))
    assert not fit_ambiguity(np.zeros(1000), np.zeros(1000), voices, np.arange(1000) % 3, 3).identified
