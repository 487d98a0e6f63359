"""All of it together: from vectors and a signal to slices, each with what tells it apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.slices.families import Family, balls, clusters
from transforms.slices.mixture import mixtures
from transforms.slices.scan import Found, measure, select


@dataclass(frozen=True)
class Settings:
    """How to look.

    Attributes:
        resolutions: numbers of clusters.
        seeds: of each clustering.
        permutations: of the null.
        level: the family-wise level.
        smallest: rows of a slice; a fifth of it are the groups that it must have.
        most: slices for each signal.
        device: of torch.
    """

    resolutions: tuple[int, ...] = (10, 20, 40)
    seeds: int = 3
    permutations: int = 200
    level: float = 0.05
    smallest: int = 50
    most: int = 10
    device: str = "cpu"


@dataclass(frozen=True)
class Rows:
    """Rows in the order of their hashes.

    Attributes:
        keys: uint64, a hash of each row.
        groups: uint64, a hash of each row's group.
        views: float32 vectors [rows, dimensions] by name: `prompts`, of length 1 or 0; and `rows` and `differences`, or
            not.
    """

    keys: np.ndarray
    groups: np.ndarray
    views: dict[str, np.ndarray]


def families(rows: Rows, settings: Settings) -> list[Family]:
    """The candidates that no signal has shaped: clusters of each view at each resolution, balls of prompts."""
    out: list[Family | None] = []
    # Finer than this, clusters are too small to be looked at.
    counts = [count for count in settings.resolutions if count * settings.smallest <= len(rows.keys)]
    for seed in range(settings.seeds):
        for view, vectors in rows.views.items():
            # A prompt counts once where prompts are clustered, however many rows it has.
            keys = rows.groups if view == "prompts" else rows.keys
            out += [clusters(view, vectors, keys, count, seed, settings.device) for count in counts]
        out.append(balls(rows.views["prompts"], rows.groups, seed))
    return [one for one in out if one is not None]  # where the model knows nothing of the texts, there are none


def aware(rows: Rows, values: np.ndarray, settings: Settings) -> list[Family]:
    """Those that the signal has shaped: components of the error-aware mixture."""
    prompts = rows.views["prompts"]
    return [one for seed in range(settings.seeds) for one in mixtures(prompts, values, rows.groups, seed)]


def find(rows: Rows, values: np.ndarray, settings: Settings) -> tuple[list[Found], list[Family]]:
    """The slices that have more of a signal than chance gives any candidate, the strongest first; and all families."""
    every = [*families(rows, settings), *aware(rows, values, settings)]
    null = measure(values, every, rows.keys, rows.groups, settings.permutations, settings.smallest)
    return select(null, every, settings.level, settings.most), every
