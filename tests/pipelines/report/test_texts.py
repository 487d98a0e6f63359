"""Texts on the page: nothing in them acts, everything in them is seen, and they share the room."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.texts import FOLDED, cut, level, size, visible, written


class _Read(HTMLParser):
    """What a browser would make of it: the tags, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.said += data


def read(html: str) -> _Read:
    reader = _Read()
    reader.feed(html)
    reader.close()
    return reader


@given(st.text(max_size=300))
def test_any_text_is_itself_and_no_markup(text: str) -> None:
    seen = read(str(written(text, 10**6)))
    assert seen.tags == ["pre"]
    assert seen.said == visible(text)


@given(st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=40))
def test_nothing_unseen_or_turning_is_left(text: str) -> None:
    kept = set(visible(text)) & set(
        "\x00\x08\x0b\x1b\x7f\x9b\u202a\u202e\u2066\u2069\u200e\u200f\u061c\ufeff\u2028\u2029"
    )
    assert not kept


def test_controls_have_names() -> None:
    assert visible("a\u202eb\x1b[31m\r\nc\td") == "a⟨U+202E⟩b⟨U+001B⟩[31m\nc\td"
    assert visible("👩‍👧 नमस्ते שלום") == "👩‍👧 नमस्ते שלום"  # joiners and scripts from right to left are text


def test_a_long_text_is_cut_and_says_how_much() -> None:
    text = "<b>" * 1_000_000
    html = str(written(text, 9_000))
    kept, lost = cut(text, 9_000)
    assert len(kept) + lost == len(text)
    assert size(kept) <= 9_000
    assert f"Cut here: {lost:,} of 3,000,000 characters are not shown." in html
    assert set(read(html).tags) == {"details", "summary", "bdi", "span", "pre", "p"}


def test_long_texts_are_folded_with_all_of_them_inside() -> None:
    text = "word " * (FOLDED // 4)
    seen = read(str(written(text, 10**6)))
    assert seen.tags[0] == "details"
    assert text in seen.said


@given(st.lists(st.integers(0, 1_000), max_size=30), st.integers(0, 5_000))
def test_room_is_shared_out(sizes: list[int], room: int) -> None:
    most = level(sizes, room)
    assert sum(min(one, most) for one in sizes) <= max(room, 0) or not sizes
    if sum(sizes) <= room:
        assert all(one <= most for one in sizes)  # nothing is cut where all have room
    else:
        assert sum(min(one, most + 1) for one in sizes) > room  # and no more than needed where they have not
