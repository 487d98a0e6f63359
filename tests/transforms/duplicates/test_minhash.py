"""Signatures estimate Jaccard similarity, and bands find what the S-curve says."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from transforms.duplicates import minhash
from transforms.duplicates.minhash import PERMUTATIONS, Bands, band_keys, bands, of_unions, signatures
from transforms.duplicates.sets import Sets, of_lists


def pairs_of(similarity: float, union: int, count: int, seed: int = 0) -> tuple[Sets, Sets, float]:
    """Sets with one Jaccard similarity, which comes back as it could be made."""
    values = np.random.default_rng(seed).integers(0, 2**32, (count, union), dtype=np.uint32)
    shared = round(union * similarity)
    own = (union - shared) // 2
    sides = values[:, : shared + own], np.delete(values, np.s_[shared : shared + own], axis=1)
    one, other = (Sets(side.ravel(), np.arange(count + 1) * side.shape[1]) for side in sides)
    return one, other, shared / union


@pytest.mark.parametrize("union", [5, 40, 300])
@pytest.mark.parametrize("similarity", [0.2, 0.5, 0.8])
def test_estimate_is_unbiased_with_binomial_spread(union: int, similarity: float) -> None:
    one, other, exact = pairs_of(similarity, union, 2000)
    estimate = (signatures(one) == signatures(other)).mean(axis=0)
    spread = np.sqrt(exact * (1 - exact) / PERMUTATIONS)
    assert abs(estimate.mean() - exact) < 6 * spread / np.sqrt(2000)
    assert 0.9 < estimate.std() / spread < 1.1


@pytest.mark.parametrize("union", [10, 100])
@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.7, 0.9])
def test_candidates_are_as_many_as_the_curve_says(union: int, similarity: float) -> None:
    shape = bands(0.7)
    one, other, exact = pairs_of(similarity, union, 3000, seed=1)
    met = (band_keys(signatures(one), shape) == band_keys(signatures(other), shape)).any(axis=0).mean()
    chance = shape.chance(exact)
    assert abs(met - chance) < 5 * np.sqrt(chance * (1 - chance) / 3000) + 0.004


def test_bands_are_the_longest_that_find_enough() -> None:
    assert bands(0.7) == Bands(25, 5)
    assert bands(0.8) == Bands(18, 7)
    assert bands(0.5) == Bands(42, 3)
    for threshold in (0.3, 0.5, 0.62, 0.7, 0.85, 0.95, 1.0):
        chosen = bands(threshold)
        assert chosen.chance(threshold) >= minhash.RECALL
        assert chosen.count * chosen.rows <= PERMUTATIONS
        longer = Bands(PERMUTATIONS // (chosen.rows + 1), chosen.rows + 1)
        assert chosen.rows == PERMUTATIONS or longer.chance(threshold) < minhash.RECALL


def test_figures_of_the_curve_are_those_in_the_docstring() -> None:
    told = [line.strip("| ").split("|") for line in (minhash.__doc__ or "").splitlines() if " × " in line]
    assert len(told) == 3
    for name, *figures in told:
        count, rows = (int(number) for number in name.split(",")[0].split("×"))
        for place, figure in enumerate(figures, 2):
            assert Bands(count, rows).chance(place / 10) == pytest.approx(float(figure), abs=6e-4)


def test_signatures_do_not_depend_on_order_repetition_or_neighbours() -> None:
    some = of_lists(pl.Series([[3, 1, 2], [1, 1, 2, 3, 3], [], [2, 3, 1, 9], [1, 2, 3]], dtype=pl.List(pl.UInt32)))
    signed = signatures(some)
    assert signed.shape == (PERMUTATIONS, 5)
    assert (signed[:, 0] == signed[:, 1]).all()
    assert (signed[:, 0] == signed[:, 4]).all()
    assert (signed[:, 2] == np.iinfo(np.uint32).max).all()
    assert (signed[:, 3] <= signed[:, 0]).all()


def test_signatures_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    one, _, _ = pairs_of(0.5, 50, 200)
    whole = signatures(one)
    monkeypatch.setattr(minhash, "_CHUNK", 90)
    assert (signatures(one) == whole).all()


def test_union_of_parts() -> None:
    parts = of_lists(pl.Series([[1, 2], [3], [], [4]], dtype=pl.List(pl.UInt32)))
    counts = np.array([3, 1])
    assert (of_unions(signatures(parts), counts) == signatures(parts.joined(counts))).all()


def test_forms_do_not_meet() -> None:
    one, _, _ = pairs_of(0.5, 50, 3)
    signed = signatures(one)[:, [0, 0, 0]]
    keys = band_keys(signed, bands(0.7), np.array([1, 2, 1], dtype=np.uint32))
    assert (keys[:, 0] == keys[:, 2]).all()
    assert not (keys[:, 0] == keys[:, 1]).any()
