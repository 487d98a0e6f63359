"""Groups: rows that must stay in one split and one fold, since they share a prompt or are alike.

A group is a full connected component. Its nodes are prompts; a row without a prompt is a node of its own. Edges come
from stages that find likeness, as Parquet files of `group_a` and `group_b`, the nodes of two rows (`group_nodes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.components import LABELS, Components
from transforms.hashing import as_hashes, as_nodes
from transforms.identity.keys import prompt_ids
from transforms.markers import Stats, finish
from transforms.signals.masking import MASKED, mask_rows
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
        rows: group_id, linked and settled.

    Returns:
        group_id, rows, whether they were linked by likeness, and whether their split is settled.
    """
    found = rows.group_by("group_id").agg(
        rows=pl.len(), linked=pl.col("linked").any(), settled=pl.col("settled").is_not_null().any()
    )
    return found.sort("rows", "group_id", descending=[True, False])


def masked_links(task: dict[str, Any], folder: str) -> Stats:
    """Write which prompts of a block are another one once personal data is masked, as edges (`links/NAME`).

    Two prompts that differ in an address alone are one prompt then, and must not stand in two splits.
    """
    found = blocks.read_frame(f"{task['signals']}/{task['name']}", ["pii"])["pii"].list.len().fill_null(0) > 0
    rows = blocks.read_frame(task["path"], sorted({*NODE_COLUMNS, *MASKED})).filter(found)
    rows = rows.filter(~blank(rows)) if rows.height else rows
    hidden = mask_rows(rows) if rows.height else rows
    nodes = as_nodes(prompt_ids(hidden["prompt"], hidden["tools"])) if rows.height else np.empty(0, np.uint64)
    links = pl.DataFrame({"group_a": group_nodes(rows) if rows.height else nodes, "group_b": nodes}).unique()
    links = links.filter(pl.col("group_a") != pl.col("group_b")).sort("group_a", "group_b")
    blocks.write_frame(links.cast(pl.UInt64), f"{folder}/links/{task['name']}")
    return {"rows": rows.height, "links": links.height}


def settle(rows: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The split that each group is in already: where most of its rows are, the first by name of several.

    Args:
        rows: node, split, and how many rows.
        labels: frame of `transforms.duplicates.components.LABELS`.

    Returns:
        root and split, one line a group.
    """
    rooted = rows.with_columns(root=pl.Series(roots(rows["node"].to_numpy(), labels), dtype=pl.UInt64))
    counted = rooted.group_by("root", "split").agg(pl.col("rows").sum())
    return (
        counted.sort("root", "rows", "split", descending=[False, True, False])
        .unique("root", keep="first", maintain_order=True)
        .select("root", "split")
    )


_NONE = pl.DataFrame(schema={"root": pl.UInt64, "split": pl.String})


@beam.typehints.with_output_types(pl.DataFrame)
class _Read(beam.DoFn):
    def process(self, path: str) -> Iterator[pl.DataFrame]:
        yield blocks.read_frame(path, ["group_a", "group_b"])


@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _ReadSettled(beam.DoFn):
    def process(self, path: str) -> Iterator[tuple[int, pl.DataFrame]]:
        yield 0, blocks.read_frame(path)


@beam.typehints.with_output_types(pl.DataFrame)
class _Settle(beam.DoFn):
    def process(self, element: tuple[int, Iterable[pl.DataFrame]], labels: pl.DataFrame) -> Iterator[pl.DataFrame]:
        yield settle(pl.concat(element[1]), labels)


class _Write(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def process(self, block: Block, labels: pl.DataFrame, settled: pl.DataFrame | None) -> None:
        nodes = group_nodes(blocks.read_frame(block.path, NODE_COLUMNS))
        linked = pl.Series("linked", np.isin(nodes, labels["node"].to_numpy()))
        root = roots(nodes, labels)
        groups = pl.DataFrame([pl.Series("root", root, dtype=pl.UInt64), as_hashes(root).alias("group_id"), linked])
        groups = groups.join(
            (_NONE if settled is None else settled).rename({"split": "settled"}),
            on="root",
            how="left",
            maintain_order="left",
        ).drop("root")
        blocks.write_frame(groups, f"{self.folder}/{block.sidecar}")
        finish(self.folder, block.index, {"rows": block.rows})


@dataclass
class Group(beam.PTransform):
    """Write each row's `group_id` (16 hexadecimal characters).

    Beside it stands whether the group is `linked` by likeness, and the split in which it is `settled` already.

    Attributes:
        blocks: all blocks.
        edges: files with likenesses.
        settled: files of groups that are in a split already: `node`, `split`, and how many `rows`.
        folder: where the sidecars go.
    """

    blocks: Sequence[Block]
    edges: Sequence[str]
    settled: Sequence[str]
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        every = start | "blocks" >> beam.Create(list(self.blocks))
        if not self.edges and not self.settled:  # nothing is alike: a group is a prompt, and nothing need be gathered
            return every | "write" >> beam.ParDo(_Write(self.folder), pl.DataFrame(schema=LABELS), None)
        labels = (
            start
            | "edges" >> beam.Create(list(self.edges), reshuffle=False)
            | "spread" >> beam.Reshuffle()
            | "read" >> beam.ParDo(_Read())
            | "components" >> Components()
        )
        settled = (
            start
            | "settled" >> beam.Create(list(self.settled), reshuffle=False)
            | "read settled" >> beam.ParDo(_ReadSettled())
            | "all settled" >> beam.GroupByKey()
            | "settle" >> beam.ParDo(_Settle(), beam.pvalue.AsSingleton(labels))
        )
        once = beam.pvalue.AsSingleton(settled, default_value=None)
        return every | "write" >> beam.ParDo(_Write(self.folder), beam.pvalue.AsSingleton(labels), once)
