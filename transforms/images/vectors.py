"""Images that have nearly the same vector: what hashes miss, such as mirrored and cropped copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from transforms.duplicates import kmeans
from transforms.duplicates.semantic import ROWS, Parts, links, slices
from transforms.embed.sidecars import read_images
from transforms.hashing import as_nodes, digest
from transforms.images.names import image_names
from transforms.images.showing import Showing

#: Partitions are fitted on so many vectors, and an image is looked for in so many of the nearest.
SAMPLE, PROBES = 65_536, 4


def vectors_of(members: Sequence[Showing], folder: str, names: pl.Series) -> np.ndarray:
    """The vectors of images, 0 for those that have none; float16 [names, dimensions].

    Args:
        members: blocks of new rows that show images.
        folder: of the stage that embedded these.
        names: of the images, each once.
    """
    parts, places = [], []
    line = pl.int_range(len(names), dtype=pl.Int64, eager=True)
    for member in members:
        vectors, counts = read_images(folder, member.block.sidecar)
        mine = vectors[np.repeat(member.counts(), counts)]
        called, _ = image_names(member.rows())
        place = called.replace_strict(names, line, default=-1, return_dtype=pl.Int64).fill_null(-1).to_numpy()
        some = (place >= 0) & mine.any(axis=1)
        parts.append(mine[some])
        places.append(place[some])
    width = max((part.shape[1] for part in parts), default=0)
    out = np.zeros((len(names), width), dtype=np.float16)
    for place, part in zip(places, parts, strict=True):
        if len(part):
            out[place] = part
    return out


def near_vectors(vectors: np.ndarray, names: pl.Series, least: float, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Images with nearly the same vector; fewer pairs than images, which connect what all that are found connect.

    Many images are compared within partitions, as rows of text are.

    Args:
        vectors: of length 1, or 0 for an image without one [images, dimensions].
        names: of the images.
        least: cosine from which on two are near-copies.
        device: cpu or cuda.

    Returns:
        Places of the first and of the second image of each pair.
    """
    some = np.flatnonzero(vectors.any(axis=1))
    # In the order of a hash, which says nothing of what is shown.
    some = some[np.argsort(as_nodes(digest(names[some])), kind="stable")]
    if len(some) < 2:
        return some[:0], some[:0]
    found = [(np.zeros(0, np.uint64), np.zeros(0, np.uint64))]
    every = Parts(vectors[some], np.zeros((len(some), 0, vectors.shape[1]), dtype=np.float16))
    centres = kmeans.fit(every.prompts[:SAMPLE], round(len(some) / ROWS), device)
    near = kmeans.nearest(every.prompts, centres, PROBES, device)
    keys = np.arange(len(some), dtype=np.uint64)
    for number in range(len(centres)):
        own, looking = np.flatnonzero(near[:, 0] == number), np.flatnonzero((near == number).any(axis=1))
        for base, askers in slices(len(own), len(looking)):
            there, asking = own[base], looking[askers]
            if len(there):
                a, b, _ = links(every[asking], keys[asking], every[there], keys[there], least, device)
                found.append((a, b))
    a, b = (some[np.concatenate(part).astype(np.int64)] for part in zip(*found, strict=True))
    return a, b
