"""Neighbours: what the labels of similar comparisons say of a row's.

Two pairs are alike when their difference vectors point the same way or opposite ways: v and -v are one comparison with
its sides swapped, so nearness is the absolute cosine and a neighbour's label counts with the cosine's sign. Rows of a
row's own group are not its neighbours: they share its prompt, and often a response.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Neighbours of a row; fewer tell little more than chance (METHODS: at k = 10 nothing, from 100 on much).
NEIGHBOURS = 200
#: Rows that neighbours are taken from, at most; past it a sample by the content's hash.
REFERENCES = 50_000
#: Numbers of one block of cosines.
_BLOCK = 2**25


@dataclass(frozen=True)
class Neighbours:
    """The nearest references of each row.

    Attributes:
        places: of the neighbours among the references; int32 [rows, k].
        cosines: signed; 0 where there are not k references outside the group; float32 [rows, k].
    """

    places: np.ndarray
    cosines: np.ndarray

    def agreement(self, labels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """How far the neighbours' labels speak for the first response, in [-1, 1]; 0 without any [rows].

        Args:
            labels: preference for the first response of every reference, in [0, 1].
            weights: of every reference's word; all alike when None.
        """
        cosines = self.cosines if weights is None else self.cosines * weights.astype(np.float32)[self.places]
        said = (cosines * (2 * labels - 1).astype(np.float32)[self.places]).sum(axis=1, dtype=np.float64)
        nearness = np.abs(cosines).sum(axis=1, dtype=np.float64)
        return np.divide(said, nearness, out=np.zeros_like(said), where=nearness > 0)


def nearest(
    vectors: np.ndarray,
    groups: np.ndarray,
    references: np.ndarray,
    their_groups: np.ndarray,
    *,
    k: int = NEIGHBOURS,
    device: str = "cpu",
) -> Neighbours:
    """Find each row's nearest references, exactly, block by block.

    Args:
        vectors: differences [rows, dimensions]; one of zeros is near to nothing.
        groups: a 64-bit hash of each row's group [rows].
        references: differences of the references [references, dimensions].
        their_groups: hashes of their groups.
        k: neighbours of a row, at most.
        device: of torch.
    """
    import torch

    k = min(k, len(references))
    places, cosines = np.zeros((len(vectors), k), dtype=np.int32), np.zeros((len(vectors), k), dtype=np.float32)
    if k == 0 or not len(vectors):
        return Neighbours(places, cosines)
    order = np.argsort(their_groups, kind="stable")
    ordered = their_groups[order]
    first = np.searchsorted(ordered, groups, side="left")
    counts = np.searchsorted(ordered, groups, side="right") - first
    theirs = torch.from_numpy(_unit(references[order])).to(device).T.contiguous()
    size = max(1, _BLOCK // len(references))
    for start in range(0, len(vectors), size):
        part = slice(start, min(start + size, len(vectors)))
        cosine = torch.from_numpy(_unit(vectors[part])).to(device) @ theirs
        row, column = _ranges(first[part], counts[part])
        cosine[torch.from_numpy(row).to(device), torch.from_numpy(column).to(device)] = 0
        place = cosine.abs().topk(k, dim=1, sorted=False).indices
        cosines[part] = torch.gather(cosine, 1, place).cpu().numpy()
        places[part] = order[place.cpu().numpy()]
    return Neighbours(places, cosines)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors, dtype=np.float32), where=length > 0)


def _ranges(first: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Line numbers and the columns `first`, `first + 1`, … of each, `counts` many."""
    rows = np.repeat(np.arange(len(counts)), counts)
    inside = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, np.repeat(first, counts) + inside
