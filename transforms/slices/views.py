"""Which vectors of a row are looked at for slices."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.embed.sidecars import read_texts


def views_of(texts: str, name: str, rows: pl.DataFrame) -> dict[str, np.ndarray]:
    """A block's vectors, of length 1, or 0 where there is nothing.

    Args:
        texts: the folder of vectors.
        name: of the block's sidecars.
        rows: `row` (its place in the block) and `side` (which response the detectors take).

    Returns:
        `prompts`; `rows`, the sum of a row's prompt and its responses' mean; `differences`, the response that the
        detectors take less the other, 0 where they take none: the recorded label is no part of it, or every wrong label
        would lie where the right ones do not. float32 [rows, dimensions].
    """
    vectors = read_texts(texts, name)
    place = rows["row"].to_numpy()
    prompts = vectors.prompts[place].astype(np.float32)
    counts, starts = vectors.counts[place], vectors.starts[place]
    flat = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    responses = vectors.responses[flat].astype(np.float32)
    owners = np.repeat(np.arange(len(place)), counts)
    mean = np.zeros_like(prompts)
    np.add.at(mean, owners, responses)
    mean /= np.maximum(counts, 1)[:, None]
    side = rows["side"].to_numpy().astype(np.float32)
    differences = np.zeros_like(prompts)
    taken = np.flatnonzero((side != 0) & (counts == 2))
    first, second = (vectors.responses[starts[taken] + one].astype(np.float32) for one in (0, 1))
    differences[taken] = side[taken][:, None] * (first - second)
    return {"prompts": _unit(prompts), "rows": _unit(prompts + mean), "differences": _unit(differences)}


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-3)
