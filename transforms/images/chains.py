"""Sets of near-copies; long chains of what is merely alike are taken apart.

Near-copies of near-copies are one set, as versions of a picture are. Where very many images hang together so, they are
more likely of one scene than of one picture: nearly all that a fixed camera takes look like some other. Such images are
near-copies only where much less is missing.
"""

from __future__ import annotations

import numpy as np

from transforms.duplicates.components import Forest
from transforms.images.looks import near_copies

#: A set of more images is a chain.
CHAIN = 8
#: In one, likeness may lack this share of what it may elsewhere: 0.999 where 0.98 is asked.
_SHARE = 1 / 20
#: Digits to which likeness is rounded here.
_DIGITS = 5
#: Images of a chain that are compared at once, and at most with how many that follow them.
_ROWS, _WINDOW = 256, 16_384
#: So many are all compared with all.
_FEW = 1024


def stricter(least: float) -> float:
    """The likeness that is asked for in chains where `least` is elsewhere."""
    return round(1 - (1 - least) * _SHARE, _DIGITS)


def usual(stricter: float) -> float:
    """The likeness asked for elsewhere where this is asked for in chains."""
    return round(1 - (1 - stricter) / _SHARE, _DIGITS)


def near_sets(
    found: np.ndarray, small: np.ndarray, most: int, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Near-copies by which sets hang together, and which images were in a chain.

    Args:
        found: `transforms.images.looks.hashes`, in an order that is the same in every run [images].
        small: `smalls` of them.
        most: bits of the hash that may differ.
        least: `likeness` from which on two are near-copies; `stricter` in chains.

    Returns:
        Places of the first image of each pair and of the second; and bool [images].
    """
    a, b, _, _ = near_copies(found, small, most, least)
    chained = np.zeros(len(found), dtype=bool)
    labels = forest_of(a, b).labels().sort("root", "node")
    nodes, roots = (labels[name].to_numpy().astype(np.int64) for name in ("node", "root"))
    sets = [nodes[some] for some in _runs(roots) if len(some) > CHAIN]
    if not sets:
        return a, b, chained
    chained[np.concatenate(sets)] = True
    pairs = [(a[~chained[a]], b[~chained[a]])]
    for members in sets:
        one, other = _apart(found[members], small[members], most, stricter(least))
        pairs.append((members[one], members[other]))
    first, second = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return first, second, chained


def forest_of(a: np.ndarray, b: np.ndarray) -> Forest:
    """What pairs of places hang together."""
    forest = Forest()
    forest.add(a.astype(np.uint64), b.astype(np.uint64))
    return forest


def _runs(values: np.ndarray) -> list[np.ndarray]:
    """Places of equal values that stand together."""
    return np.split(np.arange(len(values)), np.flatnonzero(np.diff(values)) + 1)


def _apart(found: np.ndarray, small: np.ndarray, most: int, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Near-copies within a chain, enough to connect what all of them connect; places in it.

    More than a few are compared along the direction in which they differ most. Where two are alike they lie near each
    other there: each is compared with those that follow it closely, and of very many with the nearest alone.
    """
    same = np.ascontiguousarray(np.concatenate([found.view(np.uint8).reshape(-1, 8), small], axis=1))
    _, once, of = np.unique(same.view(f"V{same.shape[1]}").ravel(), return_index=True, return_inverse=True)
    pairs = [(once[of], np.arange(len(found)))]
    unit = small[once].astype(np.float32)
    unit -= unit.mean(axis=1, keepdims=True)
    size = np.linalg.norm(unit, axis=1, keepdims=True)
    unit = np.divide(unit, size, out=np.zeros_like(unit), where=size > 0)
    along = np.zeros(len(unit))
    if len(unit) > _FEW:
        middle = unit.mean(axis=0)
        along = unit @ np.linalg.eigh(unit.T @ unit / len(unit) - np.outer(middle, middle))[1][:, -1]
        order = np.argsort(along, kind="stable")
        unit, along, once = unit[order], along[order], once[order]
    # Unit vectors of that cosine are no further apart than this, in any direction.
    ends = np.searchsorted(along, along + np.sqrt(2 * (1 - least)) + 1e-3, side="right")
    for start in range(0, len(unit), _ROWS):
        rows = unit[start : start + _ROWS]
        end = min(int(ends[start : start + _ROWS].max()), start + _WINDOW)
        one, other = np.nonzero((rows @ unit[start:end].T).round(_DIGITS) >= least)
        one, other = once[start + one[one < other]], once[start + other[one < other]]
        near = np.bitwise_count(found[one] ^ found[other]) <= most
        forest = forest_of(one[near], other[near])
        forest.compact()
        pairs.append((forest.nodes.astype(np.int64), forest.roots.astype(np.int64)))
    a, b = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return a[a != b], b[a != b]
