"""Prediction bias: found where it is planted, not found where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from transforms.spurious.bias import gaps


def scored(rows: int, above: float, below: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    feature = rng.normal(size=rows)
    return feature, (rng.random(rows) < np.where(feature > 0.3, above, below)).astype(float)


def test_a_planted_gap_is_found_at_its_threshold() -> None:
    feature, right = scored(12_000, 0.9, 0.6, seed=0)
    other = np.random.default_rng(1).normal(size=12_000)
    (planted, chance) = gaps(np.stack([feature, other], axis=1), right)
    assert planted.significant
    assert planted.p == pytest.approx(1 / 201)
    assert planted.threshold == pytest.approx(0.3, abs=0.05)
    assert (planted.below, planted.above) == (pytest.approx(0.6, abs=0.02), pytest.approx(0.9, abs=0.02))
    # The intervals of subsamples of 800 take about 2 * 1.96 * 0.014 of the 0.3.
    assert planted.gap == pytest.approx(0.3 - 1.96 * (0.0165 + 0.0096), abs=0.03)
    assert not chance.significant


def test_a_feature_of_chance_has_no_gap() -> None:
    rng = np.random.default_rng(2)
    found = sum(
        gaps(rng.random((2400, 5)), (rng.random(2400) < 0.7).astype(float), seed)[0].significant for seed in range(60)
    )
    assert found <= 3


def test_scores_between_nought_and_one_have_gaps_too() -> None:
    rng = np.random.default_rng(3)
    feature = rng.random(4000)
    (found,) = gaps(feature[:, None], np.clip(0.3 + 0.4 * (feature > 0.5) + rng.normal(0, 0.1, 4000), 0, 1))
    assert found.significant
    assert found.threshold == pytest.approx(0.5, abs=0.02)


def test_too_few_rows_or_one_value_have_none() -> None:
    right = np.ones(10)
    for feature in (np.zeros((10, 1)), np.arange(10.0)[:, None]):
        (found,) = gaps(feature, right)
        assert found.gap == 0
        assert not found.significant
        assert np.isnan(found.threshold)
