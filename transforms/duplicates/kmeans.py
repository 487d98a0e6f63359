"""k-means on a sample: partitions of vectors, so that what is alike is looked for where it can lie.

Plain Lloyd iterations in torch, on whatever device there is. The first centres are the sample's first rows, so with a
sample in the order of a hash of its content the result depends on nothing else.
"""

from __future__ import annotations

import numpy as np

ITERATIONS = 10
_AT_ONCE = 16_384


def fit(sample: np.ndarray, count: int, device: str = "cpu") -> np.ndarray:
    """Centres of partitions.

    Args:
        sample: vectors in an order that says nothing [n, dimensions].
        count: centres asked for; at most n.
        device: cpu or cuda.

    Returns:
        float32 [count, dimensions], rounded so that the last bits of sums do not show.
    """
    import torch

    count = max(1, min(count, len(sample)))
    vectors = torch.from_numpy(np.ascontiguousarray(sample, dtype=np.float32)).to(device)
    centres = vectors[:count].clone()
    for _ in range(ITERATIONS if count > 1 else 1):
        sums, sizes = torch.zeros_like(centres), torch.zeros(len(centres), 1, device=device)
        for part in vectors.split(_AT_ONCE):
            # A product with ones and zeros adds in a fixed order, which scattered additions on a GPU do not.
            ones = torch.nn.functional.one_hot(_nearest(part, centres, 1)[:, 0], len(centres)).to(part.dtype)
            sums += ones.T @ part
            sizes += ones.sum(dim=0)[:, None]
        centres = torch.where(sizes > 0, sums / sizes.clamp(min=1), centres)
        centres = (centres * 1e4).round() / 1e4
    out: np.ndarray = centres.cpu().numpy()
    return out


def nearest(vectors: np.ndarray, centres: np.ndarray, count: int, device: str = "cpu") -> np.ndarray:
    """The nearest centres of each vector, the nearest first; int64 [n, min(count, centres)]."""
    import torch

    if not len(vectors):
        return np.zeros((0, min(count, len(centres))), dtype=np.int64)
    there = torch.from_numpy(np.array(centres, dtype=np.float32)).to(device)
    parts = [
        _nearest(torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32)).to(device), there, count).cpu().numpy()
        for part in np.split(vectors, range(_AT_ONCE, len(vectors), _AT_ONCE))
    ]
    return np.concatenate(parts)


def _nearest(vectors, centres, count: int):  # type: ignore[no-untyped-def] # tensors; torch is imported late
    # The smallest distance is where v·c - |c|²/2 is largest; rounded, so that a tie is one on every machine.
    score = (vectors @ centres.T - (centres * centres).sum(dim=1)[None] / 2).mul(1e5).round()
    return score.sort(dim=1, descending=True, stable=True).indices[:, : min(count, len(centres))]
