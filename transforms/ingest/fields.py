"""What fields raw records have: their names, types and a few values, as far as the first records tell."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from transforms.ingest.records import Records
from transforms.ingest.values import reach

#: Fields of objects within objects are named by dotted paths, down to this depth; a mapping reads those.
_DEPTH = 3
#: The share of a column's texts from which on it is one of numbers, with some that are none.
_MOSTLY = 0.9
_NAMES: dict[type, str] = {str: "text", bool: "true or false", int: "whole number", float: "number", dict: "object"}
_MANY = {
    "text": "texts", "whole number": "numbers", "number": "numbers", "object": "objects",
    "true or false": "list of true or false",
}  # fmt: skip
_MESSAGES = ({"role", "content"}, {"from", "value"})


@dataclass(frozen=True)
class Field:
    """One field of the first records.

    Attributes:
        name: its name, or a dotted path into objects.
        kinds: out of "text", "number", "whole number", "true or false", "object", "messages", "texts", "numbers",
            "objects", "list of true or false", "list", the commonest first; "nothing" where all are null.
        missing: share of the records that lack it or hold null, in [0, 1].
        values: what it holds, nulls left out; the texts of a table as numbers where nearly all of them are.
    """

    name: str
    kinds: tuple[str, ...]
    missing: float
    values: tuple[Any, ...]

    @property
    def kind(self) -> str:
        """What most of the records hold."""
        return self.kinds[0]

    @property
    def numeric(self) -> bool:
        """Whether it holds one number a record, and nothing else."""
        return set(self.kinds) <= {"number", "whole number"}

    @property
    def numbers(self) -> list[float]:
        """The numbers among its values."""
        return [value for value in self.values if isinstance(value, int | float) and not isinstance(value, bool)]

    @property
    def distinct(self) -> list[Any]:
        """The different scalars it holds, the commonest first, equally common ones in order."""
        scalars = Counter(value for value in self.values if isinstance(value, str | int | float))
        return sorted(scalars, key=lambda value: (-scalars[value], str(value)))


def fields(records: Records) -> list[Field]:
    """The fields of these records, those of nested objects behind the object itself."""
    out: list[Field] = []
    for name in records.names():
        out += _field(name, records.values(name), records.textual, 1)
    return out


def _field(name: str, values: list[Any], textual: bool, depth: int) -> list[Field]:
    held = [value for value in values if value is not None]
    if textual and held:
        held = _numbers(held)
    kinds = [kind for kind, _ in Counter(map(_kind, held)).most_common()] or ["nothing"]
    if set(kinds) == {"number", "whole number"}:
        kinds = ["number"]
    if len(kinds) > 1 and "list" in kinds:  # an empty list is one of whatever the others hold
        kinds.remove("list")
    found = Field(name, tuple(kinds), 1 - len(held) / max(len(values), 1), tuple(held))
    if found.kind != "object" or depth == _DEPTH:
        return [found]
    inner = dict.fromkeys(key for value in held if isinstance(value, dict) for key in value)
    return [found] + [
        part for key in inner for part in _field(f"{name}.{key}", [reach(v, [key]) for v in values], False, depth + 1)
    ]


def _numbers(texts: list[Any]) -> list[Any]:
    """Texts as numbers where at least nine in ten of them are; those that are none stay as they are."""
    numbers = [_number(text) for text in texts]
    known = [number for number in numbers if number is not None]
    if len(known) < _MOSTLY * len(texts):
        return texts
    if not all(abs(number) < 2**53 for number in known):  # neither infinite nor a long row of digits, an identifier
        return texts
    whole = all(number.is_integer() for number in known)
    return [
        text if number is None else int(number) if whole else number
        for text, number in zip(texts, numbers, strict=True)
    ]


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return None if number != number else number  # nan is how tables say that there is nothing


def _kind(value: Any) -> str:
    if isinstance(value, list):
        if value and all(isinstance(part, dict) and any(names <= part.keys() for names in _MESSAGES) for part in value):
            return "messages"
        inner = {_MANY.get(_kind(part), "list") for part in value}
        return inner.pop() if len(inner) == 1 else "list"
    return _NAMES.get(type(value), type(value).__name__)


@cache
def words_of(name: str) -> tuple[str, ...]:
    """A name's words: `modelA`, `model_a` and `model-a` are all model and a."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    spaced = re.sub(r"([A-Za-z])([0-9])", r"\1 \2", spaced)
    return tuple(word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word)


def shortened(value: Any, characters: int) -> str:
    """A value as one line of at most about this many characters, saying how many were left out."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text[: 4 * characters].split()) + text[4 * characters :]
    if len(text) <= characters:
        return text
    return f"{text[:characters].rstrip()}… (+{len(text) - characters:,} characters)"
