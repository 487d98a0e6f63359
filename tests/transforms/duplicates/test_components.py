"""Components against SciPy, whatever the order, the chunks and the workers; and what they take."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable

import apache_beam as beam
import numpy as np
import polars as pl
import pytest
from apache_beam.testing.util import assert_that
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from transforms.duplicates import components as module
from transforms.duplicates.components import LABELS, Components, Forest

Edges = tuple[np.ndarray, np.ndarray]


def names(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.permutation(np.unique(rng.integers(0, 2**64, 2 * count, dtype=np.uint64)))[:count]


def chance(nodes: int, edges: int) -> Edges:
    rng = np.random.default_rng(nodes + edges)
    return rng.integers(0, nodes, edges), rng.integers(0, nodes, edges)


def chain(nodes: int) -> Edges:
    order = np.random.default_rng(1).permutation(nodes - 1)
    return order, order + 1


def star(nodes: int) -> Edges:
    return np.zeros(nodes - 1, dtype=np.int64), np.arange(1, nodes)


def several_stars(nodes: int) -> Edges:
    return np.arange(nodes) // 100 * 100, np.arange(nodes)


GRAPHS: dict[str, tuple[int, Callable[[], Edges]]] = {
    "sparse": (20_000, lambda: chance(20_000, 4_000)),
    "at the threshold of one large component": (20_000, lambda: chance(20_000, 10_000)),
    "dense": (5_000, lambda: chance(5_000, 50_000)),
    "chain": (20_000, lambda: chain(20_000)),
    "star": (20_000, lambda: star(20_000)),
    "stars": (20_000, lambda: several_stars(20_000)),
}


def wanted(edges: Edges, nodes: np.ndarray) -> dict[int, int]:
    """Each node that has an edge to another, with the smallest of its component, as SciPy has them."""
    left, right = edges
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(len(nodes), len(nodes)))
    count, labels = connected_components(graph, directed=False)
    smallest = np.full(count, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, labels, nodes)
    sizes = np.bincount(labels)
    inside = sizes[labels] > 1
    return dict(zip(nodes[inside].tolist(), smallest[labels][inside].tolist(), strict=True))


def as_dict(labels: pl.DataFrame) -> dict[int, int]:
    assert labels.schema == LABELS
    assert labels["node"].is_sorted()
    assert labels["node"].is_unique().all()
    return dict(labels.iter_rows())


@pytest.fixture(params=GRAPHS)
def graph(request: pytest.FixtureRequest) -> tuple[Edges, np.ndarray]:
    count, make = GRAPHS[request.param]
    return make(), names(count)


@pytest.mark.parametrize("pending", [1_000_000, 1_500])
def test_the_components_of_scipy(
    graph: tuple[Edges, np.ndarray], pending: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING", pending)
    (left, right), nodes = graph
    forest = Forest()
    for start in range(0, len(left), 700):
        forest.add(nodes[left[start : start + 700]], nodes[right[start : start + 700]])
    assert as_dict(forest.labels()) == wanted((left, right), nodes)


def test_merged_from_forests_of_parts(graph: tuple[Edges, np.ndarray]) -> None:
    (left, right), nodes = graph
    order = np.random.default_rng(2).permutation(len(left))
    combine, parts = module._Combine(), []
    for some in np.array_split(order, 5):
        part = combine.create_accumulator()
        part = combine.add_input(part, pl.DataFrame({"a": nodes[left[some]], "b": nodes[right[some]]}))
        parts.append(pickle.loads(pickle.dumps(combine.compact(part))))
    merged = combine.merge_accumulators(parts)
    assert as_dict(combine.extract_output(merged)) == wanted((left, right), nodes)


def test_in_a_pipeline() -> None:
    edges, nodes = chance(3_000, 2_000), names(3_000)
    left, right = edges
    frames = [
        pl.DataFrame({"a": nodes[left[some]], "b": nodes[right[some]]}) for some in np.array_split(np.arange(2_000), 7)
    ]

    def check(found: list[pl.DataFrame]) -> None:
        (labels,) = found
        assert as_dict(labels) == wanted(edges, nodes)

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        assert_that(pipeline | beam.Create(frames) | Components(), check)


def test_no_edges_and_loops() -> None:
    assert Forest().labels().height == 0
    forest = Forest()
    forest.add(np.array([5, 7], dtype=np.uint64), np.array([5, 7], dtype=np.uint64))
    assert forest.labels().height == 0

    def check(found: list[pl.DataFrame]) -> None:
        assert [frame.height for frame in found] == [0]

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        assert_that(pipeline | beam.Create([]).with_output_types(pl.DataFrame) | Components(), check)


def test_what_a_node_takes() -> None:
    """At rest 16 bytes; while edges are worked in, what the module's description says."""
    count = 400_000
    left, right = chance(count, count)
    nodes = names(count)
    left, right = nodes[left], nodes[right]
    tracemalloc.start()
    forest = Forest()
    forest.add(left, right)
    labels = forest.labels()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (forest.nodes.nbytes + forest.roots.nbytes) / labels.height <= 16
    assert peak / labels.height < 160
