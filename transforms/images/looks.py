"""How images look: a perceptual hash to find near-copies by, and small pictures to verify them by.

The hash is pHash (Zauner, 2010, as the library imagehash has it): which of the 64 lowest frequencies of the grey image
are above their median. Two images are near-copies where their hashes differ in few bits and their small pictures, of
8 × 8 in colour, are alike but for brightness and contrast.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy.fft import dctn

#: Images are looked at in this size, and compared in that.
SIDE, SMALL = 32, 8
#: Bits of the hash are cut into so many bytes; images meet that have two of them in common, and so all that differ in
#: six bits or fewer.
_BYTES, _SHARED = 8, 2
#: Small pictures that are compared at once, some 10 kB each two while they are.
_AT_ONCE = 8192


def picture(data: bytes) -> np.ndarray | None:
    """An image file in small: uint8 [SIDE, SIDE, 3]; None where it is none. What is transparent is white."""
    from PIL import Image

    try:
        opened: Image.Image = Image.open(io.BytesIO(data))
        opened.draft("RGB", (SIDE * 4, SIDE * 4))  # JPEG can be read at a fraction of its size
        if "A" in opened.getbands() or "transparency" in opened.info:
            seen = opened.convert("RGBA")
            opened = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
        made = opened.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
        return np.asarray(made, dtype=np.uint8)
    except Exception:  # decoders raise all kinds of errors for broken files, and a broken file is a row's trouble only
        return None


def hashes(pictures: np.ndarray) -> np.ndarray:
    """The perceptual hash of each picture [pictures, SIDE, SIDE, 3]; uint64."""
    grey = pictures.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    low = dctn(grey, axes=(1, 2))[:, :8, :8].reshape(len(pictures), 64)
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).reshape(-1)


def smalls(pictures: np.ndarray) -> np.ndarray:
    """The pictures in SMALL × SMALL, as bytes end to end; uint8 [pictures, 3 SMALL²]."""
    step = SIDE // SMALL
    cells = pictures.reshape(-1, SMALL, step, SMALL, step, 3).astype(np.float64).mean(axis=(2, 4))
    return np.rint(cells).astype(np.uint8).reshape(len(pictures), -1)


def likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How alike small pictures are, line by line: Pearson's correlation of all their values, of all channels together.

    Brightness and contrast change nothing, colours do. Two pictures of one colour each are alike as far as these are:
    1 less the largest difference of a channel over 255; one of many colours and one of a single one have 0.
    """
    x, y = (one.astype(np.float64) for one in (first, second))
    u, v = (one - one.mean(axis=1, keepdims=True) for one in (x, y))
    size = np.sqrt((u * u).sum(axis=1) * (v * v).sum(axis=1))
    both = (u * v).sum(axis=1) / np.where(size > 0, size, 1)
    flat = [one.std(axis=1) == 0 for one in (x, y)]
    same = 1 - np.abs(x - y).max(axis=1) / 255
    return np.where(flat[0] & flat[1], same, np.where(size > 0, both, 0.0))


def near_copies(
    found: np.ndarray, small: np.ndarray, most: int, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images that are near-copies of each other; enough of such pairs to connect all that the search has met.

    Images meet where two of the eight bytes of their hashes are the same; of those that meet in one place, each is
    compared with the first and with the one before it, so that a thousand blank ones cost a thousand comparisons.

    Args:
        found: `hashes`, in an order that is the same in every run [images].
        small: `smalls` [images, 3 SMALL²].
        most: bits of the hash that may differ.
        least: `likeness` from which on two are near-copies.

    Returns:
        For each pair the place of the first image, of the second, bits that differ, and likeness.
    """
    count = np.uint64(max(len(found), 1))
    met = np.empty(0, dtype=np.uint64)
    for key in _keys(found, most):
        order = np.lexsort((found, key))
        new = np.append(True, key[order][1:] != key[order][:-1])[: len(order)]
        first = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))] if len(order) else order
        for other, mine in ((first[~new], order[~new]), (order[:-1][~new[1:]], order[1:][~new[1:]])):
            near = np.bitwise_count(found[other] ^ found[mine]) <= most
            one, two = other[near].astype(np.uint64), mine[near].astype(np.uint64)
            # One number for two images; most that meet in one place meet in others.
            met = np.union1d(met, np.minimum(one, two) * count + np.maximum(one, two))
    a, b = (met // count).astype(np.int64), (met % count).astype(np.int64)
    starts = range(0, len(a), _AT_ONCE)
    parts = [likeness(small[a[at : at + _AT_ONCE]], small[b[at : at + _AT_ONCE]]) for at in starts]
    alike = np.concatenate([np.empty(0), *parts])
    sure = alike >= least
    return a[sure], b[sure], np.bitwise_count(found[a] ^ found[b]).astype(np.int64)[sure], alike[sure]


def _keys(found: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """What images meet by: every two bytes of their hashes, or all of them where no bit may differ."""
    if most == 0:
        yield found
        return
    parts = found[:, None] >> (np.arange(_BYTES, dtype=np.uint64) * np.uint64(8)) & np.uint64(255)
    for one, other in combinations(range(_BYTES), _SHARED):
        yield parts[:, one] << np.uint64(8) | parts[:, other]
