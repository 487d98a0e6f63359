"""Embedding as Beam stages: find the distinct texts, embed each once, lay the vectors beside the blocks.

Hashes of texts travel, not texts: blocks say what they need, kept segments what they hold, and one of the blocks that
need a text is told to embed it, which it reads from itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import polars as pl
from apache_beam.ml.inference.base import RunInference

from transforms import blocks, markers
from transforms.blocks import Block, read_frame
from transforms.embed import cache, items, needs
from transforms.embed.items import What
from transforms.embed.model_handler import INPUTS_A_CALL, Chunk, Embedded, EmbeddingHandler
from transforms.embed.models import Model
from transforms.embed.sidecars import assemble
from transforms.hashing import partition
from transforms.shuffle import Shuffle, partitions_for, split

_Frames = tuple[int, pl.DataFrame]


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(_Frames)
class _EmitNeeds(beam.DoFn):
    def __init__(self, folder: str, identity: str, what: What, roots: Mapping[str, str], partitions: int) -> None:
        self.folder, self.identity, self.what, self.roots = folder, identity, what, roots
        self.partitions = partitions

    def process(self, block: Block) -> Iterator[_Frames]:
        copies = read_frame(f"{self.identity}/{block.sidecar}", ["copy_of"])["copy_of"].is_not_null()
        found, counts = items.known_by(read_frame(block.path, items.COLUMNS), copies, self.what, self.roots)
        blocks.write_frame(found.alias("item").to_frame(), f"{self.folder}/items/{block.sidecar}")
        blocks.write_frame(pl.DataFrame({"count": counts}), f"{self.folder}/counts/{block.sidecar}")
        yield from _by_item(needs.of_block(found, block.index), self.partitions)


@beam.typehints.with_input_types(str)
@beam.typehints.with_output_types(_Frames)
class _EmitKept(beam.DoFn):
    def __init__(self, kept: str, partitions: int) -> None:
        self.kept, self.partitions = kept, partitions

    def process(self, name: str) -> Iterator[_Frames]:
        yield from _by_item(needs.of_segment(cache.items(self.kept, name), name), self.partitions)


def _by_item(frame: pl.DataFrame, partitions: int) -> Iterator[_Frames]:
    yield from split(frame.with_columns(_to=partition(pl.col("item"), partitions)), "_to")


class _WriteTold(beam.DoFn):
    def __init__(self, every: Sequence[Block], folder: str, size: int) -> None:
        self.blocks, self.folder, self.size = {block.index: block for block in every}, folder, size

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> None:
        index, frames = element
        block = self.blocks[index]
        told = needs.in_chunks(pl.concat([pl.DataFrame(schema=needs.TOLD), *frames]), index, self.size)
        blocks.write_frame(told, f"{self.folder}/told/{block.sidecar}")
        own = int(told["chunk"].count())
        stats = {"rows": block.rows, "own": own, "kept": int((told["owner"] == index).sum()) - own}
        markers.finish(self.folder, index, {**stats, "chunks": {str(index): -(-own // self.size)}})


@dataclass
class FindItems(beam.PTransform):
    """Find the distinct texts or images of all blocks, and who embeds each.

    Attributes:
        blocks: all blocks.
        folder: for each block, `items/` (what is known of each place), `counts/` and `told/` go there.
        identity: folder of the identity stage: copies of other rows are not embedded.
        what: texts or images.
        kept: folder of the segments that there are.
        names: of those segments.
        roots: of images, see `transforms.images.places.located`.
    """

    blocks: Sequence[Block]
    folder: str
    identity: str
    what: What
    kept: str
    names: Sequence[str]
    roots: Mapping[str, str] = field(default_factory=dict)

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        partitions = partitions_for(2 * sum(block.rows for block in self.blocks))
        empty = pl.DataFrame(schema=needs.TOLD)
        needed = (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "needs" >> beam.ParDo(_EmitNeeds(self.folder, self.identity, self.what, self.roots, partitions))
        )
        held = (
            start
            | "segments" >> beam.Create(list(self.names), reshuffle=False).with_output_types(str)
            | "holds" >> beam.ParDo(_EmitKept(self.kept, partitions))
        )
        told = (needed, held) | "all" >> beam.Flatten() | "share out" >> Shuffle(needs.share_out, home="block")
        every = (
            start
            | "every block" >> beam.Create([block.index for block in self.blocks], reshuffle=False)
            | "needs nothing" >> beam.Map(lambda index: (index, empty)).with_output_types(_Frames)
        )
        return (
            (told, every)
            | "with the silent" >> beam.Flatten()
            | "home" >> beam.GroupByKey()
            | "write" >> beam.ParDo(_WriteTold(self.blocks, self.folder, INPUTS_A_CALL[self.what]))
        )


#: Chunks that one worker takes at once; it reads their block once for all of them.
CHUNKS_A_SHARE = 32


@dataclass(frozen=True)
class Share:
    """Chunks of one block, from `start` on, that are the tasks from `first` on."""

    block: Block
    start: int
    chunks: int
    first: int


def shares(every: Sequence[Block], chunks: dict[str, int]) -> list[Share]:
    """Chunks of all blocks as consecutive tasks, from the number of chunks of each block by its index."""
    out, first = [], 0
    for block in every:
        count = chunks.get(str(block.index), 0)
        for start in range(0, count, CHUNKS_A_SHARE):
            out.append(Share(block, start, min(CHUNKS_A_SHARE, count - start), first + start))
        first += count
    return out


def chunks_of(shared: Sequence[Share]) -> int:
    """How many chunks there are in all."""
    return sum(share.chunks for share in shared)


class _ReadChunks(beam.DoFn):
    def __init__(self, folder: str, found: str, what: What, roots: Mapping[str, str]) -> None:
        self.folder, self.found, self.what, self.roots = folder, found, what, roots

    def process(self, share: Share) -> Iterator[Chunk]:
        numbers = range(share.start, share.start + share.chunks)
        ahead = share.first - share.start  # of a chunk's number in its block, the number of its task is
        missing = [n for n in numbers if not blocks.exists(markers.marker(self.folder, ahead + n))]
        if not missing:
            return
        told = read_frame(f"{self.found}/told/{share.block.sidecar}", ["item", "place", "chunk"])
        block = read_frame(share.block.path, items.COLUMNS)
        own = told.filter(pl.col("chunk").is_in(missing))
        # All texts of a block fit beside it; images are read as they are needed.
        at_once = [own] if self.what == "text" else own.partition_by("chunk", maintain_order=True)
        for part in at_once:
            inputs = part.with_columns(_n=pl.int_range(pl.len()))
            things = items.given(block, part["place"].to_list(), self.what, self.roots)
            for (chunk,), one in inputs.partition_by("chunk", as_dict=True, maintain_order=True).items():
                yield Chunk(ahead + int(chunk), one["item"].to_list(), [things[i] for i in one["_n"].to_list()])


class _Keep(beam.DoFn):
    def __init__(self, folder: str, kept: str) -> None:
        self.folder, self.kept = folder, kept

    def process(self, embedded: Embedded) -> None:
        cache.write(self.kept, embedded.items, embedded.vectors)
        stats: dict[str, Any] = {"rows": len(embedded.items), "without_vector": embedded.empty}
        markers.finish(self.folder, embedded.task, stats)


class _Assemble(beam.DoFn):
    def __init__(self, folder: str, found: str, kept: str, what: What, first: int) -> None:
        self.folder, self.found, self.kept, self.what, self.first = folder, found, kept, what, first

    def process(self, block: Block, embedded: Iterable[None] = ()) -> None:
        task = self.first + block.index
        if not blocks.exists(markers.marker(self.folder, task)):
            assemble(block.sidecar, self.folder, self.found, self.kept, self.what)
            markers.finish(self.folder, task, {})


@dataclass
class EmbedItems(beam.PTransform):
    """Embed what each block was told to, chunk by chunk, then lay the vectors beside the blocks.

    A chunk that is done is not done again: chunks are the stage's first tasks, the blocks' vectors the others.

    Attributes:
        blocks: all blocks.
        shares: which block has which chunks.
        folder: the stage's.
        found: the folder that `FindItems` wrote.
        kept: the folder that segments go to.
        what: texts or images.
        model: the one to embed with.
        roots: of images, as they were found with.
    """

    blocks: Sequence[Block]
    shares: Sequence[Share]
    folder: str
    found: str
    kept: str
    what: What
    model: Model
    roots: Mapping[str, str] = field(default_factory=dict)

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        put = _Assemble(self.folder, self.found, self.kept, self.what, chunks_of(self.shares))
        every = start | "every block" >> beam.Create(list(self.blocks))
        if not self.shares:  # nothing is new, and no model need be loaded
            return every | "vectors" >> beam.ParDo(put)
        embedded = (
            start
            | "blocks" >> beam.Create(list(self.shares), reshuffle=False)
            | "spread" >> beam.Reshuffle()
            | "chunks" >> beam.ParDo(_ReadChunks(self.folder, self.found, self.what, self.roots))
            | "embed" >> RunInference(EmbeddingHandler(self.model))
            | "keep" >> beam.ParDo(_Keep(self.folder, self.kept))
        )
        # What a block needs may be embedded by any other.
        return every | "vectors" >> beam.ParDo(put, beam.pvalue.AsIter(embedded))
