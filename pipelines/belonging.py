"""Groups by trajectory and by image in a run: the stage that links rows, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.against import BELONGINGS, Published
from pipelines.engine import Done, Engine
from pipelines.images import Looks
from pipelines.trajectories import Frames
from schemas.config import Config
from transforms import blocks
from transforms.belonging import IMAGE, TRAJECTORY, Belong, of_groups, partitions_of
from transforms.blocks import Block
from transforms.publish.shapes import KEPT

#: As `pipelines.rows.VERSIONS`.
VERSION = 2
#: What keeps such rows apart, in the words of an error about a group that is too large.
_MENDS = {TRAJECTORY: "set trajectories.group: false", IMAGE: "set images.group: false"}


@dataclass(frozen=True)
class Belonging:
    """The stage.

    Attributes:
        done: the stage.
        files: of links, by what the linked rows have in common.
        blocks: names of what is said beside each block.
        untold: names of earlier runs that do not tell what their groups show.
    """

    done: Done
    files: dict[str, list[str]]
    blocks: list[str]
    untold: list[str]

    def links(self) -> list[str]:
        """All files of links."""
        return [path for paths in self.files.values() for path in paths]

    def mends(self) -> dict[str, list[str]]:
        """The files by what would keep their rows apart."""
        return {_MENDS[what]: paths for what, paths in self.files.items()}

    def to_dict(self) -> dict[str, Any]:
        """Links of each kind, and images so common that they link nothing, for the manifest."""
        total = self.done.total
        common = sorted(total["common"], key=lambda one: (-one["nodes"], one["name"]))
        return {"links": total["links"], "common_images": total["common_images"], "commonest": common[:5]}

    def notes(self) -> list[str]:
        """What a reader must know of it, for the card."""
        told, out = self.to_dict(), []
        if told["common_images"]:
            first = told["commonest"][0]
            out.append(
                f"{told['common_images']:,} images are in so many prompts (the commonest, {first['name']}, in "
                f"{first['nodes']:,}) that sharing one puts no rows into one group: they may stand in several splits."
            )
        if self.untold:
            out.append(
                f"{', '.join(self.untold)}: no {BELONGINGS} says what its groups show, so rows that share an image or "
                "a trajectory with it may be in another split than there."
            )
        return out


def find_belonging(
    config: Config,
    every: Sequence[Block],
    identity: Done,
    published: Published | None,
    frames: Frames | None,
    looks: Looks | None,
    shown: int,
    engine: Engine,
) -> Belonging | None:
    """Link rows of one trajectory, and rows that show one image; None where nobody wants to, or rows show nothing.

    Args:
        config: the run's.
        every: its blocks.
        identity: the stage that knows them all.
        published: what earlier runs have published.
        frames: of trajectories.
        looks: which images look the same.
        shown: how many messages have images.
        engine: runs the stage.
    """
    said = frames.done if frames and config.trajectories.group else None
    earlier = published.earlier if published else []
    told = [one.shown for one in earlier if one.shown is not None]
    images = config.images.group and shown > 0
    if said is None and not images:
        return None
    looks = looks if images else None
    share, same = config.duplicates.template_share, looks.asked().file if looks else None
    done = engine.run(
        "belonging",
        VERSION,
        [images, share],
        [
            identity.key,
            *([published.done.key] if published else []),
            *([said.key] if said else []),
            *([looks.same.key] if looks else []),
        ],
        partitions_of(every),
        lambda p, folder: (
            p | "belonging" >> Belong(every, told, said.folder if said else None, images, same, share, folder)
        ),
    )
    kinds = [*([TRAJECTORY] if said else []), *([IMAGE] if images else [])]
    files = {what: [f"{done.folder}/{what}/{number:03d}.parquet" for number in sorted(done.stats)] for what in kinds}
    untold = [one.name for one in earlier if one.shown is None]
    return Belonging(done, files, [block.sidecar for block in every], untold)


def write_belongings(out: str, belonging: Belonging | None, decided: Done) -> None:
    """Write `belongings.parquet`, what each group of kept rows shows; nothing of an older run."""
    target = f"{out}/{BELONGINGS}"
    blocks.remove(target)
    if belonging is None:
        return
    parts = []
    for name in belonging.blocks:
        verdicts = blocks.read_frame(f"{decided.folder}/{name}", ["group_id", "action"])
        groups = verdicts.select(pl.when(pl.col("action").is_in(KEPT)).then("group_id")).to_series()
        parts.append(of_groups(blocks.read_frame(f"{belonging.done.folder}/shown/{name}"), groups))
    blocks.write_frame(pl.concat(parts).unique(["key", "group_id"]).sort("what", "name", "key", "group_id"), target)
