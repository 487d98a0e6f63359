"""Images in a run: each opened once, and those that look the same found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from pipelines.pictures import RELATIVE, Pictures
from pipelines.trajectories import Frames
from schemas.config import Config
from transforms.images.alike import Asked
from transforms.images.chains import CHAIN, stricter
from transforms.images.stage import MOST, MOST_VECTORS, OpenImages, alike_file, find_same, partitions_of, vectors_file
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"looks": 2, "same": 5}


@dataclass(frozen=True)
class Looks:
    """What images look like.

    Attributes:
        opened: the stage that opened them.
        same: the stage that found which look the same.
        bits: of their hashes that may differ.
        likeness: from which on two are near-copies.
        cosine: of their vectors, from which on they are; None where images have none.
        unasked: whether there are vectors, and too many images to compare them.
    """

    opened: Done
    same: Done
    bits: int
    likeness: float
    cosine: float | None
    unasked: bool

    def asked(self) -> Asked:
        """What makes near-copies, and where they are."""
        folder = self.same.folder
        if self.cosine is None:
            return Asked(alike_file(folder), self.bits)
        return Asked(alike_file(folder), self.bits, vectors_file(folder), self.cosine)

    def to_dict(self) -> dict[str, Any]:
        """What was opened and found, for the manifest."""
        opened, same = self.opened.total, self.same.total
        lost = sorted(zip(opened["named"], opened["places"], strict=True), key=lambda one: one[0])[:5]
        return {
            "opened": opened["opened"],
            "kept_before": opened["kept"],
            "unopened": opened["unopened"],
            "unopened_named": [name for name, _ in lost],
            "unopened_at": [place for _, place in lost],
            "sets": same["sets"],
            "alike": same["alike"],
            "bits": same["bits"],
            "chained": same["chained"],
            "by_vectors": None
            if self.cosine is None
            else {"images": same["with_vector"], "alike_by_these_alone": same["by_vector_alone"]},
        }

    def notes(self) -> list[str]:
        """What a reader must know of them, for the card."""
        told = self.to_dict()
        out = []
        if told["alike"]:
            out.append(f"{told['alike']:,} images look like another: they are {told['sets']:,} sets of near-copies.")
        if told["by_vectors"]:
            alone = told["by_vectors"]["alike_by_these_alone"]
            out.append(
                f"By their vectors alone, to a cosine of {self.cosine:g}, {alone:,} images look like another. How well "
                "that tells copies from what is merely alike depends on the model: look at some."
            )
        if told["chained"]:
            out.append(
                f"{told['chained']:,} images hang together in chains of more than {CHAIN}, as of a fixed camera: of "
                f"those only what is alike to {stricter(self.likeness):g} counts as near-copies."
            )
        if told["bits"] < self.bits:
            compared = self.same.total["compared"]
            done = (
                f"only the {compared:,} whose hashes are the same as another's were compared."
                if compared
                else "and so are those whose hashes are the same as another's, so that none were compared. Where near-"
                "copies matter, cut the data into several runs; else set images.near: false."
            )
            out.append(f"More than {MOST:,} images are too many to look for near-copies among all: {done}")
        if self.unasked:
            out.append(
                f"More than {MOST_VECTORS:,} images are too many to compare by their vectors, which was not done."
            )
        if told["unopened"]:
            first = told["unopened_at"][0] or called(told["unopened_named"][0])
            out.append(
                f"{told['unopened']:,} images could not be opened, such as {first}: which others look like them is not "
                f"known. {RELATIVE}"
            )
        return out


def called(name: str) -> str:
    """An image's name (`transforms.images.names`) for people: its path or address, or its hash."""
    kind, _, rest = name.partition(":")
    if kind == "in":
        source, _, uri = rest.partition(":")
        return f"{uri} of {source}"
    return rest if kind == "uri" else name


def find_looks(
    config: Config,
    frames: Frames | None,
    vectors: Vectors | None,
    pictures: Pictures | None,
    shown: int,
    engine: Engine,
) -> Looks | None:
    """Open images and find those that look the same; None where nobody wants to know or there are none.

    `shown` is how many messages of new rows have images. Those of published rows are opened too; only new ones have
    vectors.
    """
    asked = config.images
    if not asked.near or pictures is None:
        return None
    count, said = partitions_of(shown), frames.done if frames else None
    kept = f"{(config.embed.cache or f'{engine.work}/kept').rstrip('/')}/looks-{VERSIONS['looks']}"
    members = [replace(one, frames=said.folder) if said and one.identity else one for one in pictures.members]
    opened = engine.run(
        "looks",
        VERSIONS["looks"],
        count,
        [*pictures.keys(), *([said.key] if said else [])],
        count,
        lambda p, folder: p | "looks" >> OpenImages(members, count, kept, folder),
    )
    files = [f"{opened.folder}/looks/{number:03d}.parquet" for number in sorted(opened.stats)]
    task = {
        "looks": files,
        "bits": asked.bits,
        "likeness": asked.likeness,
        "vectors": vectors.done.folder if vectors else None,
        "members": [asdict(member) for member in members if member.identity] if vectors else [],
        "cosine": asked.cosine,
        "device": vectors.model.device if vectors else None,
        "most": MOST,
        "most_vectors": MOST_VECTORS,
    }
    same = engine.run(
        "same-images",
        VERSIONS["same"],
        [asked.bits, asked.likeness, MOST, *([asked.cosine, MOST_VECTORS] if vectors else [])],
        [opened.key, *([vectors.done.key] if vectors else [])],
        1,
        lambda p, folder: p | "same" >> RunTasks([task], find_same, folder),
    )
    by_vectors = "with_vector" in same.total
    cosine = asked.cosine if by_vectors else None
    return Looks(opened, same, asked.bits, asked.likeness, cosine, vectors is not None and not by_vectors)
