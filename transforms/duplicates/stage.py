"""Near-duplicates as a Beam stage: bands meet in partitions, candidates' shingles are gathered, neighbours verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import polars as pl

from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.candidates import stars
from transforms.duplicates.members import Member
from transforms.duplicates.minhash import Bands, bands
from transforms.duplicates.parts import COLUMNS, parts
from transforms.duplicates.representatives import DEFAULTS, SIGNALS, choose
from transforms.duplicates.sketch import UNITS, Unit, bands_of, shingled
from transforms.duplicates.template import read_template
from transforms.duplicates.verify import neighbours
from transforms.shuffle import partitions_for, split
from transforms.tasks import WriteSidecars

#: Prompts that are alike must not be in two splits, so that more of those on the threshold have to be found.
_PROMPT_RECALL = 0.999
#: An entry has fewer bytes than what partitions are usually made for.
_ENTRIES = 2
#: Entries that make a frame worth moving.
_FRAME = 4096
#: Rows of a block that are worked on at once: what becomes of a text is several times its size.
_AT_ONCE = 8192
_ROWS = ("row_id", "kind", "content_id", *COLUMNS)
Framed = tuple[int, pl.DataFrame]


def pairs_files(folder: str, unit: Unit, rows: int) -> list[str]:
    """The files with verified pairs of a unit, frames of `NEIGHBOUR`, that there are for so many rows."""
    every = (_pairs_file(folder, unit, partition) for partition in range(partitions_for(rows)))
    return [path for path in every if blocks.exists(path)]


def _pairs_file(folder: str, unit: Unit, partition: int) -> str:
    return f"{folder}/pairs/{unit}-{partition:03d}.parquet"


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


@beam.typehints.with_input_types(Member)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _EmitBands(beam.DoFn):
    """Bands of all units; unit u's partition p is number u × partitions + p."""

    def __init__(self, likeness: Likeness, partitions: int) -> None:
        self.likeness, self.partitions = likeness, partitions

    def process(self, member: Member) -> Iterator[Framed]:
        rows = member.rows(_ROWS)
        rows = rows.with_columns(quality=member.quality()[rows["row"]])
        template, shapes = read_template(self.likeness.template), self.likeness.shapes()
        made: dict[Unit, list[pl.DataFrame]] = {unit: [] for unit in UNITS}
        for start in range(0, rows.height, _AT_ONCE):
            few = rows[start : start + _AT_ONCE]
            found = parts(few, self.likeness.size, template)
            for unit, frame in bands_of(few, found, member.block.index, shapes).items():
                made[unit].append(frame)
                if start + _AT_ONCE >= rows.height or sum(map(len, made[unit])) > _FRAME * self.partitions:
                    yield from self._split(unit, made[unit])
                    made[unit] = []

    def _split(self, unit: Unit, made: list[pl.DataFrame]) -> Iterator[Framed]:
        place = UNITS.index(unit) * self.partitions + pl.col("key").cast(pl.Int64) % self.partitions
        yield from split(pl.concat(made).with_columns(_to=place), "_to")


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
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Ask(beam.DoFn):
    """Candidates of a partition, each pair once; beside them, which texts they need of each block."""

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> Iterator[Framed | beam.pvalue.TaggedOutput]:
        number, frames = element
        # The same prompt may stand in several blocks; any of them will do, but no pair twice.
        pairs = pl.concat(frames).unique(["node_a", "node_b"])
        yield number, pairs
        asked = pl.concat(
            [
                pairs.select(pl.col(f"{name}_{side}").alias(name) for name in ("node", "block", "row", "place"))
                for side in "ab"
            ]
        ).unique("node")
        for block, part in split(asked.drop("node").with_columns(to=pl.lit(number, dtype=pl.UInt32)), "block"):
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
        rows = self.members[block].rows(_ROWS).filter(pl.col("row").is_in(asked["row"].unique().implode()))
        template = read_template(self.likeness.template)
        for few in rows.iter_slices(_AT_ONCE):
            found = parts(few, self.likeness.size, template)
            mine = asked.filter(pl.col("row").is_between(few["row"][0], few["row"][-1]))
            for number, part in split(mine, "to"):
                yield number, shingled(few, found, part, UNITS[number // self.to])


@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Verify(beam.DoFn):
    """Candidates and their shingles to neighbours, which are written; those that are rows are sent on together."""

    def __init__(self, threshold: float, to: int, folder: str) -> None:
        self.threshold, self.to, self.folder = threshold, to, folder

    def process(self, element: tuple[int, dict[str, Iterable[pl.DataFrame]]]) -> Iterator[Framed]:
        number, sides = element
        found = neighbours(pl.concat(sides["pairs"]), pl.concat(sides["texts"]), self.threshold)
        unit = UNITS[number // self.to]
        blocks.write_frame(found, _pairs_file(self.folder, unit, number % self.to))
        if unit == "row":
            yield 0, found


@beam.typehints.with_input_types(tuple[int, Iterable[pl.DataFrame]])
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Choose(beam.DoFn):
    """Neighbouring rows to near-copies of representatives, sent to their blocks."""

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> Iterator[Framed]:
        copies = choose(pl.concat(element[1]).filter("copies"))
        row = pl.col("row_b").cast(pl.Int64)
        yield from split(copies.select(block="block_b", row=row, near_of="row_id_a", near_score="score"), "block")


@dataclass
class FindNear(beam.PTransform):
    """Write which rows of each block are near-copies of which, and all verified pairs of rows, prompts and responses.

    Attributes:
        members: blocks whose rows take part.
        blocks: those that get sidecars.
        likeness: what makes near-duplicates.
        folder: where sidecars and pairs go.
    """

    members: Sequence[Member]
    blocks: Sequence[Block]
    likeness: Likeness
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        rows = sum(member.block.rows for member in self.members)
        most = max(shape.count for shape in self.likeness.shapes().values())
        partitions, to = partitions_for(rows * most // _ENTRIES), partitions_for(rows)
        meet = (
            start
            | "blocks" >> beam.Create(list(self.members))
            | "bands" >> beam.ParDo(_EmitBands(self.likeness, partitions))
            | "buckets" >> beam.GroupByKey()
            | "meet" >> beam.ParDo(_Meet(partitions, to))
            | "candidates" >> beam.GroupByKey()
            | "ask" >> beam.ParDo(_Ask()).with_outputs("asked", main="pairs")
        )
        texts = (
            meet.asked
            | "by block" >> beam.GroupByKey()
            | "gather" >> beam.ParDo(_Gather(self.members, self.likeness, to))
        )
        copies = (
            {"pairs": meet.pairs, "texts": texts}
            | "beside their texts" >> beam.CoGroupByKey()
            | "verify" >> beam.ParDo(_Verify(self.likeness.threshold, to, self.folder))
            | "rows" >> beam.GroupByKey()
            | "choose" >> beam.ParDo(_Choose())
        )
        return copies | "sidecars" >> WriteSidecars(self.blocks, self.folder, SIGNALS, DEFAULTS)
