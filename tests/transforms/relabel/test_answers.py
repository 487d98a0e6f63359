"""Sheets say nothing of labels; answers are taken, or every line that cannot be is named."""

from __future__ import annotations

import csv
import io

import orjson
import polars as pl
import pytest

from schemas.arrow import DIALOGUE
from transforms.hashing import digest
from transforms.ingest.canonical import judgement
from transforms.relabel import sheet
from transforms.relabel.answers import ANSWERED, AnswerError, from_bytes, read, take, to_bytes
from transforms.relabel.trusted import others, trusted

NONE = pl.DataFrame(schema=ANSWERED)


def pairs(count: int, swapped: bool = False) -> pl.DataFrame:
    def said(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    sides = [[said("assistant", f"yes {i}"), said("assistant", f'no, "{i}"\nat all')] for i in range(count)]
    sides = [side[::-1] if swapped else side for side in sides]
    flat = pl.Series([str(side) for two in sides for side in two])
    ids = digest(flat)
    return pl.DataFrame(
        {
            "row_id": [f"d:f:{i}" for i in range(count)],
            "content_id": digest(pl.Series([f"c{i}" for i in range(count)])),
            "response_ids": [ids[2 * i : 2 * i + 2].to_list() for i in range(count)],
            "prompt": [said("user", f"ask {i}") for i in range(count)],
            "responses": sides,
            "kind": "pair",
        },
        schema_overrides={"prompt": DIALOGUE, "responses": pl.List(DIALOGUE)},
    )


def key(rows: pl.DataFrame, chance: float = 0.5) -> pl.DataFrame:
    lines = sheet.shown(rows).select("row_id", "content_id", "first")
    return lines.with_columns(dimension=pl.lit(None, dtype=pl.String), chance=pl.lit(chance)).select(sheet.KEY.names())


def test_a_sheet_is_the_same_whichever_side_comes_first_and_shows_either_as_a() -> None:
    one, other = sheet.shown(pairs(60)), sheet.shown(pairs(60, swapped=True))
    assert one.equals(other)
    assert 15 < one["response_a"].str.starts_with("yes").sum() < 45
    assert one.filter(pl.col("response_a").str.starts_with("yes"))["response_b"].str.starts_with("no").all()


def test_sheets_as_files() -> None:
    shown = sheet.shown(pairs(3))
    lines = [orjson.loads(line) for line in sheet.as_jsonl(shown).splitlines()]
    assert tuple(lines[0]) == sheet.COLUMNS
    assert lines[1]["answer"] is None
    told = list(csv.DictReader(io.StringIO(sheet.as_csv(shown).decode("utf-8-sig"), newline="")))
    assert [one["response_b"] for one in told] == [one["response_b"] for one in lines]


def test_dialogues_of_several_messages_name_their_roles() -> None:
    made = pl.Series("p", [[{"role": "system", "content": "S"}, {"role": "user", "content": "U"}], []], dtype=DIALOGUE)
    assert sheet.written(made).to_list() == ["system: S\n\nuser: U", ""]


def test_answers_become_preferences_for_the_response_itself() -> None:
    rows = pairs(4)
    asked = sheet.shown(rows)
    said = ["A", " b ", "Tie", "cannot tell"]
    lines = "".join(f'{{"row_id": "d:f:{i}", "answer": "{word}"}}\n' for i, word in enumerate(said))
    given, empty = read("x.jsonl", (lines + '\n{"row_id": "d:f:1", "answer": ""}\n').encode(), "ann")
    kept = take(given, key(rows), NONE)
    assert (len(given), empty) == (4, 1)
    assert from_bytes("k", to_bytes(kept)).equals(kept)
    for turned in (False, True):
        told = trusted(pairs(4, turned).with_columns(judgements=pl.Series([[]] * 4, dtype=LISTED)), kept, None, [])
        first = asked["response_a"].str.starts_with("yes").to_list()
        wanted = [float(first[0] != turned), float(first[1] == turned), 0.5, None]
        assert told["trusted"].to_list() == wanted
        assert told["unsure"].to_list() == [False, False, False, True]
        assert told["chance"].to_list() == [0.5] * 4


def test_csv_with_marks_semicolons_and_lines_in_cells() -> None:
    text = '\ufeffrow_id;prompt;answer\r\nd:f:0;"two\r\nlines";A\r\nd:f:1;x;\r\nd:f:2;x;C\r\n'
    given, empty = read("back.csv", text.encode(), "ann")
    assert [one.where for one in given] == ["back.csv line 2", "back.csv line 5"]
    assert empty == 1
    with pytest.raises(AnswerError, match=r"back\.csv line 5: the answer 'C' is none of A, B, tie, cannot tell"):
        take(given, key(pairs(3)), NONE)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"row_id": "d:f:9", "answer": "A"}', r"a\.jsonl line 1: the row_id 'd:f:9' was not exported"),
        ("a.jsonl", "A", r"a\.jsonl line 1: is not JSON"),
        ("a.jsonl", '{"answer": "A"}', r"a\.jsonl line 1: there is no 'row_id'"),
        ("a.csv", "row_id,prompt\nd:f:0,x\n", r"a\.csv line 2: there is no 'answer'"),
        ("a.jsonl", '{"row_id": "d:f:0", "content_id": "0", "answer": "A"}', r"line 1: .* held another text"),
        (
            "a.jsonl",
            '{"row_id": "d:f:0", "answer": "A"}\n\n{"row_id": "d:f:0", "answer": "A"}',
            r"a\.jsonl line 3: 'ann' answered 'd:f:0' before, in a\.jsonl line 1",
        ),
    ],
)
def test_what_cannot_be_taken_is_named(name: str, text: str, said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        take(read(name, text.encode(), "ann")[0], key(pairs(2)), NONE)


def test_another_answer_to_the_same_row_has_to_be_meant() -> None:
    rows = pairs(2)
    before = take(read("a", b'{"row_id": "d:f:0", "answer": "A"}', "ann")[0], key(rows), NONE)
    again = read("b", b'{"row_id": "d:f:0", "answer": "A"}', "ann")[0]
    assert take(again, key(rows), before).equals(before)
    other = read("b", b'{"row_id": "d:f:0", "answer": "B"}', "ann")[0]
    with pytest.raises(AnswerError, match="b line 1: 'ann' gave another answer to 'd:f:0' in an earlier import"):
        take(other, key(rows), before)
    assert take(other, key(rows), before, replace=True)["value"].to_list() == [0.0]
    bob = read("b", b'{"row_id": "d:f:0", "answer": "B"}', "bob")[0]
    both = take(bob, key(rows, 0.7), before)
    assert both["chance"].to_list() == [0.7, 0.7]  # by the later draw
    mean = trusted(rows.with_columns(judgements=pl.Series([[]] * 2, dtype=LISTED)), both, None, [])
    assert mean["trusted"].to_list() == [0.5, None]


LISTED = pl.List(pl.DataFrame({"v": [1.0]}).select(judgement(pl.col("v"))).to_series().dtype)


def test_raters_whom_the_configuration_trusts() -> None:
    frame = pl.DataFrame({"v": [1.0, 0.0, 0.0], "rater": ["expert", "x", None]})
    said = frame.select(judgement(pl.col("v"), rater=pl.col("rater")).alias("j"))["j"]
    lists = pl.Series([[said[0], said[1], said[2]], [said[1]]], dtype=LISTED)
    rows = pairs(2).with_columns(judgements=lists)
    assert trusted(rows, NONE, None, ["expert"])["trusted"].to_list() == [1.0, None]
    assert others(lists, ["expert"]).list.len().to_list() == [2, 1]
    assert others(lists, []).list.len().to_list() == [3, 1]
