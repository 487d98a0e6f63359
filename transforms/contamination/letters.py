"""Texts as one run of letters: what is left when case, punctuation, white space and compatible forms are laid aside.

All texts of a batch lie end to end in one array, so that whatever is asked of them is asked of all at once. A word is a
place in that run where one begins; scripts that put no space between words (Chinese, Japanese, Thai and their like)
have a word a character. The hash of a stretch of letters costs one subtraction, whatever its length: prefix sums of a
polynomial modulo 2^64.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, cached_property

import numpy as np
import polars as pl

#: Stands between two texts, and between two messages of one text.
TEXT_END, MESSAGE_END = "\x1d", "\x1e"
#: Kinds of characters. What is dropped leaves no trace: "don't" is "dont", and an invisible character hides nothing.
#: A hyphen is dropped within a word, and is a break elsewhere.
_BREAK, _HYPHEN, _DROPPED, _SPACED, _UNSPACED = range(5)
_APOSTROPHES, _HYPHENS = "'’‘ʼ`´", "-‐‑"
#: Pictures say something, and each is a word: the most of them, as a range of code points.
_PICTURES = ((0x2600, 0x2700), (0x1F000, 0x1FB00))
#: Scripts written without spaces between words, as ranges of code points.
_NO_SPACES = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uaa60-\uaa7f\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af]"
)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
#: An odd base and its inverse modulo 2^64.
_BASE = 0xA24BAED4963EE407
_INVERSE = pow(_BASE, -1, 2**64)


class Letters:
    """A batch of texts.

    Attributes:
        codes: uint32, the letters of all texts.
        starts: int64, where each word begins in `codes`; one more at the end, where the last word ends.
        unspaced: bool, whether each word is a character of a script without spaces.
        letter_at: int64, where each text begins in `codes`; one more at the end.
        word_at: int64, where each text begins among the words; one more at the end.
        message_at: int64, where each message begins among the words; one more at the end.
    """

    def __init__(self, texts: pl.Series) -> None:
        raw = np.frombuffer(_folded(texts).encode("utf-32-le"), dtype="<u4")
        kind = _kinds()[np.minimum(raw, np.uint32(_LAST))]
        dropped = kind == _DROPPED
        hyphen = kind == _HYPHEN
        dropped[1:-1] |= hyphen[1:-1] & (kind[:-2] >= _SPACED) & (kind[2:] >= _SPACED)
        if dropped.any():
            raw, kind = raw[~dropped], kind[~dropped]
        letter = kind >= _SPACED
        begins = letter.copy()
        begins[1:] &= (kind[1:] == _UNSPACED) | (kind[:-1] != _SPACED)
        text_ends, message_ends = (np.flatnonzero(raw == ord(mark)) for mark in (TEXT_END, MESSAGE_END))
        place = np.cumsum(letter, dtype=np.int64)
        nth = np.cumsum(begins, dtype=np.int64)
        self.codes = raw[letter]
        self.starts = np.append(place[begins] - 1, len(self.codes))
        self.unspaced = kind[begins] == _UNSPACED
        self.letter_at = np.append(0, place[text_ends])
        self.word_at = np.append(0, nth[text_ends])
        self.message_at = np.unique(np.concatenate([self.word_at, nth[message_ends]]))
        lengths = np.diff(self.letter_at)
        up, self._down = _powers(int(lengths.max(initial=0)))
        #: Powers begin anew with each text, so that the longest text says how many there are.
        self._power = np.append(ragged(np.zeros_like(lengths), lengths).astype(np.int32), np.int32(0))
        values = self.codes.astype(np.uint64) * _ODD
        values ^= values >> np.uint64(29)
        values *= up[self._power[:-1]]
        self._sums = np.zeros(len(values) + 1, np.uint64)
        np.cumsum(values, out=self._sums[1:])
        self._word_grams: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.letter_at) - 1

    def hashes(self, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """A 64-bit hash of each stretch of letters; equal letters have equal hashes, wherever they lie."""
        return _mixed((self._sums[stop] - self._sums[start]) * self._down[self._power[start]])

    def grams(self, size: int) -> np.ndarray:
        """Hashes of all runs of `size` letters by where they begin, those that reach into the next text too."""
        count = max(0, len(self.codes) - size + 1)
        sums = self._sums[size : size + count] - self._sums[:count]
        sums *= self._down[self._power[:count]]
        return _mixed(sums)

    def word_grams(self, size: int) -> np.ndarray:
        """Hashes of all runs of `size` words by the word they begin with, those that reach into the next text too."""
        if size not in self._word_grams:  # several rules ask for the same
            sums, down = self._at_words
            count = max(0, len(sums) - size)
            self._word_grams[size] = _mixed((sums[size : size + count] - sums[:count]) * down[:count])
        return self._word_grams[size]

    @cached_property
    def _at_words(self) -> tuple[np.ndarray, np.ndarray]:
        """The prefix sums, and the powers to divide by, where words begin."""
        return self._sums[self.starts], self._down[self._power[self.starts]]

    @cached_property
    def text_of_word(self) -> np.ndarray:
        """The text that each word is in."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.word_at))

    @cached_property
    def message_of_word(self) -> np.ndarray:
        """The message that each word is in."""
        return np.repeat(np.arange(len(self.message_at) - 1, dtype=np.int32), np.diff(self.message_at))

    @cached_property
    def text_of_letter(self) -> np.ndarray:
        """The text that each letter is in."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.letter_at))

    def words_of(self, letters: np.ndarray) -> np.ndarray:
        """The word that each letter is in."""
        return np.searchsorted(self.starts, letters, side="right") - 1

    def forget(self) -> None:
        """Let go of what hashes are made of; none can be asked for any more."""
        self._sums = self._power = np.empty(0, np.uint64)
        self._word_grams.clear()
        self.__dict__.pop("_at_words", None)

    def show(self, start: np.ndarray, stop: np.ndarray) -> list[str]:
        """The words from `start` to `stop` of each stretch, as text, lower case and without punctuation."""
        if not len(start):
            return []
        words = ragged(start, stop - start)
        lengths = self.starts[words + 1] - self.starts[words]
        letters = ragged(self.starts[words], lengths)
        # A mark before each word: of a stretch's first one a line end, of other spaced ones a space.
        first = np.zeros(len(words), bool)
        first[np.cumsum(stop - start)[:-1]] = True
        first[0] = True
        joined = self.unspaced[words] & np.append(False, self.unspaced[words[:-1]])
        marked = first | ~joined
        marks = np.cumsum(marked)
        out = np.empty(len(letters) + int(marks[-1]), "<u4")
        out[np.arange(len(letters)) + np.repeat(marks, lengths)] = self.codes[letters]
        at = np.append(0, np.cumsum(lengths))[:-1] + marks - 1
        out[at[marked]] = np.where(first, ord("\n"), ord(" "))[marked]
        return out.tobytes().decode("utf-32-le")[1:].split("\n")


def ragged(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Indices of consecutive stretches: `starts[0]` and the next `lengths[0] - 1`, then those of the second, and on."""
    lengths = lengths.astype(np.int64, copy=False)
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - lengths), lengths)


def _mixed(sums: np.ndarray) -> np.ndarray:
    """Every bit of a hash from all of its bits; in place."""
    sums ^= sums >> np.uint64(32)
    sums *= _MIX
    sums ^= sums >> np.uint64(29)
    return sums


def distinct(values: np.ndarray) -> np.ndarray:
    """Whole numbers in order, each once; NumPy's own `unique` hashes them, which takes many times as long."""
    values = np.sort(values)
    return values[np.append(True, values[1:] != values[:-1])[: len(values)]]


def _folded(texts: pl.Series) -> str:
    """All texts in one, each closed by `TEXT_END`: in NFKC, and without case."""
    listed = texts.to_list()
    joined = TEXT_END.join([*listed, ""])
    if joined.count(TEXT_END) != len(listed):
        listed = [text.replace(TEXT_END, " ") for text in listed]
        joined = TEXT_END.join([*listed, ""])
    if joined.isascii():
        return joined.lower()
    normal = [unicodedata.normalize("NFKC", text) for text in listed]
    return TEXT_END.join([*normal, ""]).casefold()


#: Beyond this code point there are no letters, only invisible marks.
_LAST = 0x323B0


@cache
def _kinds() -> np.ndarray:
    """The kind of every character by its code point."""
    kinds = np.zeros(_LAST + 1, np.uint8)
    for code in range(_LAST):
        category = unicodedata.category(chr(code))
        if category[0] in "LMN":
            kinds[code] = _SPACED
        elif category == "Cf":
            kinds[code] = _DROPPED
    kinds[[ord(char) for char in _APOSTROPHES]] = _DROPPED
    kinds[[ord(char) for char in _HYPHENS]] = _HYPHEN
    kinds[0xFE00:0xFE10] = _DROPPED  # they choose a letter's form
    kinds[_LAST] = _DROPPED
    for first, last in _PICTURES:
        kinds[first:last] = [
            _UNSPACED if unicodedata.category(chr(c)) == "So" else kinds[c] for c in range(first, last)
        ]
    letters = np.flatnonzero(kinds == _SPACED)
    without = [code for code in letters.tolist() if _NO_SPACES.match(chr(code))]
    kinds[without] = _UNSPACED
    return kinds


@cache
def _powers_up_to(size: int) -> tuple[np.ndarray, np.ndarray]:
    out = []
    for factor in (_BASE, _INVERSE):
        powers = np.full(size, factor, np.uint64)
        powers[0] = 1
        out.append(np.cumprod(powers, dtype=np.uint64))
    return out[0], out[1]


def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Powers of the base and of its inverse, more than `count` of each."""
    return _powers_up_to(1 << max(16, count.bit_length() + 1))
