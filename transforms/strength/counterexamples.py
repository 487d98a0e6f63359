"""Pairs whose recorded label goes against what surface features alone say.

Where labels are bent towards a shortcut (the longer side, say), detectors learn it, and the pairs that contradict it,
the only ones that tell the shortcut from quality, look wrong to them. Whether a pair is such a counterexample is a
fact; policy can leave them alone. It is one only where surface features are seen to lead to the recorded labels at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.spurious.measure import means
from transforms.strength.combine import sigmoid

#: The accuracy on recorded labels that surface features must surely have for their word to count.
LEAST = 0.55


@dataclass(frozen=True)
class Standing:
    """How well surface features alone know the recorded labels, out of fold.

    Attributes:
        right: their accuracy.
        low: lower end of its 95 % interval, over groups.
    """

    right: float
    low: float

    @property
    def leads(self) -> bool:
        """Whether they know them surely better than by `LEAST`."""
        return self.low > LEAST


def standing(margins: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Standing:
    """How surface features do.

    Args:
        margins: for the first side, out of fold [rows].
        labels: preference for the first side, none of them a tie [rows].
        groups: a 64-bit hash of each row's group [rows].
    """
    right = (np.sign(margins) * np.sign(labels - 0.5) + 1) / 2
    found = means(right, np.ones(len(right)), groups)
    return Standing(float(found.value[0]), float(np.nan_to_num(found.low[0])))


def counterexamples(margins: np.ndarray, labels: np.ndarray, found: Standing) -> np.ndarray:
    """The probability of the side that the label is not for, by surface features alone [rows].

    It is 0 where they do not lead, and for ties. Over a half, a pair is a counterexample.
    """
    sign = np.sign(np.nan_to_num(labels, nan=0.5) - 0.5)
    return np.where((sign != 0) & found.leads, sigmoid(-margins * sign), 0.0)
