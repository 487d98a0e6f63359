"""Shingles, checked against a plain rewriting that joins words."""

from __future__ import annotations

import random
import zlib

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.duplicates import shingles as module
from transforms.duplicates.sets import Sets, of_lists, runs, together
from transforms.duplicates.shingles import filled, salted, shingles, without

UNSPACED = "你好世界今天天気がいいですねสวัสดีชาวโลกຂອບໃຈမင်္ဂလာပါ"


def alone(texts: list[str]) -> np.ndarray:
    return np.array([zlib.crc32(text.encode()) for text in texts], dtype=np.uint32)


def made(texts: list[str], size: int = 5) -> list[list[int]]:
    found = shingles(pl.Series(texts, dtype=pl.String), size, alone(texts))
    return found.lists().to_list()


def tokens(text: str) -> list[str]:
    spread = "".join(f" {c} " if module._kinds()[ord(c)] == module._CHARACTER else c for c in text.lower())
    return spread.split()


def reference(text: str, size: int = 5) -> list[tuple[str, ...]]:
    words = tokens(text)
    if len(words) < size:
        return [(text,)] if words else []
    return [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]


def same_up_to_names(texts: list[str], size: int) -> None:
    """The hashes name the shingles: one for each, and the same wherever it stands."""
    names: dict[tuple[str, ...], int] = {}
    for text, hashes in zip(texts, made(texts, size), strict=True):
        wanted = reference(text, size)
        assert len(hashes) == len(wanted)
        for shingle, value in zip(wanted, hashes, strict=True):
            assert names.setdefault(shingle, value) == value
    assert len(set(names.values())) == len(names)


def test_against_joined_words() -> None:
    rng = random.Random(1)
    words = [
        *["a", "b", "c", "the", "of", "Ünder", "STRASSE", "naïve", "x1", "don't", "你好", "天気", "ไทย", "ok🙂"],
        "\u00a0",
        "\t",
        "\n",
        "\u3000",
        "  ",
    ]
    texts = [" ".join(rng.choices(words, k=rng.randint(0, 30))) for _ in range(500)]
    for size in (1, 2, 5):
        same_up_to_names(texts, size)


@given(st.lists(st.text(alphabet=f"ab \n\u00e9{UNSPACED[:6]}", max_size=40), max_size=8), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_any_text(texts: list[str], size: int) -> None:
    from transforms.identity.keys import tidy

    # What is short is named by its `alone`, so that only texts are compared that stay as they are.
    texts = tidy(pl.Series(texts, dtype=pl.String)).to_list()
    same_up_to_names(texts, size)


def test_case_and_white_space_are_no_difference() -> None:
    one, other = made(["The quick  brown\nfox jumps over", " the Quick brown fox\tJumps over "])
    assert one == other
    assert len(one) == 2


def test_accents_are_one_character_however_they_are_written() -> None:
    one, other = made(["un caf\u00e9 noir s'il vous pla\u00eet", "un cafe\u0301 noir s'il vous plai\u0302t"])
    assert one == other


@pytest.mark.parametrize("text", ["今天天气很好我们去公园", "これはペンです。ありがとう", "สวัสดีชาวโลกทุกคน"])
def test_scripts_without_spaces_have_shingles_of_characters(text: str) -> None:
    changed = "x" + text[1:]
    one, other = made([text, changed])
    assert len(one) == len(tokens(text)) - 4 > 3
    assert len(set(one) & set(other)) == len(one) - 1


def test_words_in_scripts_with_spaces_are_whole() -> None:
    (korean,) = made(["안녕하세요 세계 여러분 모두 반갑습니다"])
    assert len(korean) == 1


def test_short_texts_are_compared_exactly() -> None:
    yes, upper, again, none, blank = made(["yes", "Yes", "yes", "", " \n"])
    assert yes == again == [zlib.crc32(b"yes")]
    assert upper != yes
    assert none == blank == []


def test_a_text_of_just_enough_words_is_not_short() -> None:
    four, five, other = made(["a b c d", "a b c d e", "A b c d e"])
    assert len(four) == len(five) == 1
    assert five == other


def test_anagrams_and_shifted_words_differ() -> None:
    texts = [
        " ".join(words) for words in ("abcde", "edcba", "abced", ["ab", "c", "d", "e", "f"], ["a", "bc", "d", "e", "f"])
    ]
    assert len({tuple(one) for one in made(texts)}) == len(texts)


def test_the_same_whatever_stands_before_and_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text {i} of some length with words {i % 7} and {i * i} more" for i in range(300)]
    whole = made(texts)
    assert whole == [made([text])[0] for text in texts]
    monkeypatch.setattr(module, "runs", lambda counts: runs(counts, 100))
    assert made(texts) == whole


def test_one_text_longer_than_a_chunk() -> None:
    long = "word " * 200_000 + "end"
    found = made([long, "word word word word end"])
    assert len(found[0]) == 200_001 - 4
    assert found[0][-1] == found[1][0]


def test_hashes_are_those_of_every_machine() -> None:
    wanted = [[398264900, 3431033399], [3211917173, 3426898966]]
    assert made(["one two three four five six", "今天天气很好"]) == wanted


def test_no_text() -> None:
    assert made([]) == []
    assert made(["", ""]) == [[], []]


def test_hashes_rarely_meet() -> None:
    words = [f"{a}{b}" for a in "abcdefghij" for b in range(1000)]
    (hashes,) = made([" ".join(words)], 1)
    assert len(set(hashes)) == len(words)


# Sets -----------------------------------------------------------------------------------------------------------------


def sets(*lists: list[int]) -> Sets:
    return of_lists(pl.Series(lists, dtype=pl.List(pl.UInt32)))


def listed(some: Sets) -> list[list[int]]:
    return some.lists().to_list()


def test_sets_are_taken_and_joined() -> None:
    some = sets([1, 2], [], [3], [4, 5, 6])
    assert listed(some.take(np.array([3, 1, 0, 3]))) == [[4, 5, 6], [], [1, 2], [4, 5, 6]]
    assert listed(some.joined(np.array([2, 2]))) == [[1, 2], [3, 4, 5, 6]]
    assert listed(together([some, some.take(np.array([0]))])) == [[1, 2], [], [3], [4, 5, 6], [1, 2]]
    assert len(some.take(np.array([], dtype=np.int64))) == 0


def test_runs_cover_everything_once() -> None:
    counts = np.array([3, 0, 900, 5, 5, 5, 0])
    found = list(runs(counts, 10))
    assert [(run.start, run.stop) for run in found] == [(0, 2), (2, 3), (3, 5), (5, 7)]
    assert list(runs(np.array([], dtype=np.int64))) == []


def test_common_hashes_are_left_out() -> None:
    some = sets([1, 2, 9], [2], [], [7])
    assert listed(without(some, np.array([2, 9], dtype=np.uint32))) == [[1], [], [], [7]]
    assert without(some, np.array([], dtype=np.uint32)) is some


def test_empty_sets_are_filled_where_asked() -> None:
    some = sets([], [1], [], [])
    alone = np.array([10, 11, 12, 13], dtype=np.uint32)
    asked = np.array([True, True, False, True])
    assert listed(filled(some, asked, alone)) == [[10], [1], [], [13]]


def test_salt_keeps_apart_what_differs_in_more_than_text() -> None:
    some = sets([1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3])
    plain, first, second, again = listed(salted(some, np.array([0, 5, 6, 5], dtype=np.uint32)))
    assert plain == [1, 2, 3]
    assert first == again
    assert len({*plain, *first, *second}) == 9
