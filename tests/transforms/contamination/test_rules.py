"""Each rule finds what plain Python finds, in texts of few words, so that much is alike."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.contamination.support import (
    MESSAGE_END,
    coverage,
    found,
    items_of,
    jaccard,
    letters,
    one_changed,
    told,
    window_share,
    words,
)  # fmt: skip
from transforms.contamination.changed import Changed
from transforms.contamination.characters import Characters
from transforms.contamination.shingles import Shingles
from transforms.contamination.whole import Whole
from transforms.contamination.words import Words

VOCABULARY = ["alpha", "beta", "gamma", "delta", "eps", "zeta", "eta", "theta", "iota", "kappa", "a", "the"]
spoken = st.lists(st.sampled_from(VOCABULARY), min_size=3, max_size=14).map(" ".join)
long = st.lists(st.sampled_from(VOCABULARY), min_size=8, max_size=40).map(" ".join)
PLAIN = "What are the names of some famous actors that started their careers on Broadway?"


def shares(found: pl.DataFrame) -> dict[tuple[int, int], float]:
    return {(row["text"], row["item"]): row["share"] for row in found.to_dicts()}


@settings(deadline=None, max_examples=60)
@given(st.lists(spoken, min_size=1, max_size=4, unique=True), st.lists(spoken, min_size=1, max_size=6))
def test_short_items_by_their_letters(own: list[str], texts: list[str]) -> None:
    items = items_of(own, short=40, characters=0.6)
    rule = Characters(items)
    expected = {
        (t, i): window_share(item, text)
        for t, text in enumerate(texts)
        for i, item in enumerate(own)
        if not items.tiny[i] and items.own.all() and window_share(item, text) >= 0.6 - 1e-9
    }
    assert shares(rule.find(letters(*texts))) == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(spoken, min_size=1, max_size=4, unique=True),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 13), spoken, st.booleans()), min_size=1, max_size=6),
)
def test_short_items_with_one_word_changed(own: list[str], edits: list[tuple[int, int, str, bool]]) -> None:
    items = items_of(own, short=40)
    texts = []
    for nth, place, other, alone in edits:  # texts with an item's words, one of them changed, alone or among others
        parts = words(own[nth % len(own)])
        parts[place % len(parts) : place % len(parts) + 1] = words(other)[: place % 3]
        texts.append(" ".join(parts if alone else [*words(other), *parts, "omega"]))
    rows = Changed(items).find(letters(*texts)).to_dicts()
    mine = {(row["text"], row["item"], row["stop"] - row["start"]) for row in rows}
    expected = set()
    for t, text in enumerate(texts):
        for i, item in enumerate(own):
            room = len(words(item)) + 4 if items.words[i] < 8 else 10**6
            if not items.tiny[i] and len(words(text)) <= room:
                expected |= {(t, i, length) for length in one_changed(item, text)}
    assert mine == expected


@settings(deadline=None, max_examples=60)
@given(
    st.lists(long, min_size=1, max_size=3, unique=True),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 40), spoken), min_size=1, max_size=4),
)  # fmt: skip
def test_long_items_by_runs_of_words(own: list[str], cuts: list[tuple[int, int, int, str]]) -> None:
    items = items_of(own, short=0, prompt_words=4, words=0.3)
    texts = []
    for nth, first, count, other in cuts:
        said = words(own[nth % len(own)])
        texts.append(" ".join([other, *said[first : first + count], other, *said[:first]]))
    expected = {
        (t, i): coverage(item, text, 4)
        for t, text in enumerate(texts)
        for i, item in enumerate(own)
        if coverage(item, text, 4) >= 0.3
    }
    assert shares(Words(items).find(letters(*texts))) == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(long, min_size=1, max_size=3, unique=True),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), spoken), min_size=1, max_size=4),
)  # fmt: skip
def test_near_copies_of_long_items(own: list[str], edits: list[tuple[int, int, str]]) -> None:
    items = items_of(own, short=0, jaccard=0.4)
    texts = []
    for nth, place, other in edits:
        said = words(own[nth % len(own)])
        texts.append(" ".join([*said[:place], *words(other)[:2], *said[place:]]))
    expected = {
        (t, i): jaccard(item, text)
        for t, text in enumerate(texts)
        for i, item in enumerate(own)
        if jaccard(item, text) >= 0.4
    }
    assert shares(Shingles(items).find(letters(*texts))) == pytest.approx(expected)


def test_whole_texts_and_whole_messages() -> None:
    items = items_of(["Hi", PLAIN, "Thank you, that is all I need."])
    texts = [
        "hi!",
        f"hello{MESSAGE_END}HI",
        f"x{MESSAGE_END}{PLAIN.upper()}{MESSAGE_END}y",
        PLAIN + " x",
        "hi " + PLAIN,
    ]
    assert dict.fromkeys(((0, 0), (2, 1)), 1.0) == shares(Whole(items).find(letters(*texts)))


def test_the_passage_is_what_was_matched() -> None:
    items = items_of([PLAIN])
    text = letters(
        "Please say at once: what are the Names of some famous actors, that started their careers on Broadway!"
    )
    row = Characters(items).find(text).to_dicts()[0]
    assert text.show(*(pl.Series([row[name]]).to_numpy() for name in ("start", "stop"))) == [" ".join(words(PLAIN))]


@pytest.mark.parametrize(
    "change",
    [
        str.swapcase,
        lambda text: text.replace(" ", "\n \t"),
        lambda text: "".join(char for char in text if char.isalnum() or char == " "),
        lambda text: text.replace("a", "ａ").replace("o", "o\u200b"),
        lambda text: "Answer as well as you can, and take your time: " + text,
        lambda text: text + " Please answer in one sentence.",
        lambda text: f"be brief{MESSAGE_END}" + text,
        lambda text: text.replace("famous", "unknown"),
        lambda text: text.replace("names of some", "names of"),
        lambda text: text.replace("actors", "actros"),
    ],
)
def test_changes_that_hide_nothing(change) -> None:
    others = [f"an unrelated question number {i} about {word}" for i, word in enumerate(VOCABULARY * 5)]
    text = change(PLAIN)
    assert set(found(items_of([PLAIN, "Who is Larry Page?"]), [text, *others])) == {text}


def test_what_a_changed_word_told_decides() -> None:
    own = "what do you think about chatgpt"
    said = ["what do you say of", "do you think so of", "think about", "you do what you want about", "what about"]
    others = [f"{part} {word}{i}" for i in range(20) for part in said for word in ("thing", "place")]
    kept, lost = "what do we think about chatgpt", "what do you think about racism"
    texts = [*others, kept, lost]
    assert found(items_of([own]), texts) == {kept: {own: pytest.approx(told(own, 2, texts), abs=1e-4)}}
    assert told(own, 5, texts) < 0.55 < told(own, 2, texts)


def test_other_scripts() -> None:
    own = [
        "请用三句话介绍一下中国首都北京的历史和文化特点",
        "日本で一番高い山の名前とその高さを教えてください",
        "Объясни, почему небо голубое, простыми словами для ребёнка",
    ]
    items = items_of(own)
    assert items.unspaced.tolist() == [True, True, False]
    texts = [
        "请回答:请用三句话介绍一下中国首都北京的历史和文化特点。谢谢!",
        "请用三句话介绍一下中国首都上海的历史和文化特点",
        "日本で一番高い山の名前と、その高さを教えてください!!",
        "ОБЪЯСНИ почему небо зелёное простыми словами для ребёнка",
        "请介绍一下法国的首都",
        "今日の天気を教えてください",
    ]
    hit = found(items, texts)
    assert {text: max(hit[text], key=hit[text].get) for text in hit} == dict(
        zip(texts[:4], [own[0], own[0], own[1], own[2]], strict=True)
    )


def test_long_chinese_items_by_runs_of_characters() -> None:
    rng = random.Random(0)
    own = "".join(chr(rng.randrange(0x4E00, 0x6000)) for _ in range(120))
    assert set(found(items_of([own]), ["前言" + own[:90] + "后记", own[:40]])) == {"前言" + own[:90] + "后记"}


def test_hostile_texts() -> None:
    items = items_of([PLAIN, "what is it", "x" * 40, "ab " * 30])
    texts = [
        "what is " * 20_000, "x" * 100_000, "ab " * 5_000, "\x1d" * 1000, "\x1e" * 1000, "\ufffe\uffff\U0010ffff",
        "a\u0300" * 10_000, "'" * 1000, "-" * 1000, "\u200b" * 1000, "ﷺ" * 1000, PLAIN * 300,
    ]  # fmt: skip
    hit = found(items, texts)
    assert PLAIN in hit[PLAIN * 300]
    assert "\x1d" * 1000 not in hit
    assert "what is " * 20_000 not in hit
