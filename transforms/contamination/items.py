"""Benchmarks' items: their words, and which of these are more than a template that many of the items share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.config import Contamination
from transforms.contamination.letters import Letters

#: An item: its benchmark, where it is (`benchmark:file:line`), what it is of its row, and its text.
ITEMS = pl.Schema({"benchmark": pl.String(), "item": pl.String(), "part": pl.String(), "text": pl.String()})

#: So many characters of a script without spaces say as much as one word of another.
CHARACTERS_A_WORD = 1.6
#: Runs of words that more than so many of a benchmark's items share, and more than this share of them, are template.
TEMPLATE_ITEMS, TEMPLATE_SHARE = 4, 0.005
#: Prompts with fewer words, or fewer letters of their own, are found only where they are a row's whole prompt.
FEWEST_WORDS, FEWEST_LETTERS = 3, 12
#: Shorter items are common speech wherever the dataset says them in several ways.
PLAIN_WORDS = 8
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class WordRuns:
    """Runs of words: the first word of each, how many, and a hash of their letters."""

    word: np.ndarray
    size: np.ndarray
    hash: np.ndarray

    def only(self, chosen: np.ndarray) -> WordRuns:
        return WordRuns(self.word[chosen], self.size[chosen], self.hash[chosen])


class Items:
    """The items of all benchmarks.

    Attributes:
        frame: of `ITEMS`, sorted by benchmark, no text twice in one.
        settings: the configuration.
        letters: their texts.
        unspaced: which are written in a script without spaces.
        words: how many words each has; of scripts without spaces, characters over `CHARACTERS_A_WORD`.
        short: which are prompts to be found by their letters.
        size: how many words make a run by which each is found.
        item: the item that each word is of.
        own_runs: every run of so many words that is no template.
        own: for each word, whether it is in a run that is no template, or in none that is.
        tiny: which are found only where they are a row's whole prompt.
    """

    def __init__(self, frame: pl.DataFrame, settings: Contamination) -> None:
        self.frame, self.settings = frame, settings
        self.letters = Letters(frame["text"])
        at = self.letters.word_at
        count = np.diff(at)
        self.unspaced = 2 * np.diff(np.append(0, np.cumsum(self.letters.unspaced))[at]) > count
        scale = np.where(self.unspaced, CHARACTERS_A_WORD, 1.0)
        self.words = count / scale
        prompt = (frame["part"] == "prompt").to_numpy()
        self.short = prompt & (self.words < settings.short)
        self.size = self.scaled(np.where(prompt, settings.prompt_words, settings.long_words))
        self.item = np.repeat(np.arange(len(count), dtype=np.int32), count)
        runs = self.word_runs(self.size)
        template = self._template(runs)
        self.own = self._covered(runs.only(~template)) | ~self._covered(runs.only(template))
        self.own_runs = runs.only(~template)
        letters = np.add.reduceat(np.append(np.diff(self.letters.starts) * self.own, 0), at[:-1]) * (count > 0)
        self.tiny = self.short & ((self.words < FEWEST_WORDS) | (letters * scale < FEWEST_LETTERS))

    def __len__(self) -> int:
        return self.frame.height

    def scaled(self, words: int | np.ndarray) -> np.ndarray:
        """A number of words, in each item's own words."""
        return np.ceil(words * np.where(self.unspaced, CHARACTERS_A_WORD, 1.0)).astype(np.int64)

    def word_runs(self, size: np.ndarray) -> WordRuns:
        """Every run of `size[i]` words within item i; none where that is 0."""
        parts = [(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint64))]
        for width in np.unique(size[size > 0]).tolist():
            first = np.flatnonzero(size[self.item] == width).astype(np.int32)
            first = first[first + width <= self.letters.word_at[self.item[first] + 1]]
            hashes = self.letters.word_grams(width)[first]
            parts.append((first, np.full(len(first), width, np.int32), hashes))
        return WordRuns(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _template(self, runs: WordRuns) -> np.ndarray:
        """Which runs too many items of their benchmark share."""
        benchmark = self.frame["benchmark"].rle_id().to_numpy().astype(np.int64)
        limit = np.maximum(TEMPLATE_ITEMS, TEMPLATE_SHARE * np.bincount(benchmark))
        item = self.item[runs.word]
        key = keyed(runs.hash, benchmark[item] * 256 + runs.size)
        ordered = np.sort(key)
        often = np.unique(ordered[TEMPLATE_ITEMS:][ordered[TEMPLATE_ITEMS:] == ordered[:-TEMPLATE_ITEMS]])
        some = np.flatnonzero(np.isin(key, often))  # few are
        pairs = pl.DataFrame({"key": key[some], "item": item[some]})
        items = pairs.select(pl.col("item").n_unique().over("key")).to_series().to_numpy()
        template = np.zeros(len(key), bool)
        template[some] = items > limit[benchmark[item[some]]]
        return template

    def _covered(self, runs: WordRuns) -> np.ndarray:
        """Which words are in one of the runs."""
        words = len(self.item) + 1
        steps = np.bincount(runs.word, minlength=words) - np.bincount(runs.word + runs.size, minlength=words)
        return np.cumsum(steps)[:-1] > 0


def keyed(hashes: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Hashes that are their owner's alone."""
    mixed = (hashes ^ (owner.astype(np.uint64) * _ODD)) * _ODD
    return mixed ^ (mixed >> np.uint64(31))
