"""Small reward heads on raw and on balanced pairs: where the shortcut agrees with the label and where it misleads."""

from __future__ import annotations

from typing import Any

import numpy as np

from transforms.embed.sidecars import read_texts
from transforms.spurious.given import Sides
from transforms.spurious.measure import in_units, sizes
from transforms.spurious.report import scored
from transforms.spurious.rulers import fit_linear, out_of_fold

#: The heads' penalty, as a share of the weights: there are many columns.
RIDGE = 0.01


def views(scaled: np.ndarray, embedded: np.ndarray) -> np.ndarray:
    """What a head is given of pairs: differences of surface features and of embeddings, each lot of one size.

    Args:
        scaled: float32 [rows, features].
        embedded: float32 [rows, dimensions]; none without embeddings.
    """
    surface = in_units(scaled, sizes(scaled))
    if not embedded.shape[1]:
        return surface
    size = np.sqrt(np.square(embedded, dtype=np.float64).mean())
    return np.hstack([surface, in_units(embedded, np.full(embedded.shape[1], size))])


def head(x: np.ndarray, sides: np.ndarray, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Margins of a linear reward (Bradley-Terry) head; arguments as of rulers."""
    return np.asarray(others @ fit_linear(x, sides, weights, RIDGE).astype(np.float32), dtype=np.float64)


def margins(x: np.ndarray, pairs: Sides, weights: np.ndarray, seed: int) -> np.ndarray:
    """The head's margins out of fold by group."""
    return out_of_fold(head, x, pairs.sides, weights, pairs.groups, seed=seed)


def halves(found: np.ndarray, pairs: Sides, column: int) -> dict[str, Any]:
    """A head's accuracy, unweighted, where the chosen side has more of a feature, where it has less, and their mean."""
    toward = np.sign(pairs.raw[:, column]) * np.sign(pairs.sides)
    out: dict[str, Any] = {}
    for name, mine in (("agrees", toward > 0), ("misleads", toward < 0)):
        out[name] = scored(found[mine], pairs.sides[mine], np.ones(mine.sum()), pairs.groups[mine])
    both = [out[name]["accuracy"] for name in ("agrees", "misleads")]
    out["mean"] = None if None in both else round(sum(both) / 2, 5)
    return out


def embedded(texts: str | None, names: dict[int, str], pairs: Sides) -> np.ndarray:
    """Differences of the embeddings of pairs' sides, float32 [rows, dimensions]; no dimensions without embeddings.

    Args:
        texts: folder of the vectors.
        names: of the blocks' sidecars, by the blocks' index.
        pairs: whose.
    """
    if texts is None:
        return np.zeros((len(pairs), 0), dtype=np.float32)
    out: np.ndarray | None = None
    for index in np.unique(pairs.block):
        vectors = read_texts(texts, names[int(index)])
        mine = np.flatnonzero(pairs.block == index)
        first = vectors.starts[pairs.row[mine]]
        if out is None:
            out = np.zeros((len(pairs), vectors.responses.shape[1]), dtype=np.float32)
        out[mine] = vectors.responses[first].astype(np.float32) - vectors.responses[first + 1].astype(np.float32)
    return out if out is not None else np.zeros((len(pairs), 0), dtype=np.float32)
