"""The distinct prompts and responses of a block's rows, as sets of shingles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.duplicates.sets import Sets, together
from transforms.duplicates.shingles import filled, salted, shingles, without
from transforms.hashing import as_nodes, digest
from transforms.identity.keys import prompt_ids, response_ids
from transforms.texts import beyond, plain

#: Columns of a block that are read.
COLUMNS = ("prompt_id", "response_ids", "prompt", "responses", "tools")
_NOTHING = np.empty(0, dtype=np.uint32)


@dataclass(frozen=True)
class Parts:
    """Prompts and responses, each once.

    Attributes:
        sets: shingles, first of the prompts, then of the responses; none of one that holds nothing.
        nodes: uint64, the beginning of each one's hash.
        row: where each is first found.
        place: the same, of a response: which of the row's.
        prompts: how many of them are prompts.
        of_rows: for each row the place of its prompt, then those of its responses, row by row.
        counts: how many those are for each row.
        salts: uint32, a number for what each holds beside text; 0 where there is nothing.
    """

    sets: Sets
    nodes: np.ndarray
    row: np.ndarray
    place: np.ndarray
    prompts: int
    of_rows: np.ndarray
    counts: np.ndarray
    salts: np.ndarray


def parts(rows: pl.DataFrame, size: int, template: np.ndarray = _NOTHING) -> Parts:
    """The parts of rows.

    A part is compared by its shingles; one with fewer tokens than a shingle has, or with nothing but template text, is
    compared exactly. So is what is not text, such as images, calls of tools and tools on offer: parts that differ in it
    share no shingle.

    Args:
        rows: `COLUMNS`.
        size: tokens of a shingle.
        template: shingles that so many prompts have that they say nothing of one (uint32, sorted).
    """
    prompts, first, of_prompts = np.unique(as_nodes(rows["prompt_id"]), return_index=True, return_inverse=True)
    counts = rows["responses"].list.len().to_numpy().astype(np.int64)
    row = np.repeat(np.arange(rows.height), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    ids = rows["response_ids"].explode(empty_as_null=False, keep_nulls=False)
    responses, given, of_responses = np.unique(as_nodes(ids), return_index=True, return_inverse=True)
    said = rows["responses"].explode(empty_as_null=False, keep_nulls=False)
    asked = rows[first]
    salts = [salts_of(asked["prompt"], asked["tools"]), salts_of(said[given], None)]
    sets = [
        sets_of(asked["prompt"], asked["tools"], prompts, salts[0], size, template),
        sets_of(said[given], None, responses, salts[1], size),
    ]
    return Parts(
        sets=together(sets),
        nodes=np.concatenate([prompts, responses]),
        row=np.concatenate([first, row[given]]),
        place=np.concatenate([np.zeros_like(first), place[given]]),
        prompts=len(prompts),
        of_rows=np.insert(len(prompts) + of_responses, np.cumsum(counts) - counts, of_prompts),
        counts=counts + 1,
        salts=np.concatenate(salts),
    )


def sets_of(
    dialogues: pl.Series,
    tools: pl.Series | None,
    nodes: np.ndarray,
    salts: np.ndarray,
    size: int,
    template: np.ndarray = _NOTHING,
) -> Sets:
    """The shingles of dialogues, each with the hash of all it holds, as in `parts`, and its salt (`salts_of`)."""
    alone = (nodes & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    held = np.flatnonzero(salts)
    if len(held):  # here images may have another name than where that hash was made
        own = dialogues[held]
        ids = response_ids(own) if tools is None else prompt_ids(own, tools[held])
        alone[held] = as_nodes(ids) & np.uint64(0xFFFFFFFF)
    texts = dialogues.to_frame("said").select(text=plain(pl.col("said")))["text"]
    sets = shingles(texts, size, alone)
    asked = (sets.counts > 0) | (salts > 0)
    return filled(salted(without(sets, template), salts), asked, alone)


def salts_of(dialogues: pl.Series, tools: pl.Series | None) -> np.ndarray:
    """A number for what dialogues hold beside text, and for tools on offer; 0 where there is nothing. uint32."""
    rest = beyond(dialogues)
    held = pl.DataFrame({"rest": rest, "tools": rest.clear(len(rest)) if tools is None else tools})
    both = held.select(
        pl.concat_str("rest", "tools", separator="\x1d", ignore_nulls=True).replace("", None)
    ).to_series()
    if both.null_count() == len(both):
        return np.zeros(len(both), dtype=np.uint32)
    return digest(both).str.slice(0, 8).str.to_integer(base=16, dtype=pl.UInt32).fill_null(0).to_numpy()
