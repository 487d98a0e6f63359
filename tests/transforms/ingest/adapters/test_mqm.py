"""MQM: lines of errors that make a segment's score, as published."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import polars as pl
import pytest

from tests.transforms.ingest.adapters.support import (
    EXAMPLES,
    Data,
    Raw,
    adapt,
    ingest,
    said,
)
from transforms.ingest.adapters import adapter

#: google/wmt-mqm-human-evaluation, README: TED talks. The table cuts digits off in places, so it holds to 0.01.
TED = {
    "ende": {
        "ref": 0.91, "Facebook-AI": 1.06, "Online-W": 1.12, "VolcTrans-AT": 1.24, "metricsystem3": 1.44,
        "VolcTrans-GLAT": 1.49, "HuaweiTSC": 1.50, "metricsystem1": 1.63, "metricsystem2": 1.69, "metricsystem5": 1.72,
        "UEdin": 1.77, "metricsystem4": 1.78, "eTranslation": 1.96, "Nemo": 2.14,
    },
    "zhen": {
        "refB": 0.42, "DIDI-NLP": 1.65, "metricsystem2": 1.76, "metricsystem1": 1.90, "MiSS": 1.97, "IIE-MT": 1.98,
        "metricsystem4": 2.05, "metricsystem5": 2.15, "SMU": 2.202, "Borderline": 2.40, "NiuTrans": 2.49,
        "Facebook-AI": 2.64, "Online-W": 2.93, "metricsystem3": 2.99, "ref": 5.52,
    },
}  # fmt: skip


@pytest.mark.parametrize(("pair", "lines", "segments"), [("ende", 8435, 7406), ("zhen", 9915, 7935)])
def test_mqm_gives_the_published_table(data: Data, pair: str, lines: int, segments: int) -> None:
    name, count, rows, dead = ingest(data("wmt_mqm") / "ted" / pair / f"mqm_ted_{pair}.tsv")
    assert (name, count, rows.height, dead) == ("mqm", lines, segments, [])
    found = rows.select(
        system=pl.col("generators").list.first(),
        score=pl.col("judgements").list.eval(pl.element().struct.field("value")).list.mean(),
    )
    means = dict(found.group_by("system").agg(pl.col("score").mean()).iter_rows())
    assert means == pytest.approx(TED[pair], abs=0.0101)
    assert set(found.group_by("system").len()["len"]) == {529}
    texts = rows["responses"].list.eval(pl.element().list.first().struct.field("content")).list.first()
    assert not texts.str.contains("<v>", literal=True).any()


def test_mqm_scores_are_the_published_ones_segment_by_segment(data: Data) -> None:
    folder = data("wmt_mqm") / "ted" / "ende"
    _, _, rows, _ = ingest(folder / "mqm_ted_ende.tsv")
    made = rows.select(
        system=pl.col("generators").list.first(),
        segment=pl.col("metadata").str.json_path_match("$.seg_id").cast(pl.Int64),
        score=-pl.col("judgements").list.eval(pl.element().struct.field("value")).list.mean(),
    )
    published = pl.DataFrame(
        [
            line.replace("\t", " ").split()
            for line in (folder / "mqm_ted_ende.avg_seg_scores.tsv").read_text().splitlines()[1:]
        ],
        schema=["system", "published", "segment"],
        orient="row",
    ).with_columns(pl.col("published").cast(pl.Float64, strict=False), pl.col("segment").cast(pl.Int64))
    both = made.join(published.drop_nulls(), on=["system", "segment"])
    assert both.height >= 6800  # the file has no scores of some references
    assert (both["score"] - both["published"]).abs().max() < 1e-5


def test_mqm_lines_of_several_raters(data: Data) -> None:
    file = data("wmt_mqm") / "newstest2020" / "ende" / "mqm_newstest2020_ende.source-errors.tsv"
    name, count, rows, dead = ingest(file)
    assert (name, count, rows.height, dead) == ("mqm", 872, 722, [])
    assert Counter(rows["judgements"].list.len().to_list()) == {1: 613, 2: 99, 3: 10}
    assert rows["line"].is_unique().all()


def line(segment: int, rater: str, category: str, severity: str, target: str = "Hallo da.", **more: Any) -> Raw:
    unit = {"seg_id": str(segment), "rater": rater, "category": category, "severity": severity, "target": target}
    return EXAMPLES["mqm"] | unit | more


def test_mqm_sums_weights_by_rater() -> None:
    rows, dead = adapt(
        "mqm",
        line(1, "r1", "Fluency/Punctuation", "Minor", "Hallo<v> </v>da."),
        line(2, "r1", "No-error", "No-error"),
        line(1, "r2", "Non-translation!", "Major"),
        line(1, "r1", "Accuracy/Addition", "Major", "Hallo <v>da</v>.", comment="Not in the source."),
        line(1, "r1", "Style/Awkward", "Neutral"),
        line(1, "r2", "Accuracy/Mistranslation", "minor"),
    )
    assert dead == []
    assert [row["line"] for row in rows] == [1, 2]
    assert [(j["rater"], j["value"], j["normalised"]) for j in rows[0]["judgements"]] == [
        ("r1", 5.1, pytest.approx(1 - 5.1 / 25)),
        ("r2", 26.0, 0.0),
    ]
    assert [(s["dimension"], s["minimum"], s["maximum"], s["higher_is_better"]) for s in rows[0]["scales"]] == [
        ("mqm", 0.0, 26.0, False)
    ]
    errors = json.loads(rows[0]["judgements"][0]["reason"])
    assert [(error["severity"], error["mark"]) for error in errors] == [
        ("Minor", {"in": "target", "start": 5, "end": 6, "text": " "}),
        ("Major", {"in": "target", "start": 6, "end": 8, "text": "da"}),
    ]
    assert errors[1]["note"] == "Not in the source."
    assert said(rows[0]["responses"][0]) == [("assistant", "Hallo da.")]
    assert said(rows[0]["prompt"]) == [("user", "Hello.")]
    assert rows[0]["generators"] == ["online"]
    assert json.loads(rows[0]["metadata"]) == {"doc": "talk.1", "doc_id": "1", "seg_id": "1"}
    assert rows[1]["judgements"][0]["value"] == 0.0
    assert rows[1]["judgements"][0]["reason"] is None


def test_mqm_weights_can_be_told() -> None:
    lines = [line(1, "r1", "Source error", "Major"), line(2, "r1", "Locale convention/Name_format", "Minor")]
    weights = {"major/source error": 0, "Minor/Locale convention": 2.5}
    assert [row["judgements"][0]["value"] for row in adapt("mqm", *lines)[0]] == [5.0, 1.0]
    assert [row["judgements"][0]["value"] for row in adapt("mqm", *lines, weights=weights)[0]] == [0.0, 2.5]
    rows, dead = adapt("mqm", line(1, "r1", "Other", "Severe"), weights={"severe": 9})
    assert (rows[0]["judgements"][0]["value"], dead) == (9.0, [])


def test_mqm_one_bad_line_costs_its_segment() -> None:
    good, bad = line(1, "r1", "Style/Awkward", "Minor"), line(1, "r2", "Style/Awkward", "Terrible")
    rows, dead = adapt("mqm", good, line(2, "r1", "Style/Awkward", "Minor"), bad)
    assert [row["line"] for row in rows] == [2]
    assert [(letter.line, letter.code) for letter in dead] == [(1, "incomplete_unit"), (3, "unknown_label")]
    assert "record 3, which belongs to the same unit, cannot be used" in dead[0].message


def test_mqm_texts_that_were_marked_twice() -> None:
    targets = ("Es Es gibt <v>Planeten</v>.", "<v>Es</v> gibt Planeten.", "Es gibt <v>Planeten</v>.")
    lines = [line(1, f"r{i}", "Style/Awkward", "Minor", target) for i, target in enumerate(targets)]
    rows, _ = adapt("mqm", *lines)
    assert len(rows) == 1
    assert said(rows[0]["responses"][0]) == [("assistant", "Es gibt Planeten.")]


def test_mqm_keeps_what_later_years_have() -> None:
    marot, google = adapter("mqm").variants
    rows, _ = adapt("mqm", marot | {"category": "Style", "severity": "Minor", "source": "<v>Hello</v>."})
    judgement = rows[0]["judgements"][0]
    assert judgement["timestamp"] == "1"
    error = json.loads(judgement["reason"])[0]
    assert (error["note"], error["mark"]["in"]) == ('{"timestamp": 1}', "source")
    rows, _ = adapt("mqm", google)
    assert (rows[0]["references"], rows[0]["language"], rows[0]["judgements"][0]["value"]) == (["你好。"], "zh", 0.1)
    assert json.loads(rows[0]["metadata"])["source_lang"] == "en"
    # Lines without a rater only carry metadata.
    rows, dead = adapt(
        "mqm", {key: value for key, value in marot.items() if key not in ("rater", "category", "severity")}
    )
    assert (len(rows), rows[0]["judgements"], dead) == (1, [], [])
