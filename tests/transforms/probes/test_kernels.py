"""Probes against another's solver, out of fold; and what lies far from everything that was rated."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from transforms.probes.outliers import fit_surroundings
from transforms.probes.ridge import RIDGES, fit_probe
from transforms.strength.folds import fold_of
from transforms.strength.selfcheck import auroc


def made(rows: int = 1200, width: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, width)).astype(np.float32)
    y = 0.5 + 0.1 * x @ rng.normal(size=width) / np.sqrt(width) + 0.05 * rng.normal(size=rows)
    return x, y, rng.integers(1, 2**63, rows // 4).astype(np.uint64)[np.arange(rows) % (rows // 4)]


def test_a_probe_is_where_another_solver_is() -> None:
    x, y, groups = made()
    probe = fit_probe(x, y, groups, 5, 3)
    fold = fold_of(groups, probe.cuts, 3)
    said = probe.ratings(x, groups, 3)
    for k in range(5):
        rest = fold != k
        gram = np.cov(x[rest], rowvar=False, bias=True) * rest.sum()
        penalty = probe.ridge * np.linalg.eigvalsh(gram).mean()
        theirs = Ridge(alpha=penalty, solver="cholesky").fit(x[rest].astype(float), y[rest])
        assert said[fold == k] == pytest.approx(theirs.predict(x[fold == k]), abs=1e-6)
    assert probe.correlation == pytest.approx(np.corrcoef(said, y)[0, 1])
    assert probe.correlation > 0.8
    assert probe.ridge in RIDGES


def test_no_probe_judges_a_group_it_has_seen() -> None:
    x, y, groups = made()
    mine = groups == groups[0]
    other = fit_probe(x, np.where(mine, 1 - y, y), groups, 5, 0)
    before = fit_probe(x, y, groups, 5, 0)
    assert other.ridge == before.ridge
    moved = np.abs(other.ratings(x, groups, 0) - before.ratings(x, groups, 0))
    assert moved[mine].max() < 1e-12 < 1e-5 < moved[~mine].max()


def test_noise_is_not_known_and_what_never_varies_neither() -> None:
    x, _, groups = made()
    noise = np.random.default_rng(9).random(len(x))
    probe = fit_probe(x, noise, groups, 5, 0)
    assert abs(probe.correlation) < 0.12
    assert np.ptp(probe.ratings(x, groups, 0)) < np.ptp(noise) / 2
    assert fit_probe(x, np.full(len(x), 0.3), groups, 5, 0).correlation == 0
    with pytest.raises(ValueError, match="2 groups cannot be spread over 5 folds"):
        fit_probe(x[:4], noise[:4], np.array([1, 1, 2, 2], np.uint64), 5, 0)


@pytest.mark.parametrize("width", [12, 96])
def test_what_is_of_another_kind_lies_far(width: int) -> None:
    rng = np.random.default_rng(4)
    kinds = rng.normal(size=(3, width))
    scale = np.linspace(0.05, 1.5, width)  # directions differ thirtyfold in how much they vary

    def some(rows: int) -> np.ndarray:
        return kinds[rng.integers(0, 3, rows)] + scale * rng.normal(size=(rows, width))

    known = fit_surroundings(some(2000))
    usual, strange = some(500), some(25)
    strange[:, :4] += 0.6  # far only in what hardly varies
    distances = known.distances(np.concatenate([usual, strange]))
    assert auroc(distances, np.arange(525) >= 500) > 0.95
    shares = known.shares(distances)
    assert shares[:500].mean() == pytest.approx(0.5, abs=0.06)
    assert shares[500:].min() > 0.5
    raw = np.linalg.norm(np.concatenate([usual, strange])[:, None] - known.mean, axis=2)[:, 0]
    assert auroc(raw, np.arange(525) >= 500) < 0.75  # as the eye would measure it, they are where the others are


def test_outside_of_the_directions_that_are_known() -> None:
    rng = np.random.default_rng(5)
    flat = np.zeros((1000, 100))
    flat[:, :70] = rng.normal(size=(1000, 70))
    known = fit_surroundings(flat)
    off = flat[:50].copy()
    off[:, 90] = 10
    assert known.distances(off).min() > known.distances(flat).max()
