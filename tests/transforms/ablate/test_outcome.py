"""The head against a reference, intervals with known answers, proxies."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from transforms.ablate.compare import outcome
from transforms.ablate.head import fit_head, given, used
from transforms.ablate.proxies import ARMS, predicts, proxies


def separable(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    p = 1 / (1 + np.exp(-(x @ np.array([1.0, -0.5, 0.25, 0.0]))))
    return x, (rng.random(rows) < p).astype(float)


def test_the_head_is_a_weighted_logistic_regression() -> None:
    x, labels = separable(4000)
    weights = np.random.default_rng(1).random(4000) + 0.5
    ridge = 0.1
    theirs = LogisticRegression(C=1 / (ridge * weights.sum()), fit_intercept=False, tol=1e-8, max_iter=500)
    theirs.fit(x, labels > 0.5, sample_weight=weights)
    assert np.allclose(fit_head(x, labels, weights, ridge), theirs.coef_[0], atol=1e-3)


def test_the_head_has_no_side_and_no_unit_of_weights() -> None:
    x, labels = separable(500)
    ones = np.ones(500)
    mine = fit_head(x, labels, ones, 0.01)
    assert np.allclose(mine, fit_head(-x, 1 - labels, ones, 0.01), atol=1e-6)
    assert np.allclose(mine, fit_head(x, labels, 7 * ones, 0.01), atol=1e-5)
    # A row with weight two is two rows.
    twice = fit_head(np.vstack([x, x[:100]]), np.append(labels, labels[:100]), np.ones(600), 0.01)
    assert np.allclose(twice, fit_head(x, labels, np.append(np.full(100, 2.0), np.ones(400)), 0.01), atol=1e-5)
    with pytest.raises(ValueError, match="no row has a weight"):
        fit_head(x, labels, 0 * ones, 0.01)


def test_seeds_are_given_whole_groups_and_some_features() -> None:
    groups = np.random.default_rng(0).integers(0, 2**63, 400, dtype=np.uint64)
    both = given(np.concatenate([groups, groups]), 3)
    assert (both[:400] == both[400:]).all()
    assert 0.75 < both.mean() < 0.95
    assert 0.65 < used(300, 3).mean() < 0.95
    assert (used(300, 3) != used(300, 4)).any()


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(0)
    rows, groups = 2000, np.repeat(np.arange(500, dtype=np.uint64), 4)
    base = (rng.random((3, rows)) < 0.7).astype(float)
    better = base.copy()
    wrong = np.flatnonzero(base[0] == 0)
    better[:, wrong[:60]] = 1  # at least on sixty rows better in each seed, nowhere worse
    found = outcome(["raw", "better", "again"], np.stack([base, better, base]), groups, 500, 0)
    assert found.alone("raw")["accuracy"] == pytest.approx(base.mean(), abs=1e-5)
    less = found.less("better", "raw")
    assert less["difference"] == pytest.approx((better - base).mean(), abs=1e-5)
    assert less["low"] > 0
    assert less["sure"]
    assert found.alone("better")["low"] < found.alone("raw")["high"]  # unpaired, they overlap
    nothing = found.less("again", "raw")
    assert (nothing["difference"], nothing["low"], nothing["high"], nothing["sure"]) == (0, 0, 0, False)


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    hits = 0
    for trial in range(60):
        rng = np.random.default_rng([5, trial])
        level = np.clip(rng.normal(0.7, 0.2, 100), 0, 1).repeat(5)  # rows of a group are alike
        credits = (rng.random((1, 4, 500)) < level).astype(float)
        one = outcome(["a"], credits, np.arange(100).repeat(5).astype(np.uint64), 400, trial).alone("a")
        hits += one["low"] <= np.clip(np.random.default_rng(0).normal(0.7, 0.2, 10**6), 0, 1).mean() <= one["high"]
    assert hits >= 52


def test_proxies_of_a_set_with_known_answers() -> None:
    rng = np.random.default_rng(2)
    side = rng.choice([-1.0, 1.0], 300)
    rows = pl.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(300)], "of": [f"r{i}" for i in range(300)],
            "group": rng.integers(0, 2**63, 300, dtype=np.uint64), "strength_mu": 2 * side,
            "votes": pl.Series(np.stack([1.0 + 2 * (side > 0), 1.0 + 2 * (side < 0)], axis=1)),
        }
    )  # fmt: skip
    lines = pl.DataFrame(
        {"row_id": rows["row_id"], "place": range(300), "label": (side + 1) / 2, "weight": 1.0, "margin": 0.5}
    )
    found = proxies(lines, rows, (side[:, None] * [1.0, 0.0]).astype(np.float32), 600)
    assert found["strength"] == 2
    assert found["gap"] == 0.5
    assert found["kept"] == 0.5
    assert found["surface"] == 1
    # Three votes to one everywhere: half the pairs of votes of a unit differ, as nearly half of all do.
    assert found["alpha"] == pytest.approx(1 - 0.5 / (2 * 0.5 * 0.5 * 1200 / 1199), abs=0.02)
    alone = rows.with_columns(votes=pl.Series(np.stack([side > 0, side < 0], axis=1).astype(float)))
    bare = proxies(lines.with_columns(margin=pl.lit(None, pl.Float64)), alone, np.zeros((300, 2), np.float32), 300)
    assert bare["alpha"] is None
    assert bare["gap"] is None
    assert bare["surface"] == 0.5


def test_a_proxy_predicts_only_over_enough_arms() -> None:
    def values(count: int) -> dict[str, dict]:
        return {
            f"arm {i}": {
                "accuracy": 0.5 + i / 100,
                "proxies": {"strength": float(i), "gap": None, "alpha": 1.0, "kept": -i, "surface": float(i % 2)},
            }
            for i in range(count)
        }

    found = predicts([f"arm {i}" for i in range(ARMS)], values(ARMS))
    assert (found["strength"]["rho"], found["strength"]["predicts"]) == (1, True)
    assert found["kept"]["rho"] == -1
    assert (found["gap"]["rho"], found["gap"]["arms"], found["gap"]["predicts"]) == (None, 0, False)
    assert found["alpha"]["rho"] is None  # constant
    assert not found["surface"]["predicts"]
    assert not predicts(["arm 0", "arm 1", "arm 2"], values(3))["strength"]["predicts"]
