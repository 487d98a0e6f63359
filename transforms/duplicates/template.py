"""Template text: shingles that so many prompts share that they say nothing of any one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import polars as pl

from transforms import blocks
from transforms.duplicates.members import Member
from transforms.duplicates.parts import salts_of, sets_of
from transforms.hashing import as_nodes
from transforms.markers import finish

#: Prompts that are looked at: those with the smallest hashes, so that order and number of rows do not matter.
SAMPLE = 10_000
#: Text that no more prompts share than this is no template, however few prompts there are.
FEW = 20
_FILE = "template.parquet"


def template(prompts: pl.DataFrame, share: float) -> pl.DataFrame:
    """Shingles that more than a share of the prompts have, and more than `FEW` of them.

    Args:
        prompts: `node` (UInt64) and `hashes` (lists of UInt32), one line a prompt; one that is there twice counts once.
        share: of all prompts, in [0, 1].

    Returns:
        `hashes` in ascending order, and how many `prompts` have each.
    """
    once = prompts.unique("node")
    flat = once.explode("hashes", empty_as_null=False, keep_nulls=False).unique(["node", "hashes"])
    found = flat.group_by("hashes").agg(prompts=pl.len())
    return found.filter(pl.col("prompts") > max(share * once.height, FEW)).sort("hashes")


def read_template(folder: str) -> np.ndarray:
    """What `FindTemplate` left in its folder: uint32, sorted."""
    return blocks.read_frame(f"{folder}/{_FILE}", ["hashes"])["hashes"].to_numpy()


@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Nodes(beam.DoFn):
    def process(self, member: Member) -> Iterator[tuple[int, pl.DataFrame]]:
        yield 0, pl.DataFrame({"node": np.unique(as_nodes(member.rows(["prompt_id"])["prompt_id"]))[:SAMPLE]})


def _last(element: tuple[int, Iterable[pl.DataFrame]]) -> int:
    nodes = pl.concat(element[1])["node"].unique().sort().head(SAMPLE)
    return nodes.to_list()[-1] if len(nodes) else 0


@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Shingles(beam.DoFn):
    def __init__(self, size: int) -> None:
        self.size = size

    def process(self, member: Member, last: int) -> Iterator[tuple[int, pl.DataFrame]]:
        rows = member.rows(["prompt_id", "prompt", "tools"])
        nodes, first = np.unique(as_nodes(rows["prompt_id"]), return_index=True)
        nodes, first = nodes[nodes <= last], first[nodes <= last]
        if len(nodes):
            asked = rows[first]
            salts = salts_of(asked["prompt"], asked["tools"])
            sets = sets_of(asked["prompt"], asked["tools"], nodes, salts, self.size)
            yield 0, pl.DataFrame({"node": nodes, "hashes": sets.lists()})


class _Write(beam.DoFn):
    def __init__(self, share: float, folder: str) -> None:
        self.share, self.folder = share, folder

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> None:
        found = template(pl.concat(element[1]), self.share)
        blocks.write_frame(found, f"{self.folder}/{_FILE}")
        finish(self.folder, 0, {"shingles": found.height})


@dataclass
class FindTemplate(beam.PTransform):
    """Write the shingles that are template text.

    Attributes:
        members: blocks whose prompts are looked at.
        size: tokens of a shingle.
        share: of the prompts, above which a shingle is template text.
        folder: where the file goes.
    """

    members: Sequence[Member]
    size: int
    share: float
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        members = start | "blocks" >> beam.Create(list(self.members))
        last = members | "hashes" >> beam.ParDo(_Nodes()) | "all" >> beam.GroupByKey() | "last" >> beam.Map(_last)
        return (
            members
            | "shingles" >> beam.ParDo(_Shingles(self.size), beam.pvalue.AsSingleton(last))
            | "sample" >> beam.GroupByKey()
            | "write" >> beam.ParDo(_Write(self.share, self.folder))
        )
