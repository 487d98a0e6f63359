"""Images with nearly the same vector: against comparing each with each; and what is said of two of them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from transforms.duplicates.components import Forest
from transforms.images import vectors as module
from transforms.images.alike import Alike, Asked
from transforms.images.vectors import near_vectors


def sets(a: np.ndarray, b: np.ndarray) -> list[tuple[int, int]]:
    forest = Forest()
    forest.add(a.astype(np.uint64), b.astype(np.uint64))
    return list(forest.labels().iter_rows())


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


@pytest.mark.parametrize("partition", [1024, 40])
def test_sets_are_those_of_all_pairs(partition: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", partition)
    rng = np.random.default_rng(0)
    base = rng.normal(size=(240, 32))
    copies = base[:60] + rng.normal(scale=0.08, size=(60, 32))
    vectors = np.concatenate([unit(np.concatenate([base, copies, copies[:20] * 3])), np.zeros((5, 32), np.float16)])
    names = pl.Series([f"image {number}" for number in range(len(vectors))])
    exact = vectors.astype(np.float64)
    exact /= np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-9)
    wanted = np.argwhere(np.triu(exact @ exact.T, 1) >= 0.98)
    assert len(wanted) > 60
    a, b = near_vectors(vectors, names, 0.98, "cpu")
    assert sets(a, b) == sets(wanted[:, 0], wanted[:, 1])
    order = rng.permutation(len(vectors))
    a, b = near_vectors(vectors[order], names[order], 0.98, "cpu")
    assert {*map(frozenset, zip(order[a], order[b], strict=True))} == {
        *map(frozenset, zip(*near_vectors(vectors, names, 0.98, "cpu"), strict=True))
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_or_none(count: int) -> None:
    names = pl.Series([f"image {number}" for number in range(count)], dtype=pl.String)
    a, b = near_vectors(np.zeros((count, 8), np.float16), names, 0.9, "cpu")
    assert len(a) == len(b) == 0


def test_vectors_count_where_pictures_are_not_near_enough() -> None:
    small = np.stack([np.arange(192), np.arange(192), np.arange(192)[::-1], np.arange(192)[::-1]]).astype(np.uint8)
    vectors = np.array([[1, 0], [0, 1], [0.995, 0.0999], [0, 0]], dtype=np.float16)
    alike = Alike(Asked("", 6, "", 0.99), np.zeros(4, np.uint64), small, np.full(4, 0.98), vectors)
    said = alike.compare(np.array([0, 0, 1, 0]), np.array([1, 2, 2, 3])).to_dicts()
    assert [(one["looks_by"], one["looks"], one["looks_at"], one["beyond"] >= 0) for one in said] == [
        ("likeness", 1.0, 0.98, True),
        ("cosine", pytest.approx(0.995, abs=1e-3), 0.99, True),
        ("likeness", pytest.approx(-1), 0.98, False),
        ("likeness", pytest.approx(-1), 0.98, False),
    ]
