"""What each shape says of a row, and what it leaves out."""

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from pandas._libs.parsers import STR_NA_VALUES

from schemas.arrow import ROW_SCHEMA
from schemas.config import SHAPES as NAMES
from transforms.parquet import plain
from transforms.publish.shapes import OPTIONAL_FIELDS, SHAPES, Facts, published_in, resolve, shape

EVERYTHING = Facts(message_fields=tuple(sorted(OPTIONAL_FIELDS)), tools=True, margins=True)
SCALE = {"dimension": "quality", "minimum": 1.0, "maximum": 5.0, "higher_is_better": True}


def turn(content: str | None, role: str = "assistant", **other: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | other


def judged(value: float, **other: Any) -> dict[str, Any]:
    return {"dimension": "overall", "value": value, "count": 1} | other


def rows(*given: dict[str, Any], **columns: Any) -> pl.DataFrame:
    """Kept rows as `publish` hands them to a shape."""
    base = {"source": "s", "file": "f", "line": 1, "prompt": [turn("Why?", "user")], "judgements": []}
    whole = [base | {"row_id": str(i), "content_id": f"c{i}"} | row for i, row in enumerate(given)]
    known = [{name: value for name, value in row.items() if name in ROW_SCHEMA} for row in whole]
    decided = [[row.get(name) for row in given] for name in ("soft_label", "margin")]
    return (
        pl.DataFrame(known, schema=ROW_SCHEMA)
        .rename({"content_id": "id"})
        .with_columns(
            pl.Series("soft_label", decided[0], dtype=pl.Float64),
            pl.Series("margin", decided[1], dtype=pl.Float64),
            weight=pl.lit(1.0),
        )
    )


def pair(soft_label: float, **other: Any) -> dict[str, Any]:
    return {"kind": "pair", "responses": [[turn("first")], [turn("second")]], "soft_label": soft_label} | other


def rating(*judgements: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"kind": "rating", "responses": [[turn("said")]], "judgements": list(judgements)} | other


def build(name: str, *given: dict[str, Any], facts: Facts | None = None) -> list[dict[str, Any]]:
    return shape(name).build(rows(*given), facts or Facts()).to_dicts()


def said(dialogue: list[dict[str, Any]]) -> list[str]:
    return [message["content"] for message in dialogue]


# --- pairs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("soft_label", "winner"), [(1.0, "first"), (0.51, "first"), (0.49, "second"), (0.0, "second")])
@pytest.mark.parametrize("name", ["preference", "preference_full", "preference_soft"])
def test_chosen_is_the_side_that_the_label_prefers(name: str, soft_label: float, winner: str) -> None:
    (row,) = build(name, pair(soft_label))
    loser = {"first": "second", "second": "first"}[winner]
    assert (said(row["chosen"])[-1], said(row["rejected"])[-1]) == (winner, loser)


def test_prompt_is_apart_in_preference_and_on_both_sides_in_preference_full() -> None:
    prompt = [turn("Be brief.", "system"), turn("Hi", "user"), turn("Hello"), turn("Why?", "user")]
    responses = [[turn("Because."), turn("Oh?", "user"), turn("Yes.")], [turn("No.")]]
    given = pair(1.0, prompt=prompt, responses=responses)
    (apart,), (full,) = build("preference", given), build("preference_full", given)
    assert apart["prompt"] == prompt
    assert apart["chosen"] == responses[0]
    assert full["chosen"] == prompt + responses[0]
    assert full["rejected"] == prompt + responses[1]
    assert "prompt" not in full


def test_full_conversations_of_many_rows_do_not_mix() -> None:
    given = [pair(i % 2, prompt=[turn(f"p{i}{k}", "user") for k in range(i % 3)]) for i in range(7)]
    for i, row in enumerate(build("preference_full", *given)):
        assert said(row["chosen"]) == [f"p{i}{k}" for k in range(i % 3)] + [("second", "first")[i % 2]]


@pytest.mark.parametrize(("soft_label", "expected"), [(0.2, 0.8), (0.8, 0.8), (0.5, 0.5), (1 / 3, 0.66667)])
def test_published_soft_labels_are_a_half_or_more(soft_label: float, expected: float) -> None:
    (row,) = build("preference_soft", pair(soft_label, margin=2.0), facts=Facts(margins=True))
    assert (row["soft_label"], row["margin"], row["weight"]) == (expected, 2.0, 1.0)


def test_a_tie_keeps_its_order() -> None:
    (row,) = build("preference_soft", pair(0.5))
    assert (said(row["chosen"]), said(row["rejected"])) == (["first"], ["second"])


def test_margin_is_on_every_row_or_not_there() -> None:
    assert "margin" not in build("preference_soft", pair(1.0, margin=1.0))[0]
    assert "margin" not in build("preference", pair(1.0, margin=1.0), facts=Facts(margins=True))[0]


def test_kto_has_the_winner_then_the_loser_of_each_pair() -> None:
    lines = build("kto", pair(0.0), pair(1.0))
    assert [(line["id"], said(line["completion"]), line["label"]) for line in lines] == [
        ("c0", ["second"], True),
        ("c0", ["first"], False),
        ("c1", ["first"], True),
        ("c1", ["second"], False),
    ]


def test_tool_calls_take_the_layout_of_chat_templates() -> None:
    call = {"id": "1", "name": "weather", "arguments": '{"city": "Köln"}'}
    asks = [turn(None, tool_calls=[call]), turn("9 °C", "tool", tool_call_id="1"), turn("Cold.")]
    given = pair(1.0, responses=[asks, [turn("No idea.")]], tools="[]")
    (row,) = build("preference", given, facts=Facts(message_fields=("tool_call_id", "tool_calls"), tools=True))
    function = {"name": "weather", "arguments": '{"city": "Köln"}'}
    assert row["chosen"][0] == {
        "role": "assistant",
        "content": "",
        "tool_call_id": None,
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }
    assert row["chosen"][1]["tool_call_id"] == "1"
    assert row["rejected"] == [turn("No idea.", tool_call_id=None, tool_calls=None)]
    assert row["tools"] == "[]"


# --- rankings, ratings, steps --------------------------------------------------------------------------------------


def test_ranking_scores_are_higher_for_the_better_in_the_order_of_responses() -> None:
    ranks = [judged(rank, normalised=(3 - rank) / 2, response=i) for i, rank in [(2, 1), (0, 3), (1, 2)]]
    given = {"kind": "ranking", "responses": [[turn(text)] for text in "cba"], "judgements": ranks}
    (row,) = build("listwise", given)
    assert [said(response) for response in row["responses"]] == [["c"], ["b"], ["a"]]
    assert row["scores"] == [0.0, 0.5, 1.0]


def test_a_response_that_nobody_ranked_has_no_score() -> None:
    ranks = [judged(1, normalised=1.0, response=1), judged(2, response=0)]
    given = {"kind": "ranking", "responses": [[turn(text)] for text in "abc"], "judgements": ranks}
    assert build("listwise", given)[0]["scores"] == [None, 1.0, None]


def test_a_rating_is_the_mean_over_raters_with_its_scale() -> None:
    values = [judged(5, dimension="quality", normalised=1.0, count=3), judged(1, dimension="quality", normalised=0.0)]
    (row,) = build("ratings", rating(*values, scales=[SCALE], references=["r1", "r2"]))
    assert (row["score"], row["normalised"], row["raters"]) == (4.0, 0.75, 4)
    assert (row["minimum"], row["maximum"], row["higher_is_better"]) == (1.0, 5.0, True)
    assert (row["dimension"], row["references"], said(row["response"])) == ("quality", ["r1", "r2"], ["said"])


def test_ratings_have_a_line_for_each_dimension() -> None:
    given = rating(judged(5, dimension="b"), judged(1, dimension="a", response=0), judged(3, dimension="a"))
    lines = build("ratings", given, given)
    assert [(line["id"], line["dimension"], line["score"]) for line in lines] == [
        ("c0", "a", 2.0),
        ("c0", "b", 5.0),
        ("c1", "a", 2.0),
        ("c1", "b", 5.0),
    ]


def test_a_value_that_is_on_no_scale_is_not_normalised_to_zero() -> None:
    (row,) = build("ratings", rating(judged(7)))
    assert (row["score"], row["normalised"], row["minimum"]) == (7.0, None, None)
    (row,) = build("ratings", rating(judged(7, count=3), judged(4, normalised=0.8)))
    assert row["normalised"] == 0.8


def test_metric_shapes_leave_out_rows_without_a_score() -> None:
    given = [rating(judged(7)), rating(judged(4, normalised=0.8))]
    assert [row["id"] for row in build("comet", *given)] == ["c1"]
    assert [row["id"] for row in build("metricx", *given)] == ["c1"]


@pytest.mark.parametrize(("normalised", "label"), [(1.0, 0.0), (0.0, 25.0), (0.8, 5.0)])
def test_metricx_labels_are_worse_when_higher(normalised: float, label: float) -> None:
    (row,) = build("metricx", rating(judged(1, normalised=normalised), references=["ref"]))
    expected = {"id": "c0", "source": "Why?", "hypothesis": "said", "reference": "ref", "label": label}
    assert row == expected


def test_comet_has_the_last_turn_as_source_and_empty_texts_for_what_is_missing() -> None:
    prompt = [turn("Translate.", "system"), turn("Warum?", "user")]
    score = judged(1, normalised=0.25)
    whole, bare = build("comet", rating(score, prompt=prompt, references=["Why?"]), rating(score, prompt=[]))
    assert whole == {"id": "c0", "source": "s", "src": "Warum?", "mt": "said", "ref": "Why?", "score": 0.25}
    assert (bare["src"], bare["ref"]) == ("", "")


def test_comet_reads_no_text_as_missing(tmp_path: Path) -> None:
    said = [*sorted(STR_NA_VALUES - {""}), "nothing", "NA and more"]
    score = judged(1, normalised=0.5)
    built = build("comet", *(rating(score, responses=[[turn(text)]], references=[text]) for text in said))
    pd.DataFrame(built).to_csv(tmp_path / "train.csv", index=False)
    read = pd.read_csv(tmp_path / "train.csv")
    for name in ("mt", "ref"):
        assert read[name].to_list() == [f"{text} " for text in said[:-2]] + said[-2:]


def test_a_dimension_asked_for_is_the_only_one_in_single_scores() -> None:
    given = rating(judged(1, dimension="a", normalised=0.2), judged(1, dimension="b", normalised=0.6))
    assert build("comet", given)[0]["score"] == 0.4
    assert build("comet", given, facts=Facts(dimension="b"))[0]["score"] == 0.6


def stepwise(steps: int, *judgements: tuple[int, float]) -> dict[str, Any]:
    values = [judged(value, step=step) for step, value in judgements]
    texts = [f"s{i}" for i in range(steps)]
    return {"kind": "stepwise", "responses": [[turn(" ".join(texts))]], "steps": texts, "judgements": values}


def test_steps_after_the_last_judged_one_are_left_out() -> None:
    first, second = build("stepwise", stepwise(4, (2, 0.0), (0, 1.0), (1, 1.0)), stepwise(2, (0, 1.0), (1, 1.0)))
    assert (first["prompt"], first["completions"], first["labels"]) == ("Why?", ["s0", "s1", "s2"], [True, True, False])
    assert (second["completions"], second["labels"]) == (["s0", "s1"], [True, True])


def test_a_step_is_right_when_most_raters_say_so() -> None:
    (row,) = build("stepwise", stepwise(1, (0, 1.0), (0, 0.0), (0, 0.0)))
    assert row["labels"] == [False]
    signed = [judged(value, step=i, normalised=(value + 1) / 2) for i, value in enumerate([1.0, 0.0, -1.0])]
    (row,) = build("stepwise", stepwise(3) | {"judgements": signed})
    assert row["labels"] == [True, False, False]


# --- all shapes ----------------------------------------------------------------------------------------------------


def example(kind: str, *, rich: bool) -> dict[str, Any]:
    """A row of a kind: with everything that a row can have, or with as little as it can."""
    extra = {"name": "n", "tool_calls": [{"name": "f", "arguments": "{}"}], "reasoning": "r", "images": [{"uri": "u"}]}
    message = turn("x", **(extra if rich else {}))
    count = {"pair": 2, "ranking": 2}.get(kind, 1)
    step = {"step": 0} if kind == "stepwise" else {}
    given = {"kind": kind, "responses": [[message]] * count, "soft_label": 1.0, "margin": 1.0 if rich else None} | {
        "judgements": [
            judged(1.0, normalised=1.0 if rich else 0.5, response=i if count > 1 else None, **step)
            for i in range(count)
        ]
    }
    if kind == "stepwise":
        given["steps"] = ["x"]
    return given | ({"tools": "[]", "references": ["r"], "scales": [SCALE]} if rich else {"prompt": []})


@pytest.mark.parametrize("known", SHAPES, ids=lambda known: known.name)
@pytest.mark.parametrize("facts", [Facts(), EVERYTHING], ids=["plain", "everything"])
def test_the_schema_is_the_same_whatever_the_rows_and_every_column_has_its_line(known: Any, facts: Facts) -> None:
    tables = [
        plain(known.build(rows(*[example(known.kinds[0], rich=rich)] * times), facts))
        for rich, times in [(True, 2), (False, 3), (True, 0)]
    ]
    assert [table.num_rows for table in tables[:2]] == ([4, 6] if known.name == "kto" else [2, 3])
    assert tables[0].schema == tables[1].schema == tables[2].schema
    assert "large" not in str(tables[0].schema)
    assert set(tables[0].schema.names) <= set(known.columns)


@pytest.mark.parametrize("known", SHAPES, ids=lambda known: known.name)
def test_lists_of_turns_keep_their_lengths_where_no_turn_calls_a_tool(known: Any) -> None:
    facts = Facts(message_fields=("tool_calls",))
    row = known.build(rows(example(known.kinds[0], rich=False)), facts).to_dicts()[0]
    for column in ("chosen", "completion", "response"):
        if isinstance(row.get(column), list):
            assert row[column] == [turn("x", tool_calls=None)]


def test_names_are_those_of_the_configuration() -> None:
    assert tuple(known.name for known in SHAPES) == NAMES


def test_a_tie_is_absent_where_it_cannot_be_said() -> None:
    names = ["preference", "preference_full", "preference_soft", "kto", "ratings"]
    frame = pl.DataFrame(
        {
            "kind": ["pair", "pair", "pair", "rating"],
            "action": ["keep", "soften", "drop", "keep"],
            "label": [1, None, None, None],
            "judged": [True] * 4,
        },
        schema_overrides={"label": pl.Int64},
    )
    assert frame.select(published_in(frame, names)).to_series().to_list() == [
        ["preference", "preference_full", "preference_soft", "kto"],
        ["preference_soft"],
        [],
        ["ratings"],
    ]


def test_configurations_follow_the_kinds_unless_they_are_named() -> None:
    assert resolve("auto", ["ranking", "pair"]) == ["preference", "preference_soft", "listwise"]
    assert resolve(["kto"], ["rating"]) == ["kto"]
