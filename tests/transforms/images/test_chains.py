"""Chains of what is merely alike are taken apart; versions of one picture stay together."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.images import as_png, changed, rooms, scenes, seen
from transforms.images import chains
from transforms.images.chains import CHAIN, forest_of, near_sets, stricter, usual
from transforms.images.looks import likeness


def roots(a: np.ndarray, b: np.ndarray, count: int) -> np.ndarray:
    """The first image of the set that each is in."""
    out = np.arange(count)
    labels = forest_of(a, b).labels()
    out[labels["node"].to_numpy().astype(int)] = labels["root"].to_numpy().astype(int)
    return out


@pytest.mark.parametrize(("rows", "few"), [(256, 1024), (256, 8), (7, 8)])
def test_a_fixed_camera_makes_no_set_of_all_it_sees(rows: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "_ROWS", rows)
    monkeypatch.setattr(chains, "_FEW", few)
    images, others = rooms(120, 5), scenes(6, 5)
    found, small = seen([*map(as_png, images), *(changed(one, "jpeg 50") for one in images), *map(as_png, others)])
    a, b, chained = near_sets(found, small, 6, 0.98)
    assert chained.sum() > CHAIN
    assert not chained[-len(others) :].any()
    of = roots(a, b, len(found))
    assert (of[:120] == of[120:240]).all()
    assert np.bincount(of).max() < 20
    # What is alike to the stricter measure, all compared with all of a chain, is what hangs together.
    inside = np.flatnonzero(chained)
    one, two = (inside[side] for side in np.triu_indices(len(inside), 1))
    near = (likeness(small[one], small[two]) >= stricter(0.98)) & (np.bitwise_count(found[one] ^ found[two]) <= 6)
    assert (roots(one[near], two[near], len(found))[inside] == of[inside]).all()


def test_many_versions_of_one_picture_are_one_set() -> None:
    images = scenes(2, 6)
    files = [changed(image, f"jpeg {quality}") for image in images for quality in range(40, 95)]
    found, small = seen(files)
    a, b, chained = near_sets(found, small, 6, 0.98)
    assert chained.all()
    assert roots(a, b, len(files)).tolist() == [0] * 55 + [55] * 55
    blank = np.full((1000, 192), 9, dtype=np.uint8)
    a, b, chained = near_sets(np.zeros(1000, np.uint64), blank, 6, 0.98)
    assert chained.all()
    assert not roots(a, b, 1000).any()
    assert len(a) < 1000


def test_the_stricter_measure_and_back() -> None:
    assert stricter(0.98) == 0.999
    assert usual(0.999) == 0.98
    assert stricter(1.0) == usual(1.0) == 1.0
