"""Images in a run: each opened once, and those that look the same found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.engine import Done, Engine
from pipelines.trajectories import Frames
from schemas.config import Config
from transforms.blocks import Block
from transforms.images.stage import OpenImages, find_same, partitions_of
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"looks": 1, "same": 1}


@dataclass(frozen=True)
class Looks:
    """The stages: that opened images, and that found which look the same."""

    opened: Done
    same: Done

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
    config: Config, every: Sequence[Block], identity: Done, frames: Frames | None, shown: int, engine: Engine
) -> Looks | None:
    """Open images and find those that look the same; None where nobody wants to know or there are none.

    `shown` is how many messages have images.
    """
    asked = config.images
    if not asked.near or not asked.group or not shown:
        return None
    count, said = partitions_of(shown), frames.done if frames else None
    opened = engine.run(
        "looks",
        VERSIONS["looks"],
        count,
        [identity.key, *([said.key] if said else [])],
        count,
        lambda p, folder: (
            p | "looks" >> OpenImages(every, identity.folder, said.folder if said else None, count, folder)
        ),
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
    return Looks(opened, same)
