"""Connected components of more edges than fit together: star forests that are merged and compacted.

A forest holds 16 bytes a node that has an edge. Compacting takes about 150 bytes a node and pending edge for a moment,
so ten million nodes take 2.3 GB at most and 0.2 GB at rest (measured: tests and `benchmarks/results.md`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import apache_beam as beam
import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

#: Edges wait until there are so many, or as many as the forest has nodes.
PENDING = 1_000_000
#: What comes out: a node that has an edge, and the smallest node of its component.
LABELS = pl.Schema({"node": pl.UInt64(), "root": pl.UInt64()})
_NONE = np.empty(0, dtype=np.uint64)


@dataclass
class Forest:
    """Components so far, each a star around its smallest node, and edges that are not in them yet.

    Attributes:
        nodes: uint64, every node but the roots.
        roots: uint64, the smallest node of each one's component.
        pending: edges.
    """

    nodes: np.ndarray = field(default_factory=lambda: _NONE)
    roots: np.ndarray = field(default_factory=lambda: _NONE)
    pending: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, left: np.ndarray, right: np.ndarray) -> None:
        """Take edges; they are worked in when there are enough of them."""
        self.pending.append((left, right))
        if sum(len(one) for one, _ in self.pending) >= max(PENDING, len(self.nodes)):
            self.compact()

    def compact(self) -> None:
        """Work the pending edges in."""
        if not self.pending:
            return
        left = np.concatenate([self.nodes, *(one for one, _ in self.pending)])
        right = np.concatenate([self.roots, *(other for _, other in self.pending)])
        self.pending = []
        names, places = np.unique(np.concatenate([left, right]), return_inverse=True)
        edges = places.reshape(2, -1).astype(np.int32 if len(names) < 2**31 else np.int64)
        graph = coo_array((np.ones(len(left), dtype=bool), (edges[0], edges[1])), shape=(len(names), len(names)))
        _, labels = connected_components(graph, directed=False)
        # Names ascend, so the first of a label is its smallest.
        _, first = np.unique(labels, return_index=True)
        roots = names[first[labels]]
        leaf = names != roots
        self.nodes, self.roots = names[leaf], roots[leaf]

    def labels(self) -> pl.DataFrame:
        """Frame of `LABELS`, by node; nodes without an edge to another are not in it."""
        self.compact()
        roots = np.unique(self.roots)
        every = {"node": np.concatenate([self.nodes, roots]), "root": np.concatenate([self.roots, roots])}
        return pl.DataFrame(every, schema=LABELS).sort("node")


class _Combine(beam.CombineFn):
    def create_accumulator(self, *args: object, **kwargs: object) -> Forest:
        return Forest()

    def add_input(self, mutable_accumulator: Forest, element: pl.DataFrame, *args: object, **kwargs: object) -> Forest:
        mutable_accumulator.add(*(side.to_numpy() for side in element.get_columns()))
        return mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[Forest], *args: object, **kwargs: object) -> Forest:
        first, *rest = accumulators
        for other in rest:
            first.add(other.nodes, other.roots)
            for edges in other.pending:
                first.add(*edges)
        return first

    def compact(self, accumulator: Forest, *args: object, **kwargs: object) -> Forest:
        accumulator.compact()
        return accumulator

    def extract_output(self, accumulator: Forest, *args: object, **kwargs: object) -> pl.DataFrame:
        return accumulator.labels()


@dataclass
class Components(beam.PTransform):
    """The components of a graph: from frames of edges (two columns of UInt64) to one frame of `LABELS`.

    Edges are combined where they are; only star forests move.
    """

    def expand(self, edges: beam.PCollection) -> beam.PCollection:
        return edges | "forest" >> beam.CombineGlobally(_Combine()).with_output_types(pl.DataFrame)
