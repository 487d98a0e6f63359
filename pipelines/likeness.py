"""Rows that are nearly the same: the stages that find near-copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.against import Published
from pipelines.engine import Done, Engine
from pipelines.images import Looks
from pipelines.trajectories import Frames
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.members import Member
from transforms.duplicates.shared import FindShared, read_shared
from transforms.duplicates.sketch import UNITS, Unit
from transforms.duplicates.stage import FindCandidates, FindNear, Likeness, Pass, pairs_files, passes, sketch_block
from transforms.duplicates.template import FindTemplate
from transforms.tasks import RunTasks

#: As `pipelines.rows.VERSIONS`.
VERSIONS = {"template": 1, "sketch": 2, "candidates": 1, "near": 3, "shared": 1}
#: Generators are one under two names, or nearly, where they gave so many of the same texts, and so large a share.
_SAME, _SAME_SHARE = 20, 0.5
#: So many pairs of generators are shown.
_SHOWN_GENERATORS = 20


@dataclass(frozen=True)
class Near:
    """What was found to be nearly the same.

    Attributes:
        done: the stage, with sidecars of near-copies and files of verified pairs.
        template: the stage that found template text.
        rows: how many took part at most.
        shared: the stage that found generators with the same responses; None where rows name none.
    """

    done: Done
    template: Done
    rows: int
    shared: Done | None

    def links(self) -> list[str]:
        """Files of the pairs that belong into one group."""
        return self.pairs("row") + self.pairs("prompt")

    def pairs(self, unit: Unit) -> list[str]:
        """Files of verified pairs (`transforms.duplicates.verify.NEIGHBOUR`)."""
        return list(pairs_files(self.done.folder, unit, self.rows).values())

    def to_dict(self) -> dict[str, Any]:
        """Figures for the manifest: verified pairs of each unit, and generators that gave the same responses."""
        return {
            **{
                f"{unit}_pairs": sum(blocks.read_frame(path, ["node_a"]).height for path in self.pairs(unit))
                for unit in UNITS
            },
            "same_responses": self._alike(),
        }

    def _alike(self) -> list[dict[str, Any]]:
        return read_shared(self.shared.folder).head(_SHOWN_GENERATORS).to_dicts() if self.shared else []

    def notes(self) -> list[str]:
        """What a reader should know of generators that are one under two names, or nearly."""
        out = []
        for one in self._alike():
            fewest = min(one["answered_a"], one["answered_b"])
            if one["same"] >= max(_SAME, _SAME_SHARE * fewest):
                out.append(
                    f"The generators {one['a']!r} and {one['b']!r} gave the same response to {one['same']:,} of the "
                    f"{fewest:,} prompts that the one with fewer answered: they may be one."
                )
        return out


def find_near(
    config: Config,
    every: Sequence[Block],
    identity: Done,
    signals: Done,
    published: Published | None,
    looks: Looks | None,
    frames: Frames | None,
    named: bool,
    engine: Engine,
) -> Near | None:
    """Rows, prompts and responses that are nearly the same; None where nobody wants to know.

    `named` says whether any rows name who wrote their responses.

    Published rows are better than any new one; copies of them, which are known to be, take no part. Images that look
    the same count as one, but for frames of trajectories, each of which is its own.
    """
    asked = config.duplicates
    if not asked.near:
        return None
    known = published.known.folder if published else None
    images = looks.asked() if looks else None
    same, shows = images.file if images else None, frames.done.folder if frames and images else None
    members = [Member(block, identity.folder, signals.folder, known, same, shows) for block in every]
    members += [Member(block, same=same) for block in published.blocks] if published else []
    seen = [looks.same.key, *([frames.done.key] if frames else [])] if looks else []
    template = engine.run(
        "template",
        VERSIONS["template"],
        [asked.shingle, asked.template_share],
        [published.known.key if published else identity.key, *seen],
        1,
        lambda p, folder: p | "template" >> FindTemplate(members, asked.shingle, asked.template_share, folder),
    )
    likeness = Likeness(asked.threshold, asked.shingle, template.folder)
    work = [{"member": asdict(member), "likeness": asdict(likeness)} for member in members]
    sketches = engine.run(
        "sketch",
        VERSIONS["sketch"],
        asked.threshold,
        [template.key, signals.key],
        len(work),
        lambda p, folder: p | "sketch" >> RunTasks(work, sketch_block, folder),
    )
    candidates = [
        _meet(mine, number, [member.block for member in members], sketches, engine)
        for number, mine in enumerate(passes(sketches.total["texts"], likeness.shapes()))
    ]
    done = engine.run(
        "near",
        VERSIONS["near"],
        None,
        [one.key for one in candidates],
        len(every),
        lambda p, folder: (
            p | "near" >> FindNear(members, every, [one.folder for one in candidates], likeness, images, folder)
        ),
    )
    shared = engine.run(
        "shared",
        VERSIONS["shared"],
        None,
        [identity.key],
        1,
        lambda p, folder: p | "shared" >> FindShared(every, folder),
    ) if named else None  # fmt: skip
    return Near(done, template, sum(member.block.rows for member in members), shared)


def _meet(mine: Pass, number: int, every: Sequence[Block], sketches: Done, engine: Engine) -> Done:
    """Which texts meet in some of the bands."""
    return engine.run(
        "candidates",
        VERSIONS["candidates"],
        number,
        [sketches.key],
        1,
        lambda p, folder: p | "candidates" >> FindCandidates(every, sketches.folder, mine, folder),
    )
