"""TRL's layouts: texts and messages, explicit and implicit prompts, tools, margins."""

from __future__ import annotations

import copy

import pytest

from tests.transforms.ingest.adapters.support import (
    EXAMPLES,
    TALK,
    Raw,
    adapt,
    said,
)


def test_trl_texts_and_messages_say_the_same() -> None:
    message = {"prompt": [TALK[0]], "chosen": [TALK[1]], "rejected": [{"role": "assistant", "content": "B"}]}
    implicit = {"chosen": TALK, "rejected": [TALK[0], {"role": "assistant", "content": "B"}]}
    sharegpt = {
        "prompt": [{"from": "human", "value": "Q"}],
        "chosen": {"from": "gpt", "value": "A"},
        "rejected": {"from": "gpt", "value": "B"},
    }
    made = [adapt("trl", item)[0][0] for item in ({"prompt": "Q", "chosen": "A", "rejected": "B"}, message, implicit)]
    assert made[0] == made[1] == made[2] == adapt("trl", sharegpt)[0][0]
    assert said(made[0]["prompt"]) == [("user", "Q")]
    assert [said(side) for side in made[0]["responses"]] == [[("assistant", "A")], [("assistant", "B")]]
    assert [j["value"] for j in made[0]["judgements"]] == [1.0]


def test_trl_mixed_batch_of_texts_and_messages() -> None:
    rows, dead = adapt("trl", {"chosen": "A", "rejected": "B"}, {"chosen": TALK, "rejected": [TALK[0], TALK[0]]})
    assert dead == []
    assert [len(row["prompt"]) for row in rows] == [0, 1]


def dialogue(letters: str) -> list[Raw]:
    return [{"role": "assistant" if i % 2 else "user", "content": letter} for i, letter in enumerate(letters)]


@pytest.mark.parametrize(
    ("chosen", "rejected", "prompt"),
    [
        ("abcd", "abce", "abc"),
        ("abcd", "axcd", "a"),  # what is the same again after a difference is no prefix
        ("abcd", "xbcd", ""),
        ("ab", "abcd", "a"),  # no side is left without a message
        ("abcdef", "abcx", "abc"),
        ("abcd", "abcd", "abc"),
        ("a", "b", ""),
        ("a", "a", ""),
    ],
)
def test_trl_implicit_prompt_is_the_longest_common_prefix(chosen: str, rejected: str, prompt: str) -> None:
    items = [{"chosen": dialogue(chosen), "rejected": dialogue(rejected)}, {"chosen": TALK, "rejected": TALK}]
    rows, dead = adapt("trl", *items)
    assert dead == []
    assert "".join(m["content"] for m in rows[0]["prompt"]) == prompt
    for side, whole in zip(rows[0]["responses"], (chosen, rejected), strict=True):
        assert "".join(m["content"] for m in [*rows[0]["prompt"], *side]) == whole
    assert said(rows[1]["prompt"]) == [("user", "Q")]


def test_trl_prefix_looks_at_more_than_text() -> None:
    one = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}
    other = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 2}}}]}
    end = {"role": "assistant", "content": "A"}
    rows, _ = adapt("trl", {"chosen": [TALK[0], one, end], "rejected": [TALK[0], other, end]})
    assert len(rows[0]["prompt"]) == 1
    rows, _ = adapt("trl", {"chosen": [TALK[0], one, end], "rejected": [TALK[0], copy.deepcopy(one), end]})
    assert len(rows[0]["prompt"]) == 2


def test_trl_tools_calls_reasoning_and_images() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"b": 1, "a": "é"}}}
    chosen = [
        {"role": "assistant", "content": None, "tool_calls": [call, {"name": "g", "arguments": "{}"}]},
        {"role": "tool", "content": "5", "tool_call_id": "c1", "name": "f"},
        {"role": "assistant", "content": "A", "reasoning_content": "hm"},
    ]
    parts = [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "u"}},
        "this",
        {"type": "image"},
    ]
    tools = [{"type": "function", "function": {"name": "f"}}]
    prompt = [{"role": "user", "content": parts}]
    item = {"prompt": prompt, "chosen": chosen, "rejected": "B", "tools": tools, "id": 9}
    rows, dead = adapt("trl", item)
    assert dead == []
    first, tool, last = rows[0]["responses"][0]
    assert first["tool_calls"] == [
        {"id": "c1", "name": "f", "arguments": '{"a":"é","b":1}'},
        {"id": None, "name": "g", "arguments": "{}"},
    ]
    assert (tool["role"], tool["tool_call_id"], tool["name"]) == ("tool", "c1", "f")
    assert last["reasoning"] == "hm"
    assert rows[0]["prompt"][0]["content"] == "See\nthis"
    assert rows[0]["prompt"][0]["images"] == [{"uri": "u", "sha256": None}]
    assert rows[0]["tools"] == '[{"function":{"name":"f"},"type":"function"}]'
    assert rows[0]["metadata"] == '{"id":9}'


def test_trl_margins() -> None:
    items = [EXAMPLES["trl"] | {"margin": margin} for margin in (1.5, -2, 0, None)]
    rows, dead = adapt("trl", *items)
    assert dead == []
    assert [(j["value"], j["strength"]) for row in rows for j in row["judgements"]] == [
        (1.0, 1.5),
        (0.0, 2.0),
        (1.0, 0.0),
        (1.0, None),
    ]
