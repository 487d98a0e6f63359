"""What the numbers of a field mean: the scale they are on, an identifier, or that there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from transforms.ingest.fields import Field, words_of

#: Scales that people use; the first one that holds all values is guessed.
_SCALES = ((0, 1), (-1, 1), (1, 5), (0, 4), (0, 5), (1, 7), (-2, 2), (-3, 3), (1, 10), (0, 10), (0, 25), (0, 100))
#: What tables say where there is no number.
_NOTHING = {"", "n/a", "na", "nan", "none", "null", "nil", "-", "--", "–", "?", ".", "#n/a", "missing", "skip"}
#: How a field's name says its scale: Fluency (1-7), quality 0 to 100.
_RANGE = re.compile(r"(?<![\d.])(-?\d+(?:\.\d+)?)\s*(?:-|–|\.\.|to)\s*(-?\d+(?:\.\d+)?)(?![\d.])")
#: The share of the numbers that are on a scale which a name says.
_MOSTLY = 0.9


def scale_of_field(one: Field) -> dict[str, float]:
    """The scale that a field's name says, where it does and most of its numbers are on it; else that of its numbers."""
    said = _RANGE.search(one.name)
    low, high = map(float, said.groups()) if said else (0.0, 0.0)
    inside = sum(low <= value <= high for value in one.numbers)
    if low < high and inside >= _MOSTLY * len(one.numbers):
        return {"minimum": _whole(low), "maximum": _whole(high)}
    return scale(one.numbers)


def _whole(value: float) -> float:
    return int(value) if value.is_integer() else value


def scale(values: Sequence[float]) -> dict[str, float]:
    """The first of the scales in use that holds all values; else from the lowest to the highest."""
    low, high = min(values, default=0), max(values, default=1)
    for minimum, maximum in _SCALES:
        if minimum <= low and high <= maximum:
            return {"minimum": minimum, "maximum": maximum}
    return {"minimum": low, "maximum": high if high > low else low + 1}


def span(values: Sequence[float]) -> str:
    """From where to where values go, in words."""
    return f"{min(values, default=0):g} to {max(values, default=0):g}"


def missing(one: Field) -> dict[str, list[str]]:
    """The texts among numbers that say that there is none."""
    found = {value for value in one.values if isinstance(value, str) and value.strip().casefold() in _NOTHING}
    return {"missing": sorted(found)} if found else {}


def identifies(one: Field) -> bool:
    """Whether whole numbers look like identifiers: called so, or all different and many."""
    named = {"id", "idx", "index", "line", "seed", "uid", "count", "length", "year"} & set(words_of(one.name))
    return bool(named) or (one.kind == "whole number" and len(one.values) > 20 and len(one.distinct) == len(one.values))
