"""Rows that belong together: the stage that puts what is alike into one group, and what is said of the groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.against import Published
from pipelines.belonging import Belonging
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.likeness import Near
from pipelines.semantics import Semantic
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.groups import NODE_COLUMNS, Group, group_nodes, masked_links, sizes
from transforms.tasks import RunTasks
from transforms.texts import prompt_texts, response_texts

#: As `pipelines.rows.VERSIONS`.
VERSIONS = {"masked": 1, "groups": 1}
#: A group of fewer rows is no fault of the settings, whatever its share.
_MANY = 20
#: A stage, and which rows it says to be gone.
Gone = tuple[Done, pl.Expr]
#: So much is shown of a text.
_SHOWN = 200


@dataclass(frozen=True)
class Grouped:
    """The groups of the rows.

    Attributes:
        done: the stage, with sidecars of `group_id`.
        figures: of the groups, for the manifest.
    """

    done: Done
    figures: dict[str, int]


def find_groups(
    config: Config,
    every: Sequence[Block],
    identity: Done,
    signals: Done,
    published: Published | None,
    near: Near | None,
    semantic: Semantic | None,
    belonging: Belonging | None,
    engine: Engine,
) -> Grouped:
    """Groups of rows that share a prompt or are alike: such rows stay in one split and one fold.

    Raises:
        UserError: likeness puts more of the rows into one group than `duplicates.largest_group` allows.
    """
    settled = published.settled() if published else []
    more = dict([_mask_links(every, signals, engine)]) if config.policy.pii == "mask" else {}
    more |= {belonging.done.key: belonging.links()} if belonging else {}
    gone = _gone(config, identity, published, near)
    groups = group(every, identity, _links(near, semantic, published) | more, settled, engine)
    told_apart = not _too_alike(config, every, gone, groups)
    if semantic and not told_apart:
        # Texts that the model cannot read are all alike to it: such likeness makes no groups, and the run says so.
        groups = group(every, identity, _links(near, None, published) | more, settled, engine)
    figures = _measure(config, every, gone, _linked_by(near, semantic if told_apart else None, belonging), groups)
    figures["linked_by_meaning"] = int(semantic is not None and told_apart)
    return Grouped(groups, figures)


def _gone(config: Config, identity: Done, published: Published | None, near: Near | None) -> list[Gone]:
    """Which rows are copies of others that are kept."""
    out = [(identity, pl.col("copy_of").is_not_null())]
    if published:
        out.append((published.known, pl.col("published_of").is_not_null()))
    if near:
        looks, copy = pl.col("near_looks").is_not_null(), pl.col("near_of").is_not_null()
        out += [(near.done, copy & ~looks)] if config.policy.near_duplicate == "drop" else []
        out += [(near.done, looks)] if config.policy.near_images == "drop" else []
    return out


def _linked_by(near: Near | None, semantic: Semantic | None, belonging: Belonging | None) -> dict[str, list[str]]:
    """Files of likenesses by what would make them fewer."""
    return {
        **({"raise duplicates.threshold": near.links()} if near else {}),
        **({"raise semantic.group_threshold": [semantic.edges]} if semantic else {}),
        **(belonging.mends() if belonging else {}),
    }


def _links(near: Near | None, semantic: Semantic | None, published: Published | None) -> dict[str, list[str]]:
    """Files of the likenesses that make groups, by the lineage of the stage that found them."""
    return {
        **({near.done.key: near.links()} if near else {}),
        **({semantic.done.key: [semantic.edges]} if semantic else {}),
        **({published.done.key: published.links()} if published else {}),
    }


def _mask_links(every: Sequence[Block], signals: Done, engine: Engine) -> tuple[str, list[str]]:
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


def _too_alike(config: Config, every: Sequence[Block], gone: Sequence[Gone], groups: Done) -> bool:
    """Whether likeness has put more of the rows into one group than `duplicates.largest_group` allows."""
    rows = pl.concat([_rows(block, gone, groups) for block in every])
    return _largest_over(config, sizes(rows), rows.height) is not None


def _largest_over(config: Config, found: pl.DataFrame, rows: int) -> dict[str, Any] | None:
    """The largest group that likeness made of rows in no split yet, if it holds more of them than is allowed."""
    free = found.filter(pl.col("linked") & ~pl.col("settled")).head(1).to_dicts()
    return free[0] if free and free[0]["rows"] > max(_MANY, config.duplicates.largest_group * rows) else None


def _measure(
    config: Config,
    every: Sequence[Block],
    gone: Sequence[Gone],
    links: Mapping[str, Sequence[str]],
    groups: Done,
) -> dict[str, int]:
    """Figures of the groups, for the manifest; rows that are gone do not count.

    Args:
        config: the run's.
        every: its blocks.
        gone: which rows are copies of others.
        links: files of likenesses by what would make them fewer.
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


def _rows(block: Block, gone: Sequence[Gone], groups: Done) -> pl.DataFrame:
    """A block's rows that may be published, with their place and what is said of their group."""
    rows = blocks.read_frame(f"{groups.folder}/{block.sidecar}").with_row_index("row")
    stays = pl.Series([True]).new_from_index(0, rows.height)
    for stage, which in gone:
        said = blocks.read_frame(f"{stage.folder}/{block.sidecar}", which.meta.root_names())
        stays &= ~said.select(which).to_series()
    return rows.filter(stays)


def _too_large(
    config: Config,
    every: Sequence[Block],
    gone: Sequence[Gone],
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
        f"{rows_with:,} rows: {shown!r}. If these rows are different, {settings}, or lower "
        f"duplicates.template_share, the share of the prompts from which on text that they have in common is not "
        f"compared. If they belong together, raise duplicates.largest_group."
    )
