"""Images in a run: each opened once, and those that look the same found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.against import Published
from pipelines.engine import Done, Engine
from pipelines.trajectories import Frames
from schemas.config import Config
from transforms.blocks import Block
from transforms.images.alike import Asked
from transforms.images.stage import OpenImages, Showing, alike_file, find_same, partitions_of
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"looks": 1, "same": 2}


@dataclass(frozen=True)
class Looks:
    """What images look like.

    Attributes:
        opened: the stage that opened them.
        same: the stage that found which look the same.
        bits: of their hashes that may differ.
        likeness: from which on two are near-copies.
    """

    opened: Done
    same: Done
    bits: int
    likeness: float

    def asked(self) -> Asked:
        """What makes near-copies, and where they are."""
        return Asked(alike_file(self.same.folder), self.bits, self.likeness)

    def to_dict(self) -> dict[str, Any]:
        """What was opened and found, for the manifest."""
        opened, same = self.opened.total, self.same.total
        return {
            "opened": opened["opened"],
            "unopened": opened["unopened"],
            "unopened_named": sorted(opened["named"])[:5],
            "sets": same["sets"],
            "alike": same["alike"],
        }

    def notes(self) -> list[str]:
        """What a reader must know of them, for the card."""
        told = self.to_dict()
        out = []
        if told["alike"]:
            out.append(f"{told['alike']:,} images look like another: they are {told['sets']:,} sets of near-copies.")
        if told["unopened"]:
            out.append(
                f"{told['unopened']:,} images could not be opened, such as {told['unopened_named'][0]}: which others "
                "look like them is not known."
            )
        return out


def find_looks(
    config: Config,
    every: Sequence[Block],
    identity: Done,
    published: Published | None,
    frames: Frames | None,
    shown: int,
    engine: Engine,
) -> Looks | None:
    """Open images and find those that look the same; None where nobody wants to know or there are none.

    `shown` is how many messages of new rows have images. Those of published rows are opened too.
    """
    asked = config.images
    if not asked.near or not shown:
        return None
    count, said = partitions_of(shown), frames.done if frames else None
    members = [Showing(block, identity.folder, said.folder if said else None) for block in every]
    members += [Showing(block) for block in published.blocks] if published else []
    opened = engine.run(
        "looks",
        VERSIONS["looks"],
        count,
        [identity.key, *([published.done.key] if published else []), *([said.key] if said else [])],
        count,
        lambda p, folder: p | "looks" >> OpenImages(members, count, folder),
    )
    files = [f"{opened.folder}/looks/{number:03d}.parquet" for number in sorted(opened.stats)]
    task = {"looks": files, "bits": asked.bits, "likeness": asked.likeness}
    same = engine.run(
        "same-images",
        VERSIONS["same"],
        [asked.bits, asked.likeness],
        [opened.key],
        1,
        lambda p, folder: p | "same" >> RunTasks([task], find_same, folder),
    )
    return Looks(opened, same, asked.bits, asked.likeness)
