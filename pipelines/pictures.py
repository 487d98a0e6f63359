"""The images that a run opens: where they lie, and whether they are as they were."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pipelines.against import Published
from pipelines.engine import Done, Engine
from schemas.config import Config
from transforms.blocks import Block, is_remote
from transforms.images.listing import list_images, listed, seen
from transforms.images.showing import Showing
from transforms.tasks import RunTasks

#: As `pipelines.rows.VERSIONS`.
VERSION = 1
#: What the notes of images that cannot be opened say.
RELATIVE = (
    "A relative path counts from the folder of the file that names it, or from what `images` of its source names."
)


@dataclass(frozen=True)
class Pictures:
    """Where images lie, and how they are.

    Attributes:
        roots: the folder that relative paths of each source are counted from.
        members: the blocks that show them, those of earlier runs behind the new ones.
        listed: the stage that listed them.
        stamp: a hash of what storage tells of each: another one where any was changed.
        lost: how many it does not have; `first` is one of these.
    """

    roots: dict[str, str]
    members: list[Showing]
    listed: Done
    stamp: str
    lost: int
    first: str | None

    def keys(self) -> list[str]:
        """The lineage of what is made of their content."""
        return [self.listed.key, self.stamp]

    def notes(self) -> list[str]:
        """What a reader must know of them, for the card."""
        if not self.lost:
            return []
        return [f"{self.lost:,} images are not there, such as {self.first}. {RELATIVE}"]


def find_pictures(
    config: Config,
    roots: dict[str, str],
    every: Sequence[Block],
    identity: Done,
    published: Published | None,
    shown: int,
    engine: Engine,
) -> Pictures | None:
    """List the images that are going to be opened, and ask storage for each; None where none is.

    `shown` is how many messages of new rows have images. Paths in published rows count from where they did in the run
    that published them.
    """
    if not shown or not (config.images.near or config.embed.images):
        return None
    members = [Showing(block, identity.folder, roots=roots) for block in every]
    if published and config.images.near:
        theirs = zip(published.blocks, published.image_roots(), strict=True)
        members += [Showing(block, roots={**roots, **_now(said, roots)}) for block, said in theirs]
    work = [{"member": asdict(member)} for member in members]
    done = engine.run(
        "pictures",
        VERSION,
        [sorted(member.roots.items()) for member in members],
        [identity.key, *([published.done.key] if published and config.images.near else [])],
        len(work),
        lambda p, folder: p | "pictures" >> RunTasks(work, list_images, folder),
    )
    stamp, lost, first = seen([listed(done.folder, member) for member in members])
    return Pictures(roots, members, done, stamp, lost, first)


def _now(said: Mapping[str, str], roots: Mapping[str, str]) -> dict[str, str]:
    """The folders of an earlier run; of one that is gone, data having been moved, its source's folder of now."""
    gone = {source for source, root in said.items() if not is_remote(root) and not os.path.isdir(root)}
    return {source: roots.get(source, root) if source in gone else root for source, root in said.items()}
