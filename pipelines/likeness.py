"""Rows that are alike: the stages that find near-copies, and the one that puts what is alike into one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from pipelines.against import Published
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.members import Member
from transforms.duplicates.shared import FindShared, read_shared
from transforms.duplicates.sketch import UNITS, Unit
from transforms.duplicates.stage import FindCandidates, FindNear, Likeness, Pass, pairs_files, passes, sketch_block
from transforms.duplicates.template import FindTemplate
from transforms.groups import NODE_COLUMNS, Group, group_nodes, masked_links, sizes
from transforms.tasks import RunTasks
from transforms.texts import prompt_texts, response_texts

#: As `pipelines.curate.VERSIONS`.
VERSIONS = {"template": 1, "sketch": 1, "candidates": 1, "near": 1, "shared": 1, "masked": 1, "groups": 1}
#: A group of fewer rows is no fault of the settings, whatever its share.
_MANY = 20
#: Generators are one under two names, or nearly, where they gave so many of the same texts, and so large a share.
_SAME, _SAME_SHARE = 20, 0.5
#: So many pairs of generators are shown.
_SHOWN_GENERATORS = 20
#: So much is shown of a text.
_SHOWN = 200


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
        alike = read_shared(self.shared.folder).head(_SHOWN_GENERATORS).to_dicts() if self.shared else []
        return {
            **{
                f"{unit}_pairs": sum(blocks.read_frame(path, ["node_a"]).height for path in self.pairs(unit))
                for unit in UNITS
            },
            "same_responses": alike,
        }

    def notes(self) -> list[str]:
        """What a reader should know of generators that are one under two names, or nearly."""
        out = []
        for one in self.to_dict()["same_responses"]:
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
    named: bool,
    engine: Engine,
) -> Near | None:
    """Rows, prompts and responses that are nearly the same; None where nobody wants to know.

    `named` says whether any rows name who wrote their responses.

    Published rows are better than any new one; copies of them, which are known to be, take no part.
    """
    asked = config.duplicates
    if not asked.near:
        return None
    known = published.known.folder if published else None
    members = [Member(block, identity.folder, signals.folder, known) for block in every]
    members += [Member(block) for block in published.blocks] if published else []
    template = engine.run(
        "template",
        VERSIONS["template"],
        [asked.shingle, asked.template_share],
        [published.known.key if published else identity.key],
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
        lambda p, folder: p | "near" >> FindNear(members, every, [one.folder for one in candidates], likeness, folder),
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


def mask_links(every: Sequence[Block], signals: Done, engine: Engine) -> tuple[str, list[str]]:
    """Prompts that are one once personal data is masked: the stage's lineage, and its files of edges."""
    work = [{"path": block.path, "name": block.sidecar, "signals": signals.folder} for block in every]
    done = engine.run(
        "masked",
        VERSIONS["masked"],
        None,
        [signals.key],
        len(work),
        lambda p, folder: p | "masked" >> RunTasks(work, masked_links, folder),
    )
    return done.key, [f"{done.folder}/links/{block.sidecar}" for block in every]


def group(
    every: Sequence[Block],
    identity: Done,
    links: Mapping[str, Sequence[str]],
    settled: Sequence[str],
    engine: Engine,
) -> Done:
    """Groups of rows that share a prompt or are alike.

    Args:
        every: all blocks.
        identity: the stage that knows them all.
        links: files of likenesses (`transforms.groups`), by the lineage of the stage that found them.
        settled: files of the splits that groups are in already; of one of those stages.
        engine: runs stages.
    """
    files = [path for paths in links.values() for path in paths]
    return engine.run(
        "groups",
        VERSIONS["groups"],
        None,
        [identity.key, *links],
        len(every),
        lambda p, folder: p | "groups" >> Group(every, files, settled, folder),
    )


def too_alike(config: Config, every: Sequence[Block], gone: Sequence[tuple[Done, str]], groups: Done) -> bool:
    """Whether likeness has put more of the rows into one group than `duplicates.largest_group` allows."""
    rows = pl.concat([_rows(block, gone, groups) for block in every])
    return _largest_over(config, sizes(rows), rows.height) is not None


def _largest_over(config: Config, found: pl.DataFrame, rows: int) -> dict[str, Any] | None:
    """The largest group that likeness made of rows in no split yet, if it holds more of them than is allowed."""
    free = found.filter(pl.col("linked") & ~pl.col("settled")).head(1).to_dicts()
    return free[0] if free and free[0]["rows"] > max(_MANY, config.duplicates.largest_group * rows) else None


def measure_groups(
    config: Config,
    every: Sequence[Block],
    gone: Sequence[tuple[Done, str]],
    links: Mapping[str, Sequence[str]],
    groups: Done,
) -> dict[str, int]:
    """Figures of the groups, for the manifest; rows that are gone do not count.

    Args:
        config: the run's.
        every: its blocks.
        gone: stages that say which rows are copies of others, and the columns in which they do.
        links: files of likenesses by the settings that made them.
        groups: the stage that found the groups.

    Raises:
        UserError: likeness has put more of the rows into one group than `duplicates.largest_group` allows, and not
            because they are in one already.
    """
    rows = pl.concat([_rows(block, gone, groups) for block in every])
    found = sizes(rows)
    linked = found.filter("linked")
    over = _largest_over(config, found, rows.height)
    if over:
        why = _too_large(config, every, gone, links, groups, over["group_id"], over["rows"] / rows.height)
        if why:
            raise UserError(why)
    return {
        "groups": found.height,
        "largest": found["rows"].to_list()[0] if found.height else 0,
        "linked": linked.height,
        "rows_in_linked": int(linked["rows"].sum()),
        "largest_linked": linked["rows"].to_list()[0] if linked.height else 0,
    }


def _rows(block: Block, gone: Sequence[tuple[Done, str]], groups: Done) -> pl.DataFrame:
    """A block's rows that may be published, with their place and what is said of their group."""
    rows = blocks.read_frame(f"{groups.folder}/{block.sidecar}").with_row_index("row")
    for stage, column in gone:
        rows = rows.with_columns(blocks.read_frame(f"{stage.folder}/{block.sidecar}", [column]))
    return rows.filter(pl.all_horizontal(pl.col(column).is_null() for _, column in gone)).drop(c for _, c in gone)


def _too_large(
    config: Config,
    every: Sequence[Block],
    gone: Sequence[tuple[Done, str]],
    links: Mapping[str, Sequence[str]],
    groups: Done,
    group_id: str,
    share: float,
) -> str | None:
    """What to do about a group that holds too many rows: the text that most of them have, and what links them."""
    said, nodes = [], []
    for block in every:
        mine = _rows(block, gone, groups).filter(pl.col("group_id") == group_id)["row"]
        rows = blocks.read_frame(block.path, [*NODE_COLUMNS, "responses"])[mine]
        own = prompt_texts(rows)
        texts, counts = response_texts(rows)
        first = texts[(counts.cumsum() - counts).tolist()]
        either = pl.when(pl.col("own") != "").then("own").otherwise("first")
        said.append(pl.DataFrame({"own": own, "first": first}).select(text=either))
        nodes.append(pl.Series(group_nodes(rows), dtype=pl.UInt64))
    counted = pl.concat(said).group_by("text").agg(rows=pl.len())
    text, rows_with = counted.sort("rows", "text", descending=[True, False]).row(0)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    inside = pl.concat(nodes).unique()
    by = {
        setting: sum(blocks.read_frame(path, ["group_a"])["group_a"].is_in(inside.implode()).sum() for path in files)
        for setting, files in links.items()
    }
    if not any(by.values()):
        return None  # it is one prompt, once personal data is masked
    settings = " and ".join(f"{setting} ({count:,} links)" for setting, count in by.items() if count)
    return (
        f"{share:.0%} of the rows are linked into one group by likeness, and a group stays in one split; "
        f"duplicates.largest_group allows {config.duplicates.largest_group:.0%}. The commonest text in it, of "
        f"{rows_with:,} rows: {shown!r}. If these rows are different, raise {settings}, or lower "
        f"duplicates.template_share, the share of the prompts from which on text that they have in common is not "
        f"compared. If they belong together, raise duplicates.largest_group."
    )
