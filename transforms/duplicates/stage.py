"""Near-duplicates as stages: texts are sketched, meet in bands, and those that met are verified by their shingles.

Sketches lie beside their blocks, so that bands can meet some at a time: a shuffle holds no more of many rows than
of few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import polars as pl

from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.candidates import ENTRY, NODE, stars
from transforms.duplicates.members import Member
from transforms.duplicates.minhash import Bands, bands
from transforms.duplicates.parts import COLUMNS, parts
from transforms.duplicates.quality import PUBLISHED
from transforms.duplicates.representatives import DEFAULTS, SIGNALS, choose, told
from transforms.duplicates.sketch import UNITS, Unit, key_column, shingled, sketch
from transforms.duplicates.template import read_template
from transforms.duplicates.verify import neighbours
from transforms.images.alike import Alike, Asked
from transforms.markers import Stats, finish
from transforms.shuffle import partitions_for, split
from transforms.tasks import WriteSidecars

#: Prompts that are alike must not be in two splits, so that more of those on the threshold have to be found.
_PROMPT_RECALL = 0.999
#: Entries of bands that one shuffle holds, some 20 bytes each.
_ENTRIES = 16_000_000
#: An entry has fewer bytes than what partitions are usually made for.
_SMALLER = 2
#: Entries that make a frame worth moving.
_FRAME = 4096
#: Rows of a block that are worked on at once: what becomes of a text is several times its size.
_AT_ONCE = 8192
_ROWS = ("row_id", "kind", "content_id", *COLUMNS)
_CANDIDATES = (*_ROWS, "judgements")
Framed = tuple[int, pl.DataFrame]


@dataclass(frozen=True)
class Likeness:
    """What makes near-duplicates.

    Attributes:
        threshold: Jaccard similarity.
        size: tokens of a shingle.
        template: folder of the template stage.
    """

    threshold: float
    size: int
    template: str

    def shapes(self) -> dict[Unit, Bands]:
        """The bands of each unit."""
        usual = bands(self.threshold)
        return {"row": usual, "prompt": bands(self.threshold, _PROMPT_RECALL), "response": usual}


def sketch_block(task: dict[str, Any], folder: str) -> Stats:
    """Write the sketches of one block's texts, a file for each unit; returns how many there are.

    Args:
        task: `member` and `likeness`, as dictionaries of theirs.
        folder: where the files go.
    """
    member = Member.of(task["member"])
    likeness = Likeness(**task["likeness"])
    rows = member.rows(_ROWS)
    rows = rows.with_columns(quality=member.quality()[rows["row"]])
    template, shapes = read_template(likeness.template), likeness.shapes()
    slices = (rows[start : start + _AT_ONCE] for start in range(0, max(rows.height, 1), _AT_ONCE))
    made = [sketch(few, parts(few, likeness.size, template), shapes) for few in slices]
    texts = {}
    for unit in UNITS:
        frame = pl.concat([some[unit] for some in made])
        blocks.write_frame(frame, f"{folder}/{unit}/{member.block.sidecar}")
        texts[unit] = frame.height
    return {"texts": texts}


@dataclass(frozen=True)
class Pass:
    """Some of the bands of each unit, so many that what is shuffled fits.

    Attributes:
        first: band of each unit.
        end: band of each unit behind the last.
        entries: texts times bands.
    """

    first: dict[Unit, int]
    end: dict[Unit, int]
    entries: int


def passes(texts: Mapping[str, int], shapes: Mapping[Unit, Bands]) -> list[Pass]:
    """The passes in which bands meet, for so many texts of each unit."""
    count = -(-sum(texts[unit] * shapes[unit].count for unit in UNITS) // _ENTRIES) or 1
    out = []
    for number in range(count):
        first, end = ({unit: shapes[unit].count * n // count for unit in UNITS} for n in (number, number + 1))
        out.append(Pass(first, end, sum(texts[unit] * (end[unit] - first[unit]) for unit in UNITS)))
    return out


@beam.typehints.with_input_types(Block)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Emit(beam.DoFn):
    """A block's bands; unit u's partition p is number u × partitions + p."""

    def __init__(self, sketches: str, mine: Pass, partitions: int) -> None:
        self.sketches, self.mine, self.partitions = sketches, mine, partitions

    def process(self, block: Block) -> Iterator[Framed]:
        named = [name for name in NODE if name != "block"]
        for number, unit in enumerate(UNITS):
            numbers = range(self.mine.first[unit], self.mine.end[unit])
            columns = [*named, *(key_column(band) for band in numbers)]
            texts = blocks.read_frame(f"{self.sketches}/{unit}/{block.sidecar}", columns)
            where = {"block": pl.lit(block.index, dtype=pl.UInt32)}
            step = max(1, _FRAME * self.partitions // max(texts.height, 1))
            for start in range(numbers.start, numbers.stop, step):
                every = [
                    texts.select(*named, band=pl.lit(band, dtype=pl.UInt8), key=key_column(band), **where)
                    for band in numbers[start - numbers.start :][:step]
                ]
                place = number * self.partitions + pl.col("key").cast(pl.Int64) % self.partitions
                yield from split(pl.concat(every).select(*ENTRY, _to=place), "_to")


@beam.typehints.with_input_types(tuple[int, Iterable[pl.DataFrame]])
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Meet(beam.DoFn):
    """Buckets to candidates, sent to where their better text's candidates are."""

    def __init__(self, partitions: int, to: int) -> None:
        self.partitions, self.to = partitions, to

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> Iterator[Framed]:
        number, frames = element
        found = stars(pl.concat(frames))
        place = number // self.partitions * self.to + (pl.col("node_a") % self.to).cast(pl.Int64)
        yield from split(found.with_columns(_to=place), "_to")


@beam.typehints.with_input_types(tuple[int, Iterable[pl.DataFrame]])
@beam.typehints.with_output_types(tuple[int, int])
class _Keep(beam.DoFn):
    """Candidates of a partition, each pair once, to a file; says how many."""

    def __init__(self, to: int, folder: str) -> None:
        self.to, self.folder = to, folder

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> Iterator[tuple[int, int]]:
        number, frames = element
        pairs = pl.concat(frames).unique(["node_a", "node_b"])
        blocks.write_frame(pairs, _file(self.folder, UNITS[number // self.to], number % self.to))
        yield 0, pairs.height


class _Finish(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def process(self, element: tuple[int, Iterable[int]]) -> None:
        finish(self.folder, 0, {"candidates": sum(element[1])})


@dataclass
class FindCandidates(beam.PTransform):
    """Write which texts meet in some of the bands.

    Attributes:
        blocks: those that have sketches.
        sketches: folder of them.
        mine: the bands.
        folder: where candidates go.
    """

    blocks: Sequence[Block]
    sketches: str
    mine: Pass
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        partitions, to = partitions_for(self.mine.entries // _SMALLER), partitions_for(_rows(self.blocks))
        counted = (
            start
            | "blocks" >> beam.Create(list(self.blocks))
            | "bands" >> beam.ParDo(_Emit(self.sketches, self.mine, partitions))
            | "buckets" >> beam.GroupByKey()
            | "meet" >> beam.ParDo(_Meet(partitions, to))
            | "candidates" >> beam.GroupByKey()
            | "keep" >> beam.ParDo(_Keep(to, self.folder))
        )
        none = start | "none" >> beam.Create([(0, 0)]).with_output_types(tuple[int, int])
        return (
            (counted, none)
            | "with none" >> beam.Flatten()
            | "all" >> beam.GroupByKey()
            | "finish" >> beam.ParDo(_Finish(self.folder))
        )


@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Ask(beam.DoFn):
    """Candidates of a partition, each pair once; beside them, which texts they need of each block."""

    def process(self, element: tuple[int, list[str]]) -> Iterator[Framed | beam.pvalue.TaggedOutput]:
        number, files = element
        # The same prompt may stand in several blocks; any of them will do, but no pair twice.
        pairs = pl.concat(map(blocks.read_frame, files)).unique(["node_a", "node_b"])
        yield number, pairs
        sides = (
            pairs.select(pl.col(f"{name}_{side}").alias(name) for name in ("node", "block", "row", "place"))
            for side in "ab"
        )
        asked = pl.concat(sides).unique("node").drop("node").with_columns(to=pl.lit(number, dtype=pl.UInt32))
        for block, part in split(asked, "block"):
            yield beam.pvalue.TaggedOutput("asked", (block, part))


@beam.typehints.with_input_types(tuple[int, Iterable[pl.DataFrame]])
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Gather(beam.DoFn):
    """The shingles of the texts that are asked for, from their block."""

    def __init__(self, members: Sequence[Member], likeness: Likeness, to: int) -> None:
        self.members = {member.block.index: member for member in members}
        self.likeness, self.to = likeness, to

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> Iterator[Framed]:
        block, frames = element
        asked = pl.concat(frames)
        rows = self.members[block].rows(_CANDIDATES).filter(pl.col("row").is_in(asked["row"].unique().implode()))
        template = read_template(self.likeness.template)
        for few in rows.iter_slices(_AT_ONCE):
            found = parts(few, self.likeness.size, template)
            mine = asked.filter(pl.col("row").is_between(few["row"][0], few["row"][-1]))
            for number, part in split(mine, "to"):
                yield number, shingled(few, found, part, UNITS[number // self.to])


@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Verify(beam.DoFn):
    """Candidates and their shingles to neighbours, which are written; those that are rows are sent on together."""

    def __init__(self, threshold: float, images: Asked | None, to: int, folder: str) -> None:
        self.threshold, self.images, self.to, self.folder = threshold, images, to, folder

    def setup(self) -> None:
        self.alike = Alike.read(self.images) if self.images else None

    def process(self, element: tuple[int, dict[str, Iterable[pl.DataFrame]]]) -> Iterator[Framed]:
        number, sides = element
        found = neighbours(pl.concat(sides["pairs"]), pl.concat(sides["texts"]), self.threshold, self.alike)
        unit = UNITS[number // self.to]
        blocks.write_frame(found, _file(self.folder, unit, number % self.to))
        if unit == "row":
            yield 0, found


@beam.typehints.with_input_types(tuple[int, Iterable[pl.DataFrame]])
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Choose(beam.DoFn):
    """Neighbouring rows to near-copies and representatives, sent to their blocks."""

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> Iterator[Framed]:
        copies = choose(pl.concat(element[1]).filter(pl.col("copies") & (pl.col("quality_b") != PUBLISHED)))
        yield from split(told(copies), "block")


@dataclass
class FindNear(beam.PTransform):
    """Write which rows of each block are near-copies of which, and all verified pairs of rows, prompts and responses.

    Attributes:
        members: blocks whose rows take part.
        blocks: those that get sidecars.
        candidates: folders of `FindCandidates`.
        likeness: what makes near-duplicates.
        images: what makes near-copies of images; None where those that look the same have no name in common.
        folder: where sidecars and pairs go.
    """

    members: Sequence[Member]
    blocks: Sequence[Block]
    candidates: Sequence[str]
    likeness: Likeness
    images: Asked | None
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        rows = _rows([member.block for member in self.members])
        to = partitions_for(rows)
        found: dict[int, list[str]] = {}
        for folder in self.candidates:
            for number, unit in enumerate(UNITS):
                for partition, path in pairs_files(folder, unit, rows).items():
                    found.setdefault(number * to + partition, []).append(path)
        asked = (
            start
            | "candidates" >> beam.Create(sorted(found.items()), reshuffle=False)
            | "spread" >> beam.Reshuffle()
            | "ask" >> beam.ParDo(_Ask()).with_outputs("asked", main="pairs")
        )
        texts = (
            asked.asked
            | "by block" >> beam.GroupByKey()
            | "gather" >> beam.ParDo(_Gather(self.members, self.likeness, to))
        )
        copies = (
            {"pairs": asked.pairs, "texts": texts}
            | "beside their texts" >> beam.CoGroupByKey()
            | "verify" >> beam.ParDo(_Verify(self.likeness.threshold, self.images, to, self.folder))
            | "rows" >> beam.GroupByKey()
            | "choose" >> beam.ParDo(_Choose())
        )
        return copies | "sidecars" >> WriteSidecars(self.blocks, self.folder, SIGNALS, DEFAULTS)


def pairs_files(folder: str, unit: Unit, rows: int) -> dict[int, str]:
    """The files with pairs of a unit that there are for so many rows, by their partition."""
    every = {partition: _file(folder, unit, partition) for partition in range(partitions_for(rows))}
    return {partition: path for partition, path in every.items() if blocks.exists(path)}


def _file(folder: str, unit: Unit, partition: int) -> str:
    return f"{folder}/pairs/{unit}-{partition:03d}.parquet"


def _rows(some: Sequence[Block]) -> int:
    return sum(block.rows for block in some)
