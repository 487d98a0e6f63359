"""Rows to parts, bands and shingles; which row is the better one; what is template text."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.arrow import JUDGEMENT, ROW_SCHEMA
from transforms.duplicates.minhash import bands
from transforms.duplicates.parts import Parts, parts
from transforms.duplicates.quality import quality
from transforms.duplicates.sketch import SHINGLED, Unit, shingled, sketch
from transforms.duplicates.template import FEW, template
from transforms.identity.keys import identify

SHAPES = {unit: bands(0.7) for unit in ("row", "prompt", "response")}
LONG = "a text of more than five words, all of them different"


def turn(content: str | None, role: str = "assistant", **other: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | other


def row(prompt: Any, *responses: Any, kind: str = "pair", **other: Any) -> dict[str, Any]:
    asked = prompt if isinstance(prompt, list) else [turn(prompt, "user")] if prompt else []
    said = [response if isinstance(response, list) else [turn(response)] for response in responses]
    base = {"row_id": "r", "content_id": "", "source": "s", "file": "f", "line": 1, "judgements": []}
    return base | {"kind": kind, "prompt": asked, "responses": said} | other


def rows(*given: dict[str, Any]) -> pl.DataFrame:
    frame = identify(pl.DataFrame(list(given), schema=ROW_SCHEMA, strict=False))
    names = [f"r{i}" for i in range(frame.height)]
    return frame.with_columns(row_id=pl.Series(names), quality=pl.lit(5, dtype=pl.UInt16)).with_row_index("row")


def of_rows(found: Parts) -> list[list[set[int]]]:
    ends = np.cumsum(found.counts)
    places = np.split(found.of_rows, ends[:-1])
    return [[set(values) for values in found.sets.take(mine).lists().to_list()] for mine in places]


def test_each_text_once_and_rows_point_to_theirs() -> None:
    given = rows(row(LONG, "yes", LONG), row(LONG, LONG, "no"), row("", "yes", "no"))
    found = parts(given, 5)
    assert found.prompts == 2
    assert len(found.sets) == 2 + 3
    assert found.counts.tolist() == [3, 3, 3]
    (p0, yes, a), (p1, b, no), (none, yes_again, no_again) = of_rows(found)
    assert p0 == p1 == a == b
    assert len(a) == 7
    assert yes == yes_again != no == no_again
    assert none == set()
    for place in range(len(found.sets)):  # where it says it found a text, that text is
        mine = found.of_rows[(np.cumsum(found.counts) - found.counts)[found.row[place]] :]
        assert place in (mine[0], mine[1 + found.place[place]])


def test_rows_without_responses_in_between() -> None:
    given = rows(row("q", kind="rating"), row("p", "x", "y"), row("r", kind="rating"))
    assert [len(one) for one in of_rows(parts(given, 5))] == [1, 3, 1]


@pytest.mark.parametrize(
    "other",
    [
        {"images": [{"uri": "u"}]},
        {"tool_calls": [{"name": "f", "arguments": "1"}]},
        {"tool_calls": [{"name": "f", "arguments": "2"}]},
    ],
)
def test_what_is_not_text_keeps_apart(other: dict[str, Any]) -> None:
    given = rows(
        row([turn(LONG, "user")], "x", "y"),
        row([turn(LONG, "user", **other)], "x", "y"),
        row([turn(LONG + " more", "user", **other)], "x", "y"),
        row("q", [turn(None, **other)], "y"),
        row("q", [turn("")], "y"),
    )
    first, second, third, call, empty = of_rows(parts(given, 5))
    assert not first[0] & second[0]
    assert second[0] < third[0]  # with the same beside it, texts are compared
    assert len(call[1]) == 1  # a message without text that holds something is compared exactly
    assert empty[1] == set()


def test_tools_on_offer_keep_prompts_apart() -> None:
    first, second = of_rows(parts(rows(row(LONG, "x", "y"), row(LONG, "x", "y", tools='[{"name": "f"}]')), 5))
    assert not first[0] & second[0]
    assert first[1] == second[1]


def test_template_is_masked_in_prompts_alone() -> None:
    given = rows(row(LONG, LONG, "x"), row(f"{LONG} then something of its own", "x", "y"), row("short", "x", "y"))
    (whole, said, _), *_ = of_rows(parts(given, 5))
    masked = of_rows(parts(given, 5, np.array(sorted(whole), dtype=np.uint32)))
    assert len(masked[0][0]) == 1  # nothing but template: compared exactly
    assert not masked[0][0] & whole
    assert masked[0][1] == said
    assert len(masked[1][0]) == 5
    assert masked[2] == of_rows(parts(given, 5))[2]


def keys_of(frame: pl.DataFrame) -> list[tuple[int, ...]]:
    return frame.select(pl.selectors.starts_with("key_")).rows()


def test_sketches_name_rows_and_meet_as_they_should() -> None:
    given = rows(
        row(LONG, "one answer that is long enough for shingles", "no"),
        row(LONG, "no", "one answer that is long enough for shingles"),  # swapped: the same node
        row(LONG, "one answer that is long enough for shingles", "no", kind="ranking"),
        row("", "", ""),
    )
    found = sketch(given, parts(given, 5), SHAPES)
    of = found["row"]
    assert of["row"].to_list() == [0, 1, 2]  # a row without any text is in none
    first, second, ranking = keys_of(of)
    assert first == second
    assert len(first) == 25
    assert not set(first) & set(ranking)
    assert of["node"][0] == of["node"][1] != of["node"][2]
    assert found["prompt"].height == 1
    assert sorted(found["response"]["place"].to_list()) == [0, 1]


def test_sketch_of_nothing() -> None:
    for given in (rows(), rows(row("", ""))):
        found = sketch(given, parts(given, 5), SHAPES)
        assert [frame.height for frame in found.values()] == [0, 0, 0]
        assert all(len(keys) == 0 for keys in map(keys_of, found.values()))


@pytest.mark.parametrize("unit", ["row", "prompt", "response"])
def test_shingles_of_what_is_asked_for(unit: Unit) -> None:
    given = rows(*(row(f"{LONG} {i}", f"answer {i} {LONG}", f"reply {i} {LONG}") for i in range(6)))[2:]
    found = parts(given, 5)
    asked = pl.DataFrame({"row": [5, 2], "place": [1, 0]}, schema={"row": pl.UInt32, "place": pl.UInt16})
    made = shingled(given, found, asked, unit)
    assert made.schema == SHINGLED
    wanted = of_rows(found)
    sets = [[set(part) for part in row] for row in made["parts"].to_list()]
    if unit == "row":
        assert sets == [wanted[3], wanted[0]]
        assert made["row_id"].to_list() == ["r5", "r2"]
        assert made["form"].unique().to_list() == [8]
        prompts = parts(given, 5).nodes[parts(given, 5).of_rows[::3]]
        assert made["group"].to_list() == [prompts[3], prompts[0]]
    else:
        places = (0, 0) if unit == "prompt" else (2, 1)
        assert sets == [[wanted[3][places[0]]], [wanted[0][places[1]]]]
    assert set(made["node"]) <= set(sketch(given, found, SHAPES)[unit]["node"])


# Quality --------------------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "kind": "pair", "response_ids": ["a", "b"], "judgements": [{"value": 1.0}], "characters": [100, 100],
    "empty_response": False, "pii": [], "too_long": False,
}  # fmt: skip
SCHEMA = {
    "kind": pl.String, "response_ids": pl.List(pl.String), "judgements": pl.List(JUDGEMENT),
    "characters": pl.List(pl.Int64), "empty_response": pl.Boolean, "pii": pl.List(pl.String), "too_long": pl.Boolean,
}  # fmt: skip


def test_better_rows_come_first() -> None:
    ranked = [
        {"judgements": [{"value": 1.0}] * 2, "characters": [1, 1]},
        {"characters": [500, 500]},
        {},
        {"pii": None, "characters": [50, 50]},
        {"characters": [0, 0]},
        {"pii": ["email"], "judgements": [{"value": 1.0}] * 90, "characters": [10**6, 10**6]},
        {"too_long": True, "characters": [10**9, 10**9]},
        {"judgements": [], "characters": [10**9, 10**9]},
    ]
    grades = quality(pl.DataFrame([GOOD | one for one in ranked], schema=SCHEMA)).tolist()
    assert grades == sorted(set(grades))
    assert grades[0] >= 1
    assert grades[-1] <= 65535
    bad = [{"empty_response": True}, {"response_ids": ["a", "a"]}, {"judgements": None}]
    assert min(quality(pl.DataFrame([GOOD | one for one in bad], schema=SCHEMA))) > grades[5]
    alone = quality(pl.DataFrame([GOOD | {"kind": "rating", "response_ids": ["a"]}], schema=SCHEMA).drop("too_long"))
    assert alone.tolist() == [grades[2]]


# Template -------------------------------------------------------------------------------------------------------------


def test_template_is_what_many_prompts_have() -> None:
    count = 3000
    every = [[1, 2, 2, 10 + i] for i in range(count)]
    for i in range(31):
        every[i].append(5)  # just over one in a hundred
    for i in range(30):
        every[i].append(6)
    frame = pl.DataFrame(
        {"node": range(count), "hashes": every}, schema={"node": pl.UInt64, "hashes": pl.List(pl.UInt32)}
    )
    assert template(frame, 0.01)["hashes"].to_list() == [1, 2, 5]
    assert template(pl.concat([frame, frame]), 0.01).equals(template(frame, 0.01))
    assert template(frame, 0.01)["prompts"].to_list() == [count, count, 31]
    assert template(frame, 1.0).height == 0


def test_few_prompts_make_no_template() -> None:
    frame = pl.DataFrame(
        {"node": range(FEW + 1), "hashes": [[1]] * (FEW + 1)}, schema={"node": pl.UInt64, "hashes": pl.List(pl.UInt32)}
    )
    assert template(frame, 0.01).height == 1
    assert template(frame[:FEW], 0.01).height == 0
