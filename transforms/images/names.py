"""What images are called, and dialogues in which those that look the same have one name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from transforms.embed.images import references
from transforms.images.places import ADDRESS, located
from transforms.images.shown import Shown
from transforms.lists import of_counts


def image_names(rows: pl.DataFrame) -> tuple[pl.Series, np.ndarray]:
    """What each image of a block's rows is called, row by row, and how many each row has.

    An image is called by its SHA-256 where that is known, else by its URI; one whose URI is relative, or that has
    neither, is called by it within its source.

    Args:
        rows: source, prompt and responses.
    """
    refs, counts = references(rows)
    return _names(refs, rows["source"], np.repeat(np.arange(rows.height), counts)), counts


def image_places(rows: pl.DataFrame, roots: Mapping[str, str]) -> pl.DataFrame:
    """What each image of a block's rows is called (`name`), where it lies (`place`), and its `sha256`, row by row.

    Args:
        rows: source, prompt and responses.
        roots: see `transforms.images.places.located`.
    """
    refs, counts = references(rows)
    owners = np.repeat(np.arange(rows.height), counts)
    names, places = _names(refs, rows["source"], owners), located(refs, rows["source"].gather(owners), roots)
    return refs.select("sha256").with_columns(name=names, place=places)


def _names(refs: pl.DataFrame, sources: pl.Series, owners: np.ndarray) -> pl.Series:
    uri, digest = pl.col("uri"), pl.col("sha256")
    inside = pl.concat_str(pl.lit("in:"), pl.col("source").fill_null(""), pl.lit(":"), uri)
    named = pl.when(uri.str.contains(ADDRESS)).then(pl.lit("uri:") + uri).otherwise(inside)
    return refs.with_columns(source=sources[owners]).select(
        name=pl.coalesce(pl.lit("sha256:") + digest.str.to_lowercase(), named)
    )["name"]


def as_seen(dialogues: pl.Series, sources: pl.Series, alike: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Dialogues in which an image has the name that stands for all that look like it.

    Args:
        dialogues: lists of messages.
        sources: of each dialogue.
        alike: images that look like others, `name` and `stands`.

    Returns:
        The dialogues; and for each the number of each of its images: from 1 on its line in `alike`, 0 for one that
        looks like no other.
    """
    shown = Shown.of(dialogues)
    names = _names(shown.refs, sources, shown.owners)
    line = pl.Series(np.arange(1, alike.height + 1), dtype=pl.Int32)
    number = names.replace_strict(alike["name"], line, default=0, return_dtype=pl.Int32).fill_null(0)
    numbers = of_counts(number.alias("shown"), np.bincount(shown.owners, minlength=len(dialogues)))
    if not (number > 0).any():
        return dialogues, numbers
    stands = names.replace(alike["name"], alike["stands"])
    named = shown.refs.with_columns(number.alias("number"), stands.alias("stands")).select(
        uri=pl.when(pl.col("number") > 0).then("stands").otherwise("uri"),
        sha256=pl.when(pl.col("number") == 0).then("sha256"),
    )
    return shown.replaced(named), numbers
