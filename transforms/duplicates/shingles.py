"""Texts to shingles: hashes of every few words in a row, a whole block at once.

A token is a word between white space, in lower case; in scripts that are written without spaces it is a character. A
shingle is `size` tokens in a row. A text with fewer tokens has one shingle, which it shares only with texts that are
the same; a text without a visible character has none.

A word's hash is the sum of its characters' random numbers times powers of an odd number, modulo 2^64. Sums over a whole
block give those of all words by subtraction (Karp and Rabin 1987), so no word is ever made.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from transforms.duplicates.sets import CHUNK, Sets, runs, together
from transforms.identity.keys import tidy

_WORD, _SPACE, _CHARACTER = range(3)
#: Characters that words do not go beyond: what Unicode and Python call white space.
_SPACES = (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F,
           0x3000)  # fmt: skip
#: Ranges of scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, kana, Chinese characters.
_UNSPACED = (
    (0x0E00, 0x0F00), (0x0F00, 0x1000), (0x1000, 0x10A0), (0x1780, 0x1800), (0x2E80, 0x2FE0), (0x3005, 0x3008),
    (0x3021, 0x302A), (0x3040, 0x3100), (0x31F0, 0x3200), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00),
    (0xFF66, 0xFFA0), (0x1B000, 0x1B170), (0x20000, 0x323B0),
)  # fmt: skip
_BASE, _STEP = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_CODES = 0x110000


def mix(values: np.ndarray) -> np.ndarray:
    """Unsigned 64-bit numbers to well spread ones, one to one (the finaliser of MurmurHash3)."""
    out = values.astype(np.uint64)
    out ^= out >> np.uint64(33)
    out *= np.uint64(0xFF51AFD7ED558CCD)
    out ^= out >> np.uint64(33)
    out *= np.uint64(0xC4CEB9FE1A85EC53)
    out ^= out >> np.uint64(33)
    return out


def shingles(texts: pl.Series, size: int, alone: np.ndarray) -> Sets:
    """The shingles of texts.

    Args:
        texts: no nulls.
        size: tokens of a shingle.
        alone: uint32, the shingle of each text that has fewer tokens; the same for the same text.

    Returns:
        One set a text, in the order of its words.
    """
    lower = tidy(texts).str.to_lowercase()
    parts = [_shingles(lower[run], size, alone[run]) for run in runs(lower.str.len_bytes().to_numpy())]
    return together(parts) if parts else Sets(np.empty(0, dtype=np.uint32), np.zeros(1, dtype=np.int64))


def without(sets: Sets, common: np.ndarray) -> Sets:
    """Sets without the hashes in `common` (sorted, no hash twice)."""
    if not len(common) or not len(sets.values):
        return sets
    place = np.minimum(np.searchsorted(common, sets.values), len(common) - 1)
    stay = common[place] != sets.values
    kept = np.concatenate([[0], np.cumsum(stay, dtype=np.int64)])
    return Sets(sets.values[stay], kept[sets.offsets])


def filled(sets: Sets, asked: np.ndarray, alone: np.ndarray) -> Sets:
    """Sets of which the asked ones hold their `alone` where they would be empty."""
    empty = asked & (sets.counts == 0)
    values = np.insert(sets.values, sets.offsets[:-1][empty], alone[empty])
    return Sets(values, sets.offsets + np.concatenate([[0], np.cumsum(empty, dtype=np.int64)]))


def salted(sets: Sets, salts: np.ndarray) -> Sets:
    """Sets whose hashes are others wherever the salt (uint32) is another; 0 leaves them as they are."""
    salt = np.repeat(salts, sets.counts)
    values = (mix(sets.values.astype(np.uint64) << np.uint64(32) | salt) >> np.uint64(32)).astype(np.uint32)
    return Sets(np.where(salt == 0, sets.values, values), sets.offsets)


def _shingles(texts: pl.Series, size: int, alone: np.ndarray) -> Sets:
    codes, offsets = _codes(texts)
    kinds = _kinds()[codes]
    starts, ends = _tokens(kinds, offsets)
    hashes = _word_hashes(codes, starts, ends)
    counts = np.diff(np.searchsorted(starts, offsets))
    windows = _windows(hashes, counts, size)
    short = (counts > 0) & (counts < size)
    found = np.concatenate([[0], np.cumsum(np.where(short, 1, np.maximum(counts - size + 1, 0)), dtype=np.int64)])
    values = np.empty(found[-1], dtype=np.uint32)
    single = np.zeros(found[-1], dtype=bool)
    single[found[:-1][short]] = True
    values[single], values[~single] = alone[short], windows
    return Sets(values, found)


def _codes(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The texts' characters end to end, as numbers, and where each text starts."""
    arrow = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(arrow.buffers()[1], np.int64)[arrow.offset : arrow.offset + len(texts) + 1]
    buffer = arrow.buffers()[2]
    codes = np.frombuffer(buffer, np.uint8)[offsets[0] : offsets[-1]] if buffer else np.empty(0, dtype=np.uint8)
    if not len(codes) or codes.max() < 128:
        return codes, offsets - offsets[0]
    wide = np.frombuffer(codes.tobytes().decode().encode("utf-32-le"), np.uint32)
    return wide, np.concatenate([[0], np.cumsum(texts.str.len_chars().to_numpy(), dtype=np.int64)])


def _tokens(kinds: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last character of each token."""
    if not len(kinds):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    visible = kinds != _SPACE
    bounds = np.zeros(len(kinds) + 1, dtype=bool)  # whether a token cannot go from the character before to this one
    bounds[offsets] = True
    bounds[1:-1] |= (kinds[1:] != _WORD) | (kinds[:-1] != _WORD)
    return np.flatnonzero(visible & bounds[:-1]), np.flatnonzero(visible & bounds[1:])


def _word_hashes(codes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    powers, inverse = _powers(len(codes))
    spread = _numbers()[codes]
    spread *= powers[: len(codes)]
    sums = np.cumsum(spread, dtype=np.uint64)
    return mix((sums[ends] - sums[starts] + spread[starts]) * inverse[starts])


def _windows(hashes: np.ndarray, counts: np.ndarray, size: int) -> np.ndarray:
    """The shingle that starts at each token that has `size - 1` more of its text behind it."""
    total = max(len(hashes) - size + 1, 0)
    rolled = np.zeros(total, dtype=np.uint64)
    for step in range(size):
        rolled *= np.uint64(_STEP)
        rolled += hashes[step : step + total]
    ends = np.repeat(np.cumsum(counts), counts)[:total]
    return (mix(rolled[np.arange(size, size + total) <= ends]) >> np.uint64(32)).astype(np.uint32)


@cache
def _kinds() -> np.ndarray:
    kinds = np.full(_CODES, _WORD, dtype=np.uint8)
    kinds[list(_SPACES)] = _SPACE
    for first, last in _UNSPACED:
        kinds[first:last] = _CHARACTER
    return kinds


@cache
def _numbers() -> np.ndarray:
    """A random number for each character."""
    return mix(np.arange(1, _CODES + 1, dtype=np.uint64))


def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Powers of the base, and of its inverse; made once for as many characters as are usually asked for."""
    return _powers_of(CHUNK if count <= CHUNK else count)


@cache
def _powers_of(count: int) -> tuple[np.ndarray, np.ndarray]:
    def of(base: int) -> np.ndarray:
        powers = np.full(count, base, dtype=np.uint64)
        powers[:1] = 1
        return np.multiply.accumulate(powers)

    return of(_BASE), of(pow(_BASE, -1, 1 << 64))
