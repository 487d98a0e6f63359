"""The rows most like one, by their embeddings, among those around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.finished import Finished
from transforms.embed.sidecars import read_texts

#: Neighbours that are named, and rows around one that are compared with it: those of its block, and not too many.
NEIGHBOURS, AROUND = 8, 16_384


def nearest(run: Finished, place: int, kind: str) -> list[dict[str, Any]]:
    """The comparisons, or responses, around a row that are most like it.

    Pairs are alike where the differences of their responses point one way, or opposite ways: then the other's sides
    stand the other way round, and its cosine is negative. For other kinds the first response and the prompt count.

    Returns:
        `place` and `cosine`, the likest first; none where nothing is embedded or the files are gone.
    """
    there, folder = run.where(place), run.left("embed")
    if there is None or folder is None:
        return []
    block, row = there
    vectors = read_texts(folder, block.sidecar)
    begin = max(0, min(row - AROUND // 2, block.rows - AROUND))
    around = np.arange(begin, min(begin + AROUND, block.rows))
    around = around[vectors.counts[around] >= (2 if kind == "pair" else 1)]
    if row not in around or vectors.responses.shape[1] == 0:
        return []
    first = vectors.starts[around]
    what = vectors.responses[first].astype(np.float32)
    if kind == "pair":
        what -= vectors.responses[first + 1].astype(np.float32)
    else:
        what = np.concatenate([what, vectors.prompts[around].astype(np.float32)], axis=1)
    own = int(np.searchsorted(around, row))
    length = np.linalg.norm(what, axis=1) * np.linalg.norm(what[own])
    cosine = np.divide(what @ what[own], length, out=np.zeros(len(what), np.float32), where=length > 1e-6)
    cosine[own] = 0
    strength = np.abs(cosine) if kind == "pair" else cosine
    order = np.argsort(-strength, kind="stable")[:NEIGHBOURS]
    return [
        {"place": int(around[i] + place - row), "cosine": round(float(cosine[i]), 5)} for i in order if strength[i] > 0
    ]
