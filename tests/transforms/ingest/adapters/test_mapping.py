"""Mappings: what their keys mean, and those that mean nothing."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.mapping import Mapping
from tests.transforms.ingest.adapters.support import (
    MAPPED,
    PAIR,
    RANKS,
    RATING,
    STEPS,
    VALUES,
    Raw,
    adapt,
    said,
)


@pytest.mark.parametrize(
    ("known", "given", "wanted"),
    [
        ({"a": 1, "b": 0, "tie": 0.5}, ["b", "tie", "a"], [0.0, 0.5, 1.0]),
        ({True: 1, False: 0}, [True, False], [1.0, 0.0]),
        ({"true": 1, "false": 0}, [True, False], [1.0, 0.0]),
        ({1: 1, 2: 0, 0: 0.5}, [1, 2.0, "2", 0], [1.0, 0.0, 0.0, 0.5]),
        ({"1": 1, "-1": 0}, [1, -1], [1.0, 0.0]),
        ({"a": 1, "skip": None}, ["a", "skip", None], [1.0, None, None]),
        (None, [0.25, 1, None], [0.25, 1.0, None]),
    ],
)
def test_mapped_labels(known: Any, given: list[Any], wanted: list[float | None]) -> None:
    mapping = PAIR | {"label": {"field": "w", "values": known}}
    rows, dead = adapt("mapping", *({"q": "Q", "a": "A", "b": "B", "w": w} for w in given), mapping=mapping)
    assert dead == []
    assert [row["judgements"][0]["value"] if row["judgements"] else None for row in rows] == wanted


def test_mapped_preference_outside_its_range() -> None:
    mapping = PAIR | {"label": {"field": "w"}}
    _, dead = adapt("mapping", {"q": "Q", "a": "A", "b": "B", "w": 2}, mapping=mapping)
    assert dead[0].code == "unknown_label"
    assert "name its `values`" in dead[0].message


def test_mapped_label_that_the_names_say() -> None:
    mapping = PAIR | {"label": {"always": 1, "strength": "w"}}
    rows, dead = adapt("mapping", {"q": "Q", "a": "A", "b": "B", "w": 2}, mapping=mapping)
    assert dead == []
    assert [(j["value"], j["strength"]) for j in rows[0]["judgements"]] == [(1.0, 2.0)]


def test_mapped_pair_with_dotted_paths_and_all_else() -> None:
    mapping = {
        "kind": "pair", "prompt": "c.q", "system": "sys", "responses": ["a.0.text", "a.-1.text"], "rater": "who.id",
        "label": {"field": "w", "values": {"A": 1}, "strength": "by"}, "dimension": "style", "generators": ["m1", "m2"],
        "language": "lang", "timestamp": "t",
    }  # fmt: skip
    item = {
        "c": {"q": "Q"}, "sys": "S", "a": [{"text": "A"}, {"text": "x"}, {"text": "B"}], "who": {"id": 7}, "w": "A",
        "by": -3, "m1": "one", "lang": "de", "t": "2020", "left": [1],
    }  # fmt: skip
    rows, dead = adapt("mapping", item, mapping=mapping)
    assert dead == []
    row = rows[0]
    assert said(row["prompt"]) == [("system", "S"), ("user", "Q")]
    assert [said(side) for side in row["responses"]] == [[("assistant", "A")], [("assistant", "B")]]
    judgement = row["judgements"][0]
    assert (judgement["rater"], judgement["dimension"], judgement["strength"]) == ("7", "style", 3.0)
    assert (row["generators"], row["language"], row["timestamp"]) == (["one", None], "de", "2020")
    assert '"left":[1]' in row["metadata"]
    assert '"lang"' not in row["metadata"]


def test_mapped_ratings_on_their_scales() -> None:
    scores = [
        {"field": "x", "minimum": 1, "maximum": 5, "rater": "r"},
        {"field": "errors", "minimum": 0, "maximum": 20, "higher_is_better": False},
    ]
    mapping = RATING | {"scores": scores, "references": ["ref1", "ref2"], "rater": "who"}
    item = {"q": "Q", "a": "A", "x": 2, "errors": 5, "r": "r1", "who": "r2", "ref2": "R"}
    rows, dead = adapt("mapping", item, {**item, "errors": None}, mapping=mapping)
    assert dead == []
    got = [(j["dimension"], j["value"], j["normalised"], j["rater"]) for j in rows[0]["judgements"]]
    assert got == [("x", 2.0, 0.25, "r1"), ("errors", 5.0, 0.75, "r2")]
    assert [(s["dimension"], s["higher_is_better"]) for s in rows[0]["scales"]] == [("x", True), ("errors", False)]
    assert rows[0]["references"] == ["R"]
    assert len(rows[1]["judgements"]) == 1


def test_two_raters_on_one_scale() -> None:
    scores = [{"field": f"x{i}", "minimum": 1, "maximum": 5, "dimension": "overall", "rater": f"r{i}"} for i in (1, 2)]
    item = {"q": "Q", "a": "A", "x1": 1, "x2": 5, "r1": "one", "r2": "two"}
    rows, _ = adapt("mapping", item, mapping=RATING | {"scores": scores})
    assert [(j["rater"], j["dimension"]) for j in rows[0]["judgements"]] == [("one", "overall"), ("two", "overall")]
    assert len(rows[0]["scales"]) == 1


def test_mapped_rankings() -> None:
    rows, dead = adapt("mapping", MAPPED["ranks"][1], {"q": "Q", "a": ["A", "B"], "r": [2, 1]}, mapping=RANKS)
    assert dead == []
    got = [[(j["response"], j["value"], j["normalised"]) for j in row["judgements"]] for row in rows]
    assert got == [[(0, 2.0, 0.5), (1, 1.0, 1.0), (2, 2.0, 0.5)], [(0, 2.0, 0.0), (1, 1.0, 1.0)]]
    assert [row["scales"][0]["maximum"] for row in rows] == [3.0, 2.0]
    assert not rows[0]["scales"][0]["higher_is_better"]
    rows, _ = adapt("mapping", MAPPED["values"][1], mapping=VALUES)
    assert [(j["response"], j["normalised"]) for j in rows[0]["judgements"]] == [(0, 0.0), (1, 0.25)]
    fields = VALUES | {"responses": ["a", "b"], "higher_is_better": False}
    rows, _ = adapt("mapping", {"q": "Q", "a": "A", "b": "B", "v": [0, 10]}, mapping=fields)
    assert [j["normalised"] for j in rows[0]["judgements"]] == [1.0, 0.0]
    assert [said(side) for side in rows[0]["responses"]] == [[("assistant", "A")], [("assistant", "B")]]


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


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (STEPS | {"responses": ["s"]}, "names one field, which holds the list of steps"),
        (STEPS | {"label": None}, "needs the field with a list of labels"),
        (STEPS | {"label": {"always": 1}}, "needs the field with a list of labels"),
        (STEPS | {"dimension": "clarity"}, "leave it out"),
        (PAIR | {"responses": ["a"]}, "a pair names two fields"),
        (PAIR | {"label": None}, "a pair needs one"),
        (PAIR | {"label": {"field": "w", "values": {"a": 2}}}, "less than or equal to 1"),
        (PAIR | {"label": {}}, "names either its field"),
        (PAIR | {"label": {"field": "w", "always": 1}}, "names either its field"),
        (PAIR | {"label": {"always": 1, "values": {"a": 1}}}, "values belong to a field"),
        (RATING | {"scores": []}, "at least one in scores"),
        (RATING | {"scores": [{"field": "x", "minimum": 5, "maximum": 1}]}, "minimum 5 is not below maximum 1"),
        (RANKS | {"values": "v"}, "either ranks"),
        (RANKS | {"ranks": None}, "either ranks"),
        (VALUES | {"maximum": None}, "need their scale"),
        (VALUES | {"maximum": 0}, "minimum 0 is not below maximum 0"),
        (PAIR | {"winner": "w"}, "Extra inputs"),
    ],
)
def test_mappings_that_mean_nothing(mapping: Raw, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Mapping.model_validate(mapping)
