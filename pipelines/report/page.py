"""The page: sections to one file that asks for nothing else, with room for the data's texts shared out among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from pipelines.finished import Finished
from pipelines.report.parts import Entry, Link, Sample, Section, many
from pipelines.report.rows import entries
from pipelines.report.texts import level, size, visible, written

#: Bytes that the data's texts take on a page, and that a page takes at most.
TEXTS, PAGE = 2_000_000, 3_000_000
#: A cell that is a number, however it is written.
_FIGURE = re.compile(r"–|[+-]?[\d,]+(\.\d+)?(\N{NARROW NO-BREAK SPACE}%)?")
_CODE = re.compile(r"`([^`\n]+)`")
_TEMPLATES = Path(__file__).parent.parent / "templates"


@dataclass(frozen=True)
class _Item:
    """An entry in a sample; `again` is where it is shown already."""

    entry: Entry
    id: str = ""
    again: str = ""
    about: str = ""


@dataclass(frozen=True)
class _Shown:
    key: str
    title: str
    total: int
    items: Sequence[_Item]

    @property
    def shown(self) -> str:
        return f"{len(self.items):,}"


#: A section with the rows of its samples.
_Part = tuple[Section, list[_Shown]]


def render(run: Finished, sections: Sequence[Section], title: str, subtitle: str) -> str:
    """The page as HTML of at most `PAGE` bytes, whatever the texts."""
    parts = _filled(run, sections)
    pieces = [piece for entry in _once(parts) for piece in entry.pieces]
    sizes = [size(piece.text) for piece in pieces]
    room = TEXTS
    while True:
        page = _page(parts, level(sizes, room), title, subtitle, run.manifest["trenchcoat"])
        over = len(page.encode()) - PAGE
        if over <= 0 or room == 0:
            return page
        room = max(0, room - over - PAGE // 100)


def _filled(run: Finished, sections: Sequence[Section]) -> list[_Part]:
    """Sections with their samples' rows; a row of several samples is shown in the first."""
    places = {place for section in sections for sample in section.samples for place in sample.places}
    found = entries(run, places)
    seen: set[int] = set()
    return [(section, [_shown(sample, found, seen) for sample in section.samples]) for section in sections]


def _shown(sample: Sample, found: dict[int, Entry], seen: set[int]) -> _Shown:
    items = [_Item(entry) for entry in sample.entries]
    for place in sample.places:
        if place not in found:
            continue
        name, about = f"row-{place}", sample.about.get(place, "")
        again = place in seen
        items.append(_Item(found[place], "" if again else name, name if again else "", about))
        seen.add(place)
    return _Shown(sample.key, sample.title, sample.total, items)


def _once(parts: Sequence[_Part]) -> list[Entry]:
    """Every entry whose texts are on the page, as often as they are."""
    shown = [item.entry for _, samples in parts for sample in samples for item in sample.items if not item.again]
    return shown + [entry.beside for entry in shown if entry.beside]


def _page(parts: Sequence[_Part], most: int, title: str, subtitle: str, version: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"written": partial(written, most=most), "plain": plain, "told": told}
    environment.tests["link"] = lambda value: isinstance(value, Link)
    environment.tests["figure"] = lambda value: (
        _FIGURE.fullmatch(value) is not None if isinstance(value, str) else isinstance(value, (int, float))
    )
    style = Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8"))
    template = environment.get_template("report.html.j2")
    return template.render(sections=parts, title=visible(title), subtitle=subtitle, version=version, style=style)


def plain(value: Any) -> str:
    """A value in a line of the page: whole numbers with their thousands apart, the data's characters made visible."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else "–" if value is None else visible(str(value))


def told(value: Any) -> Markup:
    """A sentence of the page's own, in which what stands in backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(plain(value)))))


def left_out(count: int, what: str) -> list[str]:
    """A sentence on what a table has no room for."""
    return [f"{many(count, what)} more are not listed here."] if count > 0 else []
