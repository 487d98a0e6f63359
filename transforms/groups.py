"""Groups: rows that must stay in one split and one fold, since they share a prompt or are alike.

A group is a full connected component. Its nodes are prompts; a row without a prompt is a node of its own. Edges come
from stages that find likeness, as Parquet files of `group_a` and `group_b`, the nodes of two rows (`group_nodes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.components import Components
from transforms.hashing import as_hashes, as_nodes
from transforms.tasks import finish
from transforms.texts import blank

#: What tells a row's node.
NODE_COLUMNS = ("prompt_id", "content_id", "prompt", "tools")


def group_nodes(rows: pl.DataFrame) -> np.ndarray:
    """The node of each row: its prompt's, or its own where the prompt holds nothing (`NODE_COLUMNS`)."""
    own = pl.when(blank(rows)).then(rows["content_id"]).otherwise(rows["prompt_id"])
    return as_nodes(rows.select(own.alias("id")).to_series())


def roots(nodes: np.ndarray, labels: pl.DataFrame) -> np.ndarray:
    """The smallest node of each node's component.

    Args:
        nodes: uint64.
        labels: frame of `transforms.duplicates.components.LABELS`; a node that is not in it is alone.
    """
    if labels.is_empty():
        return nodes
    known = labels["node"].to_numpy()
    place = np.minimum(np.searchsorted(known, nodes), len(known) - 1)
    return np.where(known[place] == nodes, labels["root"].to_numpy()[place], nodes)


def sizes(rows: pl.DataFrame) -> pl.DataFrame:
    """The groups, the largest first.

    Args:
        rows: group_id and linked.

    Returns:
        group_id, rows, and whether they were linked by likeness.
    """
    found = rows.group_by("group_id").agg(rows=pl.len(), linked=pl.col("linked").any())
    return found.sort("rows", "group_id", descending=[True, False])


@beam.typehints.with_output_types(pl.DataFrame)
class _Read(beam.DoFn):
    def process(self, path: str) -> Iterator[pl.DataFrame]:
        yield blocks.read_frame(path, ["group_a", "group_b"])


class _Write(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def process(self, block: Block, labels: pl.DataFrame) -> None:
        nodes = group_nodes(blocks.read_frame(block.path, NODE_COLUMNS))
        linked = pl.Series("linked", np.isin(nodes, labels["node"].to_numpy()))
        groups = pl.DataFrame([as_hashes(roots(nodes, labels)).alias("group_id"), linked])
        blocks.write_frame(groups, f"{self.folder}/{block.sidecar}")
        finish(self.folder, block.index, {"rows": block.rows})


@dataclass
class Group(beam.PTransform):
    """Write each row's `group_id` (16 hexadecimal characters), and whether it is `linked` to others by likeness.

    Attributes:
        blocks: all blocks.
        edges: files with likenesses.
        folder: where the sidecars go.
    """

    blocks: Sequence[Block]
    edges: Sequence[str]
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        labels = (
            start
            | "edges" >> beam.Create(list(self.edges), reshuffle=False)
            | "spread" >> beam.Reshuffle()
            | "read" >> beam.ParDo(_Read())
            | "components" >> Components()
        )
        return (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "write" >> beam.ParDo(_Write(self.folder), beam.pvalue.AsSingleton(labels))
        )
