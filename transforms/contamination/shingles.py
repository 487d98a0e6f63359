"""Near-copies of long items: the Jaccard index of their shingles of five words and a text's.

Runs of thirteen words see nothing of a text in which every twelfth word was changed; its shingles do.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.contamination.items import Items, keyed
from transforms.contamination.letters import Letters, ragged
from transforms.contamination.matches import matches
from transforms.contamination.words import hits_of, longest, word_lookups

#: Words of a shingle.
SHINGLE = 5


class Shingles:
    """Finds near-copies of long items."""

    def __init__(self, items: Items) -> None:
        self.items = items
        long = ~items.short & (items.words >= items.settings.short)
        runs = items.word_runs(np.where(long, items.scaled(SHINGLE), 0))
        owned = np.append(0, np.cumsum(items.own))
        runs = runs.only(owned[runs.word + runs.size] - owned[runs.word] == runs.size)
        item = items.item[runs.word]
        once = pl.Series(keyed(runs.hash, item)).is_first_distinct().to_numpy()
        self.runs = word_lookups(items, runs.only(once))
        self.whole = np.bincount(item[once], minlength=len(items))

    def find(self, text: Letters) -> pl.DataFrame:
        """Texts whose shingles are an item's to the share asked for: frame of `MATCHES`."""
        return pl.concat([self._found(text, size) for size in self.runs] or [matches()])

    def _found(self, text: Letters, size: int) -> pl.DataFrame:
        hits = hits_of(text, size, self.runs[size])
        if hits.is_empty():
            return matches()
        common = hits.group_by("text", "item").agg(both=pl.col("word").n_unique()).sort("text", "item")
        share = self.items.settings.jaccard
        # The union is at least the item's shingles.
        common = common.filter(pl.col("both") >= share * pl.Series(self.whole)[common["item"]])
        within, item, both = (common[name].to_numpy() for name in ("text", "item", "both"))
        jaccard = both / (self.whole[item] + _distinct(text, within, size) - both)
        near = pl.Series(jaccard >= share)
        found = common.with_columns(share=pl.Series(jaccard)).filter(near)
        found = found.join(longest(hits), on=["text", "item"], maintain_order="left")
        return matches(
            **{name: found[name].to_numpy() for name in ("text", "item", "share", "start", "stop")}, rule="shingles"
        )


def _distinct(text: Letters, within: np.ndarray, size: int) -> np.ndarray:
    """How many distinct shingles each of these texts has."""
    asked, back = np.unique(within, return_inverse=True)
    counts = np.maximum(0, text.word_at[asked + 1] - text.word_at[asked] - size + 1)
    shingles = text.word_grams(size)[ragged(text.word_at[asked], counts)]
    pairs = pl.DataFrame({"text": np.repeat(np.arange(len(asked)), counts), "hash": shingles}).unique()
    return np.bincount(pairs["text"], minlength=len(asked))[back]
