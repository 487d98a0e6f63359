"""The model of a row and the vectorised rules are two writings of one law."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from schemas.arrow import ROW_SCHEMA
from schemas.row import Row
from schemas.rules import RULES, first_broken
from schemas.verdict import DEAD_LETTERS

Raw = dict[str, Any]


def turn(content: str | None = "x", role: str | None = "assistant") -> Raw:
    return {"role": role, "content": content}


def judged(value: float | None = 1.0, **other: Any) -> Raw:
    return {"value": value, "dimension": "overall", "count": 1} | other


def scale(minimum: float | None = 1.0, maximum: float | None = 5.0, **other: Any) -> Raw:
    return {"dimension": "overall", "minimum": minimum, "maximum": maximum, "higher_is_better": True} | other


BASE: Raw = {"row_id": "s:f:1", "content_id": "", "source": "s", "file": "f", "line": 1, "prompt": [turn("q", "user")]}
GOOD: dict[str, Raw] = {
    "pair": BASE
    | {
        "kind": "pair",
        "responses": [[turn("a")], [turn("b")]],
        "judgements": [judged(0.5, strength=0.0, response=1, normalised=1.0), judged(0.0, count=9), judged(1.0)],
        "generators": ["m", None],
        "scales": [scale()],  # a pair's value is a preference, whatever scale the source had
    },
    "rating": BASE
    | {
        "kind": "rating",
        "responses": [[turn("a", "user"), turn(None)]],
        "judgements": [judged(1.0, normalised=0.0), judged(5.0), judged(99.0, dimension="other")],
        "scales": [scale(), scale(dimension="unused")],
        "references": ["r"],
    },
    "ranking": BASE
    | {
        "kind": "ranking",
        "responses": [[turn(c)] for c in "abc"],
        "judgements": [judged(i + 1.0, response=i, strength=math.inf) for i in range(3)],
    },
    "stepwise": BASE
    | {
        "kind": "stepwise",
        "responses": [[turn("ab")]],
        "steps": ["a", "b"],
        "judgements": [judged(-1.0, step=0), judged(step=1)],
        "prompt": [],
    },
}
NAN, INF = math.nan, math.inf
RANGE, COUNT = "value_out_of_range", "wrong_response_count"

#: What breaks a good row, the change, and the code that says so.
FAULTS: list[tuple[str, Raw, str]] = [
    ("pair", {"kind": "triple"}, "missing_field"),
    ("pair", {"kind": None}, "missing_field"),
    ("pair", {"prompt": None}, "missing_field"),
    ("rating", {"responses": None}, "missing_field"),
    ("rating", {"judgements": None}, "missing_field"),
    ("rating", {"source": None}, "missing_field"),
    ("rating", {"line": 0}, "missing_field"),
    ("rating", {"judgements": [judged(2.0, dimension=None)]}, "missing_field"),
    ("rating", {"scales": [scale(dimension=None)]}, "missing_field"),
    ("rating", {"references": [None]}, "wrong_type"),
    ("stepwise", {"steps": ["a", None]}, "wrong_type"),
    ("pair", {"prompt": [turn(role="human")]}, "unknown_role"),
    ("pair", {"prompt": [turn(role=None)]}, "unknown_role"),
    ("ranking", {"responses": [[turn()], [turn()], [turn(), turn(role="Assistant")]]}, "unknown_role"),
    ("pair", {"responses": [[turn()]], "generators": None}, COUNT),
    ("pair", {"responses": [[turn()]] * 3, "generators": None}, COUNT),
    ("rating", {"responses": [[turn()]] * 2}, COUNT),
    ("rating", {"responses": []}, COUNT),
    ("stepwise", {"responses": [[turn()]] * 2}, COUNT),
    ("ranking", {"responses": [[turn()]], "judgements": []}, COUNT),
    ("stepwise", {"steps": [], "judgements": []}, "no_steps"),
    ("stepwise", {"steps": None, "judgements": []}, "no_steps"),
    ("pair", {"responses": [[turn()], []]}, "no_message"),
    ("pair", {"responses": [[turn()], None]}, "no_message"),
    ("pair", {"generators": ["m"]}, "wrong_generator_count"),
    ("pair", {"generators": []}, "wrong_generator_count"),
    *(("pair", {"judgements": [judged(), judged(v)]}, RANGE) for v in (-0.01, 1.01, NAN, INF, None)),
    *(("rating", {"judgements": [judged(2.0), judged(v)]}, RANGE) for v in (0.99, 5.01, NAN, -INF)),
    ("rating", {"scales": [scale(0.0, 9.0), scale()], "judgements": [judged(8.0)]}, RANGE),
    ("ranking", {"judgements": [judged(4.0, response=0)], "scales": [scale(1.0, 3.0)]}, RANGE),
    ("stepwise", {"judgements": [judged(-1.0, step=0)], "scales": [scale(0.0, 1.0)]}, RANGE),
    *(("rating", {"judgements": [judged(2.0, normalised=v)]}, RANGE) for v in (-0.1, 1.1, NAN)),
    *(("pair", {"judgements": [judged(strength=v)]}, RANGE) for v in (-1.0, NAN)),
    *(("pair", {"judgements": [judged(count=v)]}, RANGE) for v in (0, -1, None)),
    *(("rating", {"scales": [scale(*ends)], "judgements": []}, RANGE) for ends in ((5.0, 1.0), (1.0, 1.0))),
    *(
        ("rating", {"scales": [scale(*ends)], "judgements": []}, RANGE)
        for ends in ((NAN, 1.0), (1.0, NAN), (None, 1.0))
    ),
    ("rating", {"scales": [scale(higher_is_better=None)]}, RANGE),
    *(("ranking", {"judgements": [judged(response=v)]}, "no_such_response") for v in (3, -1)),
    ("pair", {"judgements": [judged(response=0), judged(response=2)]}, "no_such_response"),
    *(("stepwise", {"judgements": [judged(step=v)]}, "no_such_step") for v in (2, -1)),
    ("rating", {"judgements": [judged(2.0, step=0)]}, "no_such_step"),
]
#: Codes that the model's own validators raise with; other faults are pydantic's to word.
SPOKEN = {COUNT, "no_steps", "no_message", "wrong_generator_count", "no_such_response", "no_such_step", RANGE}


def frame(*rows: Raw) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ROW_SCHEMA)


def model_error(row: Raw) -> ValidationError | None:
    try:
        Row.model_validate(row)
    except ValidationError as error:
        return error
    return None


@pytest.mark.parametrize("kind", GOOD)
def test_good_rows_pass_both(kind: str) -> None:
    assert model_error(GOOD[kind]) is None
    assert first_broken(frame(GOOD[kind])).to_list() == [None]


def test_rows_survive_the_frame() -> None:
    for row, back in zip(GOOD.values(), frame(*GOOD.values()).to_dicts(), strict=True):
        assert Row.model_validate(row) == Row.model_validate(back)


@pytest.mark.parametrize(("kind", "change", "code"), FAULTS)
def test_faulty_rows_break_both_with_one_code(kind: str, change: Raw, code: str) -> None:
    row = GOOD[kind] | change
    error = model_error(row)
    assert error is not None
    assert RULES[first_broken(frame(row))[0]].code == code
    spoken = [
        e["msg"].removeprefix("Value error, ").split(":")[0] for e in error.errors() if e["type"] == "value_error"
    ]
    assert all(said == code for said in spoken if said in SPOKEN)


def test_a_fault_stays_with_its_row_in_a_batch() -> None:
    rows, codes = [], []
    for kind, change, code in FAULTS:
        rows += [GOOD[kind] | change, GOOD[kind]]
        codes += [code, None]
    found = [None if rule is None else RULES[rule].code for rule in first_broken(frame(*rows)).to_list()]
    assert found == codes
    assert first_broken(frame()).to_list() == []


def test_every_code_is_explained_and_every_rule_tested() -> None:
    assert {rule.code for rule in RULES} <= set(DEAD_LETTERS)
    broken = first_broken(frame(*(GOOD[kind] | change for kind, change, _ in FAULTS)))
    assert set(broken.to_list()) == set(range(len(RULES)))


@pytest.mark.parametrize("place", ["row", "judgement", "message", "scale"])
def test_model_takes_no_unknown_field_and_converts_nothing(place: str) -> None:
    row = GOOD["rating"]
    unknown = {
        "row": row | {"chosen": 1},
        "judgement": row | {"judgements": [judged(2.0, label=1)]},
        "message": row | {"prompt": [turn() | {"text": "x"}]},
        "scale": row | {"scales": [scale(unit="m")]},
    }[place]
    assert model_error(unknown) is not None
    assert model_error(row | {"judgements": [judged("2")]}) is not None  # type: ignore[arg-type]
