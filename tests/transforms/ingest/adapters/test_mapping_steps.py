"""Mappings of solutions in steps: a label for each step, or the number of the first wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.mapping import Mapping
from tests.transforms.ingest.adapters.support import STEPS, Raw, adapt, said


@pytest.mark.parametrize(
    ("known", "labels", "wanted"),
    [
        ({"good": 1, "bad": 0, "meh": 0.5, "?": None}, ["good", "?", "bad", "meh"], [(0, 1.0), (2, 0.0), (3, 0.5)]),
        ({"-1": 0, "0": 0.5, "1": 1}, [1, None, 0, -1], [(0, 1.0), (2, 0.5), (3, 0.0)]),
        (None, [True, 0.25, None, 0], [(0, 1.0), (1, 0.25), (3, 0.0)]),
    ],
)
def test_mapped_steps(known: Any, labels: list[Any], wanted: list[tuple[int, float]]) -> None:
    mapping = STEPS | {"label": {"field": "l", "values": known}, "rater": "who"}
    item = {"q": "Q", "s": ["A", "B", "C", "D"], "l": labels, "who": "w", "task": 7}
    (row,), dead = adapt("mapping", item, mapping=mapping)
    assert dead == []
    assert (row["kind"], row["steps"], row["metadata"]) == ("stepwise", ["A", "B", "C", "D"], '{"task":7}')
    assert [said(side) for side in row["responses"]] == [[("assistant", "A\nB\nC\nD")]]
    assert [(j["step"], j["normalised"]) for j in row["judgements"]] == wanted
    assert {(j["dimension"], j["rater"]) for j in row["judgements"]} == {("correctness", "w")}
    # Workers are given a mapping with all its defaults.
    assert adapt("mapping", item, mapping=Mapping.model_validate(mapping).model_dump())[0] == [row]


@pytest.mark.parametrize(
    ("asked", "label", "wanted"),
    [
        ({"first_wrong": 0}, -1, [1, 1, 1]),
        ({"first_wrong": 0}, 0, [0]),
        ({"first_wrong": 0}, 2, [1, 1, 0]),
        ({"first_wrong": 0}, None, []),
        ({"first_wrong": 1, "none": 0}, 1, [0]),
        ({"first_wrong": 1, "none": 0}, 3, [1, 1, 0]),
        ({"first_wrong": 1, "none": 0}, 0, [1, 1, 1]),
        ({"first_wrong": 0, "none": None}, None, [1, 1, 1]),
        ({"first_wrong": 0, "none": None}, 1, [1, 0]),
    ],
)
def test_the_first_wrong_step(asked: Raw, label: Any, wanted: list[int]) -> None:
    mapping = STEPS | {"label": {"field": "l", **asked}, "rater": "who"}
    item = {"q": "Q", "s": ["A", "B", "C"], "l": label, "who": "w"}
    (row,), dead = adapt("mapping", item, mapping=mapping)
    assert dead == []
    assert [(j["step"], j["normalised"], j["rater"]) for j in row["judgements"]] == [
        (place, value, "w") for place, value in enumerate(wanted)
    ]
    assert adapt("mapping", item, mapping=Mapping.model_validate(mapping).model_dump())[0] == [row]


@pytest.mark.parametrize(
    ("label", "code", "words"),
    [
        (3, "no_such_step", "'l' is 3; its steps are 0 to 2, and -1 says that none is wrong"),
        (-2, "no_such_step", "'l' is -2"),
        ("2", "wrong_type", "'l' is a string (2); a whole number is expected"),
    ],
)
def test_a_first_wrong_step_that_is_none(label: Any, code: str, words: str) -> None:
    mapping = STEPS | {"label": {"field": "l", "first_wrong": 0}}
    _, (dead,) = adapt("mapping", {"q": "Q", "s": ["A", "B", "C"], "l": label}, mapping=mapping)
    assert dead.code == code
    assert words in dead.message


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"l": [1]}, "wrong_type", "'l' does not hold one label for each of 's'"),
        ({"l": None}, "wrong_type", "'l' does not hold one label for each of 's'"),
        ({"l": [1, 2]}, "unknown_label", "'l', step 2 is 2; allowed are a number from 0 to 1, true or false"),
        ({"l": [1, "ok"]}, "unknown_label", "'l', step 2 is 'ok'"),
        ({"s": "A"}, "wrong_type", "a list is expected"),
        ({"s": ["A", None]}, "wrong_type", "holds null where a text is expected"),
        ({"s": []}, "no_steps", ""),
    ],
)
def test_mapped_steps_that_are_wrong(wrong: Raw, code: str, words: str) -> None:
    right = {"q": "Q", "s": ["A", "B"], "l": [1, 0]}
    labels = {"l": []} if wrong == {"s": []} else {}
    rows, dead = adapt("mapping", right, right | wrong | labels, mapping=STEPS)
    assert [one.code for one in dead] == [code]
    assert words in dead[0].message
    assert len(rows) == 1
    _, dead = adapt("mapping", right, mapping=STEPS | {"label": {"field": "l", "values": {"1": 1}}})
    assert dead[0].message == "'l', step 2 is 0; allowed are '1'"
