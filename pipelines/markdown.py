"""Markdown in which no text of the data is markup: what the card's template escapes everything with."""

from __future__ import annotations

import re
from collections.abc import Sequence


class Plain(str):
    """Text that goes into the card as it is."""

    __slots__ = ()


def escape(value: object) -> str:
    """Any value as one line of text in which no character is markup."""
    if isinstance(value, Plain):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    # Control characters and those that turn the direction of what follows say nothing here.
    text = re.sub(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]", "", str(value))
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]#|~$!^])", r"\\\1", text)
    text = re.sub(r":(?=//)|(?<=www)\.", r"\\\g<0>", text)  # no links either: the escapes above would be part of them
    text = re.sub(r"^(\d+)(?=[.)]( |$))", r"\1\\", text)
    return f"\\{text}" if text.startswith(("-", "+", "=")) else text


def code(value: object) -> Plain:
    """A code span, in a table too."""
    text = " ".join(str(value).split()).replace("|", r"\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    gap = " " if "`" in text else ""
    return Plain(f"{fence}{gap}{text}{gap}{fence}")


def codes(values: Sequence[str]) -> Plain:
    """Code spans with commas between them."""
    return Plain(", ".join(code(value) for value in values))


def block(value: str, language: str) -> Plain:
    """A fenced block of code."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", value)), default=0))
    return Plain(f"{fence}{language}\n{value.rstrip()}\n{fence}")
