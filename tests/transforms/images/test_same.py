"""Which images look the same: against all pairs, and what is left out where there are more than one task holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from transforms.blocks import read_frame, write_frame
from transforms.duplicates.components import Forest
from transforms.images import looks as module
from transforms.images import stage
from transforms.images.looks import likeness, near_copies
from transforms.images.stage import find_same, same_file

SMALL = np.random.default_rng(1).integers(0, 256, (40, 192)).astype(np.uint8)


def some(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of forty images and of others that differ from one of them in a few bits, and their small pictures."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, 40, dtype=np.uint64)
    of = rng.integers(0, 40, count)
    bits = np.zeros(count, dtype=np.uint64)
    for _ in range(3):
        bits |= np.uint64(1) << rng.integers(0, 64, count).astype(np.uint64) * (rng.random(count) < 0.5)
    return base[of] ^ bits, SMALL[of]


def sets(a: np.ndarray, b: np.ndarray) -> list[tuple[int, int]]:
    forest = Forest()
    forest.add(np.asarray(a, dtype=np.uint64), np.asarray(b, dtype=np.uint64))
    return list(forest.labels().iter_rows())


@pytest.mark.parametrize("bits", [0, 2, 6])
def test_pairs_are_near_and_connect_what_all_pairs_connect(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 7)
    found, small = some()
    one, two = np.triu_indices(len(found), 1)
    near = (np.bitwise_count(found[one] ^ found[two]) <= bits) & (likeness(small[one], small[two]) >= 0.98)
    a, b, apart, alike = near_copies(found, small, bits, 0.98)
    every, found_by_keys = len(sets(one[near], two[near])), len(sets(a, b))
    # Of images that meet, only some are compared: where no bit may differ, all of one hash.
    assert found_by_keys == every if bits == 0 else 0.95 * every <= found_by_keys <= every
    assert found_by_keys > 20
    assert set(zip(a.tolist(), b.tolist(), strict=True)) <= set(
        zip(one[near].tolist(), two[near].tolist(), strict=True)
    )
    assert (apart == np.bitwise_count(found[a] ^ found[b])).all()
    assert (alike == likeness(small[a], small[b])).all()
    assert (a < b).all()


def task(folder: Path, **asked: Any) -> dict[str, Any]:
    found, small = some()
    frame = pl.DataFrame(
        {"name": [f"i{n:03d}" for n in range(len(found))], "hash": found, "small": [one.tobytes() for one in small]}
    )
    write_frame(frame, f"{folder}/a.parquet")
    return {
        "looks": [f"{folder}/a.parquet"], "bits": 6, "likeness": 0.98, "vectors": None, "members": [], "cosine": 0.98,
        "device": None, "most": 300, "most_vectors": 300, **asked,
    }  # fmt: skip


def test_more_images_than_a_task_holds_are_compared_by_the_same_hash_alone(tmp_path: Path) -> None:
    all_of_them = find_same(task(tmp_path), str(tmp_path / "all"))
    few = find_same(task(tmp_path, most=299), str(tmp_path / "few"))
    assert (all_of_them["bits"], few["bits"]) == (6, 0)
    assert 0 < few["alike"] < all_of_them["alike"]
    same = read_frame(same_file(str(tmp_path / "few")))
    found = dict(zip([f"i{n:03d}" for n in range(300)], some()[0].tolist(), strict=True))
    assert all(found[name] == found[stands] for name, stands in same.rows())


def test_and_where_these_are_too_many_none_are_compared(tmp_path: Path) -> None:
    again = int((np.unique(some()[0], return_counts=True)[1][np.unique(some()[0], return_inverse=True)[1]] > 1).sum())
    assert 0 < again < 299
    at = find_same(task(tmp_path, most=again), str(tmp_path / "at"))
    over = find_same(task(tmp_path, most=again - 1), str(tmp_path / "over"))
    assert (at["images"], at["compared"], over["images"], over["compared"]) == (300, again, 300, 0)
    assert at["alike"] > 0
    assert (over["alike"], over["sets"], over["bits"]) == (0, 0, 0)
    assert read_frame(same_file(str(tmp_path / "over"))).height == 0


def test_an_image_of_one_name_in_two_places_counts_once(tmp_path: Path) -> None:
    once = find_same(task(tmp_path), str(tmp_path / "once"))
    twice = task(tmp_path, most=600)
    twice["looks"] *= 2
    assert find_same(twice, str(tmp_path / "twice")) == once
    assert read_frame(same_file(str(tmp_path / "twice"))).equals(read_frame(same_file(str(tmp_path / "once"))))


def test_and_by_no_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "vectors_of", lambda *_: np.zeros((300, 4), dtype=np.float16))
    told = find_same(task(tmp_path, vectors="v"), str(tmp_path / "with"))
    assert (told["with_vector"], told["by_vector_alone"]) == (0, 0)
    assert "with_vector" not in find_same(task(tmp_path, vectors="v", most_vectors=299), str(tmp_path / "without"))
