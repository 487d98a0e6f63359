"""What is said of rows about their prompts' attributes, and what target mixtures make of it."""

from __future__ import annotations

from typing import Any

import polars as pl

from transforms import blocks
from transforms.attributes.discover import opening
from transforms.blocks import read_frame
from transforms.hashing import as_number, digest
from transforms.markers import Stats
from transforms.signals import pii
from transforms.texts import plain

#: The two domains and the two skills of a row's prompt, by name, the greater affinity first; null for copies.
SIGNALS = pl.Schema({"domains": pl.List(pl.String()), "skills": pl.List(pl.String())})
#: What a target mixture makes of a row: its weight, or the chance to stay in and the number in [0, 1) that is drawn
#: for it; null where nothing was asked of the row.
MIXTURE = pl.Schema({"mixture_weight": pl.Float64(), "mixture_chance": pl.Float64(), "mixture_draw": pl.Float64()})
#: What of a prompt is needed: the row's place, a hash of the prompt, how the last message opens, and the prompt's
#: beginning.
COLUMNS = pl.Schema({"row": pl.Int64(), "key": pl.UInt64(), "opening": pl.String(), "shown": pl.String()})
_SHOWN = 300


def write_prompts(task: dict[str, Any], folder: str) -> Stats:
    """Write what is needed of the prompts of a block's rows that are no copies: `NAME` with `COLUMNS`.

    Args:
        task: `path` and `name` of the block, `identity` (its stage's folder), `mask` (whether personal data is hidden).
        folder: to write to.
    """
    rows = read_frame(task["path"], ["prompt"]).with_row_index("row")
    copies = read_frame(f"{task['identity']}/{task['name']}", ["copy_of"])
    rows = rows.hstack(copies).filter(pl.col("copy_of").is_null())
    texts = rows.select(
        "row",
        text=plain(pl.col("prompt")).fill_null("").str.strip_chars(),
        last=pl.col("prompt").list.last().struct.field("content"),
    )
    shown = texts["text"].str.slice(0, _SHOWN)
    found = texts.select(
        "row",
        key=digest(texts["text"]).to_frame("h").select(as_number(pl.col("h"))).to_series(),
        opening=opening(texts["last"]),
        shown=pii.mask(shown) if task["mask"] else shown,
    )
    blocks.write_frame(found.cast(COLUMNS), f"{folder}/{task['name']}")
    return {"rows": found.height}


def write_attributes(task: dict[str, Any], folder: str) -> Stats:
    """Write the attributes of a block's rows.

    Args:
        task: `name` and `rows` of the block, `prompts` and `found` (folders).
        folder: to write to.
    """
    rows = read_frame(f"{task['prompts']}/{task['name']}", ["row", "key"])
    assigned = read_frame(f"{task['found']}/assigned.parquet")
    told = rows.join(assigned, on="key", how="left", maintain_order="left").drop("key")
    whole = pl.DataFrame({"row": pl.int_range(task["rows"], dtype=pl.Int64, eager=True)})
    frame = whole.join(told, on="row", how="left", maintain_order="left").select(SIGNALS.names())
    blocks.write_frame(frame.cast(SIGNALS), f"{folder}/{task['name']}")
    return {"rows": rows.height}
