"""Likeness, neighbours, forests and representatives, each beside a plain rewriting of what it says."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from transforms.duplicates import kmeans
from transforms.duplicates.semantic import (
    COMMON,
    DIGITS,
    MOST,
    NEAREST,
    Parts,
    alike,
    forest,
    links,
    neighbours,
    representatives,
    slices,
)


def made(rng: np.random.Generator, rows: int, places: int, spread: float = 0.25, clouds: int = 4) -> Parts:
    """Rows around a few centres; every fifth has no prompt."""
    centres = np.random.default_rng(99).normal(size=(clouds, 8))

    def near(shape: tuple[int, ...]) -> np.ndarray:
        vectors = centres[rng.integers(0, clouds, shape)] + spread * rng.normal(size=(*shape, 8))
        return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float16)

    prompts = near((rows,))
    prompts[::5] = 0
    return Parts(prompts, near((rows, places)) if places else np.zeros((rows, 0, 8), dtype=np.float16))


def plain(a: Parts, i: int, b: Parts, j: int) -> float:
    """The likeness as the module describes it, with the best of all ways to match two responses."""

    def cosine(x: np.ndarray, y: np.ndarray) -> float:
        x, y = x.astype(np.float64), y.astype(np.float64)
        return float(x @ y / np.sqrt((x @ x) * (y @ y)))

    asked = a.prompts[i].any(), b.prompts[j].any()
    if asked == (False, False):
        value = 1.0
    elif all(asked):
        value = cosine(a.prompts[i], b.prompts[j])
    else:
        return 0.0
    count = a.responses.shape[1]
    between = [[cosine(x, y) for y in b.responses[j]] for x in a.responses[i]]
    if 0 < count <= 2:
        ways = itertools.permutations(range(count))
        value = min(value, max(min(between[x][way[x]] for x in range(count)) for way in ways))
    elif count:
        value = min(value, *(max(row) for row in between), *(max(column) for column in zip(*between, strict=True)))
    return value


def all_alike(a: Parts, b: Parts, threshold: float) -> dict[tuple[int, int], float]:
    found = {}
    for rows, columns, likeness in alike(a, b, threshold):
        for i, j in (likeness >= 0).nonzero().tolist():
            found[int(rows[i]), int(columns[j])] = int(likeness[i, j]) / 10**DIGITS
    return found


@pytest.mark.parametrize("places", [0, 1, 2, 3])
@pytest.mark.parametrize("threshold", [0.5, 0.9])
def test_likeness_is_that_of_the_least_alike_part(places: int, threshold: float) -> None:
    rng = np.random.default_rng(places)
    a, b = made(rng, 60, places, clouds=2), made(rng, 50, places, clouds=2)
    found = all_alike(a, b, threshold)
    assert found
    for i, j in itertools.product(range(60), range(50)):
        expected = plain(a, i, b, j)
        if (i, j) in found:
            assert found[i, j] == pytest.approx(expected, abs=2e-5)
            assert found[i, j] >= threshold
        else:
            assert expected < threshold + 2e-5


def test_a_pair_with_its_sides_swapped_is_as_alike() -> None:
    rows = made(np.random.default_rng(0), 40, 2)
    swapped = Parts(rows.prompts, rows.responses[:, ::-1])
    found = all_alike(rows, swapped, 0.99999)
    assert [found.get((i, i)) for i in range(40)] == [1.0] * 40


def test_neighbours_are_the_nearest_and_the_first() -> None:
    rng = np.random.default_rng(3)
    rows, keys = made(rng, 300, 1, spread=0.05, clouds=2), np.arange(1000, 1300, dtype=np.uint64)
    a, b, value = neighbours(rows, keys, rows, keys, 0.8)
    found: dict[int, dict[int, float]] = {}
    for x, y, v in zip(a.tolist(), b.tolist(), value.tolist(), strict=True):
        found.setdefault(x, {})[y] = v
    full = 0
    for i in range(300):
        true = {1000 + j: round(plain(rows, i, rows, j), DIGITS) for j in range(300) if j != i}
        true = {key: v for key, v in true.items() if v >= 0.8}
        mine = found.get(1000 + i, {})
        assert set(mine) <= set(true)
        assert set(sorted(true)[:NEAREST]) <= set(mine)
        best = sorted(true.values(), reverse=True)[:NEAREST]
        assert sorted(mine.values(), reverse=True)[: len(best)] == pytest.approx(best, abs=2e-5)
        assert len(mine) <= 2 * NEAREST
        full += len(true) > 2 * NEAREST
    assert full > 100


def components(a: np.ndarray, b: np.ndarray, nodes: int) -> set[frozenset[int]]:
    labels = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(nodes, nodes)), directed=False)[1]
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14), st.sampled_from([0.9, 0.92, 0.95, 1.0])), max_size=60),
    st.sampled_from([0.9, 0.92, 0.95, 1.0]),
)
def test_a_forest_connects_the_same_at_every_threshold(edges: list[tuple[int, int, float]], threshold: float) -> None:
    edges = [(x, y, v) for x, y, v in edges if x != y]
    strongest: dict[frozenset[int], float] = {}
    for x, y, v in edges:
        strongest[frozenset((x, y))] = max(v, strongest.get(frozenset((x, y)), 0))
    ends = np.array([sorted(pair) for pair in strongest] or np.zeros((0, 2)), dtype=np.int64).reshape(-1, 2)
    value = np.array(list(strongest.values()))
    chosen = forest(ends[:, 0], ends[:, 1], value, 15)
    a, b, kept = ends[chosen, 0], ends[chosen, 1], value[chosen]
    assert len(a) <= 14
    assert all(strongest[frozenset((x, y))] == v for x, y, v in zip(a.tolist(), b.tolist(), kept.tolist(), strict=True))
    above, still = value >= threshold, kept >= threshold
    assert components(a[still], b[still], 15) == components(ends[above, 0], ends[above, 1], 15)


def test_links_connect_what_all_pairs_connect() -> None:
    rng = np.random.default_rng(5)
    rows, keys = made(rng, 500, 0, spread=0.3, clouds=30), rng.permutation(5000)[:500].astype(np.uint64)
    keys.sort()
    a, b, value = links(rows, keys, rows[:400], keys[:400], 0.93)
    true = [(i, j) for i in range(500) for j in range(400) if i != j and round(plain(rows, i, rows, j), DIGITS) >= 0.93]
    left, right = (np.searchsorted(keys, side) for side in (a, b))
    assert 0 < len(a) < 500
    assert (value >= 0.93).all()
    ends = np.array(true)
    assert components(left, right, 500) == components(ends[:, 0], ends[:, 1], 500)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19), st.sampled_from([0.95, 0.96, 1.0])), max_size=80))
def test_representatives_are_those_of_taking_rows_in_their_order(edges: list[tuple[int, int, float]]) -> None:
    pairs = {(min(x, y), max(x, y)): v for x, y, v in edges if x != y}
    like = {**pairs, **{(y, x): v for (x, y), v in pairs.items()}}
    kept: list[int] = []
    for node in range(20):
        if not any((node, other) in like for other in kept):
            kept.append(node)
    a, b = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    stands, how = representatives(a, b, np.array(list(pairs.values())), 20)
    for node in range(20):
        if node in kept:
            assert (stands[node], how[node]) == (node, 1)
        else:
            best = min((-like[node, other], other) for other in kept if (node, other) in like)
            assert (stands[node], how[node]) == (best[1], -best[0])


def test_an_over_full_partition_is_cut_into_slices_with_rows_in_common() -> None:
    assert [(len(members), len(askers)) for members, askers in slices(100, 300)] == [(100, 300)]
    found = list(slices(10 * MOST + 1, 25_000))
    assert np.concatenate([askers for _, askers in found]).tolist() == list(range(25_000))
    assert set(np.concatenate([members for members, _ in found]).tolist()) == set(range(10 * MOST + 1))
    for members, _ in found:
        assert set(range(COMMON)) <= set(members.tolist())
        assert len(members) <= MOST + COMMON


def test_rows_that_are_all_alike_take_linear_time_and_stay_connected() -> None:
    rng = np.random.default_rng(0)
    took = []
    for rows in (4_200, 16_800):
        vectors = rng.normal(size=(1, 8)) + 0.001 * rng.normal(size=(rows, 8))
        cloud = Parts(vectors.astype(np.float16), np.zeros((rows, 0, 8), dtype=np.float16))
        keys = np.arange(rows, dtype=np.uint64)
        started = time.process_time()
        found = [
            links(cloud[askers], keys[askers], cloud[members], keys[members], 0.97)
            for members, askers in slices(rows, rows)
        ]
        took.append(time.process_time() - started)
        a, b, cosine = (np.concatenate(part) for part in zip(*found, strict=True))
        a, b = a.astype(np.int64), b.astype(np.int64)
        assert len(forest(a, b, cosine, rows)) == rows - 1
    assert took[1] < 8 * took[0]  # four times the rows; sixteen times would be quadratic


def test_partitions_do_not_depend_on_threads() -> None:
    vectors = np.random.default_rng(0).normal(size=(3000, 16)).astype(np.float32)
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            centres = kmeans.fit(vectors, 12)
            found.append((centres, kmeans.nearest(vectors, centres, 3)))
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_partitions_are_those_of_lloyds_iterations() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(400, 3)).astype(np.float32)
    centres = vectors[:5].astype(np.float64)
    for _ in range(kmeans.ITERATIONS):
        labels = ((vectors[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.array([vectors[labels == k].mean(axis=0) if (labels == k).any() else centres[k] for k in range(5)])
    np.testing.assert_allclose(kmeans.fit(vectors, 5), centres, atol=2e-3)
    near = kmeans.nearest(vectors, centres, 2)
    distances = ((vectors[:, None] - centres[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(near, np.argsort(distances, axis=1)[:, :2])


def test_one_row_and_none() -> None:
    one = np.ones((1, 4), dtype=np.float32)
    np.testing.assert_allclose(kmeans.fit(one, 3), one)
    assert kmeans.nearest(one[:0], one, 2).shape == (0, 1)
    assert kmeans.nearest(one, one, 2).tolist() == [[0]]
