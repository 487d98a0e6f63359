"""An inverted index on hashes: exact, since a hit counts only where the letters behind it are the same."""

from __future__ import annotations

import numpy as np

from transforms.contamination.letters import Letters, ragged


class Lookup:
    """Stretches of letters of the benchmarks' items, found by their hashes.

    Attributes:
        item: the item that each stretch is of.
        start, stop: letters of the stretch, in the items' run of letters.
    """

    def __init__(
        self, letters: Letters, hashes: np.ndarray, item: np.ndarray, start: np.ndarray, stop: np.ndarray
    ) -> None:
        order = np.argsort(hashes, kind="stable")
        self.letters = letters
        self.item, self.start, self.stop = (part.astype(np.int32)[order] for part in (item, start, stop))
        hashes = hashes[order]
        first = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)])
        self._keys, self._first = hashes[first], np.append(first, len(order))
        # The only key whose hash begins like this; -1 where there is none, and -2 where there are several.
        self._shift = np.uint64(64 - min(24, max(12, int(8 * len(order)).bit_length())))
        bucket = self._keys >> self._shift
        self._only = np.full(1 << (64 - int(self._shift)), -1, np.int32)
        self._only[bucket] = np.arange(len(bucket))
        self._only[bucket[1:][bucket[1:] == bucket[:-1]]] = -2

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of the hashes asked for belong to which stretches: places in `hashes`, and stretches, side by side."""
        key = self._only[hashes >> self._shift]
        place = np.flatnonzero(key != -1)  # most of what is asked for is not there
        key, asked = key[place], hashes[place]
        several = np.flatnonzero(key == -2)
        key[several] = np.minimum(np.searchsorted(self._keys, asked[several]), len(self._keys) - 1)
        hit = self._keys[key] == asked
        place, key = place[hit], key[hit]
        counts = self._first[key + 1] - self._first[key]
        return np.repeat(place, counts), ragged(self._first[key], counts)

    def same(self, text: Letters, start: np.ndarray, stop: np.ndarray, stretch: np.ndarray) -> np.ndarray:
        """Whether stretches of a text have the very letters of stretches of items."""
        return same(text, start, stop, self.letters, self.start[stretch], self.stop[stretch])


def same(
    one: Letters, start: np.ndarray, stop: np.ndarray, other: Letters, begin: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Whether stretches of letters are equal, pair by pair."""
    equal = (stop - start) == (end - begin)
    left, right, lengths = start[equal], begin[equal], (stop - start)[equal]
    differ = one.codes[ragged(left, lengths)] != other.codes[ragged(right, lengths)]
    so_far = np.append(0, np.cumsum(differ))
    ends = np.cumsum(lengths)
    equal[equal] = so_far[ends] == so_far[ends - lengths]
    return equal
