"""Surface features: counted right on texts counted by hand, and defined on every text."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arrow import ROW_SCHEMA
from transforms.spurious.features import COUNTS, NAMES, of_rows, scaled, surface

_RICH = """Certainly! I'm sorry, but maybe you should see https://a.example.

# Steps
- one **bold** `code`
2. two; (three)

| a | b |
```
x = 1
```
Is it? 😀"""


def one(text: str, prompt: str = "") -> dict[str, float]:
    return surface(pl.Series([text]), pl.Series([prompt])).row(0, named=True)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("characters", len(_RICH)),
        ("words", len(_RICH.split())),
        ("sentences", 4),  # the number of a list item ends like one
        ("paragraphs", 3),
        ("lines", 9),
        ("list_items", 2),
        ("headings", 1),
        ("bold", 1),
        ("code_blocks", 2),
        ("code_spans", 1),
        ("table_rows", 1),
        ("links", 1),
        ("digits", 2),
        ("emoji", 1),
        ("exclamations", 1),
        ("questions", 1),
        ("hedges", 1),
        ("apologies", 1),
        ("first_person", 1),
        ("second_person", 1),
        ("refusals", 0),
        ("sycophantic_opening", 1),
    ],
)
def test_counts_of_a_text_counted_by_hand(name: str, wanted: float) -> None:
    assert one(_RICH)[name] == wanted


def test_refusals_in_their_spellings() -> None:
    for text in ("I can't do that.", "I cannot say.", "As an AI, no.", "I’m not able to.", "I am unable to."):
        assert one(text)["refusals"] >= 1, text
    assert one("I can do that.")["refusals"] == 0


def test_ratios() -> None:
    said = one("the cat and the dog", prompt="Is the cat a dog?")
    assert said["type_token_ratio"] == pytest.approx(4 / math.sqrt(5))
    assert said["prompt_overlap"] == pytest.approx(3 / 4)
    assert said["word_length"] == pytest.approx(19 / 5)
    assert said["prompt_copied"] == 0
    assert one("Hello. More.", prompt="Hello.")["prompt_copied"] == 1
    # Flesch: 3 words, 1 sentence, 3 syllables.
    assert one("The cat sat.")["readability"] == pytest.approx(206.835 - 1.015 * 3 - 84.6, abs=1e-3)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "?", "😀", None])
def test_texts_of_next_to_nothing_have_features(text: str | None) -> None:
    made = surface(pl.Series([text], dtype=pl.String), pl.Series([""]))
    assert made.columns == list(NAMES)
    assert all(math.isfinite(value) for value in made.row(0))
    if not text:
        assert set(made.row(0)) == {0.0}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=6))
def test_a_text_has_its_features_in_any_company(pairs: list[tuple[str, str]]) -> None:
    together = surface(pl.Series([a for a, _ in pairs]), pl.Series([b for _, b in pairs]))
    assert scaled(together).select(pl.all_horizontal(pl.all().is_finite())).to_series().all()
    for place, (text, prompt) in enumerate(pairs):
        assert one(text, prompt) == together.row(place, named=True)


def test_features_of_ones_own() -> None:
    extra = {"tea": pl.col("text").str.count_matches("tea"), "odd": lambda texts, _: texts.str.len_chars() / 0}
    made = surface(pl.Series(["tea tea", ""]), pl.Series(["", ""]), extra)
    assert made["tea"].to_list() == [2, 0]
    assert made["odd"].to_list() == [0, 0]  # what is not finite is nothing
    with pytest.raises(ValueError, match="'short' gave 1 values for 2 responses"):
        surface(pl.Series(["a", "b"]), pl.Series(["", ""]), {"short": lambda texts, _: texts.str.len_chars()[:1]})


def test_scaled_counts_are_logarithms() -> None:
    made = scaled(surface(pl.Series(["a b c"]), pl.Series([""])))
    assert made["words"][0] == pytest.approx(math.log(4))
    assert set(COUNTS) < set(NAMES)


def test_rows_have_a_line_a_response() -> None:
    def turn(text: str) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": text}]

    rows = pl.DataFrame(
        {"prompt": [turn("one two"), turn("red")], "responses": [[turn("one"), turn("x y")], [turn("red wine")]]},
        schema={name: ROW_SCHEMA[name] for name in ("prompt", "responses")},
    )
    made = of_rows(rows)
    assert made["words"].to_list() == [1, 2, 2]
    assert made["prompt_overlap"].to_list() == [1, 0, 0.5]
