"""Fields named by type, and the mapping that they suggest."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.mapping import Mapping
from transforms.ingest.fields import fields, shortened
from transforms.ingest.guess import guess
from transforms.ingest.records import Records

Raw = dict[str, Any]


def records(*items: Raw) -> Records:
    return Records(np.arange(1, len(items) + 1), items=list(items))


def kinds(*items: Raw) -> dict[str, tuple[str, ...]]:
    return {one.name: one.kinds for one in fields(records(*items))}


def test_types_of_fields() -> None:
    item = {
        "text": "a", "whole": 1, "number": 0.5, "flag": True, "gone": None, "texts": ["a", "b"], "numbers": [1, 0.5],
        "talk": [{"role": "user", "content": "a"}], "gpt": [{"from": "human", "value": "a"}], "objects": [{"a": 1}],
        "deep": {"a": {"b": {"c": {"d": 1}}}}, "mixed": ["a", 1],
    }  # fmt: skip
    assert kinds(item) == {
        "text": ("text",), "whole": ("whole number",), "number": ("number",), "flag": ("true or false",),
        "gone": ("nothing",), "texts": ("texts",), "numbers": ("numbers",), "talk": ("messages",), "gpt": ("messages",),
        "objects": ("objects",), "deep": ("object",), "deep.a": ("object",), "deep.a.b": ("object",),
        "mixed": ("list",),
    }  # fmt: skip


def test_the_commonest_type_first_and_what_is_missing() -> None:
    found = fields(records({"a": 1, "b": "x"}, {"a": "y"}, {"a": "z"}, {"a": 2.5, "b": None}))
    assert (found[0].kinds, found[0].numeric) == (("text", "whole number", "number"), False)
    assert (found[1].missing, found[1].values) == (0.75, ("x",))
    assert kinds({"a": 1}, {"a": 2.5}) == {"a": ("number",)}
    assert kinds({"a": []}, {"a": ["x"]}) == {"a": ("texts",)}


def test_numbers_written_as_text_in_tables() -> None:
    frame = pl.DataFrame({"n": ["1", "2", None], "x": ["1.5", "2", "3"], "t": ["1", "b", "2"], "id": ["9" * 30] * 3})
    found = {one.name: one for one in fields(Records(np.arange(3), frame=frame, textual=True))}
    assert {name: one.kinds for name, one in found.items()} == {
        "n": ("whole number",), "x": ("number",), "t": ("text",), "id": ("text",),
    }  # fmt: skip
    assert found["n"].values == (1, 2)


def test_long_values_are_shortened() -> None:
    assert shortened("a  b\n c", 10) == "a b c"
    assert shortened("x" * 1000, 10) == "xxxxxxxxxx… (+990 characters)"
    assert shortened({"a": ["é"]}, 20) == '{"a": ["é"]}'


PAIR = {"question": "q", "answer_a": "x", "answer_b": "y"}


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        (
            [PAIR | {"winner": w, "judge": "j", "model_a": "m", "model_b": "n"} for w in ("model_a", "model_b", "tie")],
            {
                "kind": "pair", "prompt": "question", "responses": ["answer_a", "answer_b"], "rater": "judge",
                "label": {"field": "winner", "values": {"model_a": 1, "model_b": 0, "tie": 0.5}},
                "generators": ["model_a", "model_b"],
            },
        ),
        (
            [PAIR | {"label": n} for n in (0, 1)],
            {
                "kind": "pair", "prompt": "question", "responses": ["answer_a", "answer_b"],
                "label": {"field": "label", "values": {"0": 0, "1": 1}},
            },
        ),
        (
            [{"prompt": "p", "response_0": "x", "response_1": "y", "preferred": n} for n in (0, 1)],
            {
                "kind": "pair", "prompt": "prompt", "responses": ["response_0", "response_1"],
                "label": {"field": "preferred", "values": {"0": 1, "1": 0}},
            },
        ),
        (
            [{"instruction": "p", "output1": "x", "output2": "y", "preference": n} for n in (0, 1, 2)],
            {
                "kind": "pair", "prompt": "instruction", "responses": ["output1", "output2"],
                "label": {"field": "preference", "values": {"0": 0.5, "1": 1, "2": 0}},
            },
        ),
        (
            [{"prompt": "p", "a1": "x", "a2": "y", "best": best} for best in ("a1", "a2", "both bad", "equal")],
            {
                "kind": "pair", "prompt": "prompt", "responses": ["a1", "a2"],
                "label": {"field": "best", "values": {"a1": 1, "a2": 0, "both bad": 0.5, "equal": 0.5}},
            },
        ),
        (
            [{"q": {"question": "p"}, "o": {"dispreferred": "x", "preferred": "y"}}],
            {
                "kind": "pair", "prompt": "q.question", "responses": ["o.preferred", "o.dispreferred"],
                "label": {"always": 1},
            },
        ),
        (
            [PAIR | {"preference": 0.25}],
            {
                "kind": "pair", "prompt": "question", "responses": ["answer_a", "answer_b"],
                "label": {"field": "preference"},
            },
        ),
        (
            [{"src": "q", "mt": "x", "ref": "r", "score": i, "annotator": "a", "lang": "de"} for i in (1, 50)],
            {
                "kind": "rating", "prompt": "src", "responses": ["mt"], "references": ["ref"], "rater": "annotator",
                "scores": [{"field": "score", "minimum": 0, "maximum": 100}], "language": "lang",
            },
        ),
        (
            [{"article": "q", "summary": "x", "fluency": f, "coherence": 2, "id": 7} for f in (1, 5)],
            {
                "kind": "rating", "prompt": "article", "responses": ["summary"],
                "scores": [
                    {"field": "fluency", "minimum": 1, "maximum": 5},
                    {"field": "coherence", "minimum": 1, "maximum": 5},
                ],
            },
        ),
        (
            [{"system_prompt": "s", "prompt": "q", "answers": ["a", "b", "c"], "order": [2, 1, 2]}],
            {
                "kind": "ranking", "prompt": "prompt", "system": "system_prompt", "responses": "answers",
                "ranks": "order",
            },
        ),
        (
            [{"prompt": "q", "answers": ["a", "b"], "scores": [1.5, 9], "models": ["m", "n"]}],
            {
                "kind": "ranking", "prompt": "prompt", "responses": "answers", "values": "scores", "minimum": 1,
                "maximum": 10, "generators": "models",
            },
        ),
        (
            [{"problem": "q", "solution_steps": ["a", "b"], "step_labels": [1, n], "annotator": "p"} for n in (0, 0.5)],
            {
                "kind": "stepwise", "prompt": "problem", "responses": "solution_steps",
                "label": {"field": "step_labels"}, "rater": "annotator",
            },
        ),
        (
            [{"question": "q", "steps": ["a", "b"], "ratings": ["good", word]} for word in ("bad", "neutral")],
            {
                "kind": "stepwise", "prompt": "question", "responses": "steps",
                "label": {"field": "ratings", "values": {"bad": 0, "good": 1, "neutral": 0.5}},
            },
        ),
    ],
)  # fmt: skip
def test_mappings_that_fields_suggest(items: list[Raw], wanted: Raw) -> None:
    made = guess(fields(records(*items)))
    assert made.mapping == wanted
    Mapping.model_validate(made.mapping)
    assert set(made.notes) <= set(made.mapping)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ([-1, 0, 2], {"first_wrong": 0, "none": -1}),
        ([None, 0, 2, 0], {"first_wrong": 0, "none": None}),
        ([0, 1, 3], {"first_wrong": 1, "none": 0}),
    ],
)
def test_the_number_of_the_first_wrong_step(labels: list[int | None], wanted: Raw) -> None:
    made = guess(fields(records(*({"problem": "q", "steps": ["a", "b", "c"], "label": n} for n in labels))))
    assert made.mapping == {
        "kind": "stepwise", "prompt": "problem", "responses": "steps", "label": {"field": "label", **wanted}
    }  # fmt: skip
    assert "check" in made.notes["label"]
    Mapping.model_validate(made.mapping)


def test_whether_a_solution_is_right_is_no_number_of_a_step() -> None:
    made = guess(fields(records(*({"problem": "q", "steps": ["a", "b"], "label": n} for n in (0, 1)))))
    assert made.mapping["kind"] != "stepwise"


def test_a_table_of_ratings_with_a_little_of_everything() -> None:
    """As spreadsheets have it: what stands for no score, scales in names, systems that are no system prompts."""
    lines = [[f"src {i}", f"mt {i}", f"sys{i % 3}", str(1 + i % 7), str(i % 20 * 5), "bob"] for i in range(40)]
    lines[3][4], lines[5][3], lines[7][4] = "N/A", "9", "5 %"
    names = ["source", "mt", "System", "Fluency (1-7)", "Adequacy (0-100)", "rater"]
    frame = pl.DataFrame(lines, schema=names, orient="row")
    made = guess(fields(Records(np.arange(40), frame=frame, textual=True)))
    assert made.mapping == {
        "kind": "rating", "prompt": "source", "responses": ["mt"], "generators": ["System"], "rater": "rater",
        "scores": [
            {"field": "Fluency (1-7)", "minimum": 1, "maximum": 7},
            {"field": "Adequacy (0-100)", "minimum": 0, "maximum": 100, "missing": ["N/A"]},
        ],
    }  # fmt: skip
    Mapping.model_validate(made.mapping)


def test_columns_that_may_be_raters() -> None:
    made = guess(fields(records(*({"src": "q", "mt": "x", "anna": n, "bert": 2} for n in (1, 5)))))
    assert [score["field"] for score in made.mapping["scores"]] == ["anna", "bert"]
    assert "where a field is one rater's, its `given_by`" in made.notes["scores"]


@pytest.mark.parametrize(
    ("shown", "is_one"),
    [("a.png", True), ("https://x/y", True), (["a.jpg", "b.webp"], True), ("a cat", False), (["a.jpg", "b"], False)],
)
def test_images_are_shown(shown: Any, is_one: bool) -> None:
    made = guess(fields(records(PAIR | {"image": shown, "winner": "a"}, PAIR | {"image": shown, "winner": "b"})))
    assert made.mapping.get("images") == (["image"] if is_one else None)


def test_what_is_doubtful_comes_with_a_note() -> None:
    made = guess(fields(records(*(PAIR | {"preference": n} for n in (-2, 0, 1)))))
    assert made.mapping["label"]["values"] == {"-2": None, "0": 0.5, "1": None}
    assert "say what -2, 1 means" in made.notes["label"]
    assert "1 is taken to mean" in guess(fields(records(PAIR | {"label": 1}))).notes["label"]
    assert "no field looks like the label" in guess(fields(records(PAIR))).notes["label"]
    assert "not in [0, 1]" in guess(fields(records(PAIR | {"preference": 1.25}))).notes["label"]
    rated = guess(fields(records({"body": "a long text that somebody wrote", "note": "b"})))
    assert rated.mapping["responses"] == ["body"]
    assert set(rated.notes) == {"prompt", "responses", "scores"}


def test_wide_records_are_no_trouble() -> None:
    made = guess(fields(records({f"text_{i}_{side}": "x" for i in range(400) for side in "ab"} | {"label": "a"})))
    assert made.mapping["kind"] == "pair"
