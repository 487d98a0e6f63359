"""Templates and common speech: what many say is no one's."""

from __future__ import annotations

import pytest

from tests.transforms.contamination.support import found, items_of

ASKED = "Try to explain your answer. Your explanation should take the reader through your reasoning step by step."
OTHERS = [
    "atoms are in a grain of salt",
    "songs were recorded so far",
    "times does a person blink",
    "words do we speak a day",
    "flakes fall in one winter",
    "planes are in the air now",
]


def test_a_benchmarks_template_is_none_of_its_items() -> None:
    own = [f"How many {other}? {ASKED}" for other in OTHERS]
    others = [f"How many grains of sand are on the beach of the island? {ASKED}", ASKED]
    texts = [*own[:2], f"Think first. {own[2]} Thanks.", *others]
    hit = found(items_of(own), texts)
    assert {text: set(items) for text, items in hit.items()} == {texts[i]: {own[i]} for i in range(3)}


def test_few_items_that_share_words_have_no_template() -> None:
    own = [f"How many {other}? {ASKED}" for other in OTHERS[:4]]
    assert not any(items_of([own[0], "Who is Larry Page?"]).own == 0)
    assert items_of(own).own.all()


@pytest.mark.parametrize(("times", "counts"), [(5, True), (6, False)])
def test_a_few_words_that_stand_in_many_texts_are_common_speech(times: int, counts: bool) -> None:
    own = "Summarize the following article"
    texts = [f"{own}: the {word} of {i} towns was counted again" for i, word in enumerate("abcdefghij"[:times])]
    assert set(found(items_of([own]), texts)) == (set(texts) if counts else set())
    assert set(found(items_of([own]), [*texts, own.upper()])) >= {own.upper()}


def test_a_few_words_in_a_long_text_say_nothing() -> None:
    own = "Who wears short shorts?"
    long = " ".join(f"word{i}" for i in range(60))
    assert set(found(items_of([own]), [f"{own} {long}", f"{own} Please say."])) == {f"{own} Please say."}


@pytest.mark.parametrize(("fillers", "counts"), [(["bake"], True), (["bake", "sell"], False)])
def test_a_frame_filled_with_several_words_is_common_speech(fillers: list[str], counts: bool) -> None:
    own = "How do I detail a purple rhinoceros?"
    texts = [f"how do i {filler} a purple rhinoceros" for filler in fillers]
    assert set(found(items_of([own]), [*texts, "some other text"])) == (set(texts) if counts else set())


def test_a_long_passage_may_stand_in_more_texts_where_there_are_more_rows() -> None:
    own = "Write a short story about a lighthouse keeper who finds a message in a bottle."
    for kept, few, many in ((own, 50, 1000), (own.replace("short", "long"), 10, 1000)):
        texts = [f"{kept} It has {i} chapters and {i + 1} scenes." for i in range(few + 1)]
        assert set(found(items_of([own]), texts[:-1], rows=few)) == set(texts[:-1])
        assert found(items_of([own]), texts, rows=100) == {}
        assert set(found(items_of([own]), texts, rows=20 * many)) == set(texts)


def test_a_prompt_of_a_word_or_two_is_looked_for_alone() -> None:
    items = items_of(["Hi", 'Write "Test"', "Continue"])
    texts = ["hi", "Hi there, how are you?", "write test cases for me", "CONTINUE", "write: test!"]
    assert set(found(items, texts)) == {"hi", "CONTINUE", "write: test!"}
