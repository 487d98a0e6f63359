"""Each adapter on real records with counted facts, and on records that are wrong in one way each."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from schemas.mapping import Mapping
from tests.transforms.ingest.adapters.support import (
    EXAMPLES,
    MISSING,
    Data,
    Raw,
    Wrong,
    adapt,
    check_wrong,
    ingest,
    records,
    said,
    values,
)
from transforms.ingest.adapters import ADAPTERS, FormatError, adapter, recognise
from transforms.ingest.canonical import Origin, to_rows

# Real data ------------------------------------------------------------------------------------------------------------


def test_hh(data: Data) -> None:
    name, count, rows, dead = ingest(data("hh_rlhf") / "harmless-base" / "test.jsonl.gz")
    assert (name, count, rows.height) == ("hh", 2312, 2307)
    assert Counter(letter.code for letter in dead) == {"prompt_mismatch": 5}
    assert values(rows) == {1.0: 2307}
    last = rows["responses"].list.eval(pl.element().list.last().struct.field("content"))
    assert (last.list.eval(pl.element() == "").list.sum() > 0).sum() == 4
    lengths = last.list.eval(pl.element().str.len_chars())
    assert (lengths.list.get(0) > lengths.list.get(1)).mean() == pytest.approx(0.442, abs=0.002)
    assert set(rows["prompt"].list.last().struct.field("role")) == {"user"}
    assert rows["responses"].list.eval(pl.element().list.len()).explode().unique().to_list() == [1]


def test_pandalm(data: Data) -> None:
    name, count, rows, dead = ingest(data("pandalm") / "data" / "testset-v1.json")
    assert (name, count, rows.height) == ("pandalm", 999, 993)
    assert Counter(letter.code for letter in dead) == {"wrong_type": 6}
    assert all("is a boolean (True); a string is expected" in letter.message for letter in dead)
    raters = rows["judgements"].list.eval(pl.element().struct.field("rater"))
    assert raters.list.n_unique().unique().to_list() == [3]
    assert raters.explode().n_unique() == 3
    assert not raters.explode().str.contains("annotator").any()
    ends = rows["judgements"].list.eval(pl.element().struct.field("value").n_unique()).list.first()
    assert Counter(ends.to_list()).keys() == {1, 2}  # unanimous, or two to one


def test_alpaca_eval(data: Data) -> None:
    name, count, rows, dead = ingest(data("alpaca_eval_gpt4") / "results" / "**" / "annotations.json")
    assert (name, count, rows.height, dead) == ("alpaca_eval", 42_665, 42_665, [])
    assert (rows["judgements"].list.len() == 0).sum() == 61
    found = values(rows)
    assert found.keys() == {0.0, 0.5, 1.0}
    assert found[0.5] == 188 + 27
    assert rows["generators"].list.first().n_unique() == 1  # the baseline is always first


def test_chitchat() -> None:
    found = importlib.util.find_spec("chitchat_dataset")
    if found is None or found.origin is None:
        pytest.skip("the package chitchat-dataset is not installed; pip install chitchat-dataset==0.9.0")
    name, count, rows, dead = ingest(Path(found.origin).with_name("dataset.json"))
    assert (name, count, rows.height, dead) == ("chitchat", 7168, 7168, [])
    assert Counter(rows["judgements"].list.len().to_list()) == {3: 5988, 0: 7168 - 5988}
    assert rows["prompt"].list.first().struct.field("content").n_unique() == 36
    turns = rows["responses"].list.first()
    assert set(turns.list.first().struct.field("role")) == {"user"}
    assert set(turns.explode().struct.field("role")) == {"user", "assistant"}


def test_mlqe(data: Data, tmp_path: Path) -> None:
    folder = data("mlqe_pe") / "data" / "direct-assessments" / "train"
    with tarfile.open(folder / "si-en-train.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    file = tmp_path / "si-en-train" / "train.sien.df.short.tsv"
    name, count, rows, dead = ingest(file)
    assert (name, count, rows.height, dead) == ("da", 7000, 7000, [])
    first = rows.row(0, named=True)
    assert [j["value"] for j in first["judgements"]] == [1.0, 26.0, 18.0]
    assert [j["normalised"] for j in first["judgements"]] == [0.01, 0.26, 0.18]
    assert first["responses"][0][0]["content"].startswith("Since the secrets of the carnival")
    assert first["line"] == 2
    means = rows["judgements"].list.eval(pl.element().struct.field("value")).list.mean()
    recorded = rows["metadata"].str.json_path_match("$.mean").cast(pl.Float64)
    assert (means - recorded).abs().max() < 0.01


# Wrong records --------------------------------------------------------------------------------------------------------

PAIR = {"kind": "pair", "prompt": "q", "responses": ["a", "b"], "label": {"field": "w", "values": {"a": 1, "b": 0}}}
RATING = {"kind": "rating", "prompt": "q", "responses": ["a"], "scores": [{"field": "x", "minimum": 1, "maximum": 5}]}
RANKS = {"kind": "ranking", "prompt": "q", "responses": "a", "ranks": "r"}
VALUES = {"kind": "ranking", "prompt": "q", "responses": "a", "values": "v", "minimum": 0, "maximum": 10}
MAPPED: dict[str, tuple[Raw, Raw]] = {
    "pair": (PAIR, {"q": "Q", "a": "A", "b": "B", "w": "a"}),
    "rating": (RATING, {"q": "Q", "a": "A", "x": 2}),
    "ranks": (RANKS, {"q": "Q", "a": ["A", "B", "C"], "r": [2, 1, 2]}),
    "values": (VALUES, {"q": "Q", "a": ["A", "B"], "v": [0, 2.5]}),
}
TALK = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]


def called(call: Any) -> Raw:
    return {"role": "assistant", "content": None, "tool_calls": call}


#: Names of formats, or of mappings in `MAPPED`.
WRONG: list[Wrong] = [
    ("hh", "chosen", MISSING, "missing_field", "'chosen' is missing"),
    ("hh", "rejected", 5, "wrong_type", "'rejected' is a number (5); a string is expected"),
    ("hh", "rejected", "\n\nHuman: Hi\n\nAssist", "no_assistant_turn", "'rejected' does not end with"),
    ("hh", "chosen", "\n\nHuman: Ho\n\nAssistant: Hi", "prompt_mismatch", "differ between 'chosen' and 'rejected'"),
    ("hh", "chosen", "", "no_assistant_turn", "'chosen'"),
    ("alpaca_eval", "instruction", None, "missing_field", "'instruction' is missing or null"),
    ("alpaca_eval", "output_2", ["No."], "wrong_type", "'output_2' is a list"),
    ("alpaca_eval", "preference", 3, "unknown_label", "neither 0 (draw), between 1 and 2, nor null"),
    ("alpaca_eval", "preference", "1", "wrong_type", "'preference' is a string (1); a number is expected"),
    ("alpaca_eval", "preference", True, "wrong_type", "'preference' is a boolean"),
    ("pandalm", "response2", MISSING, "missing_field", "'response2' is missing"),
    ("pandalm", "response1", True, "wrong_type", "'response1' is a boolean (True); a string is expected"),
    ("pandalm", "annotator2", 3, "unknown_label", "'annotator2' is not 0 (tie), 1 or 2"),
    ("pandalm", "annotator3", 1.5, "wrong_type", "'annotator3' is a number (1.5); a whole number is expected"),
    ("da", "scores", [], "wrong_type", "not a list of numbers"),
    ("da", "scores", [20, None], "wrong_type", "not a list of numbers"),
    ("da", "scores", "20", "wrong_type", "'scores' is a string (20); a list of numbers is expected"),
    ("da", "scores", [20, True], "wrong_type", "a list of numbers is expected"),
    ("da", "scores", [20, 101], "value_out_of_range", "not in [0, 100]"),
    ("da", "scores", [20, float("nan")], "value_out_of_range", "not a finite number"),
    ("da", "translation", MISSING, "missing_field", "'translation' is missing"),
    ("chitchat", "messages", [], "missing_field", "'messages' holds no turn"),
    ("chitchat", "messages", "Hello", "wrong_type", "'messages' is a string (Hello); a list is expected"),
    ("chitchat", "messages", [["Hello"]], "wrong_type", "'messages' is a list"),
    ("chitchat", "messages", MISSING, "missing_field", "'messages' is missing"),
    ("chitchat", "ratings", {"witty": 11}, "value_out_of_range", "'witty' is not in [1, 10]"),
    ("chitchat", "ratings", {"witty": "7"}, "wrong_type", "'ratings.witty' is a string (7)"),
    ("trl", "chosen", MISSING, "missing_field", "'chosen' is missing"),
    ("trl", "chosen", 5, "wrong_type", "5 is neither a text nor a list of messages"),
    ("trl", "rejected", [], "no_message", "'rejected' holds no message"),
    ("trl", "rejected", ["No."], "wrong_type", "message 1 is No., not an object"),
    (
        "trl",
        "rejected",
        [TALK[1], {"content": "No."}],
        "unknown_role",
        "message 2 has the role None; allowed are system",
    ),
    ("trl", "rejected", [{"role": "narrator", "content": "No."}], "unknown_role", "the role 'narrator'"),
    ("trl", "rejected", [{"role": "assistant", "content": 5}], "wrong_type", "content is 5"),
    ("trl", "rejected", [{"role": "assistant", "content": [{"type": "audio"}]}], "wrong_type", "nor an image part"),
    ("trl", "rejected", [{"role": "user", "content": [{"image_url": {}}]}], "wrong_type", "has no URI"),
    ("trl", "rejected", [called(5)], "wrong_type", "tool_calls is 5, not a list"),
    ("trl", "rejected", [called([{"function": {}}])], "wrong_type", "names no function"),
    ("trl", "margin", "big", "wrong_type", "'margin' is a string (big); a number is expected"),
    ("trl", "margin", float("nan"), "value_out_of_range", "strength is negative or no number"),
    ("pair", "w", "c", "unknown_label", "'w' is 'c'; the mapping knows 'a', 'b'"),
    ("pair", "b", MISSING, "missing_field", "'b' is missing"),
    ("pair", "b", 5, "wrong_type", "5 is neither a text nor"),
    ("rating", "x", 6, "value_out_of_range", "'x' is not in [1, 5]"),
    ("rating", "x", "6", "wrong_type", "'x' is a string (6)"),
    ("rating", "q", None, "missing_field", "'q' is missing or null"),
    ("ranks", "r", [1, 2], "wrong_type", "'r' does not hold one number for each response"),
    ("ranks", "r", [0, 1, 2], "value_out_of_range", "outside its dimension's scale"),
    ("ranks", "r", [1, 2, None], "value_out_of_range", "not a finite number"),
    ("ranks", "r", MISSING, "missing_field", "'r' is missing"),
    ("ranks", "a", "ABC", "wrong_type", "'a' is a string (ABC); a list is expected"),
    ("ranks", "a", ["A", "B", 5], "wrong_type", "'a' is a list"),
    ("values", "v", [0, 11], "value_out_of_range", "'v' leaves its scale"),
    ("values", "v", [True, 2], "wrong_type", "a list of numbers is expected"),
]


@pytest.mark.parametrize(("name", "field", "value", "code", "words"), WRONG)
def test_one_wrong_record_is_one_dead_letter(name: str, field: str, value: Any, code: str, words: str) -> None:
    check_wrong(name, field, value, code, words, MAPPED)


def test_every_adapter_is_tested_and_takes_its_own_example() -> None:
    modules = [f"{__name__.rpartition('.')[0]}.{file.stem}" for file in Path(__file__).parent.glob("test_*.py")]
    wrong = [one for module in modules for one in getattr(importlib.import_module(module), "WRONG", [])]
    assert {name for name, *_ in wrong} == {known.name for known in ADAPTERS} - {"mapping"} | set(MAPPED)
    for known in ADAPTERS:
        options = {"mapping": PAIR | {"prompt": "question", "responses": ["answer_a", "answer_b"],
                                      "label": {"field": "winner", "values": {"model_a": 1}}}}  # fmt: skip
        for example in (known.example, *known.variants):
            rows, dead = adapt(known.name, example, **(options if known.name == "mapping" else {}))
            assert dead == []
            assert rows
            assert {row["kind"] for row in rows} <= set(known.kinds)


def test_formats_are_told_apart_by_their_examples() -> None:
    for known in ADAPTERS:
        if known.name != "mapping":
            for example in (known.example, *known.variants):
                assert recognise(records(example), "f").name == known.name


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([EXAMPLES["mapping"]], "no known format has the fields question, answer_a, answer_b, winner"),
        ([], "no record could be read"),
        ([EXAMPLES["alpaca_eval"] | EXAMPLES["pandalm"]], "could be alpaca_eval or pandalm"),
    ],
)
def test_formats_that_cannot_be_told(items: list[Raw], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        recognise(records(*items), "f")


def test_unknown_format_names_those_there_are() -> None:
    with pytest.raises(FormatError, match="'xyz'; known are mapping, trl, hh, "):
        adapter("xyz")


# What is kept ---------------------------------------------------------------------------------------------------------


def test_alpaca_eval_preferences() -> None:
    wanted = {0.0: 0.5, 1.5: 0.5, 1.0: 1.0, 2.0: 0.0, 1.25: 0.75}
    items = [EXAMPLES["alpaca_eval"] | {"preference": value} for value in (*wanted, None)]
    rows, dead = adapt("alpaca_eval", *items)
    assert dead == []
    assert [[j["value"] for j in row["judgements"]] for row in rows] == [*([v] for v in wanted.values()), []]
    assert rows[0]["judgements"][0]["rater"] == "gpt4"
    assert rows[0]["metadata"] == '{"preference":0.0}'


def test_pandalm_input_votes_and_models() -> None:
    rows, _ = adapt("pandalm", EXAMPLES["pandalm"] | {"input": "In.", "cmp_key": "m1_m2", "idx": 7})
    assert said(rows[0]["prompt"]) == [("user", "Say hi.\n\nIn.")]
    votes = [(j["rater"], j["value"]) for j in rows[0]["judgements"]]
    assert votes == [("annotator1", 1.0), ("annotator2", 1.0), ("annotator3", 0.5)]
    assert rows[0]["generators"] == ["m1", "m2"]
    assert adapt("pandalm", EXAMPLES["pandalm"] | {"cmp_key": "a_b_c"})[0][0]["generators"] is None


def test_hh_turns() -> None:
    talk = "\n\nHuman: One\n\ntwo\n\nAssistant: Yes\n\nHuman:\n\nAssistant: "
    rows, _ = adapt("hh", {"chosen": talk + "A", "rejected": talk})
    assert said(rows[0]["prompt"]) == [("user", "One\n\ntwo"), ("assistant", "Yes"), ("user", "")]
    assert [said(side) for side in rows[0]["responses"]] == [[("assistant", "A")], [("assistant", "")]]


def test_chitchat_speakers_scales_and_raters() -> None:
    turns = [[{"text": "a", "sender": "x"}, {"text": "b", "sender": "x"}], [{"text": "c", "sender": "y"}]]
    item = EXAMPLES["chitchat"] | {"messages": [*turns, [{"text": "d", "sender": "x"}]], "ratings": {"witty": 1}}
    rows, _ = adapt("chitchat", item, {**EXAMPLES["chitchat"], "prompt": None, "ratings": None})
    assert said(rows[0]["responses"][0]) == [("user", "a\nb"), ("assistant", "c"), ("user", "d")]
    assert said(rows[0]["prompt"]) == [("system", "What do you do for fun?")]
    assert [(j["dimension"], j["normalised"]) for j in rows[0]["judgements"]] == [("witty", 0.0)]
    assert (rows[1]["prompt"], rows[1]["judgements"]) == ([], [])


def test_raters_are_pseudonyms_of_source_and_key() -> None:
    def rater(source: str, key: bytes) -> str:
        batch = records(EXAMPLES["alpaca_eval"])
        made = adapter("alpaca_eval").rows(batch, {})
        rows, _ = to_rows(batch, made, Origin(source, "f", key=key))
        return str(rows["judgements"][0][0]["rater"])

    assert rater("s", b"k") == rater("s", b"k") != "gpt4"
    assert len({rater("s", b"k"), rater("s", b"l"), rater("t", b"k")}) == 3


# TRL ------------------------------------------------------------------------------------------------------------------


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


# Mapping --------------------------------------------------------------------------------------------------------------


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
    ("mapping", "words"),
    [
        (PAIR | {"responses": ["a"]}, "a pair names two fields"),
        (PAIR | {"label": None}, "a pair needs one"),
        (PAIR | {"label": {"field": "w", "values": {"a": 2}}}, "less than or equal to 1"),
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
