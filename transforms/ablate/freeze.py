"""Rows that evaluate are set apart by group before any label is looked at; later stages take them for copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.hashing import uniform
from transforms.identity.copies import SIGNALS
from transforms.markers import Stats

#: What a row is for: to train on, to evaluate on, or neither: its group is evaluated on.
TRAIN, EVALUATE, APART = "train", "evaluate", "apart"
#: Salt of the draws, so that they are no split's.
_SALT = 4242


def roles(rows: pl.DataFrame, gold: Sequence[str], share: float, seed: int) -> pl.Series:
    """What each row is for; rows of a group are on one side.

    Args:
        rows: `source`, `group_id` and `copy_of`.
        gold: sources whose rows evaluate; groups are drawn when there are none.
        share: of the groups that are drawn.
        seed: of the draws.
    """
    if gold:
        asked = pl.col("source").is_in(list(gold))
        held = asked.any().over("group_id")
    else:
        asked = held = uniform(pl.col("group_id"), seed + _SALT) < share
    once = asked & pl.col("copy_of").is_null()
    return rows.select(
        role=pl.when(once).then(pl.lit(EVALUATE)).when(held).then(pl.lit(APART)).otherwise(pl.lit(TRAIN))
    )["role"]


def freeze(task: dict[str, Any], folder: str) -> Stats:
    """Write what each row is for, and what is known of copies without the rows that evaluate, one sidecar a block.

    `NAME` has copies as they were found; `apart/NAME` has none, so that every row speaks with its own judgements;
    `roles/NAME` says what each row is for.

    Args:
        task: `blocks` (path and name of each), `identity`, `groups` (folders), `gold`, `share`, `seed`.
        folder: to write to.
    """
    parts = [
        read_frame(block["path"], ["source"])
        .hstack(read_frame(f"{task['groups']}/{block['name']}", ["group_id"]))
        .hstack(read_frame(f"{task['identity']}/{block['name']}"))
        for block in task["blocks"]
    ]
    whole = pl.concat(parts)
    whole = whole.with_columns(roles(whole, task["gold"], task["share"], task["seed"]))
    start = 0
    for block, part in zip(task["blocks"], parts, strict=True):
        mine = whole.slice(start, part.height)
        start += part.height
        blocks.write_frame(mine.select("role"), f"{folder}/roles/{block['name']}")
        blocks.write_frame(hidden(mine), f"{folder}/{block['name']}")
        alone = mine.with_columns(
            copy_of=pl.lit(None, pl.String),
            copy_kind=pl.lit(None, pl.String),
            copies=pl.lit(1, pl.Int64),
            conflict=pl.lit(False),
            conflict_on=pl.lit(None, SIGNALS["conflict_on"]),
            judgements=pl.lit(None, SIGNALS["judgements"]),
            scales=pl.lit(None, SIGNALS["scales"]),
        )
        blocks.write_frame(hidden(alone), f"{folder}/apart/{block['name']}")
    counts = whole["role"].value_counts()
    return {"rows": whole.height, "roles": dict(sorted(counts.iter_rows()))}


def hidden(rows: pl.DataFrame) -> pl.DataFrame:
    """What is known of copies (`identity`'s sidecar), with rows that are not for training as copies of no row."""
    away = pl.col("role") != TRAIN
    return rows.with_columns(
        copy_of=pl.when(away).then(pl.lit("")).otherwise("copy_of"),
        copy_kind=pl.when(away).then(pl.lit("exact_duplicate")).otherwise("copy_kind"),
    ).select(pl.col(name).cast(dtype) for name, dtype in SIGNALS.items())
