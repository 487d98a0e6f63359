"""Pairs with a known truth."""

from __future__ import annotations

import numpy as np

from transforms.strength.pairs import Pairs


def made(
    rows: int = 1500,
    *,
    size: float = 2.0,
    eta: float = 0.0,
    votes: int = 1,
    width: int = 8,
    groups: int | None = None,
    seed: int = 0,
) -> tuple[Pairs, np.ndarray]:
    """Pairs whose first side is better with probability sigmoid(size * w . difference); and whether it is."""
    rng = np.random.default_rng(seed)
    responses = rng.normal(size=(rows, 2, width)).astype(np.float32)
    w = np.ones(width) / np.sqrt(2 * width)
    truth = rng.random(rows) < 1 / (1 + np.exp(-size * (responses[:, 0] - responses[:, 1]) @ w))
    first = (truth[:, None] ^ (rng.random((rows, votes)) < eta)).sum(axis=1).astype(float)
    both = np.stack([first, votes - first], axis=1)
    each = rng.integers(1, 2**63, groups or rows).astype(np.uint64)
    pairs = Pairs(
        keys=rng.integers(1, 2**63, rows).astype(np.uint64),
        groups=each[np.arange(rows) % len(each)],
        labels=first / votes,
        votes=both,
        voices=both,
        trusted=np.full(rows, np.nan),
        surface=rng.normal(size=(rows, 2, 3)).astype(np.float32),
        prompts=rng.normal(size=(rows, width)).astype(np.float32),
        responses=responses,
        likeness=np.zeros(rows),
    )
    return pairs, truth
