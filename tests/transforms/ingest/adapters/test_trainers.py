"""Layouts that trainers read: OpenRLHF's, Axolotl's, LLaMA-Factory's."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tests.transforms.ingest.adapters.support import (
    EXAMPLES,
    TURNS,
    Raw,
    adapt,
    said,
)
from transforms.ingest.adapters import FormatError, adapter, recognise
from transforms.ingest.records import Records


def test_openrlhf_scores_are_the_margin() -> None:
    item = EXAMPLES["openrlhf"]
    rows, _ = adapt("openrlhf", item, item | {"margin": 0.5}, item | {"rejected_score": 9.0})
    assert [(j["value"], j["strength"]) for row in rows for j in row["judgements"]] == [
        (1.0, 2.5),
        (1.0, 0.5),
        (1.0, 0.0),
    ]
    assert said(rows[0]["prompt"]) == [("user", "Hi")]
    assert [side[0]["content"] for side in rows[0]["responses"]] == ["Hi.", "No."]
    assert json.loads(rows[2]["metadata"]) == {"chosen_score": 4.5, "rejected_score": 9.0}


def test_openrlhf_single_responses_and_steps() -> None:
    single, steps = adapter("openrlhf").variants
    rows, _ = adapt("openrlhf", single, single | {"score": False})
    assert [(row["kind"], row["judgements"][0]["value"]) for row in rows] == [("rating", 1.0), ("rating", 0.0)]
    rows, _ = adapt("openrlhf", steps, steps)
    assert [(j["step"], j["value"]) for j in rows[1]["judgements"]] == [(0, 1.0), (1, 0.0)]
    marked = {"input": "Q? Step 1: a <s> Step 2: b <s>", "value": [0.25, 1]}
    rows, _ = adapt("openrlhf", marked, placeholder="<s>")
    assert (rows[0]["steps"], [j["value"] for j in rows[0]["judgements"]]) == (["Step 1: a", "Step 2: b"], [0.25, 1.0])
    _, dead = adapt("openrlhf", marked | {"value": [0.5, 2]}, placeholder="<s>")
    assert [(letter.code, letter.message) for letter in dead] == [("value_out_of_range", "'value' is not in [0, 1]")]


def test_axolotl_layouts() -> None:
    intel, argilla, icr, pairs, messages, kto, steps = (EXAMPLES["axolotl"], *adapter("axolotl").variants)
    for item in (intel, argilla, icr | {"system": "Be kind."}, pairs, messages | {"system": "Be kind."}):
        rows, dead = adapt("axolotl", item)
        assert dead == []
        assert said(rows[0]["prompt"]) == [("system", "Be kind."), ("user", "Say hi.")]
        assert [said(side) for side in rows[0]["responses"]] == [[("assistant", "Hi.")], [("assistant", "No.")]]
        assert rows[0]["judgements"][0]["value"] == 1.0
        assert rows[0]["metadata"] is None
    ultra = {
        "system": "Be kind.",
        "prompt": "Hi",
        "chosen": TURNS,
        "rejected": [TURNS[0], {"role": "assistant", "content": "No."}],
    }
    rows, _ = adapt("axolotl", ultra, pairs | {"system": None})
    assert said(rows[0]["prompt"]) == [("system", "Be kind."), ("user", "Hi")]
    assert said(rows[0]["responses"][1]) == [("assistant", "No.")]
    assert said(rows[1]["prompt"]) == [("user", "Say hi.")]
    rows, _ = adapt("axolotl", kto, kto | {"label": False})
    assert [(row["kind"], row["judgements"][0]["value"]) for row in rows] == [("rating", 1.0), ("rating", 0.0)]
    rows, _ = adapt("axolotl", steps, steps | {"labels": [0.5, 1]})
    assert [[j["value"] for j in row["judgements"]] for row in rows] == [[1.0, 0.0], [0.5, 1.0]]
    assert rows[0]["steps"] == ["It is 2.", "So 3."]


def test_llamafactory_layouts() -> None:
    alpaca, kto, messages = adapter("llamafactory").variants
    history = alpaca | {"system": "Be kind.", "history": [["Hello", "Hello!"], ["Bye", "Bye!"]]}
    rows, dead = adapt("llamafactory", history, alpaca | {"input": "", "history": []})
    assert dead == []
    assert said(rows[0]["prompt"]) == [
        ("system", "Be kind."), ("user", "Hello"), ("assistant", "Hello!"), ("user", "Bye"), ("assistant", "Bye!"),
        ("user", "Say hi.\nIn French."),
    ]  # fmt: skip
    assert said(rows[1]["prompt"]) == [("user", "Say hi.")]
    assert [side[0]["content"] for side in rows[0]["responses"]] == ["Salut.", "No."]
    rows, _ = adapt("llamafactory", kto, kto | {"kto_tag": 0})
    assert [(said(row["responses"][0]), row["judgements"][0]["value"]) for row in rows] == [
        ([("assistant", "Hi.")], 1.0),
        ([("assistant", "Hi.")], 0.0),
    ]
    rows, _ = adapt("llamafactory", messages)
    assert (said(rows[0]["prompt"]), said(rows[0]["responses"][0])) == ([("user", "Say hi.")], [("assistant", "Hi.")])


def test_llamafactory_keeps_tools_and_images() -> None:
    call = {"name": "weather", "arguments": {"city": "Oslo"}}
    talk = [{"from": "human", "value": "<image>Weather?"}, {"from": "function_call", "value": json.dumps(call)},
            {"from": "observation", "value": "5 degrees"}, {"from": "human", "value": "And now?"}]  # fmt: skip
    item = EXAMPLES["llamafactory"] | {
        "conversations": talk,
        "tools": '[{"name": "weather"}]',
        "system": "S",
        "images": ["a.png"],
    }
    rows, dead = adapt("llamafactory", item, EXAMPLES["llamafactory"] | {"images": []})
    assert dead == []
    assert [turn["role"] for turn in rows[0]["prompt"]] == ["system", "user", "assistant", "tool", "user"]
    assert rows[0]["prompt"][2]["tool_calls"] == [{"id": None, "name": "weather", "arguments": '{"city":"Oslo"}'}]
    assert rows[0]["prompt"][-1]["images"] == [{"uri": "a.png", "sha256": None}]
    assert [turn["images"] for turn in rows[0]["prompt"][:-1]] == [None] * 4
    assert rows[1]["prompt"][0]["images"] is None
    assert rows[0]["tools"] == '[{"name": "weather"}]'


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"prompt": "Q", "chosen": "A", "rejected": "B", "question": "Q"}, "trl"),
        ({"prompt": "Q", "chosen": "A", "rejected": "B", "messages": TURNS}, "trl"),
        ({"system": "S", "prompt": "Q", "chosen": "A", "rejected": "B"}, "axolotl"),
        ({"instruction": "Q", "input": "", "chosen": "A", "rejected": "B"}, "llamafactory"),
        ({"instruction": "Q", "chosen_response": "A", "rejected_response": "B"}, "axolotl"),
        ({"chosen": TURNS, "rejected": TURNS}, "trl"),
        ({"input": "Q? Step 1: a ки", "label": "Q? Step 1: a +", "task": "MATH", "value": ["+"]}, "math_shepherd"),
        (EXAMPLES["trajectory_frames"], "trajectory_frames"),
    ],
)  # fmt: skip
def test_layouts_of_trainers_are_told_apart(item: Raw, name: str) -> None:
    assert recognise(Records(pl.Series([1]).to_numpy(), items=[item]), "f").name == name


def test_what_is_no_layout() -> None:
    with pytest.raises(FormatError, match="no known format has the fields"):
        recognise(Records(pl.Series([1]).to_numpy(), items=[{"prompt": "Q", "completion": "A"}]), "f")
