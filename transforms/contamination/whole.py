"""Items that a text, or one message of it, is: the same letters, nothing before and nothing behind."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.contamination.items import Items
from transforms.contamination.letters import Letters
from transforms.contamination.lookup import Lookup
from transforms.contamination.matches import matches


class Whole:
    """Finds items that are all there is."""

    def __init__(self, items: Items) -> None:
        self.items = items
        at = items.letters.letter_at
        # A short answer of a benchmark is anybody's.
        asked = np.flatnonzero(items.short | (np.diff(items.letters.word_at) >= items.size))
        start, stop = at[asked], at[asked + 1]
        self.lookup = Lookup(items.letters, items.letters.hashes(start, stop), asked, start, stop)

    def find(self, text: Letters) -> pl.DataFrame:
        """Texts and messages that are an item: frame of `MATCHES`."""
        first = np.concatenate([text.word_at[:-1], text.message_at[:-1]])
        last = np.concatenate([text.word_at[1:], text.message_at[1:]])
        first, last = np.unique(np.stack([first, last])[:, first < last], axis=1)
        start, stop = text.starts[first], text.starts[last]
        place, found = self.lookup.find(text.hashes(start, stop))
        real = self.lookup.same(text, start[place], stop[place], found)
        place, item = place[real], self.lookup.item[found[real]]
        within = text.text_of_word[first[place]]
        whole = (first[place] == text.word_at[within]) & (last[place] == text.word_at[within + 1])
        fits = whole | ~self.items.tiny[item]
        place, item, within = place[fits], item[fits], within[fits]
        return matches(
            text=within, item=item, rule="whole", share=np.ones(len(item)), start=first[place], stop=last[place]
        )
