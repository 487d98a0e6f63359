"""The keys a row is recognised by."""

from __future__ import annotations

from unicodedata import normalize

import polars as pl

from schemas.arrow import ROW_SCHEMA
from transforms.hashing import digest
from transforms.ingest.dialogue import as_text
from transforms.lists import of_counts

#: What a block holds beside the canonical row: hashes of the normalised prompt and of each response, and of the whole
#: record as it was, by which one of several copies is chosen without looking at the order of arrival.
KEYS = pl.Schema({"prompt_id": pl.String(), "response_ids": pl.List(pl.String()), "version_id": pl.String()})
BLOCK_SCHEMA = pl.Schema({**ROW_SCHEMA, **KEYS})

_VERSION = ("source", "generators", "language", "licence", "timestamp", "metadata", "tools", "steps", "references")


def trimmed(text: pl.Expr) -> pl.Expr:
    """Text with one kind of line end and no white space at its ends. Inner white space is content."""
    return text.str.replace_all("\r\n", "\n", literal=True).str.strip_chars()


def composed(texts: pl.Series) -> pl.Series:
    """Texts in Unicode NFC. Only those with a character beyond ASCII are looked at; few of them change."""
    beyond = (texts.str.len_bytes() > texts.str.len_chars()).arg_true()
    if beyond.is_empty():
        return texts
    changed = [None if text is None else normalize("NFC", text) for text in texts[beyond].to_list()]
    return texts.scatter(beyond, pl.Series(changed, dtype=pl.String))


def identify(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with their keys.

    `content_id` is the same for rows of one kind with the same prompt, tools and steps and the same set of responses,
    so a copy with its sides swapped has its original's.

    Args:
        rows: frame of `ROW_SCHEMA`.

    Returns:
        Frame of `BLOCK_SCHEMA`.
    """
    flat = rows["responses"].explode(empty_as_null=False, keep_nulls=False)
    counts = rows["responses"].list.len().to_numpy()
    texts = flat.to_frame("r").select(shown=as_text(pl.col("r"), trimmed), raw=as_text(pl.col("r")))
    ids = of_counts(digest(composed(texts["shown"])), counts).alias("response_ids")
    raws = of_counts(texts["raw"], counts).alias("raws")
    keyed = rows.with_columns(ids, raws).with_columns(
        prompt_id=pl.concat_str(
            as_text(pl.col("prompt"), trimmed), pl.concat_str(pl.lit("\x1d"), pl.col("tools")).fill_null("")
        )
    )
    keyed = keyed.with_columns(digest(composed(keyed["prompt_id"])))
    parts = keyed.select(
        content_id=pl.concat_str(
            pl.col("kind"),
            pl.col("prompt_id"),
            pl.col("response_ids").list.sort().list.join(","),
            pl.col("steps").list.join("\x1e").fill_null(""),
            separator="\x1f",
        ),
        version_id=pl.concat_str(
            pl.col("raws").list.join("\x1d"),
            as_text(pl.col("prompt")),
            pl.struct(pl.col(name) for name in _VERSION).struct.json_encode(),
            # Raters' hashes change with the key, and the choice among copies must not.
            pl.col("judgements")
            .list.eval(pl.element().struct.with_fields(rater=None).struct.json_encode())
            .list.join(","),
            separator="\x1f",
        ),
    )
    keyed = keyed.with_columns(digest(parts["content_id"]), digest(parts["version_id"]))
    return keyed.select(pl.col(name).cast(dtype) for name, dtype in BLOCK_SCHEMA.items())
