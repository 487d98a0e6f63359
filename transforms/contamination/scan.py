"""Texts against items: every rule, batch by batch, so that memory does not grow with the texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import polars as pl

from transforms.contamination.changed import Changed
from transforms.contamination.characters import Characters
from transforms.contamination.items import PLAIN_WORDS, Items
from transforms.contamination.letters import Letters
from transforms.contamination.lookup import Lookup
from transforms.contamination.matches import MATCHES
from transforms.contamination.shingles import Shingles
from transforms.contamination.whole import Whole
from transforms.contamination.words import Words

#: Bytes of text looked at together.
_BATCH_BYTES = 2**21
#: An item of fewer than `PLAIN_WORDS` words says nothing within a message of so many words more.
_ROOM = 40
#: A passage is shown up to so many words.
_SHOWN = 60

#: What is told of a match: the passage instead of its place, and by a hash which text it is in.
FOUND = pl.Schema(
    {
        **{name: dtype for name, dtype in MATCHES.items() if name not in ("start", "stop")},
        "whole": pl.UInt64(),
        "passage": pl.String(),
    }
)


class Rule(Protocol):
    """Finds items in a batch of texts, in a way of its own."""

    def find(self, text: Letters) -> pl.DataFrame:
        """Matches: frame of `MATCHES`."""
        ...


class Scanner:
    """All rules over one set of items."""

    def __init__(self, items: Items) -> None:
        self.items = items
        self.changed = Changed(items)
        self.rules: list[Rule] = [Whole(items), Characters(items), self.changed, Words(items), Shingles(items)]
        self.vocabulary = Vocabulary(items, self.changed)
        items.letters.forget()

    def find(self, texts: pl.Series, said: np.ndarray) -> tuple[pl.DataFrame, np.ndarray, int]:
        """What texts have of the items.

        Args:
            texts: distinct texts, `MESSAGE_END` between messages.
            said: how often each is said.

        Returns:
            Frame of `FOUND`, how often each word of the vocabulary is said, and how many words there are.
        """
        parts = [pl.DataFrame(schema=FOUND)]
        counts, total = np.zeros(self.vocabulary.size, np.int64), 0
        for where in batches(texts):
            text = Letters(texts[where])
            found = pl.concat([rule.find(text) for rule in self.rules])
            found = found.filter(pl.Series(self._fits(text, found)))
            start, stop = found["start"].to_numpy(), found["stop"].to_numpy()
            passage = text.show(start, np.minimum(stop, start + _SHOWN))
            whole = text.hashes(text.letter_at[:-1], text.letter_at[1:])
            within = found["text"].to_numpy()
            told = {"text": where[within], "whole": whole[within], "passage": passage}
            columns = [pl.Series(name, value, dtype=FOUND[name]) for name, value in told.items()]
            parts.append(found.with_columns(columns).select(FOUND.names()))
            counts += self.vocabulary.count(text, said[where])
            total += int(np.diff(text.word_at) @ said[where])
        return pl.concat(parts).sort("text", "item", "rule"), counts, total

    def _fits(self, text: Letters, found: pl.DataFrame) -> np.ndarray:
        """All but matches of a few words within long messages."""
        message, item = text.message_of_word[found["start"].to_numpy()], found["item"].to_numpy()
        words = text.message_at[message + 1] - text.message_at[message]
        room = self.items.scaled(_ROOM) + np.diff(self.items.letters.word_at)
        return (self.items.words >= PLAIN_WORDS)[item] | (words <= room[item])


class Vocabulary:
    """The words that an item may be found without, whose frequencies say what they tell."""

    def __init__(self, items: Items, changed: Changed) -> None:
        place = np.arange(len(items.item)) - changed.first[items.item]
        #: Which words of the items they are.
        self.used = (place >= 0) & (place < changed.count[items.item])
        word = np.flatnonzero(self.used)
        hashes, first, self.of = np.unique(changed.hashes[word], return_index=True, return_inverse=True)
        start, stop = items.letters.starts[word[first]], items.letters.starts[word[first] + 1]
        self.lookup = Lookup(items.letters, hashes, np.arange(len(hashes)), start, stop)
        self.size = len(hashes)

    def count(self, text: Letters, said: np.ndarray) -> np.ndarray:
        """How often each word is said; the texts are said so many times."""
        place, word = self.lookup.find(text.word_grams(1))
        weights = np.repeat(said, np.diff(text.word_at))[place]
        return np.bincount(self.lookup.item[word], weights=weights, minlength=self.size).astype(np.int64)


def batches(texts: pl.Series) -> Iterator[np.ndarray]:
    """Indices of texts that are looked at together: those in ASCII, which are quicker, and then the others."""
    size = texts.str.len_bytes().to_numpy()
    beyond = (texts.str.len_chars() < texts.str.len_bytes()).to_numpy()
    for part in (np.flatnonzero(~beyond), np.flatnonzero(beyond)):
        number = np.cumsum(size[part]) // _BATCH_BYTES
        yield from np.split(part, np.flatnonzero(np.diff(number)) + 1) if len(part) else ()
