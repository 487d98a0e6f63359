"""What a page is made of: sections with pictures and tables, and the rows behind their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

#: Rows shown behind a number.
SHOWN = 20


@dataclass(frozen=True)
class Link:
    """A value that leads to a place on the page."""

    text: Any
    to: str


@dataclass(frozen=True)
class Chart:
    """A picture: SVG that was made from aggregates, and what it shows in words."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Table:
    """Columns and lines; numbers stand to the right. `folded` shows it only to who asks."""

    columns: Sequence[str]
    lines: Sequence[Sequence[Any]]
    title: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Piece:
    """A text of the data with what it is; `label` is ours."""

    label: str
    text: str


@dataclass(frozen=True)
class Entry:
    """Something shown in full: a row, a record that could not be used, a passage of a benchmark.

    Attributes:
        name: what it is called in the data.
        facts: what is known of it, each a label of ours and a value.
        pieces: its texts.
        beside: the row that it is held against.
    """

    name: str
    facts: Sequence[tuple[str, Any]]
    pieces: Sequence[Piece]
    beside: Entry | None = None


@dataclass(frozen=True)
class Sample:
    """What is behind a number: rows by their places in the ledger, or entries that are no rows.

    Attributes:
        key: where on the page it is.
        title: what these have in common.
        total: of how many these are some.
        places: of rows.
        entries: others.
        about: what to say of single rows, by place.
    """

    key: str
    title: str
    total: int
    places: Sequence[int] = ()
    entries: Sequence[Entry] = ()
    about: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A part of the page under a title.

    `lead` is its first sentence, `mood` whether that is good or bad news; `notes`, what else a reader must know, stand
    below the pictures.
    """

    key: str
    title: str
    lead: str = ""
    mood: str = ""
    words: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    samples: Sequence[Sample] = ()
    notes: Sequence[str] = ()


def key_of(*names: str) -> str:
    """A place on the page for what has these names, which may be the data's."""
    return f"r-{sha256(chr(31).join(names).encode()).hexdigest()[:12]}"


def many(count: int, what: str, more: str | None = None) -> str:
    """A count with its noun."""
    return f"{count:,} {what if count == 1 else more or what + 's'}"


def of_another(name: str, command: str) -> str:
    """What is said of a report in the run's folder that is not of the run as it is."""
    return (
        f"The {name}.json in this folder is of another run, or of another state of this one: it says nothing of what "
        f"is here and is not shown. `trenchcoat {command}` makes one that does."
    )


def share(part: float, whole: float) -> str:
    """A part of a whole in percent; small parts keep a digit that is not zero."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    said = f"{percent:.1f}" if percent >= 1 or not part else f"{percent:.2g}"
    return f"{said}\N{NARROW NO-BREAK SPACE}%"


def number(value: float | None, digits: int = 3) -> str:
    """A measured number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"
