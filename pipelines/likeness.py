"""Rows that are alike: the stages that find near-copies, and the one that puts what is alike into one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.members import Member
from transforms.duplicates.sketch import Unit
from transforms.duplicates.stage import FindNear, Likeness, pairs_files
from transforms.duplicates.template import FindTemplate
from transforms.groups import Group, sizes
from transforms.texts import prompt_texts, response_texts

#: As `pipelines.curate.VERSIONS`.
VERSIONS = {"template": 1, "near": 1, "groups": 1}
#: A group of fewer rows is no fault of the settings, whatever its share.
_MANY = 20
#: So much is shown of a text.
_SHOWN = 200


@dataclass(frozen=True)
class Near:
    """What was found to be nearly the same.

    Attributes:
        done: the stage, with sidecars of near-copies and files of verified pairs.
        template: the stage that found template text.
        rows: how many took part at most.
    """

    done: Done
    template: Done
    rows: int

    def links(self) -> list[str]:
        """Files of the pairs that belong into one group."""
        return self.pairs("row") + self.pairs("prompt")

    def pairs(self, unit: Unit) -> list[str]:
        """Files of verified pairs (`transforms.duplicates.verify.NEIGHBOUR`)."""
        return pairs_files(self.done.folder, unit, self.rows)


def find_near(config: Config, every: Sequence[Block], identity: Done, signals: Done, engine: Engine) -> Near | None:
    """Rows, prompts and responses that are nearly the same; None where nobody wants to know."""
    asked = config.duplicates
    if not asked.near:
        return None
    members = [Member(block, identity.folder, signals.folder) for block in every]
    template = engine.run(
        "template",
        VERSIONS["template"],
        [asked.shingle, asked.template_share],
        [identity.key],
        1,
        lambda p, folder: p | "template" >> FindTemplate(members, asked.shingle, asked.template_share, folder),
    )
    likeness = Likeness(asked.threshold, asked.shingle, template.folder)
    done = engine.run(
        "near",
        VERSIONS["near"],
        asked.threshold,
        [template.key, signals.key],
        len(every),
        lambda p, folder: p | "near" >> FindNear(members, every, likeness, folder),
    )
    return Near(done, template, sum(member.block.rows for member in members))


def group(every: Sequence[Block], identity: Done, links: Mapping[str, Sequence[str]], engine: Engine) -> Done:
    """Groups of rows that share a prompt or are alike.

    Args:
        every: all blocks.
        identity: the stage that knows them all.
        links: files of likenesses (`transforms.groups`), by the lineage of the stage that found them.
        engine: runs stages.
    """
    files = [path for paths in links.values() for path in paths]
    return engine.run(
        "groups",
        VERSIONS["groups"],
        None,
        [identity.key, *links],
        len(every),
        lambda p, folder: p | "groups" >> Group(every, files, folder),
    )


def measure_groups(
    config: Config, every: Sequence[Block], identity: Done, near: Near | None, groups: Done
) -> dict[str, int]:
    """Figures of the groups, for the manifest; copies do not count.

    Raises:
        UserError: likeness has put more of the rows into one group than `duplicates.largest_group` allows.
    """
    rows = pl.concat([_rows(config, block, identity, near, groups) for block in every])
    found = sizes(rows)
    linked = found.filter("linked")
    largest = linked.head(1).to_dicts()
    if largest and largest[0]["rows"] > max(_MANY, config.duplicates.largest_group * rows.height):
        share = largest[0]["rows"] / rows.height
        raise UserError(_too_large(config, every, identity, near, groups, largest[0]["group_id"], share))
    return {
        "groups": found.height,
        "largest": found["rows"].to_list()[0] if found.height else 0,
        "linked": linked.height,
        "rows_in_linked": int(linked["rows"].sum()),
        "largest_linked": largest[0]["rows"] if largest else 0,
    }


def _rows(config: Config, block: Block, identity: Done, near: Near | None, groups: Done) -> pl.DataFrame:
    """A block's rows that may be published, with their place, group and whether it is one of likeness."""
    rows = blocks.read_frame(f"{groups.folder}/{block.sidecar}").with_row_index("row")
    gone = blocks.read_frame(f"{identity.folder}/{block.sidecar}", ["copy_of"])["copy_of"].is_not_null()
    if near is not None and config.policy.near_duplicate == "drop":
        gone |= blocks.read_frame(f"{near.done.folder}/{block.sidecar}", ["near_of"])["near_of"].is_not_null()
    return rows.filter(~gone)


def _too_large(
    config: Config, every: Sequence[Block], identity: Done, near: Near | None, groups: Done, group_id: str, share: float
) -> str:
    """What to do about a group that holds too many rows, with the text that most of them have."""
    said = []
    for block in every:
        mine = _rows(config, block, identity, near, groups).filter(pl.col("group_id") == group_id)["row"]
        rows = blocks.read_frame(block.path, ["prompt", "responses"])[mine]
        own = prompt_texts(rows)
        texts, counts = response_texts(rows)
        first = texts[(counts.cumsum() - counts).tolist()]
        either = pl.when(pl.col("own") != "").then("own").otherwise("first")
        said.append(pl.DataFrame({"own": own, "first": first}).select(text=either))
    counted = pl.concat(said).group_by("text").agg(rows=pl.len())
    text, rows_with = counted.sort("rows", "text", descending=[True, False]).row(0)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    asked = config.duplicates
    return (
        f"{share:.0%} of the rows are linked into one group by likeness, and a group stays in one split; "
        f"duplicates.largest_group allows {asked.largest_group:.0%}. The commonest text in it, of {rows_with:,} rows: "
        f"{shown!r}. If these rows are different, raise duplicates.threshold ({asked.threshold:g}), or lower "
        f"duplicates.template_share ({asked.template_share:g}), the share of the prompts from which on text that they "
        f"have in common is not compared. If they belong together, raise duplicates.largest_group."
    )
