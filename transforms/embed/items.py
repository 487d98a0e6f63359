"""What of a block is embedded: its items in their places, what each is known by, and what a model is given of it.

For texts the places are the rows' prompts, then the responses, row by row, and for dialogues (a prompt and a response
together, which reward models are given) likewise, with nothing in a prompt's place and in those of rows that are no
pairs; answers are the dialogues of all rows, copies too. For images they are those of each row, row by row.
Rows that are copies of another have places too, but, answers apart, nothing in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from transforms.embed import images
from transforms.hashing import digest
from transforms.images.places import located
from transforms.texts import prompt_texts, response_texts

What = Literal["text", "image", "dialogue", "answer"]
#: The columns of a block that are read.
COLUMNS = ("kind", "source", "prompt", "responses")


def known_by(
    block: pl.DataFrame, copies: pl.Series, what: What, roots: Mapping[str, str]
) -> tuple[pl.Series, np.ndarray]:
    """What the item in each place is known by.

    Args:
        block: `COLUMNS`.
        copies: whether a row is a copy of another.
        what: texts, images, dialogues or answers.
        roots: of images, see `transforms.images.places.located`.

    Returns:
        A hash of each place's content, null where there is nothing to embed; and how many places each row has beyond
        its prompt: responses, or images.
    """
    kept = ~copies.to_numpy()
    if what == "image":
        refs, counts = _images(block, roots)
        asked = np.repeat(kept, counts)
        found = iter(images.addresses(refs.filter(pl.Series(asked))))
        return pl.Series("item", [next(found) if ask else None for ask in asked], dtype=pl.String), counts
    if what in ("dialogue", "answer"):
        asked = np.repeat((kept & (block["kind"] == "pair").to_numpy()) | (what == "answer"), _counts(block))
        said = _dialogues(block).to_frame("item").select(pl.when(pl.Series(asked)).then("item"))["item"]
        prompts = pl.Series("item", [None], dtype=pl.String).new_from_index(0, block.height)
        return digest(pl.concat([prompts, said])), _counts(block)
    texts, counts = _texts(block)
    asked = np.concatenate([kept, np.repeat(kept, counts)])
    some = texts.to_frame("item").select(pl.when(pl.Series(asked) & (pl.col("item") != "")).then("item"))["item"]
    return digest(some), counts


def given(block: pl.DataFrame, places: Sequence[int], what: What, roots: Mapping[str, str]) -> list[Any]:
    """What a model is given for some places: texts, or the bytes of images (empty where they cannot be had)."""
    if what == "image":
        refs, _ = _images(block, roots)
        return [images.content(uri) or b"" for uri in refs["uri"][list(places)].to_list()]
    if what in ("dialogue", "answer"):
        return list(_dialogues(block)[[place - block.height for place in places]].to_list())
    texts, _ = _texts(block)
    return list(texts[list(places)].to_list())


def _images(block: pl.DataFrame, roots: Mapping[str, str]) -> tuple[pl.DataFrame, np.ndarray]:
    """The images of rows, by where they lie; and how many each row has."""
    refs, counts = images.references(block)
    return refs.with_columns(
        uri=located(refs, block["source"].gather(np.repeat(np.arange(len(counts)), counts)), roots)
    ), counts


def _counts(block: pl.DataFrame) -> np.ndarray:
    """How many responses each row has."""
    return block["responses"].list.len().fill_null(0).to_numpy().astype(np.int64)


def _dialogues(block: pl.DataFrame) -> pl.Series:
    """Each response with its prompt, as JSON."""
    flat = block.select("prompt", response="responses").explode("response", empty_as_null=False, keep_nulls=False)
    return flat.select(item=pl.struct("prompt", "response").struct.json_encode())["item"]


def _texts(block: pl.DataFrame) -> tuple[pl.Series, np.ndarray]:
    """Texts of all places without white space at their ends, and each row's number of responses."""
    responses, counts = response_texts(block)
    every = pl.concat([prompt_texts(block).alias("item"), responses.alias("item")])
    return every.fill_null("").str.strip_chars(), counts.astype(np.int64)
