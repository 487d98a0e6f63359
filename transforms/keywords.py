"""Words by which classes of texts are told apart: class-based TF-IDF (c-TF-IDF: Grootendorst 2022)."""

from __future__ import annotations

import numpy as np
import polars as pl

#: Letters of any script; two of them say little.
_WORD = r"\p{L}[\p{L}\p{M}'\x{2019}-]{2,}"
#: How much more of a class's texts must have a word than of the others.
_MORE = 1.5


def keywords(texts: pl.Series, members: np.ndarray, count: int = 8, least: int = 3) -> list[list[str]]:
    """The words that are most a class's own, the most telling first.

    A word weighs tf · log(1 + A / f): `tf` the share of the class's texts that have it, `f` how many texts of all
    classes do, `A` the mean number of distinct words of a class's texts together. So a text counts once, however often
    it says a word. A word is the class's own only where
    its share of the texts is half as much again as elsewhere.

    Args:
        texts: of all classes.
        members: each text's class from 0 on; -1 for texts that are only compared with [texts].
        count: words a class at most.
        least: texts of the class that must have a word; fewer where the class has hardly more texts.

    Returns:
        A list of words for each class.
    """
    classes = int(members.max(initial=-1)) + 1
    frame = pl.DataFrame({"class": members, "word": texts.fill_null("").str.to_lowercase().str.extract_all(_WORD)})
    sizes = np.bincount(members + 1, minlength=classes + 1)
    each = (
        frame.with_row_index("text")
        .explode("word", empty_as_null=False, keep_nulls=False)
        .unique(["text", "word"])
        .group_by("class", "word")
        .agg(texts=pl.len())
    )
    everywhere = each.group_by("word").agg(f=pl.col("texts").sum())
    mean = each["texts"].sum() / max(len(np.unique(members)), 1)
    size = pl.Series(np.maximum(sizes, 1), dtype=pl.Float64)
    inside = pl.col("texts") / pl.col("size")
    outside = (pl.col("f") - pl.col("texts")) / (max(len(texts), 1) - pl.col("size")).clip(1)
    scored = (
        each.filter(pl.col("class") >= 0)
        .join(everywhere, on="word")
        .with_columns(size=size.gather(pl.Series(each.filter(pl.col("class") >= 0)["class"] + 1)))
        if classes
        else each.clear().with_columns(f=pl.lit(0), size=pl.lit(1.0))
    )
    best = (
        scored.filter(
            (pl.col("texts") >= pl.min_horizontal(pl.lit(least), pl.col("size") / 2)) & (inside > _MORE * outside)
        )
        .with_columns(weight=(inside * (1 + mean / pl.col("f")).log()).round(9))
        .sort("class", "weight", "word", descending=[False, True, False])
        .group_by("class", maintain_order=True)
        .agg(pl.col("word").head(count))
    )
    found = dict(zip(best["class"].to_list(), best["word"].to_list(), strict=True))
    return [found.get(number, []) for number in range(classes)]
