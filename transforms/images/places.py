"""Where images lie: what the path of one is relative to.

A path is relative to the folder of the data file that names it, or to the folder that its source says. Rows have it
relative to the folder that all files of the source are in (`in_folders`), so that it means the same wherever they go;
`located` puts that folder before it where the image is to be opened.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

import numpy as np
import polars as pl

from transforms.images.shown import Shown
from transforms.lists import of_counts

#: What addresses begin with, which mean the same everywhere; anything else is a path.
ADDRESS = "^[a-z0-9]+:"
#: Steps of a path that go nowhere or back.
_STEPS = r"(^|/)\.{0,2}/|/\.{1,2}$"


def root_of(path: str, file: str) -> str:
    """The folder below which a file lies as ledgers call it, the end of its path."""
    return path.removesuffix(file)


def located(refs: pl.DataFrame, sources: pl.Series, roots: Mapping[str, str]) -> pl.Series:
    """Where each image lies: a path or an address; null where nothing says so.

    Args:
        refs: `uri` of images.
        sources: of each image.
        roots: the folder that relative paths of each source are counted from, or an archive as fsspec has it
            (`zip://a::/x/b.zip`); of other sources they stay as they are.
    """
    parts = [root.partition("::") for root in roots.values()]
    ends = {"folder": [inside.rstrip("/") + "/" if not inside.endswith("://") else inside for inside, _, _ in parts],
            "archive": [chain + archive for _, chain, archive in parts]}  # fmt: skip
    found = refs.select("uri").with_columns(
        sources.replace_strict(list(roots), values, default=None, return_dtype=pl.String).alias(name)
        for name, values in ends.items()
    )
    moved = _relative(pl.col("folder"))
    whole = pl.concat_str("folder", "uri", "archive")
    found = found.select(uri=pl.when(moved).then(whole).otherwise("uri"), moved=moved)
    # A local folder may be a link, which the system steps back through; elsewhere `..` is a name like any other.
    return _straight(found["uri"], found["moved"] & found["uri"].str.contains("://"))


def in_folders(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in which relative paths of images begin with the folder of the row's file, as ledgers call it.

    So what files in two folders call alike are two images. One whose SHA-256 is known is told by that, and its path
    stays as it is.

    Args:
        rows: file, prompt and responses.
    """
    folders = rows["file"].str.extract("^(.*)/")
    if folders.null_count() == rows.height:
        return rows
    counts = rows["responses"].list.len().fill_null(0).to_numpy()
    answers = rows["responses"].explode(empty_as_null=False, keep_nulls=False)
    moved = _below(answers, folders.gather(np.repeat(np.arange(rows.height), counts)))
    rows = rows.with_columns(_below(rows["prompt"], folders))
    return rows if moved is answers else rows.with_columns(of_counts(moved, counts))


def _below(dialogues: pl.Series, folders: pl.Series) -> pl.Series:
    shown = Shown.of(dialogues)
    if not shown.refs.height:
        return dialogues
    moved = _relative(pl.col("folder")) & pl.col("sha256").is_null()
    found = shown.refs.with_columns(folder=folders.gather(shown.owners)).select(
        uri=pl.when(moved).then(pl.concat_str("folder", pl.lit("/"), "uri")).otherwise("uri"), moved=moved
    )
    return shown.replaced(shown.refs.with_columns(_straight(found["uri"], found["moved"])))


def _relative(folder: pl.Expr) -> pl.Expr:
    """Whether the path in `uri` is relative and there is a folder to count it from."""
    there = folder.is_not_null() & ~pl.col("uri").str.contains(ADDRESS) & ~pl.col("uri").str.starts_with("/")
    return there.fill_null(False)


def _straight(uris: pl.Series, asked: pl.Series) -> pl.Series:
    """URIs, those that are asked for without steps that go nowhere or back."""
    crooked = uris.filter(asked & uris.str.contains(_STEPS)).unique()
    plain = pl.Series([_plain(uri) for uri in crooked], dtype=pl.String)
    straight = uris.to_frame("uri").with_columns(asked=asked, straight=uris.replace(crooked, plain))
    return straight.select(uri=pl.when("asked").then("straight").otherwise("uri"))["uri"]


def _plain(uri: str) -> str:
    inside, chain, archive = uri.partition("::")
    scheme, mark, path = inside.rpartition("://")
    return scheme + mark + posixpath.normpath(path) + chain + archive
