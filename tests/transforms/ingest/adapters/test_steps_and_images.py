"""Steps, images and trajectories: on real files with counted facts, and on wrong records."""

from __future__ import annotations

import base64
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.transforms.ingest.adapters.support import (
    EXAMPLES,
    MISSING,
    TURNS,
    Data,
    Raw,
    Wrong,
    adapt,
    check_wrong,
    ingest,
    said,
)
from transforms.ingest.adapters import adapter, recognise
from transforms.ingest.adapters.steps import cut
from transforms.ingest.canonical import Origin, to_rows
from transforms.ingest.records import Records

# Real data ------------------------------------------------------------------------------------------------------------


def test_bigbench_mistake(data: Data) -> None:
    name, count, rows, dead = ingest(data("bigbench_mistake") / "*.jsonl")
    assert (name, count, rows.height, dead) == ("bigbench_mistake", 2186, 2186, [])
    values = rows["judgements"].list.eval(pl.element().struct.field("value"))
    mistakes = values.list.eval((pl.element() == 0).sum()).list.first()
    assert Counter(mistakes.to_list()) == {1: 1708, 0: 478}
    wrong = mistakes == 1
    # The mistake is the last step that was judged; without one, every step was.
    assert values.filter(wrong).list.last().unique().to_list() == [0.0]
    assert (values.filter(~wrong).list.len() == rows["steps"].filter(~wrong).list.len()).all()
    assert (values.list.len() <= rows["steps"].list.len()).all()


def test_prm800k(data: Data) -> None:
    name, count, rows, dead = ingest(data("prm800k_sample") / "datasets" / "examples" / "prm800k-*.json")
    assert (name, count, rows.height, dead) == ("prm800k", 6, 6, [])
    unrated = rows["steps"].list.len() - rows["judgements"].list.len()
    assert sorted(unrated) == [0, 0, 0, 0, 0, 1]  # a labeler left one step out
    phases = rows["metadata"].str.json_path_match("$.generation").is_not_null()
    assert set(phases) == {True, False}
    # Phase 2 gives the true solution, and stops at the first error.
    assert (rows["references"].list.len() == 1).to_list() == phases.to_list()
    last = rows["judgements"].list.last().struct.field("value")
    assert last.filter(phases).unique().to_list() == [-1.0]
    assert rows["timestamp"].str.starts_with("2022-").all()
    _, _, more, _ = ingest(
        data("prm800k_sample") / "datasets" / "examples" / "prm800k-*.json", options={"alternatives": True}
    )
    steps = [step for text in rows["metadata"] for step in json.loads(text)["label"]["steps"]]
    own = [step for step in steps if step["chosen_completion"] is None and step["human_completion"]]
    completions = sum(len(step["completions"]) for step in steps)
    # A row for each completion, and for each trace: what was gone on with is one of the trace's steps.
    assert more.height == 6 + completions + len(own) - rows["steps"].list.len().sum()


@pytest.mark.parametrize(
    ("folder", "rows", "known", "pairs"),
    [("IIW-400", 500, 100, 200), ("DCI_Test", 112, 0, 112), ("DOCCI_Test", 100, 100, 100), ("CM_3600", 1000, 0, 0)],
)
def test_imageinwords(data: Data, folder: str, rows: int, known: int, pairs: int) -> None:
    name, _, made, dead = ingest(data("imageinwords") / "datasets" / folder / "data.jsonl")
    assert (name, made.height, dead) == ("imageinwords", rows, [])
    compared = made.filter(pl.col("kind") == "pair")
    texts = compared["responses"].list.eval(pl.element().list.first().struct.field("content"))
    assert (compared.height, texts.list.last().count()) == (pairs, known)
    assert compared["judgements"].list.len().unique().to_list() == ([5] if pairs else [])
    assert made["prompt"].list.first().struct.field("images").list.len().unique().to_list() == [1]
    if folder == "DOCCI_Test":
        flat = compared["judgements"].explode(empty_as_null=False, keep_nulls=False).struct.unnest()
        said_so = {(1.0, 2.0): 174, (1.0, 1.0): 165, (0.5, 0.0): 128, (0.0, 1.0): 24, (0.0, 2.0): 9}
        assert Counter(flat.select("value", "strength").iter_rows()) == said_so


def test_imageinwords_both_comparisons(data: Data) -> None:
    _, _, rows, _ = ingest(data("imageinwords") / "datasets" / "IIW-400" / "data.jsonl")
    flat = rows.select("judgements", other=pl.col("generators").list.last()).explode("judgements", empty_as_null=False)
    counted = flat.drop_nulls("judgements").unnest("judgements").select("other", "value", "strength")
    assert Counter(counted.iter_rows()) == {
        ("IIW-P5B", 1.0, 2.0): 221, ("IIW-P5B", 1.0, 1.0): 165, ("IIW-P5B", 0.5, 0.0): 82, ("IIW-P5B", 0.0, 1.0): 26,
        ("IIW-P5B", 0.0, 2.0): 6, ("GPT-4V", 1.0, 2.0): 131, ("GPT-4V", 1.0, 1.0): 172, ("GPT-4V", 0.5, 0.0): 132,
        ("GPT-4V", 0.0, 1.0): 45, ("GPT-4V", 0.0, 2.0): 20,
    }  # fmt: skip


# Wrong records --------------------------------------------------------------------------------------------------------


def labelled(*steps: Any) -> Raw:
    return {"steps": list(steps), "finish_reason": "found_error"}


def completion(text: Any, rating: Any) -> Raw:
    return {"completions": [{"text": text, "rating": rating}], "human_completion": None, "chosen_completion": 0}


WRONG: list[Wrong] = [
    ("bigbench_mistake", "steps", MISSING, "missing_field", "'steps' is missing"),
    ("bigbench_mistake", "steps", "1 + 1", "wrong_type", "'steps' is a string (1 + 1); a list is expected"),
    ("bigbench_mistake", "steps", ["1 + 1", None], "wrong_type", "holds null where a text is expected"),
    ("bigbench_mistake", "mistake_index", 3, "no_such_step", "'mistake_index' is no place in 'steps'"),
    ("bigbench_mistake", "mistake_index", "1", "wrong_type", "'mistake_index' is a string (1)"),
    ("bigbench_mistake", "steps", [], "no_such_step", "'mistake_index' is no place in 'steps'"),
    ("prm800k", "label", MISSING, "missing_field", "'label.steps' is missing"),
    ("prm800k", "label", labelled("cut"), "wrong_type", "'label.steps' is a list"),
    ("prm800k", "label", labelled(completion(5, 1)), "wrong_type", "a completion is an object"),
    ("prm800k", "label", labelled(completion("x", 2)), "unknown_label", "a rating is 2; allowed are 1, 0, -1 and null"),
    ("prm800k", "label", labelled(completion("x", True)), "unknown_label", "a rating is True"),
    ("prm800k", "label", labelled(), "no_steps", "at least one step"),
    ("prm800k", "question", {"problem": 5}, "wrong_type", "'question.problem' is a number"),
    ("math_shepherd", "label", MISSING, "missing_field", "'label' is missing"),
    ("math_shepherd", "label", "What is 1 + 1? Step 1: It is 2. +\nStep 2", "unknown_label", "does not have + or -"),
    ("math_shepherd", "input", 5, "wrong_type", "'input' is a number"),
    ("math_shepherd", "input", "What is 1 + 1.", "no_steps", "does not say where the steps begin"),
    ("imageinwords", "image", MISSING, "missing_field", "is missing or null"),
    ("imageinwords", "image", 5, "wrong_type", "a number (5) is no image"),
    ("imageinwords", "IIW", ["A"], "wrong_type", "'IIW' is a list"),
    ("imageinwords", "metrics/Hallucination", "DCI is better", "unknown_label", "'metrics/Hallucination' is 'DCI is"),
    ("image_preference", "prompt", MISSING, "missing_field", "'prompt' is missing"),
    ("image_preference", "image_1", MISSING, "missing_field", "'image_1' is missing or null"),
    ("image_preference", "image_0", {"height": 5}, "wrong_type", "is no image: a URI, bytes"),
    ("image_preference", "image_0", "data:image/png;base64,%%", "wrong_type", "is not base64"),
    ("image_preference", "preference", 2, "unknown_label", "'preference' is not in [0, 1]"),
    ("image_preference", "preference", "left", "wrong_type", "'preference' is a string (left)"),
    ("trajectory", "frames", MISSING, "missing_field", "'frames' is missing, null or empty"),
    ("trajectory", "frames", "0.png", "wrong_type", "'frames' is a string (0.png)"),
    ("trajectory", "frames", ["0.png", 5], "wrong_type", "a number (5) is no image"),
    ("trajectory", "progress", [0.1], "wrong_type", "'progress' does not hold one number for each of 'frames'"),
    ("trajectory", "instruction", None, "missing_field", "'instruction' is missing or null"),
    ("trajectory_frames", "frame", MISSING, "missing_field", "'frame' is missing or null"),
    ("trajectory_frames", "frame_index", "0", "wrong_type", "'frame_index' is a string (0)"),
    ("trajectory_frames", "reward", "good", "wrong_type", "'reward' is a string (good)"),
    ("openrlhf", "chosen", MISSING, "missing_field", "'chosen' is missing"),
    ("openrlhf", "rejected", [TURNS[0], {"content": "No."}], "unknown_role", "message 2 has the role None"),
    ("openrlhf", "chosen_score", "4", "wrong_type", "'chosen_score' is a string (4)"),
    ("axolotl", "question", MISSING, "missing_field", "'question' is missing"),
    ("axolotl", "chosen", 5, "wrong_type", "5 is neither a text nor a list of messages"),
    ("axolotl", "system", ["Be kind."], "wrong_type", "'system' is a list"),
    ("llamafactory", "conversations", MISSING, "missing_field", "'conversations' is missing"),
    ("llamafactory", "chosen", {"from": "gpt", "value": 5}, "wrong_type", "content is 5"),
    ("llamafactory", "rejected", {"from": "narrator", "value": "No."}, "unknown_role", "the role 'narrator'"),
    ("llamafactory", "conversations", [{"from": "function_call", "value": "{cut"}], "wrong_type", "is not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value", "code", "words"), WRONG)
def test_one_wrong_record_is_one_dead_letter(name: str, field: str, value: Any, code: str, words: str) -> None:
    check_wrong(name, field, value, code, words)


@pytest.mark.parametrize(
    ("name", "variant", "field", "value", "code", "words"),
    [
        ("image_preference", 0, "label_0", 1.5, "unknown_label", "'label_0' is not in [0, 1]"),
        ("image_preference", 1, "pref", -2, "unknown_label", "'pref' is not in [-1, 1]"),
        ("image_preference", 1, "image_left_id", MISSING, "missing_field", "'image_left_id' is missing"),
        ("openrlhf", 0, "score", 3, "unknown_label", "'score' is a number (3); true, false, 1 or 0 is expected"),
        ("openrlhf", 0, "response", MISSING, "missing_field", "'response' is missing"),
        ("openrlhf", 1, "value", ["+"], "wrong_type", "'value' does not hold one for each 'ки'"),
        ("openrlhf", 1, "value", ["+", "?"], "unknown_label", "'value' holds something else than + and -"),
        ("axolotl", 0, "rejected_response", MISSING, "missing_field", "'rejected_response' is missing"),
        ("axolotl", 4, "label", "yes", "wrong_type", "'label' is a string (yes); true, false, 1 or 0 is expected"),
        ("axolotl", 4, "completion", MISSING, "missing_field", "'completion' is missing"),
        ("axolotl", 5, "labels", [True], "wrong_type", "for each of 'completions'"),
        ("axolotl", 5, "labels", MISSING, "missing_field", "for each of 'completions'"),
        ("llamafactory", 0, "instruction", None, "missing_field", "'instruction' is missing or null"),
        ("llamafactory", 1, "kto_tag", None, "missing_field", "'kto_tag' is missing or null"),
        ("llamafactory", 2, "messages", [TURNS[0]], "no_assistant_turn", "does not end with an assistant's message"),
        ("llamafactory", 2, "messages", [], "no_message", "'messages' holds no message"),
    ],
)  # fmt: skip
def test_one_wrong_record_of_another_layout(
    name: str, variant: int, field: str, value: Any, code: str, words: str
) -> None:
    check_wrong(name, field, value, code, words, variant=variant)


# Steps ----------------------------------------------------------------------------------------------------------------


def test_the_first_mistake_ends_what_is_known() -> None:
    item = EXAMPLES["bigbench_mistake"]
    rows, _ = adapt("bigbench_mistake", item, item | {"mistake_index": None}, item | {"mistake_index": 0})
    got = [[(j["step"], j["value"], j["normalised"]) for j in row["judgements"]] for row in rows]
    assert got == [[(0, 1.0, 1.0), (1, 0.0, 0.0)], [(i, 1.0, 1.0) for i in range(3)], [(0, 0.0, 0.0)]]
    assert rows[0]["steps"] == item["steps"]
    assert (rows[0]["references"], json.loads(rows[0]["metadata"])) == (["3"], {"answer": "4"})
    assert said(rows[0]["responses"][0]) == [("assistant", "1 + 1 = 2.\n2 + 1 = 4.\nSo 4.")]


def test_prm800k_traces() -> None:
    two, own = adapter("prm800k").variants[0], {"text": "Mine.", "rating": None, "source": "human"}
    first, *_ = two["label"]["steps"]
    human = {"completions": first["completions"][:1], "human_completion": own, "chosen_completion": None}
    last = {
        "completions": [{"text": "Last.", "rating": None, "flagged": True}],
        "human_completion": None,
        "chosen_completion": 0,
    }
    stuck = {"completions": None, "human_completion": None, "chosen_completion": None}
    rows, dead = adapt("prm800k", two | {"label": labelled(first, human, last, stuck)})
    assert dead == []
    assert rows[0]["steps"] == ["1 + 1 = 2.", "Mine.", "Last."]
    assert [(j["step"], j["value"], j["rater"]) for j in rows[0]["judgements"]] == [
        (0, 1.0, "340d89bc"),
        (1, 1.0, "340d89bc"),
    ]
    assert [j["normalised"] for j in rows[0]["judgements"]] == [1.0, 1.0]
    assert "1 + 1 = 3." in rows[0]["metadata"]
    rows, _ = adapt("prm800k", two | {"label": labelled(first, human, last)}, alternatives=True)
    assert [(row["steps"], row["parents"]) for row in rows] == [
        (["1 + 1 = 2.", "Mine.", "Last."], None), (["1 + 1 = 3."], ["s:f:1"]),
        (["1 + 1 = 2.", "1 + 1 = 3."], ["s:f:1"]),
    ]  # fmt: skip
    # A text in place of an object is how the authors' page shows a labeler's own step.
    rows, _ = adapt("prm800k", two | {"label": labelled(human | {"human_completion": "Mine."})})
    assert (rows[0]["steps"], rows[0]["judgements"][0]["value"]) == (["Mine."], 1.0)


def test_math_shepherd_labels() -> None:
    rows, _ = adapt("math_shepherd", EXAMPLES["math_shepherd"])
    assert said(rows[0]["prompt"]) == [("user", "What is 1 + 1?")]
    assert rows[0]["steps"] == ["Step 1: It is 2.", "Step 2: The answer is: 3"]
    assert [(j["step"], j["value"]) for j in rows[0]["judgements"]] == [(0, 1.0), (1, 0.0)]
    assert json.loads(rows[0]["metadata"]) == {"task": "GSM8K"}


@pytest.mark.parametrize(
    ("text", "question", "steps"),
    [
        ("Q? Step 1: a ки\nStep 2: b ки", "Q?", [("Step 1: a", 0, 13), ("Step 2: b", 1, 25)]),
        ("Q. step 1: a ки", "Q.", [("step 1: a", 0, 13)]),
        ("Q ки Step 1: a ки", "Q", [("Step 1: a", 1, 14)]),  # a mark of the question's
        ("Who? What? a ки b ки", "Who? What?", [("a", 0, 13), ("b", 1, 17)]),
        ("Q? Step 1: a ки and so on", "Q?", [("Step 1: a", 0, 13), ("and so on", None, None)]),
        ("No step at all", None, []),
        ("", None, []),
    ],
)
def test_where_steps_begin(text: str, question: str | None, steps: list[tuple[str, int | None, int | None]]) -> None:
    questions, found = cut(pl.Series([text, "Q? Step 1: z ки"]), "ки")
    assert questions.to_list() == [question, "Q?"]
    assert found.filter(pl.col("row") == 0).select("text", "nth", "offset").rows() == steps
    assert found.filter(pl.col("row") == 1)["text"].to_list() == ["Step 1: z"]
    for _, nth, offset in steps:
        if offset is not None:
            assert text.replace("ки", "+")[offset] == "+"
            assert text.replace("ки", "+")[:offset].count("+") == nth


# Images ---------------------------------------------------------------------------------------------------------------


def shown(row: Raw) -> list[Raw]:
    return [side[0]["images"][0] for side in row["responses"]]


def test_images_by_where_they_are_and_what_they_hash_to() -> None:
    png = b"\x89PNG"
    inline = "data:image/png;base64," + base64.b64encode(png).decode()
    item = EXAMPLES["image_preference"]
    rows, dead = adapt(
        "image_preference", item,
        item | {"image_0": inline, "image_1": {"bytes": png, "path": "a.png"}, "preference": 0.5},
        item | {"preference": None, "rater": 7, "image_0": {"bytes": base64.b64encode(png).decode(), "path": None}},
    )  # fmt: skip
    digest = sha256(png).hexdigest()
    assert dead == []
    assert shown(rows[0]) == [{"uri": "https://x/0.png", "sha256": None}, {"uri": "1.png", "sha256": "00ff"}]
    assert shown(rows[1]) == [{"uri": None, "sha256": digest}, {"uri": "a.png", "sha256": digest}]
    assert shown(rows[2])[0] == {"uri": None, "sha256": digest}
    assert [[j["value"] for j in row["judgements"]] for row in rows] == [[1.0], [0.5], []]
    assert (rows[0]["judgements"][0]["rater"], rows[0]["generators"]) == ("u1", ["sd", "dalle"])
    assert said(rows[0]["prompt"]) == [("user", "a red fox")]
    assert rows[0]["responses"][0][0]["content"] is None


def test_pickapic_and_hpd() -> None:
    pick, hpd = adapter("image_preference").variants
    rows, _ = adapt(
        "image_preference", pick, pick | {"label_0": 1.0, "label_1": 0.0, "jpg_1": None, "image_1_url": "u"}
    )
    assert shown(rows[0])[0] == {"uri": "https://x/0.jpg", "sha256": sha256(b"0").hexdigest()}
    assert shown(rows[1])[1] == {"uri": "u", "sha256": None}
    assert [row["judgements"][0]["value"] for row in rows] == [0.5, 1.0]
    assert rows[0]["judgements"][0]["rater"] == "12"
    rows, _ = adapt("image_preference", hpd, hpd | {"pref": 1})
    assert [row["judgements"][0]["value"] for row in rows] == [0.0, 1.0]


def test_images_in_columnar_files() -> None:
    frame = pl.DataFrame(
        {
            "caption": ["a", "b"], "jpg_0": [b"0", b"1"], "jpg_1": [b"2", None], "image_0_url": ["u0", None],
            "image_1_url": ["u2", "u3"], "label_0": [1.0, 0.5], "label_1": [0.0, 0.5], "user_id": [1, 2],
            "created_at": pl.Series(["2023-02-03 04:05:06", None]).str.to_datetime(),
        }
    )  # fmt: skip
    batch = Records(pl.Series([1, 2]).to_numpy(), frame=frame)
    known = recognise(batch, "f")
    rows, dead = to_rows(batch, known.rows(batch, {}), Origin("s", "f", pseudonymise=False))
    assert (known.name, dead) == ("image_preference", [])
    assert shown(rows.to_dicts()[1]) == [
        {"uri": None, "sha256": sha256(b"1").hexdigest()},
        {"uri": "u3", "sha256": None},
    ]
    assert rows["timestamp"][0].startswith("2023-02-03T04:05:06")
    assert not rows["metadata"].str.contains("jpg").any()


def test_imageinwords_says_whose_text_is_missing() -> None:
    rows, _ = adapt("imageinwords", adapter("imageinwords").variants[0])
    assert [row["generators"] for row in rows] == [["IIW", "GPT-4V"], ["IIW", "IIW-P5B"]]
    assert [[j["value"] for j in row["judgements"]] for row in rows] == [[0.0], [0.5]]
    assert rows[0]["responses"][1][0] | {"content": None, "name": "GPT-4V"} == rows[0]["responses"][1][0]
    assert said(rows[1]["responses"][1]) == [("assistant", "A bee.")]
    assert rows[1]["parents"] == [rows[0]["row_id"]]
    assert json.loads(rows[0]["metadata"]) == {"objects": []}


# Trajectories ---------------------------------------------------------------------------------------------------------


def walk(values: list[float | None], **more: Any) -> Raw:
    frames = [f"{i}.png" for i in range(len(values))]
    return {"trajectory_id": "t", "instruction": "open the door", "frames": frames, "progress": values, **more}


def compared(rows: list[Raw]) -> list[tuple[str, str, float, float]]:
    said_so = [(row["judgements"][0]["value"], row["judgements"][0]["strength"]) for row in rows]
    return [(*(image["uri"][0] for image in shown(row)), *what) for row, what in zip(rows, said_so, strict=True)]


def test_frames_are_paired_with_earlier_ones() -> None:
    rows, dead = adapt("trajectory", walk([0.0, 0.5, 0.25, 0.5]))
    assert dead == []
    assert compared(rows) == [
        ("1", "0", 1.0, 0.5), ("2", "1", 0.0, 0.25), ("2", "0", 1.0, 0.25), ("3", "2", 1.0, 0.25), ("3", "1", 0.5, 0.0),
    ]  # fmt: skip
    assert {said(row["prompt"])[0] for row in rows} == {("user", "open the door")}
    assert {row["judgements"][0]["dimension"] for row in rows} == {"progress"}
    assert [row["parents"] for row in rows] == [None] + [["s:f:1"]] * 4
    assert json.loads(rows[1]["metadata"]) == {
        "trajectory": "t", "frame": 2, "value": 0.25, "earlier_frame": 1, "earlier_value": 0.5,
        "record": {"trajectory_id": "t"}, "earlier_record": {"trajectory_id": "t"},
    }  # fmt: skip


def test_a_minimum_gap_between_frames() -> None:
    values: list[float | None] = [i / 10 for i in range(10)]
    for gap in (1, 2, 4):
        rows, _ = adapt("trajectory", walk(values), minimum_gap=gap, pairs_per_frame=2)
        apart = {int(late) - int(early) for late, early, *_ in compared(rows)}
        assert apart == {gap, 2 * gap}
        assert len(rows) == (10 - gap) + (10 - 2 * gap)
    rows, dead = adapt("trajectory", walk(values), minimum_gap=10)
    assert (dead, [(row["kind"], row["judgements"][0]["value"]) for row in rows]) == ([], [("rating", 0.9)])
    assert shown(rows[0]) == [{"uri": "9.png", "sha256": None}]


def test_frames_without_values() -> None:
    bare = {key: value for key, value in walk([0.0, 0.0]).items() if key != "progress"}
    assert adapt("trajectory", bare)[0][0]["judgements"] == []
    rows, _ = adapt("trajectory", bare, walk([0.5, None]), expert=True)
    assert [[(j["dimension"], j["value"], j["strength"]) for j in row["judgements"]] for row in rows] == [
        [("time", 1.0, 1.0)]
    ] * 2


def test_an_expert_s_frames_have_both_judgements() -> None:
    rows, _ = adapt("trajectory", walk([0.5, 0.25]), expert=True)
    assert [(j["dimension"], j["value"], j["strength"]) for j in rows[0]["judgements"]] == [
        ("progress", 0.0, 0.25), ("time", 1.0, None),
    ]  # fmt: skip


def test_seconds_and_scores_of_frames() -> None:
    more = {"at": [0.0, 1.5, None], "clip": [1, None, 3], "other": [7, 8, 9]}
    rows, dead = adapt("trajectory", walk([0.0, 0.5, 1.0], **more), seconds="at", scores=["clip"], minimum_gap=2)
    assert dead == []
    kept = json.loads(rows[0]["metadata"])
    assert (kept["earlier_seconds"], "seconds" in kept, kept["scores"]) == (0.0, False, {"clip": [3.0, 1.0]})
    assert kept["record"] == {"trajectory_id": "t", "other": [7, 8, 9]}
    _, dead = adapt("trajectory", walk([0.0, 0.5, 1.0], clip=[1]), scores=["clip"])
    assert [(one.code, "'clip' does not hold one number" in one.message) for one in dead] == [("wrong_type", True)]
    frames = [EXAMPLES["trajectory_frames"] | {"frame_index": n, "clip": n / 2} for n in (1, 0)]
    rows, _ = adapt("trajectory_frames", *frames, scores=["clip"])
    assert json.loads(rows[0]["metadata"])["scores"] == {"clip": [0.5, 0.0]}


def test_frames_that_are_records() -> None:
    def frame(unit: str, number: int, reward: float) -> Raw:
        return EXAMPLES["trajectory_frames"] | {"trajectory_id": unit, "frame_index": number, "reward": reward,
                                                "frame": f"{number}{unit}.png", "camera": number}  # fmt: skip

    order = [("b", 1, 0.1), ("a", 2, 0.9), ("b", 0, 0.3), ("a", 0, 0.0), ("a", 1, 0.5)]
    rows, dead = adapt("trajectory_frames", *(frame(*one) for one in order))
    assert dead == []
    assert [(row["row_id"], *pair) for row, pair in zip(rows, compared(rows), strict=True)] == [
        ("s:f:1", "1", "0", 0.0, pytest.approx(0.2)), ("s:f:2", "1", "0", 1.0, 0.5), ("s:f:2#2", "2", "1", 1.0, 0.4),
        ("s:f:2#3", "2", "0", 1.0, 0.9),
    ]  # fmt: skip
    kept = json.loads(rows[0]["metadata"])
    assert (kept["record"]["camera"], kept["earlier_record"]["camera"]) == (1, 0)
    rows, dead = adapt(
        "trajectory_frames", frame("a", 0, 0.0), frame("a", 1, 0.5) | {"frame": None}, frame("b", 0, 1.0)
    )
    assert [row["line"] for row in rows] == [3]
    assert [(letter.line, letter.code) for letter in dead] == [(1, "incomplete_unit"), (2, "missing_field")]


# Layouts of trainers --------------------------------------------------------------------------------------------------


def test_the_prm800k_files_are_read_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "phase2_train.jsonl"
    file.write_text("\n".join(json.dumps(EXAMPLES["prm800k"]) for _ in range(3)) + '\n{"labeler": "340')
    name, count, rows, dead = ingest(file)
    assert (name, count, rows.height, [letter.code for letter in dead]) == ("prm800k", 4, 3, ["invalid_json"])
