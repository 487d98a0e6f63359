"""Images as stages: each distinct one is opened once, where it lies; then those that look the same have one name.

Between blocks only names and places of images move; what is kept of one is a hash and 192 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import polars as pl

from transforms import blocks
from transforms.arrays import write_array
from transforms.blocks import read_frame
from transforms.duplicates.components import Forest
from transforms.embed.images import content
from transforms.hashing import digest, partition
from transforms.images import kept
from transforms.images.alike import ALIKE, as_smalls
from transforms.images.chains import near_sets, stricter
from transforms.images.looks import hashes, picture, smalls
from transforms.images.names import image_places
from transforms.images.showing import Showing
from transforms.images.vectors import near_vectors, vectors_of
from transforms.markers import Stats, finish
from transforms.shuffle import split

#: Images that one task opens, about.
_AT_ONCE = 500
#: So many that cannot be opened are named.
_SHOWN = 20
#: Characters of where they lie, of which `data:` has very many.
_LONG = 300
#: Of more distinct images those alone are compared whose hashes are the same, of which there may be as many, and of
#: more none by their vectors: all of it is one task, whose worker peaks at 1.1 GB with a million. Of those that are
#: not compared it holds their hashes.
MOST, MOST_VECTORS = 1_000_000, 250_000
_FILE, _ALIKE, _VECTORS = "same.parquet", "alike.parquet", "alike.npy"
#: An image, and the one whose name stands for all that look like it.
SAME = pl.Schema({"name": pl.String(), "stands": pl.String()})
_PLACES = pl.Schema({"name": pl.String(), "place": pl.String()})


@beam.typehints.with_input_types(Showing)
@beam.typehints.with_output_types(tuple[int, pl.DataFrame])
class _Emit(beam.DoFn):
    """The images of rows."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    def process(self, member: Showing) -> Iterator[tuple[int, pl.DataFrame]]:
        found = image_places(member.rows(), member.roots).drop_nulls("name")
        once = found.group_by("name").agg(pl.col("place").min()).select(_PLACES.names())
        named = digest(once.select(kept.told_by(pl.col("name"), pl.col("place"))).to_series())
        to = named.to_frame("h").select(_to=partition(pl.col("h"), self.partitions))
        yield from split(once.hstack(to), "_to")


class _Open(beam.DoFn):
    def __init__(self, folder: str, kept: str) -> None:
        self.folder, self.kept = folder, kept

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> None:
        number, frames = element
        asked = pl.concat(frames).group_by("name").agg(pl.col("place").min()).sort("name")
        keys = kept.keys_of(asked)
        seen, there = kept.read(self.kept, number, keys)
        before = int(there.sum())
        new = np.flatnonzero(~there)
        opened = [None if data is None else picture(data) for data in map(content, asked["place"][new].to_list())]
        some = [line for line, one in zip(new.tolist(), opened, strict=True) if one is not None]
        if some:
            pictures = np.stack([one for one in opened if one is not None])
            seen[some] = kept.as_bytes(hashes(pictures), smalls(pictures))
            kept.keep(self.kept, number, [keys[line] for line in some], seen[some])
            there[some] = True
        found, small = kept.of_bytes(seen[there])
        looks = asked.filter(pl.Series(there)).select("name")
        looks = looks.with_columns(
            hash=pl.Series(found, dtype=pl.UInt64), small=pl.Series([one.tobytes() for one in small], dtype=pl.Binary)
        )
        blocks.write_frame(looks, f"{self.folder}/looks/{number:03d}.parquet")
        lost = asked.filter(pl.Series(~there)).with_columns(pl.col("place").str.head(_LONG))
        named = lost.head(_SHOWN)
        told = {"opened": looks.height, "kept": before, "unopened": lost.height, "named": named["name"].to_list(),
                "places": named["place"].to_list()}  # fmt: skip
        finish(self.folder, number, told)


def partitions_of(messages: int) -> int:
    """In how many tasks the images of so many messages are opened: a power of two."""
    return min(256, max(kept.SHARDS, 1 << (max(messages // _AT_ONCE, 1) - 1).bit_length()))


@dataclass
class OpenImages(beam.PTransform):
    """Open each distinct image once and write what it looks like; what cannot be opened is counted and named.

    An image whose looks are kept is not opened.

    Attributes:
        members: blocks with images.
        partitions: how many tasks there are.
        kept: where what images look like is kept for other runs.
        folder: where files go, `looks/PARTITION.parquet`.
    """

    members: Sequence[Showing]
    partitions: int
    kept: str
    folder: str

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        asked = start | "blocks" >> beam.Create(list(self.members)) | "images" >> beam.ParDo(_Emit(self.partitions))
        none = pl.DataFrame(schema=_PLACES)
        every = start | "every" >> beam.Create([(n, none) for n in range(self.partitions)]).with_output_types(
            tuple[int, pl.DataFrame]
        )
        return (
            (asked, every)
            | "with none" >> beam.Flatten()
            | "distinct" >> beam.GroupByKey()
            | "open" >> beam.ParDo(_Open(self.folder, self.kept))
        )


def find_same(task: dict[str, Any], folder: str) -> Stats:
    """Write which images look the same, each with the one whose name stands for it (`SAME`); and all of them (`ALIKE`).

    Args:
        task: `looks` (files of `OpenImages`), `bits` and `likeness` (as of `near_copies`); `vectors` (folder of the
            stage that made them; None without) with `members` (the blocks of new rows), `cosine` and `device`; and from
            how many images on, `most`, all bits of their hashes must be the same, and `most_vectors`, vectors are left
            alone.
        folder: to write to.

    Returns:
        `images`, those `compared`, `sets`, those `alike`, the `bits` that may differ, those `chained` (`near_sets`);
        with vectors, where they were compared, images `with_vector` and those alike `by_vector_alone`.
    """
    looks, images = _compared(task["looks"], task["most"])
    bits = task["bits"] if images <= task["most"] else 0
    a, b, chained = near_sets(looks["hash"].to_numpy(), as_smalls(looks["small"]), bits, task["likeness"])
    forest = Forest()
    forest.add(a.astype(np.uint64), b.astype(np.uint64))
    by_hash, vectors = forest.labels().height, None
    if task["vectors"] and images <= task["most_vectors"]:
        vectors = vectors_of([Showing.of(one) for one in task["members"]], task["vectors"], looks["name"])
        a, b = near_vectors(vectors, looks["name"], task["cosine"], task["device"])
        forest.add(a.astype(np.uint64), b.astype(np.uint64))
    labels = forest.labels()
    if vectors is not None:
        write_array(vectors[labels["node"].to_numpy().astype(np.int64)], vectors_file(folder))
    strict, usual = stricter(task["likeness"]), task["likeness"]
    least = pl.when(pl.Series(chained)).then(strict).otherwise(usual).cast(pl.Float64)
    alike = looks.with_columns(least=least)[labels["node"].cast(pl.Int64)]
    alike = alike.with_columns(looks[labels["root"].cast(pl.Int64)]["name"].alias("stands")).select(ALIKE.names())
    blocks.write_frame(alike, alike_file(folder))
    blocks.write_frame(alike.select(SAME.names()).filter(pl.col("name") != pl.col("stands")), same_file(folder))
    stats: Stats = {"images": images, "compared": looks.height, "sets": labels["root"].n_unique(),
                    "alike": labels.height, "bits": bits, "chained": int(chained.sum())}  # fmt: skip
    if vectors is not None:
        stats |= {"with_vector": int(vectors.any(axis=1).sum()), "by_vector_alone": labels.height - by_hash}
    return stats


def _compared(files: Sequence[str], most: int) -> tuple[pl.DataFrame, int]:
    """The images that are compared, in the order of their names, and how many there are in all.

    An earlier run may have had one of the same name elsewhere: one of the two counts. Of more than `most` they are
    those that have the hash of another; where these are too many as well, none.
    """
    found = np.concatenate([read_frame(path, ["hash"])["hash"].to_numpy() for path in files])
    if len(found) <= most:
        looks = _each_once(pl.concat(map(read_frame, files)))
        return looks, looks.height
    again, counts = np.unique(found, return_counts=True)
    again = again[counts > 1] if counts[counts > 1].sum() <= most else again[:0]
    some = pl.Series(again, dtype=pl.UInt64).implode()
    looks = pl.concat([read_frame(path).filter(pl.col("hash").is_in(some)) for path in files])
    return _each_once(looks), len(found)


def _each_once(looks: pl.DataFrame) -> pl.DataFrame:
    looks = looks.sort("name", maintain_order=True)
    again = (looks["name"] == looks["name"].shift()).fill_null(False)
    return looks.filter(~again) if again.any() else looks


def same_file(folder: str) -> str:
    """Where `find_same` left what it found in its folder: a frame of `SAME`."""
    return f"{folder}/{_FILE}"


def vectors_file(folder: str) -> str:
    """Where it left the vectors of these, in their order."""
    return f"{folder}/{_VECTORS}"


def alike_file(folder: str) -> str:
    """Where it left all images that look like others: a frame of `ALIKE`."""
    return f"{folder}/{_ALIKE}"
