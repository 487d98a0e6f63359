"""Texts of the data on the page: what is in them is seen and never acts, and all of them together have room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from markupsafe import Markup

#: Characters that are not seen, or that turn or hide what stands beside them; tabs, line ends and joiners are text.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
#: A text with more characters than this is folded, with so many in sight.
FOLDED, SIGHT = 1_500, 240


def visible(text: str) -> str:
    """A text whose control characters, and those that turn its direction, are names in brackets."""
    text = text.replace("\r\n", "\n")
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)


def level(sizes: Sequence[int], room: int) -> int:
    """The most that each may have for all together to fit: those below keep what they have, the others are cut alike.

    Args:
        sizes: of each.
        room: for all together.
    """
    left, rest = room, len(sizes)
    for size in sorted(sizes):
        if size * rest > left:
            return left // rest
        left, rest = left - size, rest - 1
    return max(sizes, default=0)


def size(text: str) -> int:
    """Bytes of a text on the page."""
    return len(escape(visible(text)).encode())


def cut(text: str, most: int) -> tuple[str, int]:
    """The begin of a text that takes about so many bytes on the page, and how many of its characters are left out."""
    takes = size(text)
    if takes <= most:
        return visible(text), 0
    keep = max(1, int(len(text) * most / takes))
    return visible(text[:keep]), len(text) - keep


def written(text: str, most: int) -> Markup:
    """A text as it stands on the page: escaped, cut where there is no room for it, folded where it is long."""
    kept, lost = cut(text, most)
    note = ""
    if lost:
        note = f'<p class="cut">Cut here: {lost:,} of {len(text):,} characters are not shown.</p>'
    whole = f'<pre dir="auto">{escape(kept)}</pre>{note}'
    if len(kept) <= FOLDED:
        return Markup(whole)
    sight = escape(" ".join(kept[:SIGHT].split()))
    return Markup(
        f'<details><summary><bdi>{sight}</bdi>… <span class="n">{len(text):,} characters</span></summary>'
        f"{whole}</details>"
    )
