"""Mappings: what their keys mean, and those that mean nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
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
from transforms.ingest.records import Records


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


def test_a_column_for_each_rater() -> None:
    scores = [{"field": n, "given_by": n, "dimension": "d", "minimum": 1, "maximum": 5} for n in ("anna", "bert")]
    (row,), dead = adapt("mapping", {"q": "Q", "a": "A", "anna": 2, "bert": 3}, mapping=RATING | {"scores": scores})
    assert dead == []
    assert [(j["dimension"], j["value"], j["rater"]) for j in row["judgements"]] == [
        ("d", 2.0, "anna"),
        ("d", 3.0, "bert"),
    ]


def test_what_stands_for_no_score() -> None:
    scores = [{"field": "x", "minimum": 1, "maximum": 5, "missing": ["N/A", -1]}]
    given: list[Any] = ["N/A", -1, 2, None, "none"]
    rows, dead = adapt(
        "mapping", *({"q": "Q", "a": f"A{x}", "x": x} for x in given), mapping=RATING | {"scores": scores}
    )
    assert [[j["value"] for j in row["judgements"]] for row in rows] == [[], [], [2.0], []]
    assert [(letter.code, letter.message) for letter in dead] == [
        ("wrong_type", "field 'x' is a string (none); a number is expected")
    ]


@pytest.mark.parametrize("values", [["N/A", "-1", "2", None], [-9.0, -1.0, 2.0, None], [-9, -1, 2, None]])
def test_what_stands_for_no_score_in_a_table(values: list[Any]) -> None:
    frame = pl.DataFrame({"x": values})
    batch = Records(np.arange(4), frame=frame, textual=frame["x"].dtype == pl.String)
    assert batch.column("x", pl.Float64, required=False, absent=["N/A", "-9", "-1"]).to_list() == [
        None,
        None,
        2.0,
        None,
    ]
    assert not batch.dead_letters()


def test_who_wrote_a_single_response_is_a_text_or_a_list_of_one() -> None:
    for given in ("m", ["m"]):
        rows, dead = adapt("mapping", {"q": "Q", "a": "A", "x": 2, "g": given}, mapping=RATING | {"generators": "g"})
        assert (dead, rows[0]["generators"]) == ([], ["m"])
    _, dead = adapt("mapping", {"q": "Q", "a": ["A", "B"], "r": [1, 2], "g": "m"}, mapping=RANKS | {"generators": "g"})
    assert "a list is expected" in dead[0].message


@pytest.mark.parametrize(
    ("kind", "shown", "uris"),
    [
        (PAIR, "a.png", ["a.png"]),
        (RATING, ["a.png", {"path": "b.png"}], ["a.png", "b.png"]),
        (STEPS, {"url": "https://x/c.png"}, ["https://x/c.png"]),
        (PAIR, None, []),
    ],
)
@pytest.mark.parametrize("prompt", ["q", None])
def test_mapped_images(kind: Raw, shown: Any, uris: list[str], prompt: str | None) -> None:
    item = {"q": "Q", "a": "A", "b": "B", "w": 1, "x": 2, "s": ["A"], "l": [1], "pic": shown}
    label = {} if kind is RATING else {"label": {"field": "l" if kind is STEPS else "w"}}
    (row,), dead = adapt("mapping", item, mapping=kind | label | {"images": ["pic"], "prompt": prompt})
    assert dead == []
    assert [image["uri"] for message in row["prompt"] for image in message["images"] or []] == uris
    assert said(row["prompt"]) == ([("user", "Q")] if prompt else [("user", None)] if uris else [])
    assert '"pic"' not in (row["metadata"] or "")


def test_a_mapped_image_that_is_none() -> None:
    item = {"q": "Q", "a": "A", "b": "B", "w": 1, "pic": 7}
    _, dead = adapt("mapping", item, mapping=PAIR | {"label": {"field": "w"}, "images": ["pic"]})
    assert [(letter.code, "'pic': a number (7) is no image" in letter.message) for letter in dead] == [
        ("wrong_type", True)
    ]


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
    ("mapping", "words"),
    [
        (STEPS | {"responses": ["s"]}, "names one field, which holds the list of steps"),
        (STEPS | {"label": None}, "needs the field with a list of labels"),
        (STEPS | {"label": {"always": 1}}, "needs the field with a list of labels"),
        (STEPS | {"dimension": "clarity"}, "leave it out"),
        (STEPS | {"label": {"field": "l", "first_wrong": 2}}, "Input should be 0 or 1"),
        (STEPS | {"label": {"field": "l", "first_wrong": 0, "values": {"1": 1}}}, "and no values"),
        (STEPS | {"label": {"field": "l", "first_wrong": 0, "none": 0}}, "a step's number: the first has 0"),
        (STEPS | {"label": {"field": "l", "none": 0}}, "none belongs to `first_wrong`"),
        (PAIR | {"label": {"field": "w", "first_wrong": 0}}, "a pair has none"),
        (PAIR | {"responses": ["a"]}, "a pair names two fields"),
        (PAIR | {"label": None}, "a pair needs one"),
        (PAIR | {"label": {"field": "w", "values": {"a": 2}}}, "less than or equal to 1"),
        (PAIR | {"label": {}}, "names either its field"),
        (PAIR | {"label": {"field": "w", "always": 1}}, "names either its field"),
        (PAIR | {"label": {"always": 1, "values": {"a": 1}}}, "values belong to a field"),
        (RATING | {"scores": []}, "at least one in scores"),
        (
            RATING | {"scores": [{"field": "x", "minimum": 1, "maximum": 5, "rater": "r", "given_by": "anna"}]},
            "a score has one of the two",
        ),
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
