"""The keys a row is recognised by."""

from __future__ import annotations

from unicodedata import normalize

import numpy as np
import polars as pl

from schemas.arrow import ROW_SCHEMA
from transforms.hashing import digest, fingerprint
from transforms.ingest.dialogue import dialogue_texts
from transforms.lists import of_counts

#: What a block holds beside the canonical row: hashes of the normalised prompt and of each response, and of the whole
#: record as it was, by which one of several copies is chosen without looking at the order of arrival.
KEYS = pl.Schema({"prompt_id": pl.String(), "response_ids": pl.List(pl.String()), "version_id": pl.UInt64()})
BLOCK_SCHEMA = pl.Schema({**ROW_SCHEMA, **KEYS})

#: What tells the versions of one content apart. Raters do not: their names change with the key, and the choice among
#: copies must not.
_VERSION = (
    "source", "prompt", "responses", "tools", "steps", "references", "generators", "language", "licence", "timestamp",
    "metadata",
)  # fmt: skip


def tidy(texts: pl.Series) -> pl.Series:
    """Texts in NFC, with one kind of line end and no white space at their ends. Inner white space is content."""
    if texts.str.contains("\r\n", literal=True).any():
        texts = texts.str.replace_all("\r\n", "\n", literal=True)
    texts = texts.str.strip_chars()
    beyond = (texts.str.len_bytes() > texts.str.len_chars()).arg_true()  # ASCII is composed as it is
    if beyond.is_empty():
        return texts
    composed = [None if text is None else normalize("NFC", text) for text in texts[beyond].to_list()]
    return texts.scatter(beyond, pl.Series(composed, dtype=pl.String))


def identify(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with their keys.

    `content_id` is the same for rows of one kind with the same prompt, tools and steps and the same set of responses,
    so a copy with its sides swapped has its original's.

    Args:
        rows: frame of `ROW_SCHEMA`.

    Returns:
        Frame of `BLOCK_SCHEMA`.
    """
    counts = rows["responses"].list.len().to_numpy()
    flat = rows["responses"].explode(empty_as_null=False, keep_nulls=False)
    ids = response_ids(flat)
    prompts = prompt_ids(rows["prompt"], rows["tools"])
    keyed = rows.with_columns(of_counts(ids, counts).alias("response_ids"), prompts.alias("prompt_id"))
    content = keyed.with_columns(set=_unordered(ids, counts)).select(
        pl.concat_str("kind", "prompt_id", "set", pl.col("steps").list.join("\x1e").fill_null(""), separator="\x1f")
    )
    keyed = keyed.with_columns(digest(content.to_series()).alias("content_id"), _versions(rows))
    return keyed.select(pl.col(name).cast(dtype) for name, dtype in BLOCK_SCHEMA.items())


def prompt_ids(prompts: pl.Series, tools: pl.Series) -> pl.Series:
    """A hash of each prompt, with the tools on offer."""
    frame = pl.DataFrame({"prompt": dialogue_texts(prompts, tidy), "tools": tools})
    said = frame.select(pl.concat_str("prompt", pl.concat_str(pl.lit("\x1d"), pl.col("tools")).fill_null("")))
    return digest(said["prompt"])


def response_ids(responses: pl.Series) -> pl.Series:
    """A hash of each response."""
    return digest(dialogue_texts(responses, tidy))


def _unordered(ids: pl.Series, counts: np.ndarray) -> pl.Series:
    """The ids of each row in their own order, as one text."""
    if (counts == 2).all():
        sides = pl.DataFrame({"a": ids.gather_every(2), "b": ids.gather_every(2, 1)})
        low, high = pl.min_horizontal("a", "b"), pl.max_horizontal("a", "b")
        return sides.select(pl.concat_str(low, pl.lit(","), high)).to_series()
    flat = pl.DataFrame({"row": np.repeat(np.arange(len(counts)), counts), "id": ids}).sort("row", "id")
    return of_counts(flat["id"], counts).list.join(",")


def _versions(rows: pl.DataFrame) -> pl.Series:
    """A hash of each row's whole record, texts as they were."""
    counts = rows["judgements"].list.len().fill_null(0).to_numpy()
    flat = rows["judgements"].explode(empty_as_null=False, keep_nulls=False).struct.unnest().drop("rater")
    said = of_counts(flat.to_struct("judgements"), counts)
    return pl.Series("version_id", fingerprint(rows.select(*_VERSION, said).to_struct()))
