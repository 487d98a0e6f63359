"""Texts as runs of letters, and hashes of any stretch of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.contamination.support import MESSAGE_END, letters


def shown(text: str) -> str:
    made = letters(text)
    return made.show(made.word_at[:1], made.word_at[1:])[0] if len(made.starts) > 1 else ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello,   World!\n", "hello world"),
        ("Don’t – don't", "dont dont"),
        ("a state-of-the-art well - known", "a stateoftheart well known"),
        ("ÉTÉ STRASSE straße ﬁne", "été strasse strasse fine"),
        ("ｆｕｌｌ　ｗｉｄｔｈ ½", "full width 1 2"),
        ("zero\u200bwidth soft\u00adhyphen \u202eturned", "zerowidth softhyphen turned"),
        ("今天天气 ok 很好", "今天天气 ok 很好"),
        ("สวัสดี ครับ", "สวัสดีครับ"),
        ("naïve cafe\u0301", "naïve café"),
        ("x^3 = 4.5", "x 3 4 5"),
        ("\x00\x1d\x1e…!?", ""),
        ("😀⚡ ok 👍🏽 • ✓", "😀⚡ ok 👍"),
    ],
)
def test_what_is_left_of_a_text(text: str, words: str) -> None:
    assert shown(text) == words


def test_a_character_of_a_script_without_spaces_is_a_word() -> None:
    made = letters("北京 is 首都")
    assert len(made.starts) - 1 == 5
    assert made.unspaced.tolist() == [True, True, False, True, True]


def test_texts_and_messages_keep_their_places() -> None:
    made = letters("one two", "", f"a b{MESSAGE_END}{MESSAGE_END}c", "x\x1dy")
    assert made.word_at.tolist() == [0, 2, 2, 5, 7]
    assert made.message_at.tolist() == [0, 2, 4, 5, 7]
    assert made.text_of_word.tolist() == [0, 0, 2, 2, 2, 3, 3]
    assert made.show(np.array([0, 2, 5]), np.array([2, 5, 7])) == ["one two", "a b c", "x y"]


def test_the_same_words_whatever_is_read_beside_them() -> None:
    """Texts beyond ASCII take another way; what is made of a text must not depend on its neighbours."""
    alone, beside = letters("Plain text, it's ASCII"), letters("Ünïcode", "Plain text, it's ASCII")
    assert beside.show(beside.word_at[1:2], beside.word_at[2:])[0] == shown("Plain text, it's ASCII")
    assert (alone.word_grams(2)[:3] == beside.word_grams(2)[1:4]).all()


@given(st.lists(st.text("ab c-'.\x1e", max_size=12), min_size=1, max_size=6), st.integers(1, 4))
def test_hashes_are_equal_where_letters_are(texts: list[str], size: int) -> None:
    made = letters(*texts)
    codes = made.codes.tolist()
    runs = [tuple(codes[i : i + size]) for i in range(max(0, len(codes) - size + 1))]
    inside = [made.text_of_letter[i] == made.text_of_letter[i + size - 1] for i in range(len(runs))]
    hashes = made.grams(size).tolist()
    assert len(hashes) == len(runs)
    for one, alike in enumerate(hashes):
        for other in range(one):
            if inside[one] and inside[other]:
                assert (alike == hashes[other]) == (runs[one] == runs[other])


@given(st.text("ab \x1e", max_size=20))
def test_word_runs_and_letter_runs_of_the_same_letters_are_the_same(text: str) -> None:
    made = letters(text)
    for size in (1, 2):
        first = np.arange(max(0, len(made.starts) - size))
        assert (made.word_grams(size) == made.hashes(made.starts[first], made.starts[first + size])).all()
