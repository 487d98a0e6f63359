"""Identity as a Beam stage: blocks emit keys, partitions find copies, sidecars go home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import polars as pl

from transforms.blocks import Block, read_frame
from transforms.hashing import partition
from transforms.identity.copies import DEFAULTS, SIGNALS, keys, merge_copies
from transforms.shuffle import Shuffle, partitions_for, split
from transforms.tasks import WriteSidecars

_COLUMNS = ("content_id", "version_id", "row_id", "kind", "source", "response_ids", "judgements", "scales")


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _EmitKeys(beam.DoFn):
    def __init__(self, partitions: int, votes: Sequence[str]) -> None:
        self.partitions, self.votes = partitions, list(votes)

    def process(self, block: Block) -> Iterator[tuple[int, pl.DataFrame]]:
        frame = keys(read_frame(block.path, _COLUMNS), block.index, pl.col("source").is_in(self.votes))
        yield from split(frame.with_columns(_to=partition(pl.col("content_id"), self.partitions)), "_to")


@dataclass
class FindCopies(beam.PTransform):
    """Write, for each block, which rows are copies of which, and what is merged into representatives.

    Attributes:
        blocks: all blocks.
        folder: where the sidecars go.
        votes: sources whose anonymous copies are votes of several people.
    """

    blocks: Sequence[Block]
    folder: str
    votes: Sequence[str] = ()

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        partitions = partitions_for(sum(block.rows for block in self.blocks))
        return (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "keys" >> beam.ParDo(_EmitKeys(partitions, self.votes))
            | "find copies" >> Shuffle(merge_copies, home="block")
            | "sidecars" >> WriteSidecars(self.blocks, self.folder, SIGNALS, DEFAULTS)
        )
