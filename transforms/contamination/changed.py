"""Short items with one word changed: all others are there, in their places.

The first half of the words or the last is as it was, so looking up both finds every such text. What a match is worth
depends on the word that was changed: "what do you think about racism" has five of the six words of "what do you think
about ChatGPT", and nothing of what it asks. So a word weighs the square of what it tells, -log of its frequency, and
the share is the weight of those that are there (`judge` does the sum, when the words of all blocks are counted).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.contamination.items import PLAIN_WORDS, Items
from transforms.contamination.letters import Letters, distinct, ragged
from transforms.contamination.lookup import Lookup, same
from transforms.contamination.matches import matches

#: With fewer words, too little is left where one of them is changed.
FEWEST_WORDS = 3
#: A word may have been changed to one; in items that are no few words also left out, changed to two, or put in.
_MORE = (-1, 0, 1)
#: An item of fewer than `PLAIN_WORDS` words says nothing within a message of so many words more.
_ROOM = 4
#: Words of the pieces that are looked up.
_PIECES = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24])


class Changed:
    """Finds short items with one word changed."""

    def __init__(self, items: Items) -> None:
        self.items = items
        #: Of each item the longest stretch of words of its own: the first, and how many.
        self.first, self.count = _longest(items)
        words = items.letters
        self.hashes = words.word_grams(1)
        usable = np.flatnonzero(self.count >= FEWEST_WORDS)
        half = _PIECES[np.searchsorted(_PIECES, self.count[usable] // 2, side="right") - 1]
        self.plain = items.words < PLAIN_WORDS
        self.room = self.count + items.scaled(_ROOM)
        self.pieces: dict[int, Lookup] = {}
        for size in np.unique(half).tolist():
            item = np.repeat(usable[half == size], 2)
            first = self.first[item]
            first[1::2] += self.count[item[1::2]] - size
            start, stop = words.starts[first], words.starts[first + size]
            self.pieces[size] = Lookup(words, words.hashes(start, stop), item, start, stop)

    def find(self, text: Letters) -> pl.DataFrame:
        """Texts with all words of an item but one, whose share is the judge's to say: frame of `MATCHES`.

        A stretch of the text agrees with the item in so many words from its begin, and in so many up to its end. Both
        together are all words of the item but one, or all and others were put between them.
        """
        first, length, item = self._candidates(text)
        hashes, base, count = text.word_grams(1), self.first[item], self.count[item]
        size = np.minimum(length, count)
        head = _agree(hashes, first, self.hashes, base, size)
        tail = _agree(
            hashes[::-1], len(hashes) - first - length, self.hashes[::-1], len(self.hashes) - base - count, size
        )
        tail = np.minimum(tail, size - head)
        # At an end of the item a word is known to be another's only where the message ends too.
        message = text.message_of_word[first]
        edges = (head > 0) | (first == text.message_at[message])
        edges &= (tail > 0) | (first + length == text.message_at[message + 1])
        edges &= (length >= count) | ((head > 0) & (tail > 0))
        near = (head + tail >= count - 1) & ((length != count) | (head < count)) & edges
        near &= (length == count) | ~self.plain[item]
        first, length, item, head, tail = (part[near] for part in (first, length, item, head, tail))
        base, count = self.first[item], self.count[item]
        real = self._same(text, first, first + head, item, np.zeros_like(head), head)
        real &= self._same(text, first + length - tail, first + length, item, count - tail, count)
        first, length, item, head, tail = (part[real] for part in (first, length, item, head, tail))
        base, count = self.first[item], self.count[item]
        gone = head + tail < count
        return matches(
            text=text.text_of_word[first],
            item=item,
            rule="changed",
            share=(head + tail) / count,
            start=first,
            stop=first + length,
            frame=head.astype(np.uint64) + np.uint64(1),
            other=text.hashes(text.starts[first + head], text.starts[first + length - tail]),
            word=np.where(gone, base + head, -1),
        )

    def _candidates(self, text: Letters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where in the texts an item may begin, in how many words it may end, and the item."""
        parts = [np.empty(0, np.int64)]
        items, lengths = len(self.items), len(_MORE)
        for size, lookup in self.pieces.items():
            place, piece = lookup.find(text.word_grams(size))
            item = lookup.item[piece]
            begins = lookup.start[piece] == self.items.letters.starts[self.first[item]]
            within, message = text.text_of_word[place], text.message_of_word[place]
            size_of_message = text.message_at[message + 1] - text.message_at[message]
            fits = ~self.plain[item] | (size_of_message <= self.room[item])
            place, item, begins, within = place[fits], item[fits], begins[fits], within[fits]
            for nth, more in enumerate(_MORE):
                length = self.count[item] + more
                first = np.where(begins, place, place + size - length)
                inside = (first >= text.word_at[within]) & (first + length <= text.word_at[within + 1])
                parts.append(((first * lengths + nth) * items + item)[inside])
        found = distinct(np.concatenate(parts))
        item = found % items
        return found // items // lengths, self.count[item] + np.array(_MORE)[found // items % lengths], item

    def _same(
        self, text: Letters, first: np.ndarray, last: np.ndarray, item: np.ndarray, start: np.ndarray, stop: np.ndarray
    ) -> np.ndarray:
        """Whether the words from `first` to `last` have the letters of the item's from `start` to `stop`."""
        mine, theirs, base = text.starts, self.items.letters.starts, self.first[item]
        letters = self.items.letters
        return same(text, mine[first], mine[last], letters, theirs[base + start], theirs[base + stop])


def _agree(one: np.ndarray, first: np.ndarray, other: np.ndarray, begin: np.ndarray, size: np.ndarray) -> np.ndarray:
    """In how many words, of `size` at most, two stretches agree from where they begin."""
    if not len(size):
        return np.zeros(0, np.int64)
    offset = ragged(np.zeros(len(size), np.int64), size)
    equal = one[np.repeat(first, size) + offset] == other[np.repeat(begin, size) + offset]
    return np.minimum.reduceat(np.where(equal, np.repeat(size, size), offset), np.cumsum(size) - size)


def _longest(items: Items) -> tuple[np.ndarray, np.ndarray]:
    """The longest stretch of own words of each short item: its first word, and its words (0 where there is none)."""
    wanted = items.own & (items.short & ~items.tiny)[items.item]
    item = np.where(wanted, items.item, -1)
    stretches = (
        pl.DataFrame({"item": item, "word": np.arange(len(item))})
        .group_by(pl.col("item").rle_id().alias("stretch"), "item", maintain_order=True)
        .agg(first=pl.col("word").first(), count=pl.len().cast(pl.Int64))
        .filter(pl.col("item") >= 0)
        .sort("item", "count", "first", descending=[False, True, False])
        .unique("item", keep="first", maintain_order=True)
    )
    first, count = np.zeros((2, len(items)), np.int64)
    first[stretches["item"]] = stretches["first"]
    count[stretches["item"]] = stretches["count"]
    return first, count
