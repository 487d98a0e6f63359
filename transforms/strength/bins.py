"""Strength in words, by where a pair stands among those of its source (Wang et al. 2024, table of findings).

Sources differ in how strong their preferences are; a tenth of one must not be all of another.
"""

from __future__ import annotations

import numpy as np

#: Shares below which a pair is taken for wrong, doubtful or ambiguous, and above which for strong; and the one that a
#: margin to train with is cut at.
SHARES = (0.1, 0.2, 0.4, 0.9, 0.95)
BINS = ("incorrect", "doubtful", "ambiguous", "normal", "strong")
#: Standard errors below 0 that a mean must be to be surely below.
_SURE = 1.64


def quantiles(strength: np.ndarray) -> list[float]:
    """Where the shares lie, of strengths for the recorded side."""
    return [float(cut) for cut in np.quantile(strength, SHARES)]


def bins(strength: np.ndarray, error: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """The bin of each pair, as its place in `BINS`.

    Args:
        strength: mean margins for the recorded side [rows].
        error: their standard errors [rows].
        cuts: each row's source's `quantiles` [rows, 5].
    """
    out = np.full(len(strength), BINS.index("normal"))
    out[strength > cuts[:, 3]] = BINS.index("strong")
    out[strength <= cuts[:, 2]] = BINS.index("ambiguous")
    out[(strength <= cuts[:, 1]) & (strength < 0)] = BINS.index("doubtful")
    out[(strength <= cuts[:, 0]) & (strength + _SURE * error < 0)] = BINS.index("incorrect")
    return out
