"""One text under two names: which generators gave the same responses, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import polars as pl

from transforms import blocks
from transforms.blocks import Block
from transforms.hashing import as_nodes
from transforms.markers import finish
from transforms.shuffle import partitions_for, split

#: A text that more generators gave than this ("Yes.") says nothing of any two of them.
MANY = 10
_FILE = "shared.parquet"
_SEEN = pl.Schema({"prompt": pl.UInt64(), "response": pl.UInt64(), "generator": pl.String()})
#: Generators `a` < `b`, to how many prompts both gave the same text, and how many prompts each answered.
SHARED = pl.Schema(
    {"a": pl.String(), "b": pl.String(), "same": pl.Int64(), "answered_a": pl.Int64(), "answered_b": pl.Int64()}
)


def seen(rows: pl.DataFrame) -> pl.DataFrame:
    """Who answered which prompt with which text, each once.

    Args:
        rows: prompt_id, response_ids and generators.
    """
    named = rows.filter(pl.col("generators").list.len() == pl.col("response_ids").list.len())
    flat = named.explode("response_ids", "generators").drop_nulls()
    return pl.DataFrame(
        {
            "prompt": as_nodes(flat["prompt_id"]),
            "response": as_nodes(flat["response_ids"]),
            "generator": flat["generators"],
        },
        schema=_SEEN,
    ).unique()


def shared(found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs of generators with the same text, and all generators, each with a number of prompts.

    Args:
        found: what `seen` says, with every line of a prompt present.

    Returns:
        `a`, `b` and `same`; `generator` and `answered`.
    """
    once = found.unique()
    answered = once.unique(["prompt", "generator"]).group_by("generator").agg(answered=pl.len().cast(pl.Int64))
    texts = ["prompt", "response"]
    few = once.filter(pl.len().over(texts).is_between(2, MANY))
    both = few.rename({"generator": "a"}).join(few.rename({"generator": "b"}), on=texts)
    both = both.filter(pl.col("a") < pl.col("b")).unique(["prompt", "a", "b"])
    return both.group_by("a", "b").agg(same=pl.len().cast(pl.Int64)), answered


def read_shared(folder: str) -> pl.DataFrame:
    """What `FindShared` left: frame of `SHARED`, the pair with most texts in common first."""
    return blocks.read_frame(f"{folder}/{_FILE}")


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Seen(beam.DoFn):
    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    def process(self, block: Block) -> Iterator[tuple[int, pl.DataFrame]]:
        found = seen(blocks.read_frame(block.path, ["prompt_id", "response_ids", "generators"]))
        yield from split(found.with_columns(_to=pl.col("prompt") % self.partitions), "_to")


@beam.typehints.with_input_types(tuple[int, Iterable[pl.DataFrame]])
@beam.typehints.with_output_types(tuple[int, tuple[pl.DataFrame, pl.DataFrame]])
class _Count(beam.DoFn):
    def process(
        self, element: tuple[int, Iterable[pl.DataFrame]]
    ) -> Iterator[tuple[int, tuple[pl.DataFrame, pl.DataFrame]]]:
        yield 0, shared(pl.concat(element[1]))


class _Write(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def process(self, element: tuple[int, Iterable[tuple[pl.DataFrame, pl.DataFrame]]]) -> None:
        counted = list(element[1])
        same = pl.concat([pairs for pairs, _ in counted]).group_by("a", "b").agg(pl.col("same").sum())
        answered = pl.concat([each for _, each in counted]).group_by("generator").agg(pl.col("answered").sum())
        for side in "ab":
            named = answered.rename({"generator": side, "answered": f"answered_{side}"})
            same = same.join(named, on=side, how="left")
        same = same.select(SHARED.names()).sort("same", "a", "b", descending=[True, False, False])
        blocks.write_frame(same, f"{self.folder}/{_FILE}")
        finish(self.folder, 0, {"pairs": same.height})


@dataclass
class FindShared(beam.PTransform):
    """Write which generators gave the same responses.

    Attributes:
        blocks: all blocks.
        folder: where the file goes.
    """

    blocks: Sequence[Block]
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        nothing = shared(pl.DataFrame(schema=_SEEN))
        counted = (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "seen" >> beam.ParDo(_Seen(partitions_for(sum(block.rows for block in self.blocks))))
            | "prompts" >> beam.GroupByKey()
            | "count" >> beam.ParDo(_Count())
        )
        none = start | "none" >> beam.Create([(0, nothing)], reshuffle=False)
        return (
            (counted, none)
            | "with none" >> beam.Flatten()
            | "all" >> beam.GroupByKey()
            | "write" >> beam.ParDo(_Write(self.folder))
        )
