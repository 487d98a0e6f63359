"""Adapters of preference pairs and rankings: what is kept, which side is which, what is a tie, and what is wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.transforms.ingest.adapters.support import (
    EXAMPLES,
    MISSING,
    VARIANTS,
    Data,
    Raw,
    Wrong,
    adapt,
    changed,
    check_wrong,
    ingest,
    records,
    said,
    talk,
    values,
)
from transforms.ingest.adapters import adapter
from transforms.ingest.canonical import Origin, to_rows

MINE = (
    "rewardbench", "rewardbench2", "ultrafeedback", "ultrafeedback_binarized", "helpsteer", "helpsteer_preference",
    "arena", "arena_55k", "nectar", "oasst", "shp", "webgpt", "summarize_from_feedback", "skywork", "pku_saferlhf",
    "llmbar", "judgebench",
)  # fmt: skip


def votes(row: Raw) -> list[tuple[Any, ...]]:
    return [(j["dimension"], j["response"], j["value"]) for j in row["judgements"]]


# Wrong records --------------------------------------------------------------------------------------------------------

COMPLETIONS = EXAMPLES["ultrafeedback"]["completions"]
ANSWERS = EXAMPLES["nectar"]["answers"]
TREE = EXAMPLES["oasst"]["prompt"]
SUMMARIES = EXAMPLES["summarize_from_feedback"]["summaries"]
THREE = EXAMPLES["helpsteer_preference"]["three_most_similar_preferences"]

#: Truncated, mistyped, missing, and then what is wrong in a format's own way.
WRONG: list[Wrong] = [
    ("rewardbench", "rejected", [], "no_message", "'rejected' holds no message"),
    ("rewardbench", "chosen_model", 4, "wrong_type", "'chosen_model' is a number (4); a string is expected"),
    ("rewardbench", "prompt", MISSING, "missing_field", "'prompt' is missing"),
    ("rewardbench2", "rejected", [], "wrong_response_count", "not as many answers as 'num_incorrect' says"),
    ("rewardbench2", "chosen", ["Red."], "wrong_response_count", "not as many answers as 'num_correct' says"),
    ("rewardbench2", "chosen", ["Red.", 5], "wrong_type", "'chosen' is a list"),
    ("rewardbench2", "chosen", ["Red.", None], "wrong_type", "'chosen' holds null where a text is expected"),
    ("rewardbench2", "chosen", "Red.", "wrong_type", "'chosen' is a string (Red.); a list is expected"),
    ("rewardbench2", "rejected", MISSING, "missing_field", "'rejected' is missing"),
    ("ultrafeedback", "completions", [], "wrong_response_count", "a ranking 2 or more"),
    ("ultrafeedback", "completions", changed(COMPLETIONS, 1, "response", MISSING), "missing_field",
     "'completions', item 2: field 'response' is missing or null"),
    ("ultrafeedback", "completions", [*COMPLETIONS, "Hi."], "wrong_type",
     "item 3 of 'completions' is a string (Hi.); an object is expected"),
    ("ultrafeedback", "completions", changed(COMPLETIONS, 0, "annotations", "truthfulness", "Rating", 4), "wrong_type",
     "item 1: field 'annotations.truthfulness.Rating' is a number (4); a string is expected"),
    ("ultrafeedback", "completions", changed(COMPLETIONS, 0, "annotations", "truthfulness", "Rating", "good"),
     "unknown_label", "a rating of 'truthfulness' is neither a number nor 'N/A'"),
    ("ultrafeedback", "completions", changed(COMPLETIONS, 0, "annotations", "truthfulness", "Rating", "6"),
     "value_out_of_range", "outside its dimension's scale"),
    ("ultrafeedback", "completions", MISSING, "missing_field", "'completions' is missing"),
    ("ultrafeedback_binarized", "rejected", [], "no_message", "'rejected' holds no message"),
    ("ultrafeedback_binarized", "score_chosen", "8.5", "wrong_type", "'score_chosen' is a string (8.5)"),
    ("ultrafeedback_binarized", "chosen", MISSING, "missing_field", "'chosen' is missing"),
    ("helpsteer", "response", None, "missing_field", "'response' is missing or null"),
    ("helpsteer", "coherence", "4", "wrong_type", "'coherence' is a string (4); a number is expected"),
    ("helpsteer", "coherence", 5, "value_out_of_range", "'coherence' is not in [0, 4]"),
    ("helpsteer", "coherence", [4, 5], "value_out_of_range", "'coherence' is not in [0, 4]"),
    ("helpsteer", "prompt", MISSING, "missing_field", "'prompt' is missing"),
    ("helpsteer_preference", "three_most_similar_preferences", [THREE[0], {"statement": "@Response 2"}],
     "missing_field", "'three_most_similar_preferences', item 2: field 'strength' is missing"),
    ("helpsteer_preference", "three_most_similar_preferences", changed(THREE, 0, "strength", -100),
     "value_out_of_range", "a strength in 'three_most_similar_preferences' is not in [-3, 3]"),
    ("helpsteer_preference", "preference_strength", 4, "value_out_of_range", "'preference_strength' is not in [-3, 3]"),
    ("helpsteer_preference", "preference_strength", "1", "wrong_type", "'preference_strength' is a string (1)"),
    ("helpsteer_preference", "response_2", MISSING, "missing_field", "'response_2' is missing"),
    ("arena", "conversation_b", talk("q"), "no_assistant_turn", "'conversation_b' does not end with"),
    ("arena", "conversation_b", talk("xb"), "prompt_mismatch", "do not share their first message"),
    ("arena", "conversation_a", 5, "wrong_type", "5 is neither a text nor a list of messages"),
    ("arena", "winner", "model_c", "unknown_label", "'winner' is 'model_c'; allowed are 'model_a', 'model_b', 'tie'"),
    ("arena", "winner", 1, "wrong_type", "'winner' is a number (1); a string is expected"),
    ("arena", "tstamp", 1e15, "wrong_type", "'tstamp' is not a time in seconds since 1970"),
    ("arena", "conversation_a", MISSING, "missing_field", "'conversation_a' is missing"),
    ("arena_55k", "response_b", '["Hi."]', "wrong_response_count", "2 questions, 2 and 1 answers"),
    ("arena_55k", "response_b", '["Hi."', "wrong_type", "is no JSON list of texts: [\"Hi.\""),
    ("arena_55k", "response_b", '["Hi.",5]', "wrong_type", "is no JSON list of texts"),
    ("arena_55k", "winner_tie", 1, "unknown_label", "not exactly one of the three winners is 1"),
    ("arena_55k", "prompt", MISSING, "missing_field", "'prompt' is missing"),
    ("nectar", "answers", ANSWERS[:5], "wrong_response_count", "holds 5 answers where 'num_responses' says 7"),
    ("nectar", "answers", changed(ANSWERS, 6, {"answer": "Hi"}), "missing_field", "item 7: field 'rank' is missing"),
    ("nectar", "answers", changed(ANSWERS, 3, "rank", "4"), "wrong_type", "item 4: field 'rank' is a string (4)"),
    ("nectar", "answers", changed(ANSWERS, 3, "rank", 8), "value_out_of_range", "outside its dimension's scale"),
    ("nectar", "prompt", MISSING, "missing_field", "'prompt' is missing"),
    ("oasst", "prompt", changed(TREE, "replies", 0, {"message_id": "m"}), "missing_field",
     "'prompt', item 2: field 'role' is missing"),
    ("oasst", "prompt", changed(TREE, "replies", ["No."]), "wrong_type",
     "item 2 of 'prompt' is a string (No.); an object is expected"),
    ("oasst", "prompt", changed(TREE, "replies", "No."), "wrong_type", "item 2 of 'prompt' is a string (No.)"),
    ("oasst", "prompt", changed(TREE, "replies", 0, "text", 5), "wrong_type", "item 2: field 'text' is a number (5)"),
    ("oasst", "prompt", changed(TREE, "role", "bystander"), "unknown_role", "neither 'prompter' nor 'assistant'"),
    ("oasst", "prompt", changed(TREE, "labels", "quality", 0.5), "wrong_type", "a value and a count by name"),
    ("oasst", "prompt", changed(TREE, "labels", {"quality": {"value": "1", "count": 1}}), "wrong_type", "'labels' is"),
    ("oasst", "prompt", changed(TREE, "labels", {"quality": {"value": 2, "count": 1}}), "value_out_of_range", "[0, 1]"),
    ("oasst", "prompt", changed(TREE, "replies", 0, "rank", -1), "value_out_of_range", "outside its dimension's scale"),
    ("oasst", "prompt", "Say hi.", "wrong_type", "item 1 of 'prompt' is a string (Say hi.)"),
    ("oasst", "prompt", MISSING, "missing_field", "'prompt' is missing"),
    ("shp", "human_ref_B", None, "missing_field", "'human_ref_B' is missing or null"),
    ("shp", "labels", "1", "wrong_type", "'labels' is a string (1); a whole number is expected"),
    ("shp", "labels", 2, "unknown_label", "'labels' is 2; allowed are 1, 0"),
    ("shp", "labels", 0, "unknown_label", "names the comment with the lower score"),
    ("shp", "labels", MISSING, "missing_field", "'labels' is missing"),
    ("webgpt", "answer_1", None, "missing_field", "'answer_1' is missing or null"),
    ("webgpt", "question", "How do I say hi?", "missing_field", "'question.full_text' is missing"),
    ("webgpt", "score_1", "-0.5", "wrong_type", "'score_1' is a string (-0.5); a number is expected"),
    ("webgpt", "score_1", 0.5, "value_out_of_range", "do not sum to 0"),
    ("webgpt", "score_0", 1.5, "value_out_of_range", "'score_0' is not in [-1, 1]"),
    ("webgpt", "score_0", MISSING, "missing_field", "'score_0' is missing"),
    ("summarize_from_feedback", "summaries", SUMMARIES[:1], "wrong_response_count", "a pair has 2 responses"),
    ("summarize_from_feedback", "summaries", changed(SUMMARIES, 1, "text", True), "wrong_type",
     "item 2: field 'text' is a boolean (True)"),
    ("summarize_from_feedback", "choice", 2, "unknown_label", "'choice' is 2; allowed are 0, 1"),
    ("summarize_from_feedback", "choice", MISSING, "missing_field", "'choice' is missing"),
    ("summarize_from_feedback", "info", {"id": "t3_1"}, "missing_field", "'info' has no post or article"),
    ("skywork", "rejected", [], "no_message", "'rejected' holds no message"),
    ("skywork", "rejected", [{"role": "assistant", "content": 5}], "wrong_type", "content is 5"),
    ("skywork", "chosen", MISSING, "missing_field", "'chosen' is missing"),
    ("pku_saferlhf", "response_1", None, "missing_field", "'response_1' is missing or null"),
    ("pku_saferlhf", "safer_response_id", True, "wrong_type", "'safer_response_id' is a boolean (True)"),
    ("pku_saferlhf", "safer_response_id", -1, "unknown_label", "'safer_response_id' is -1; allowed are 0, 1"),
    ("pku_saferlhf", "better_response_id", MISSING, "missing_field", "'better_response_id' is missing"),
    ("llmbar", "output_2", None, "missing_field", "'output_2' is missing or null"),
    ("llmbar", "output_2", ["Hi."], "wrong_type", "'output_2' is a list"),
    ("llmbar", "label", 0, "unknown_label", "'label' is 0; allowed are 1, 2"),
    ("llmbar", "label", MISSING, "missing_field", "'label' is missing"),
    ("judgebench", "response_B", None, "missing_field", "'response_B' is missing or null"),
    ("judgebench", "label", "B>", "unknown_label", "'label' is 'B>'; allowed are 'A>B', 'B>A'"),
    ("judgebench", "question", 5, "wrong_type", "'question' is a number (5)"),
    ("judgebench", "label", MISSING, "missing_field", "'label' is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value", "code", "words"), WRONG)
def test_one_wrong_record_is_one_dead_letter(name: str, field: str, value: Any, code: str, words: str) -> None:
    check_wrong(name, field, value, code, words, {})


# Each format's layouts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MINE)
def test_columnar_files_give_the_rows_of_json(name: str, tmp_path: Path) -> None:
    for example in (EXAMPLES[name], *VARIANTS[name]):
        if "replies" in str(example):
            continue  # a tree of any depth has no columns
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        pq.write_table(pa.Table.from_pylist([example, example]), file)
        found, count, rows, dead = ingest(file)
        assert (found, count, dead) == (name, 2, [])
        expected, _ = to_rows(batch := records(example, example), adapter(name).rows(batch, {}), Origin("s", file.name))
        assert rows.drop("metadata", "file", "row_id").equals(expected.drop("metadata", "file", "row_id"))
        for got, wanted in zip(rows["metadata"], expected["metadata"], strict=True):
            assert bare(orjson.loads(got or "{}")) == bare(orjson.loads(wanted or "{}"))


def bare(value: Any) -> Any:
    """A value without nulls and what is empty for it: columns have a null where JSON has nothing."""
    if isinstance(value, list):
        return [part for part in map(bare, value) if part is not None] or None
    if not isinstance(value, dict):
        return value
    return {name: part for name, inner in value.items() if (part := bare(inner)) is not None} or None


#: Texts that become a label, a role, a number or a dimension.
READ = {
    '["Say hi.","Again."]',
    '["Hi.","Hi!"]',
    '["Hi.",null]',
    "text",
    "model_a",
    "both_bad",
    "A>B",
    "B>A",
    "prompter",
    "4",
    "quality",
    "\n\nHuman: Say hi.\n\nAssistant: ",
}


@pytest.mark.parametrize("name", MINE)
def test_no_text_of_a_record_is_lost(name: str) -> None:
    for example in (EXAMPLES[name], *VARIANTS[name]):
        rows, _ = adapt(name, example)
        kept = "\n".join(texts([rows, *(orjson.loads(row["metadata"] or "{}") for row in rows)]))
        for text in set(texts(example)) - READ:
            assert all(part.strip() in kept for part in text.split("<extra_id_1>")[:1]), text


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in texts(part)]


# LLMBar: real data ----------------------------------------------------------------------------------------------------


def test_llmbar(data: Data) -> None:
    name, count, rows, dead = ingest(data("llmbar") / "Dataset" / "LLMBar" / "Natural" / "dataset.json")
    assert (name, count, rows.height, dead) == ("llmbar", 100, 100, [])
    assert values(rows) == {1.0: 42, 0.0: 58}
    lengths = rows.select(
        pl.col("responses").list.eval(pl.element().list.last().struct.field("content").str.len_chars()),
        first=pl.col("judgements").list.first().struct.field("value") == 1,
    ).select(
        a=pl.col("responses").list.get(0).cast(pl.Int64),
        b=pl.col("responses").list.get(1).cast(pl.Int64),
        first="first",
    )
    longer = lengths.filter(pl.col("a") != pl.col("b")).select((pl.col("a") > pl.col("b")) == pl.col("first"))
    assert longer.to_series().mean() == pytest.approx(0.566, abs=0.001)
    name, count, rows, dead = ingest(data("llmbar") / "Dataset" / "Processed" / "*" / "dataset.json")
    assert (name, count, rows.height, dead) == ("llmbar", 466, 466, [])


# What is kept, which side is which, what is a tie ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "field", "wanted"),
    [
        ("arena", "winner", {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5, "both_bad": 0.5}),
        ("llmbar", "label", {1: 1.0, 2: 0.0}),
        ("judgebench", "label", {"A>B": 1.0, "B>A": 0.0, "A=B": 0.5}),
        ("summarize_from_feedback", "choice", {0: 1.0, 1: 0.0}),
    ],
)
def test_labels_are_preferences_for_the_first_response(name: str, field: str, wanted: dict[Any, float]) -> None:
    rows, dead = adapt(name, *(EXAMPLES[name] | {field: label} for label in wanted))
    assert dead == []
    assert [[j["value"] for j in row["judgements"]] for row in rows] == [[value] for value in wanted.values()]


def test_rewardbench_sides_models_and_language() -> None:
    rows, _ = adapt("rewardbench", EXAMPLES["rewardbench"] | {"language": "deu_Latn", "rejected_model": None})
    assert [said(side) for side in rows[0]["responses"]] == [[("assistant", "Hi.")], [("assistant", "No.")]]
    assert votes(rows[0]) == [("overall", None, 1.0)]
    assert (rows[0]["generators"], rows[0]["language"]) == (["gpt-4", None], "deu_Latn")


def test_rewardbench2_ties_and_models() -> None:
    best_of_four = EXAMPLES["rewardbench2"] | {
        "chosen": ["A"], "rejected": ["B", "C", "D"], "num_correct": 1, "num_incorrect": 3, "total_completions": 4,
    }  # fmt: skip
    rows, dead = adapt("rewardbench2", EXAMPLES["rewardbench2"], best_of_four)
    assert dead == []
    assert [[value for *_, value in votes(row)] for row in rows] == [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    assert rows[0]["generators"] == ["m1", "m2", "m3"]
    assert rows[1]["generators"] is None  # three models for four answers
    assert orjson.loads(rows[1]["metadata"])["models"] == ["m1", "m2", "m3"]


def test_ultrafeedback_ratings_reasons_and_what_is_not_rated() -> None:
    rows, dead = adapt("ultrafeedback", EXAMPLES["ultrafeedback"])
    assert dead == []
    row = rows[0]
    assert [(j["response"], j["dimension"], j["value"], j["normalised"]) for j in row["judgements"][:2]] == [
        (0, "overall", 7.5, 6.5 / 9),
        (0, "instruction_following", 4.0, 0.75),
    ]
    # The second answer's aspects are all N/A.
    assert votes(row)[-1] == ("overall", 1, 3.0)
    reasons = {j["dimension"]: j["reason"] for j in row["judgements"] if j["response"] == 0}
    assert reasons["overall"] == "Short and kind."
    assert reasons["helpfulness"] == "It says so.\nMostly right."
    assert {j["rater"] for j in row["judgements"]} == {"gpt-4"}
    assert {(scale["dimension"], scale["maximum"]) for scale in row["scales"]} >= {("overall", 10.0), ("honesty", 5.0)}
    left = orjson.loads(row["metadata"])["completions"]
    assert left[0]["annotations"] == {"truthfulness": {"Type": ["1"]}, "helpfulness": {"Type": ["1"]}}
    assert left[1]["annotations"]["honesty"] == {"Rating": "N/A", "Rationale": "It says so."}
    assert left[1]["custom_system_prompt"] == "Be kind."


def test_ultrafeedback_with_one_answer_is_a_rating() -> None:
    rows, dead = adapt("ultrafeedback", EXAMPLES["ultrafeedback"] | {"completions": COMPLETIONS[:1]})
    assert (dead, rows[0]["kind"], len(rows[0]["judgements"])) == ([], "rating", 5)


def test_binarised_scores_make_strengths_and_ties() -> None:
    pairs = [(8.5, 7.5), (7.0, 7.0), (2.0, 3.0), (None, 3.0)]
    items = [EXAMPLES["ultrafeedback_binarized"] | {"score_chosen": a, "score_rejected": b} for a, b in pairs]
    rows, dead = adapt("ultrafeedback_binarized", *items)
    assert dead == []
    got = [(j["value"], j["strength"]) for row in rows for j in row["judgements"]]
    assert got == [(1.0, 1.0), (0.5, 0.0), (0.0, 1.0), (1.0, None)]
    assert said(rows[0]["prompt"]) == [("user", "Say hi.")]
    assert said(rows[0]["responses"][0]) == [("assistant", "Hi.")]
    made = [adapt("ultrafeedback_binarized", item)[0][0] for item in VARIANTS["ultrafeedback_binarized"]]
    assert [row["generators"] for row in made] == [["m1", "m2"], ["m1", None]]
    assert [row["judgements"][0]["strength"] for row in made] == [2.5, 2.5]


def test_helpsteer_turns_and_annotators() -> None:
    one, each = adapt("helpsteer", EXAMPLES["helpsteer"], *VARIANTS["helpsteer"])[0]
    assert said(one["prompt"]) == [("user", "Hi."), ("assistant", "Hello."), ("user", "Say hi.")]
    assert [(j["dimension"], j["normalised"]) for j in one["judgements"]][::4] == [
        ("helpfulness", 0.75),
        ("verbosity", 0.25),
    ]
    assert Counter(j["dimension"] for j in each["judgements"]) == dict.fromkeys(
        Counter(s["dimension"] for s in each["scales"]), 3
    )
    assert [j["value"] for j in each["judgements"] if j["dimension"] == "helpfulness"] == [3.0, 3.0, 2.0]
    assert {j["rater"] for j in each["judgements"]} == {None}
    rows, dead = adapt(
        "helpsteer", EXAMPLES["helpsteer"] | {"verbosity": None, "coherence": [1, 2], "prompt": "x\x1ey"}
    )
    assert dead == []
    assert len(rows[0]["judgements"]) == 5
    assert said(rows[0]["prompt"]) == [("user", "x\x1ey")]


@pytest.mark.parametrize(("strength", "value"), [(-3, 1.0), (-1, 1.0), (0, 0.5), (2, 0.0)])
def test_helpsteer_strengths(strength: int, value: float) -> None:
    two = EXAMPLES["helpsteer_preference"] | {"three_most_similar_preferences": [THREE[0] | {"strength": strength}]}
    three = VARIANTS["helpsteer_preference"][0] | {"individual_preference": [{"score": strength, "reasoning": "Why."}]}
    concluded = VARIANTS["helpsteer_preference"][0] | {"individual_preference": [], "overall_preference": strength}
    for item, reason in ((two, "@Response 2 is better. It is kind."), (three, "Why."), (concluded, None)):
        rows, dead = adapt("helpsteer_preference", item)
        assert dead == []
        assert [(j["value"], j["strength"], j["reason"]) for j in rows[0]["judgements"]] == [
            (value, abs(strength), reason)
        ]


def test_helpsteer3_language_is_one_that_people_speak() -> None:
    code = VARIANTS["helpsteer_preference"][0] | {"domain": "code", "language": "python", "overall_preference": None}
    rows, dead = adapt("helpsteer_preference", VARIANTS["helpsteer_preference"][0], code)
    assert dead == []
    assert [row["language"] for row in rows] == ["english", None]
    assert '"language":"python"' in rows[1]["metadata"]


def test_nectar_ranks_repeat_and_turns_survive() -> None:
    item = EXAMPLES["nectar"] | {"prompt": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: "}
    rows, dead = adapt("nectar", item)
    assert dead == []
    assert said(rows[0]["prompt"]) == [("user", "a"), ("assistant", "b"), ("user", "c")]
    assert [value for *_, value in votes(rows[0])] == [1, 2, 2, 4, 5, 6, 7]
    best = [j["normalised"] for j in rows[0]["judgements"]]
    assert (best[0], best[1] == best[2], best[6]) == (1.0, True, 0.0)
    assert best == sorted(best, reverse=True)
    assert [(s["minimum"], s["maximum"], s["higher_is_better"]) for s in rows[0]["scales"]] == [(1.0, 7.0, False)]


def test_shp_label_strength_and_ages() -> None:
    other = EXAMPLES["shp"] | {"labels": 0, "score_A": 3, "score_B": 12, "score_ratio": 4.0}
    rows, dead = adapt("shp", EXAMPLES["shp"], other)
    assert dead == []
    assert [(j["value"], j["strength"]) for row in rows for j in row["judgements"]] == [(1.0, 2.0482), (0.0, 4.0)]
    kept = orjson.loads(rows[1]["metadata"])
    assert (kept["score_A"], kept["created_at_utc_B"], kept["seconds_difference"]) == (3, 1636822110, 2.0)


@pytest.mark.parametrize(("score", "value"), [(0.75, 1.0), (0.0, 0.5), (-1, 0.0)])
def test_webgpt_scores(score: float, value: float) -> None:
    rows, dead = adapt("webgpt", EXAMPLES["webgpt"] | {"score_0": score, "score_1": -score})
    assert dead == []
    assert [(j["value"], j["strength"]) for j in rows[0]["judgements"]] == [(value, abs(score))]
    assert said(rows[0]["prompt"]) == [("user", "How do I say hi?")]
    assert orjson.loads(rows[0]["metadata"])["question"] == {"dataset": "eli5", "id": "q1"}


def test_summaries_workers_and_axes() -> None:
    pair, rating = (
        adapt("summarize_from_feedback", item)[0][0]
        for item in (EXAMPLES["summarize_from_feedback"], *VARIANTS["summarize_from_feedback"])
    )
    assert [(j["rater"], j["value"]) for j in pair["judgements"]] == [("w1", 0.0)]
    assert pair["prompt"][0]["content"] == "SUBREDDIT: r/advice\n\nTITLE: Greetings\n\nPOST: I met someone.\n\nTL;DR:"
    assert orjson.loads(pair["metadata"])["extra"] == {"confidence": 8}
    assert [(j["rater"], j["dimension"], j["normalised"]) for j in rating["judgements"]][::3] == [
        ("w2", "overall", 2 / 6),
        ("w2", "coherence", 1.0),
    ]
    assert rating["generators"] == ["ref"]
    axes = changed(VARIANTS["summarize_from_feedback"][0], "summary", "axes", "accuracy", 8)
    _, dead = adapt("summarize_from_feedback", axes)
    assert [(letter.code, letter.message) for letter in dead] == [("value_out_of_range", "'accuracy' is not in [1, 7]")]


def test_pku_has_two_dimensions_or_one() -> None:
    rows, _ = adapt("pku_saferlhf", EXAMPLES["pku_saferlhf"])
    assert votes(rows[0]) == [("helpfulness", None, 1.0), ("harmlessness", None, 0.0)]
    assert orjson.loads(rows[0]["metadata"])["response_0_harm_category"]["Violence"] is True
    single, _ = adapt("pku_saferlhf", *VARIANTS["pku_saferlhf"])
    assert votes(single[0]) == [("overall", None, 0.0)]
    assert single[0]["generators"] is None


def test_judgebench_has_one_model() -> None:
    rows, _ = adapt("judgebench", EXAMPLES["judgebench"] | {"original_id": 1420})
    assert rows[0]["generators"] == ["gpt-4o-2024-05-13"] * 2
    assert orjson.loads(rows[0]["metadata"])["original_id"] == 1420
