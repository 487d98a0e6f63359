"""Preferences between conversations: where they part, trees of replies, and plain pairs of messages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.transforms.ingest.adapters.support import (
    EXAMPLES,
    VARIANTS,
    Raw,
    adapt,
    changed,
    ingest,
    records,
    said,
    talk,
    values,
)
from transforms.ingest.adapters import recognise


def test_general_pairs_with_more_columns_are_still_trl() -> None:
    pair = {"prompt": "Q", "chosen": "A", "rejected": "B"}
    for more in ({}, {"source": "s"}, {"id": 1, "subset": "x"}, {"score": 1.0, "model": "m"}, {"chosen_model": "m"}):
        assert recognise(records(pair | more), "f").name == "trl"
    assert recognise(records({"chosen": talk("qa"), "rejected": talk("qb")}), "f").name == "trl"
    assert recognise(records({"chosen": talk("qa"), "rejected": talk("qb"), "source": "s", "x": 1}), "f").name == "trl"


def test_a_prompt_beside_whole_conversations_is_not_said_twice() -> None:
    prompts = ["q", talk("q"), "other", talk("qar")]
    sides = {"chosen": talk("qara"), "rejected": talk("qarb")}
    rows, dead = adapt("trl", *({"prompt": prompt, **sides} for prompt in prompts), {"prompt": "q", **EXAMPLES["trl"]})
    assert dead == []
    asked = [("user", "q"), ("assistant", "a"), ("user", "r")]
    for row in (rows[0], rows[1], rows[3]):
        assert said(row["prompt"]) == asked
        assert [said(side) for side in row["responses"]] == [[("assistant", "a")], [("assistant", "b")]]
    # Here the sides do not start with the prompt, so they come after it.
    assert said(rows[2]["prompt"]) == [("user", "other")]
    assert said(rows[2]["responses"][1]) == [*asked, ("assistant", "b")]


def test_plain_and_rich_messages_are_read_alike() -> None:
    plain = {"chosen": talk("qara"), "rejected": talk("qarb")}
    sharegpt = {
        side: [{"from": {"user": "human", "assistant": "gpt"}[m["role"]], "value": m["content"]} for m in messages]
        for side, messages in plain.items()
    }
    rich = changed(plain, "chosen", 0, "reasoning", None)  # one more field, and the batch is read message by message
    alone = [adapt("trl", item)[0][0] for item in (plain, sharegpt, rich)]
    assert alone[0] == alone[1] == alone[2]
    assert [row | {"row_id": "", "line": 0} for row in adapt("trl", plain, rich)[0]] == [
        row | {"row_id": "", "line": 0} for row in (alone[0], alone[0])
    ]


@pytest.mark.parametrize(
    ("a", "b", "prompt"),
    [("qa", "qb", "q"), ("qara", "qbrb", "q"), ("qara", "qarb", "qar"), ("qaracd", "qarbcd", "qar"), ("qa", "qa", "q")],
)
def test_arena_conversations_diverge_at_any_turn(a: str, b: str, prompt: str) -> None:
    item = EXAMPLES["arena"] | {"conversation_a": talk(a), "conversation_b": talk(b), "turn": len(a) // 2}
    rows, dead = adapt("arena", item)
    assert dead == []
    assert "".join(content or "" for _, content in said(rows[0]["prompt"])) == prompt
    for side, whole in zip(rows[0]["responses"], (a, b), strict=True):
        assert "".join(content or "" for _, content in said(side)) == whole[len(prompt) :]


def test_arena_turns_after_the_judged_one_are_left_out() -> None:
    system = [{"role": "system", "content": "s"}]
    item = EXAMPLES["arena"] | {"conversation_a": system + talk("qara"), "conversation_b": system + talk("qbrb")}
    rows, _ = adapt("arena", *(item | {"turn": turn} for turn in (1, 2, None)))
    assert [[len(side) for side in row["responses"]] for row in rows] == [[1, 1], [3, 3], [3, 3]]
    assert said(rows[0]["prompt"]) == [("system", "s"), ("user", "q")]
    assert said(rows[0]["responses"][1]) == [("assistant", "b")]


def test_arena_raters_reasons_and_times(tmp_path: Path) -> None:
    first = EXAMPLES["arena"]
    hashed = {key: value for key, value in first.items() if key != "judge"} | {"judge_hash": "h1", "winner": None}
    rows, _ = adapt("arena", first, first | {"winner": "tie (bothbad)"}, first | {"winner": "tie"})
    judged = [(j["rater"], j["reason"], j["timestamp"]) for row in rows for j in row["judgements"]]
    time = "2023-04-24T15:53:11.132Z"
    assert judged == [("arena_user_1", None, time), ("arena_user_1", "both bad", time), ("arena_user_1", None, time)]
    assert (rows[0]["timestamp"], rows[0]["language"], rows[0]["generators"]) == (time, "English", ["m1", "m2"])
    unjudged, dead = adapt("arena", hashed)
    assert (dead, unjudged[0]["judgements"]) == ([], [])
    stamped = VARIANTS["arena"][0] | {"timestamp": datetime(2025, 6, 1, 12)}
    pq.write_table(pa.Table.from_pylist([stamped]), tmp_path / "a.parquet")
    _, _, frame, dead = ingest(tmp_path / "a.parquet")
    assert (dead, frame["timestamp"].to_list()) == ([], ["2025-06-01T12:00:00.000"])


def test_arena_55k_csv(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    pl.DataFrame([EXAMPLES["arena_55k"], EXAMPLES["arena_55k"] | {"winner_model_a": 0, "winner_tie": 1}]).write_csv(
        file
    )
    name, count, rows, dead = ingest(file)
    assert (name, count, dead) == ("arena_55k", 2, [])
    assert values(rows) == {1.0: 1, 0.5: 1}
    first = rows.row(0, named=True)
    assert said(first["prompt"]) == [("user", "Say hi."), ("assistant", "Hi."), ("user", "Again.")]
    assert [said(side) for side in first["responses"]] == [[("assistant", "Hi!")], [("assistant", None)]]


def reply(role: str, text: str, *replies: Raw, **more: Any) -> Raw:
    return {"message_id": text, "text": text, "role": role, "lang": "en", "replies": list(replies), **more}


def test_oasst_trees() -> None:
    deep = reply(
        "assistant",
        "A",
        reply("prompter", "R", reply("assistant", "C", rank=1), reply("assistant", "D", rank=0)),
        rank=2,
    )
    others = [reply("assistant", "B", rank=0), reply("assistant", "E", rank=5), reply("assistant", "F")]
    asks = [reply("prompter", "x", rank=0), reply("prompter", "y", rank=1)]
    tree = {"message_tree_id": "Q", "tree_state": "ready", "prompt": reply("prompter", "Q", deep, *others, *asks)}
    alone = {"message_tree_id": "Z", "prompt": reply("prompter", "Z")}
    rows, dead = adapt("oasst", tree, alone)
    assert dead == []
    flat = [
        (row["kind"], "".join(t for _, t in said(row["prompt"])), [said(side)[0][1] for side in row["responses"]])
        for row in rows
    ]
    assert flat == [
        ("rating", "", ["Q"]),
        ("ranking", "Q", ["A", "B", "E"]),  # F has no rank, and users' turns are never compared
        ("rating", "Q", ["A"]),
        ("rating", "QA", ["R"]),
        ("ranking", "QAR", ["C", "D"]),
        ("rating", "QAR", ["C"]),
        ("rating", "QAR", ["D"]),
        *(("rating", "Q", [letter]) for letter in "BEFxy"),
        ("rating", "", ["Z"]),
    ]
    assert [role for role, _ in said(rows[4]["prompt"])] == ["user", "assistant", "user"]
    ranks = [[(j["response"], j["value"], j["normalised"]) for j in rows[i]["judgements"]] for i in (1, 4)]
    assert ranks == [[(0, 2.0, 0.6), (1, 0.0, 1.0), (2, 5.0, 0.0)], [(0, 1.0, 0.0), (1, 0.0, 1.0)]]
    assert orjson.loads(rows[1]["metadata"]) == {"message_tree_id": "Q", "tree_state": "ready", "message_id": "Q"}
    assert [row["line"] for row in rows] == [1] * 12 + [2]
    assert [(row["row_id"], row["parents"]) for row in (*rows[:3], rows[-1])] == [
        ("s:f:1", None),
        ("s:f:1#2", ["s:f:1"]),
        ("s:f:1#3", ["s:f:1"]),
        ("s:f:2", None),
    ]


def test_oasst_labels_writers_and_the_flat_layout() -> None:
    rows, _ = adapt("oasst", EXAMPLES["oasst"])
    assert [row["generators"] for row in rows if row["kind"] == "rating"] == [["u1"], ["u1"], ["m1"], ["u1"]]
    assert [(j["dimension"], j["count"], j["normalised"]) for j in rows[0]["judgements"]] == [
        ("user_quality", 3, 0.75),
        ("user_toxicity", 3, 0.75),
    ]
    assert [s["higher_is_better"] for s in rows[0]["scales"]] == [True, False]
    flat, dead = adapt("oasst", *VARIANTS["oasst"], VARIANTS["oasst"][0] | {"labels": None, "role": "prompter"})
    assert dead == []
    assert [(row["kind"], row["prompt"], len(row["judgements"])) for row in flat] == [
        ("rating", [], 1),
        ("rating", [], 0),
    ]
    assert orjson.loads(flat[0]["metadata"])["parent_id"] == "Say hi."
    assert flat[0]["timestamp"] == "2023-02-05T14:23:50.983374+00:00"
