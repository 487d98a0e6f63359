"""Which matches count: not those that the dataset's own way of speaking makes.

Two things are known only when every text was seen. How frequent words are, which says what a changed word told. And in
how many ways the dataset uses what it has of an item: "summarize the following article" stands before many articles,
"how do I make …" before many things. What is used in more ways than a limit is common speech, and counts only where it
is all there is.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.contamination.items import PLAIN_WORDS, Items
from transforms.contamination.scan import Vocabulary

#: What rules are called, the surest first.
RULES = ("whole", "words", "shingles", "characters", "changed")
#: More than so many texts, or than this share of the rows, that have the same of an item speak commonly: a few words of
#: it, most of a longer one, all of a longer one.
FEW_WORDS, MOST, ALL = (5, 0.0), (10, 0.01), (50, 0.05)
#: In the place of a changed word among few, so many others may stand.
OTHER_WORDS = 1


def judge(
    found: pl.DataFrame, items: Items, vocabulary: Vocabulary, counts: np.ndarray, words: int, rows: int
) -> pl.DataFrame:
    """Matches with their final shares and what these were held against.

    Args:
        found: matches of all texts (`scan.FOUND` and any other columns).
        items: of the benchmarks.
        vocabulary: words of short items.
        counts: how often the dataset says each.
        words: how many words the dataset has.
        rows: how many rows it has.

    Returns:
        The matches that reach their rule's share, in their order, with `threshold`, and `common` where they are common
        speech and do not count.
    """
    settings = items.settings
    thresholds = {
        "whole": 1.0,
        "words": settings.words,
        "shingles": settings.jaccard,
        "characters": settings.characters,
        "changed": settings.changed,
    }
    told = _told(found, items, vocabulary, counts, words)
    found = found.with_columns(
        share=pl.when(pl.col("rule") == "changed").then(pl.Series(told)).otherwise("share").round(5),
        threshold=pl.col("rule").replace_strict(thresholds, return_dtype=pl.Float64),
    ).filter(pl.col("share") >= pl.col("threshold"))
    words_of_item = pl.Series(items.words[found["item"]])
    all_of_it = pl.col("share") >= 1
    limit = (
        pl.when(words_of_item < PLAIN_WORDS)
        .then(_limit(FEW_WORDS, rows))
        .when(all_of_it)
        .then(_limit(ALL, rows))
        .otherwise(_limit(MOST, rows))
    )
    alike = ["item", "rule", "frame", all_of_it]
    frame = (pl.col("rule") == "changed") & (words_of_item <= PLAIN_WORDS)
    common = (pl.col("whole").n_unique().over(alike) > limit) | (
        frame & (pl.col("other").n_unique().over(alike) > OTHER_WORDS)
    )
    return found.with_columns(common=(pl.col("rule") != "whole") & common)


def _limit(at_least: tuple[int, float], rows: int) -> int:
    return max(at_least[0], int(at_least[1] * rows))


def _told(found: pl.DataFrame, items: Items, vocabulary: Vocabulary, counts: np.ndarray, words: int) -> np.ndarray:
    """For matches with a changed word, the share that the others have of what the item tells."""
    counted = counts + np.bincount(vocabulary.of, minlength=vocabulary.size)
    weight = np.zeros(len(items.item))
    weight[vocabulary.used] = (np.log((words + len(vocabulary.of)) / counted) ** 2)[vocabulary.of]
    whole = np.bincount(items.item, weights=weight, minlength=len(items))[found["item"]]
    word = found["word"].to_numpy()
    lost = np.where(word < 0, 0.0, weight[word])
    return 1 - np.divide(lost, whole, out=np.zeros(len(word)), where=whole > 0)


def best(found: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """The surest match of each: the largest share, then the surer rule, then the first item."""
    rank = pl.col("rule").replace_strict({rule: place for place, rule in enumerate(RULES)}, return_dtype=pl.Int64)
    return found.sort(*by, -pl.col("share"), rank, "item").unique(by, keep="first", maintain_order=True)
