from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arrow import ROW_SCHEMA
from transforms.signals.rows import row_signals

GERMAN = "Heute ist das Wetter sehr schön und ich möchte im Park spazieren gehen."
ENGLISH = "The weather is lovely today and I would like to take a walk in the park."


def turn(content: str | None, role: str = "assistant", **other: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | other


def block(*rows: dict[str, Any]) -> pl.DataFrame:
    base = {"source": "s", "file": "f", "line": 1, "kind": "pair", "prompt": [], "responses": [], "judgements": []}
    whole = [base | {"row_id": str(i), "content_id": str(i)} | row for i, row in enumerate(rows)]
    return pl.DataFrame(whole, schema=ROW_SCHEMA)


def pair(a: Any, b: Any, **other: Any) -> dict[str, Any]:
    sides = [[turn(side)] if isinstance(side, str | None) else side for side in (a, b)]
    return {"responses": sides} | other


def signals(*rows: dict[str, Any]) -> pl.DataFrame:
    return row_signals(block(*rows), language=True, pii=True, counter=None)


def test_schema_with_and_without_what_is_asked() -> None:
    schema = pl.Schema(
        {
            "language": pl.String,
            "language_score": pl.Float64,
            "pii": pl.List(pl.String),
            "characters": pl.List(pl.Int64),
            "empty_response": pl.Boolean,
        }
    )
    for rows in ([], [pair(GERMAN, "a@b.org")]):
        assert signals(*rows).schema == schema
        less = row_signals(block(*rows), language=False, pii=False, counter=None)
        assert less.schema == schema
        assert less["pii"].null_count() == less["language"].null_count() == len(rows)


def test_language_given_else_of_responses_else_of_prompt() -> None:
    english = [turn(ENGLISH, "user")]
    frame = signals(
        pair(ENGLISH, ENGLISH, language="xx"),
        pair(GERMAN, ENGLISH, prompt=english),
        pair(" ", GERMAN, prompt=english),
        pair(None, "", prompt=english),
        pair(None, ""),
    )
    assert frame["language"].to_list() == ["xx", "de", "de", "en", None]
    assert frame["language_score"].is_null().to_list() == [True, False, False, False, True]


def test_pii_over_prompt_and_all_messages() -> None:
    frame = signals(
        pair("call 415-555-2671", [turn("x"), turn("b@c.org", "user"), turn("y")], prompt=[turn("a@b.org", "user")]),
        pair("nothing", "here"),
        pair("8.8.8.8", None),
    )
    assert frame["pii"].to_list() == [["email", "phone"], [], ["ip"]]


def test_sizes_are_summed_over_messages() -> None:
    frame = signals(
        pair("one two  three\n", [turn("ab"), turn(None, tool_calls=[{"name": "f"}]), turn("c\u00a0d")]),
        {"kind": "rating", "responses": [[turn("漢字 é")]]},
        {"kind": "ranking", "responses": [[turn("a")], [turn("b b")], [turn("")]]},
    )
    assert frame["characters"].to_list() == [[14, 5], [4], [1, 3, 0]]


def test_empty_responses() -> None:
    frame = signals(
        pair("a", "b"),
        pair("a", " \n\u3000"),
        pair("a", None),
        pair("a", []),
        pair("a", [turn(None, tool_calls=[{"name": "f"}])]),
        pair("a", [turn("", images=[{"uri": "u"}])]),
        pair("a", [turn("", tool_calls=[], images=[])]),
        {"responses": []},
    )
    assert frame["empty_response"].to_list() == [False, True, True, True, False, False, True, False]


def test_token_columns_come_from_the_counter() -> None:
    class Counter:
        def measure(self, prompt: pl.Series, responses: pl.Series) -> pl.DataFrame:
            return pl.DataFrame({"tokens": responses.list.len(), "too_long": prompt.is_null()})

    frame = row_signals(block(pair("a", "b")), language=False, pii=False, counter=Counter())  # type: ignore[arg-type]
    assert frame.columns[-2:] == ["tokens", "too_long"]


TEXTS = st.one_of(st.none(), st.text(alphabet="ab é\u0301\u00e9\n\u3000漢@.1", max_size=6))
ROWS = st.lists(st.tuples(TEXTS, TEXTS), max_size=12)


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_the_same_as_row_by_row(rows: list[tuple[str | None, str | None]]) -> None:
    frame = signals(*(pair(a, b) for a, b in rows))
    assert len(frame) == len(rows)
    for (a, b), found in zip(rows, frame.to_dicts(), strict=True):
        a, b = a or "", b or ""
        assert found["characters"] == [len(a.strip()), len(b.strip())]
        assert found["empty_response"] == (not a.strip() or not b.strip())


@pytest.mark.parametrize("seed", range(3))
def test_a_rows_signals_do_not_depend_on_its_neighbours(seed: int) -> None:
    rows = [
        pair(GERMAN, "a@b.org"),
        pair("", ENGLISH),
        pair("x", "x"),
        pair("call 415-555-2671", None),
        {"responses": []},
    ]
    frame = block(*rows * 20).with_row_index("n")
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
    there = row_signals(shuffled, language=True, pii=True, counter=None).with_columns(shuffled["n"]).sort("n").drop("n")
    assert there.equals(row_signals(frame, language=True, pii=True, counter=None))
