"""Long items by runs of words: the share of an item's words that runs of eight (or thirteen) words of a text cover."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.contamination.items import Items, WordRuns
from transforms.contamination.letters import Letters
from transforms.contamination.lookup import Lookup
from transforms.contamination.matches import matches

#: A run of words that a text has of an item: the item's first `word` of it, and its `place` in the texts.
HITS = pl.Schema(dict.fromkeys(("text", "item", "word", "place", "size"), pl.Int64))
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Words:
    """Finds long items by runs of their words."""

    def __init__(self, items: Items) -> None:
        self.items = items
        self.runs = word_lookups(items, items.own_runs.only(~items.short[items.item[items.own_runs.word]]))
        #: Words of each item that runs of its own cover.
        self.whole = np.bincount(items.item, weights=items.own, minlength=len(items))

    def find(self, text: Letters) -> pl.DataFrame:
        """Texts whose runs cover the share asked for of an item's own words: frame of `MATCHES`."""
        hits = pl.concat([pl.DataFrame(schema=HITS), *(hits_of(text, *run) for run in self.runs.items())])
        if hits.is_empty():
            return matches()
        there = hits.sort("text", "item", "word", "place").unique(
            ["text", "item", "word"], keep="first", maintain_order=True
        )
        following = pl.col("word").shift(-1).over("text", "item").fill_null(2**62)
        mixed = (there["word"].to_numpy().astype(np.uint64) + np.uint64(1)) * _ODD
        shares = (
            there.with_columns(
                covered=pl.min_horizontal(pl.col("size"), following - pl.col("word")),
                mixed=pl.Series(mixed ^ (mixed >> np.uint64(32))),
            )
            .group_by("text", "item", maintain_order=True)
            .agg(pl.col("covered").sum(), frame=pl.col("mixed").bitwise_xor())
        )
        shares = shares.with_columns(share=pl.col("covered") / pl.Series(self.whole)[shares["item"]]).filter(
            pl.col("share") >= self.items.settings.words
        )
        found = shares.join(longest(hits), on=["text", "item"], maintain_order="left")
        return matches(
            **{name: found[name].to_numpy() for name in ("text", "item", "share", "start", "stop", "frame")},
            rule="words",
        )


def word_lookups(items: Items, runs: WordRuns) -> dict[int, Lookup]:
    """Runs of words of items to look up, by their size."""
    out = {}
    starts = items.letters.starts
    for size in np.unique(runs.size).tolist():
        part = runs.only(runs.size == size)
        out[size] = Lookup(items.letters, part.hash, items.item[part.word], starts[part.word], starts[part.word + size])
    return out


def hits_of(text: Letters, size: int, lookup: Lookup) -> pl.DataFrame:
    """Runs of words that texts have in common with items: frame of `HITS`."""
    place, run = lookup.find(text.word_grams(size))
    within = text.text_of_word[place]
    real = place + size <= text.word_at[within + 1]
    place, run, within = place[real], run[real], within[real]
    real = lookup.same(text, text.starts[place], text.starts[place + size], run)
    place, run, within = place[real], run[real], within[real]
    word = lookup.letters.words_of(lookup.start[run])
    found = {"text": within, "item": lookup.item[run], "word": word, "place": place, "size": np.full(len(run), size)}
    return pl.DataFrame(found, schema=HITS)


def longest(hits: pl.DataFrame) -> pl.DataFrame:
    """The longest passage that each text has in common with each item: its first word in the texts, and its end."""
    along = hits.with_columns(shift=pl.col("place") - pl.col("word")).sort("text", "item", "shift", "place")
    passage = pl.struct("text", "item", "shift", pl.col("place") - pl.int_range(pl.len())).rle_id()
    return (
        along.group_by(passage.alias("passage"), "text", "item", maintain_order=True)
        .agg(start=pl.col("place").first(), stop=pl.col("place").last() + pl.col("size").first())
        .sort("text", "item", pl.col("start") - pl.col("stop"), "start")
        .unique(["text", "item"], keep="first", maintain_order=True)
        .drop("passage")
    )
