"""Ratings and rankings of translations, summaries, arguments: on real files with counted facts, and on wrong ones."""

from __future__ import annotations

import json
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.transforms.ingest.adapters.support import (
    EXAMPLES,
    MISSING,
    Data,
    Wrong,
    adapt,
    check_wrong,
    ingest,
    named_systems,
    said,
)
from transforms.identity.keys import identify
from transforms.ingest.adapters import adapter
from transforms.ingest.adapters.companions import system_name

# Real data ------------------------------------------------------------------------------------------------------------


def test_wmt12(data: Data) -> None:
    folder = data("wmt12_raw")
    file = folder / "wmt_data" / "wmt12-manual-evaluation" / "wmt12.RNK_results.csv"
    name, count, rows, dead = ingest(file, options={"texts": [str(folder / "training_wmt12" / "cs-en.ref.sgm")]})
    assert (name, count, rows.height, dead) == ("wmt_ranking", 12_339, 12_339, [])
    ranks = (
        rows.with_row_index()
        .select("index", "judgements")
        .explode("judgements", empty_as_null=False)
        .unnest("judgements")
    )
    pairs = ranks.join(ranks, on="index").filter(pl.col("response") < pl.col("response_right"))
    assert (pairs["value"] == pairs["value_right"]).mean() == pytest.approx(0.173, abs=0.0005)
    assert (rows["judgements"].list.len() == 0).sum() == 26  # left blank altogether
    assert (rows["judgements"].list.len() < 5).sum() == 241
    assert Counter(rows["language"].to_list())["en"] == 1294 + 1395 + 1427 + 1141
    assert ranks["rater"].n_unique() > 100
    czech = rows.filter(pl.col("prompt").list.first().struct.field("name") == "cs-en:1018")
    reference = (folder / "training_wmt12" / "cs-en.ref.sgm").read_text().splitlines()[1 + 1018]
    assert reference.startswith('<seg id="1018"> ')
    found = set(czech["references"].list.first())
    assert found == {unescape(reference.removeprefix('<seg id="1018"> ').removesuffix(" </seg>"))}


def test_wmt12_finds_texts_by_the_systems_names(data: Data, tmp_path: Path) -> None:
    folder = data("wmt12_raw")
    named_systems(folder, tmp_path)
    file = folder / "wmt_data" / "wmt12-manual-evaluation" / "wmt12.RNK_results.csv"
    _, _, rows, dead = ingest(file, options={"texts": sorted(map(str, tmp_path.glob("*.sgm")))})
    assert dead == []
    empty = rows["responses"].list.eval(pl.element().list.first().struct.field("content").is_null()).list.any()
    english = rows["language"] == "en"
    assert (english & ~empty).sum() == english.sum() == 5257
    assert empty.sum() == 12_339 - 5257
    # The pairs of the .rank files were made of the rankings: who is the better there is so here.
    first = rows.filter(pl.col("line") == 2).to_dicts()[0]
    lines = (folder / "training_wmt12" / "cs-en.rank").read_text().splitlines()[:4]
    assert {tuple(line.split("\t")[2::2]) for line in lines} == {
        ("sys1", "sys2"),
        ("sys4", "sys2"),
        ("sys5", "sys2"),
        ("sys6", "sys2"),
    }
    best = {j["response"] for j in first["judgements"] if j["normalised"] == 1.0}
    assert {first["generators"][place] for place in best} == {"cu-bojar", "onlineB", "uedin-wmt12", "uk-dan-moses"}


@pytest.mark.slow
def test_wmt13(data: Data) -> None:
    folder = data("wmt13_pairs") / "training_wmt13"
    texts = sorted(map(str, folder.glob("*.sgm")))
    columns = ["segment", "pair", "winner", "pair_2", "loser"]
    name, count, rows, dead = ingest(folder / "*.rank", format="tsv", columns=columns, options={"texts": texts})
    assert (name, count, rows.height, dead) == ("wmt_ranking", 362_710, 362_710, [])
    sides = rows["responses"].list.eval(pl.element().list.first().struct.field("content"))
    assert sides.list.eval(pl.element().is_null()).list.any().sum() == 0
    assert (sides.list.first() == sides.list.last()).sum() == 8144
    length = sides.list.eval(pl.element().str.len_chars())
    pair = rows["prompt"].list.first().struct.field("name").str.slice(0, 5)
    lengths = pl.DataFrame({"pair": pair, "winner": length.list.first(), "loser": length.list.last()})
    unequal = lengths.filter(pl.col("winner") != pl.col("loser"))
    longer = unequal.group_by("pair").agg(share=(pl.col("winner") > pl.col("loser")).mean())
    shares = {"cs-en": 0.515, "de-en": 0.532, "es-en": 0.577, "fr-en": 0.523}
    assert dict(longer.iter_rows()) == pytest.approx(shares, abs=0.001)
    pairs = rows.select(
        segment=pl.col("prompt").list.first().struct.field("name"),
        pair=pl.col("generators").list.sort().list.join(" "),
        first=pl.col("generators").list.first() == pl.col("generators").list.sort().list.first(),
    )
    repeated = (
        pairs.group_by("segment", "pair").agg(n=pl.len(), both=pl.col("first").n_unique() == 2).filter(pl.col("n") > 1)
    )
    assert (pairs.height - pairs.n_unique(["segment", "pair"])) / pairs.height == pytest.approx(0.413, abs=0.001)
    assert repeated.height == 14_211 + 18_770 + 11_862 + 13_923
    assert repeated["both"].sum() == 5854 + 6543 + 4495 + 5588  # 35 to 41 % of each language's


def test_ukp(data: Data) -> None:
    name, count, rows, dead = ingest(data("ukp_convarg1") / "data" / "UKPConvArg1-full-XML" / "*.xml")
    assert (name, count, rows.height, dead) == ("ukp_convarg", 13_339, 13_339, [])
    votes = rows["judgements"].explode(empty_as_null=False, keep_nulls=False)
    assert len(votes) == 66_556
    assert votes.struct.field("rater").n_unique() == 3792
    assert votes.struct.field("reason").null_count() == 0
    assert votes.struct.field("timestamp").str.contains(r"^201[56]-\d\d-\d\d ").all()
    assert Counter(votes.struct.field("value").to_list()) == {1.0: 25_697, 0.0: 25_431, 0.5: 15_428}
    gold = rows["metadata"].str.json_path_match("$.goldLabel")
    assert Counter(gold.to_list()) == {"a1": 4971, "a2": 4959, "equal": 2716, None: 693}
    assert not rows["metadata"].str.contains("turkID|A365TVEXXLHT2U").any()
    assert (
        rows["metadata"].str.json_path_match("$.mTurkAssignments.mTurkAssignment[0].turkCompetence").null_count() == 0
    )
    # Copies within a topic, and whether their gold label says the same of the same side.
    ids = identify(rows).with_columns(gold=gold)
    first = pl.col("response_ids").list.first() <= pl.col("response_ids").list.last()
    turned = pl.when(first).then("gold").otherwise(pl.col("gold").replace({"a1": "a2", "a2": "a1"}))
    groups = ids.with_columns(gold=turned).group_by("content_id").agg(pl.len(), labels=pl.col("gold").n_unique())
    copies = groups.filter(pl.col("len") > 1)
    assert copies.height == 380
    assert (copies["labels"] > 1).sum() == 178
    sides = ids["response_ids"]
    assert (sides.list.first() == sides.list.last()).sum() >= 12


def test_ukp_strict(data: Data) -> None:
    name, count, rows, dead = ingest(data("ukp_convarg1") / "data" / "UKPConvArg1Strict-CSV" / "*.csv")
    assert (name, count, rows.height, dead) == ("ukp_convarg", 8999, 8999, [])
    values = rows["judgements"].list.first().struct.field("value")
    assert set(values) == {0.0, 1.0}
    texts = rows["responses"].list.eval(pl.element().list.first().struct.field("content"))
    assert not texts.list.join(" ").str.contains("<br/>", literal=True).any()
    longer = texts.list.eval(pl.element().str.len_chars())
    wins = (longer.list.first() > longer.list.last()) == (values == 1)
    assert wins.mean() == pytest.approx(0.75, abs=0.02)


def test_dialsummeval(data: Data) -> None:
    name, count, rows, dead = ingest(data("dialsummeval") / "annotation_campus" / "human_judgment.jsonl")
    assert (name, count, rows.height, dead) == ("dialsummeval", 1400, 1400, [])
    assert rows["judgements"].list.len().unique().to_list() == [12]
    flat = (
        rows.with_row_index()
        .select("index", "judgements")
        .explode("judgements", empty_as_null=False)
        .unnest("judgements")
    )
    assert (flat["rater"].n_unique(), flat["dimension"].n_unique()) == (3, 4)
    alike = (
        flat.group_by("index", "dimension")
        .agg(pl.col("value").n_unique() == 1)
        .group_by("dimension")
        .agg(pl.col("value").mean())
    )
    assert 0.05 < min(alike["value"]) < max(alike["value"]) < 0.285  # the three agree in 5 to 28 %
    assert Counter(rows["generators"].list.first().to_list()) == dict.fromkeys("ABCDEFGHIJKLMN", 100)


# Wrong records --------------------------------------------------------------------------------------------------------

ARGUMENT = EXAMPLES["ukp_convarg"]["arg1"]
WRONG: list[Wrong] = [
    ("mqm", "target", MISSING, "missing_field", "'target' is missing"),
    ("mqm", "source", 5, "wrong_type", "'source' is a number (5); a string is expected"),
    ("mqm", "severity", MISSING, "missing_field", "'severity' is missing where 'rater' is not"),
    ("mqm", "severity", "Majo", "unknown_label", "'severity' is 'Majo'; known are critical, major, minor"),
    ("wmt_ranking", "system2Id", MISSING, "missing_field", "'system2Id' is missing"),
    ("wmt_ranking", "srcIndex", "12a", "wrong_type", "'srcIndex' is a string (12a); a whole number is expected"),
    ("wmt_ranking", "system1rank", 6, "value_out_of_range", "'system1rank' is neither a rank from 1 to 5 nor -1"),
    ("wmt_ranking", "system2rank", MISSING, "missing_field", "'system2rank' is missing"),
    ("ukp_convarg", "arg1", {**ARGUMENT, "text": None}, "missing_field", "'arg1.text' is missing or null"),
    ("ukp_convarg", "arg2", "cut off", "missing_field", "'arg2.text' is missing"),
    ("ukp_convarg", "arg2", {**ARGUMENT, "text": {"p": "x"}}, "wrong_type", "'arg2.text' is an object"),
    ("ukp_convarg", "debateMetaData", MISSING, "missing_field", "'debateMetaData.title' is missing"),
    ("ukp_convarg", "mTurkAssignments", {"mTurkAssignment": [{"value": "a3"}]}, "unknown_label", "not one of a1, a2"),
    ("ukp_convarg", "mTurkAssignments", {"mTurkAssignment": ["a1"]}, "wrong_type", "an object is expected"),
    ("ukp_convarg", "mTurkAssignments", {"mTurkAssignment": {"turkID": "A"}}, "missing_field", "item 1: field 'value'"),
    ("esa", "tgt", MISSING, "missing_field", "'tgt' is missing"),
    ("esa", "src", ["Hello."], "wrong_type", "'src' is a list"),
    ("esa", "esa_score", "8 3", "wrong_type", "'esa_score' is not a number"),
    ("esa", "esa_score", True, "wrong_type", "'esa_score' is not a number"),
    ("esa", "esa_score", 101, "value_out_of_range", "'esa_score' is not in [0, 100]"),
    ("esa", "esa_spans", "[{", "wrong_type", "'esa_spans' is a string ([{); a list is expected"),
    ("comet", "score", MISSING, "missing_field", "'score' is missing"),
    ("comet", "score", "high", "wrong_type", "'score' is a string (high); a number is expected"),
    ("comet", "mt", None, "missing_field", "'mt' is missing or null"),
    ("seahorse", "gem_id", MISSING, "missing_field", "'gem_id' is missing"),
    ("seahorse", "summary", 5, "wrong_type", "'summary' is a number"),
    ("seahorse", "question1", MISSING, "missing_field", "'question1' is missing"),
    ("seahorse", "question3", "Ye", "unknown_label", "'question3' is 'Ye'; allowed are 'Yes', 'No', 'Unsure'"),
    ("summeval", "decoded", MISSING, "missing_field", "'decoded' is missing"),
    ("summeval", "expert_annotations", [{"coherence": 2}], "missing_field", "item 1: field 'consistency'"),
    ("summeval", "turker_annotations", "[{", "wrong_type", "a list of objects is expected"),
    ("summeval", "expert_annotations", [{**dict.fromkeys(("coherence", "consistency", "fluency"), 2), "relevance": 6}],
     "value_out_of_range", "'expert_annotations', item 1: 'relevance' is not in [1, 5]"),
    ("dialsummeval", "dialogue", MISSING, "missing_field", "'dialogue' is missing"),
    ("dialsummeval", "annotations", None, "missing_field", "'annotations' is missing or null"),
    ("dialsummeval", "annotations", [{"coherence": "5"}], "wrong_type", "item 1: field 'coherence' is a string (5)"),
    ("dialsummeval", "summary", True, "wrong_type", "'summary' is a boolean"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value", "code", "words"), WRONG)
def test_one_wrong_record_is_one_dead_letter(name: str, field: str, value: Any, code: str, words: str) -> None:
    check_wrong(name, field, value, code, words)


@pytest.mark.parametrize(
    ("name", "variant", "field", "value", "code", "words"),
    [
        ("mqm", 0, "rater", 5, "wrong_type", "'rater' is a number"),
        ("mqm", 1, "candidate", MISSING, "missing_field", "'candidate' is missing"),
        ("mqm", 1, "severity", "worst", "unknown_label", "'severity' is 'worst'"),
        ("wmt_ranking", 0, "winner", MISSING, "missing_field", "'winner' is missing"),
        ("wmt_ranking", 0, "segment", "x", "wrong_type", "a whole number is expected"),
        ("ukp_convarg", 0, "label", "a3", "unknown_label", "'label' is 'a3'; allowed are 'a1', 'a2', 'equal'"),
        ("ukp_convarg", 0, "a2", MISSING, "missing_field", "'a2' is missing"),
        ("esa", 0, "tgt_text", None, "missing_field", "'tgt_text' is null"),
        ("esa", 0, "scores", [1], "wrong_type", "'scores' is a list ([1]); an object"),
        ("esa", 0, "tgt_text", {"B": "Hi"}, "missing_field", "system 'A': field 'tgt' is missing"),
        ("esa", 0, "scores", {"A": [{"score": "x"}]}, "wrong_type", "system 'A': 'scores', item 1: field 'score' is"),
        ("esa", 0, "scores", {"A": [{"score": 120}]}, "value_out_of_range", "system 'A': 'score' is not in [0, 100]"),
        ("comet", 0, "neg", MISSING, "missing_field", "'neg' is missing"),
        ("summeval", 0, "fluency", [4.5], "wrong_type", "'fluency' does not hold one number for each"),
        ("summeval", 0, "coherence", [0.5, 2], "value_out_of_range", "'coherence' is not in [1, 5]"),
        ("summeval", 0, "machine_summaries", "cut", "wrong_type", "a list is expected"),
    ],
)  # fmt: skip
def test_one_wrong_record_of_another_layout(
    name: str, variant: int, field: str, value: Any, code: str, words: str
) -> None:
    check_wrong(name, field, value, code, words, variant=variant)


# What is kept ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("onlineA", "onlinea"),
        ("newstest2012.cs-en.jhu-heiro", "jhu-heiro"),
        ("newstest2014.onlineA.0.de-en", "onlinea.0"),
        ("cs-en.ref", "ref"),
        ("KIT_Phrase-Based_SMT_System", "kit_phrase-based_smt_system"),
    ],
)
def test_what_systems_are_called(name: str, system: str) -> None:
    assert system_name(name) == system


def test_wmt_texts_of_plain_files(tmp_path: Path) -> None:
    for name, text in (
        ("newstest2012-src.cs", "Ahoj.\nAno.\n"), ("newstest2012-ref.en", "Hello.\nYes.\n"),
        ("newstest2012.cs-en.onlineA", "Hi.\nYeah.\n"), ("newstest2012.de-en.onlineA", "wrong\nwrong\n"),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    texts = sorted(map(str, tmp_path.glob("*")))
    item = EXAMPLES["wmt_ranking"] | {"srcIndex": 2, "system2rank": -1}
    rows, dead = adapt("wmt_ranking", item, item | {"srcIndex": 3}, texts=texts)
    assert dead == []
    assert said(rows[0]["prompt"]) == [("user", "Ano.")]
    assert [said(side) for side in rows[0]["responses"]] == [[("assistant", "Yeah.")], [("assistant", None)]]
    assert [side[0]["name"] for side in rows[0]["responses"]] == [None, "cu-bojar"]
    assert (rows[0]["references"], rows[0]["language"]) == (["Yes."], "en")
    assert [(j["rater"], j["response"], j["value"], j["normalised"]) for j in rows[0]["judgements"]] == [
        ("A3L1", 0, 2.0, 0.75)
    ]
    assert rows[1]["prompt"][0] | {} == rows[1]["prompt"][0] | {"content": None, "name": "cs-en:3"}


def test_wmt_pairs_say_who_won() -> None:
    pair = adapter("wmt_ranking").variants[0]
    rows, _ = adapt("wmt_ranking", pair)
    assert (rows[0]["generators"], rows[0]["judgements"][0]["value"]) == (["sys10", "sys2"], 1.0)
    assert json.loads(rows[0]["metadata"]) == {"segment": 970, "pair": "cs-en", "pair_2": "cs-en"}


def test_ukp_votes() -> None:
    rows, _ = adapt("ukp_convarg", EXAMPLES["ukp_convarg"])
    votes = rows[0]["judgements"]
    assert [(v["rater"], v["value"], v["reason"], v["timestamp"]) for v in votes] == [
        ("A365", 0.0, "It goes deeper.", "2016-02-22 21:46:33.0 UTC"),
        ("A1LN", 0.5, "It goes deeper.", "2016-02-22 21:46:33.0 UTC"),
    ]
    assert said(rows[0]["prompt"]) == [("user", "Evolution vs. Creation\nEvolution")]
    assert [side[0]["content"] for side in rows[0]["responses"]] == ["Moths did change.", "Flies do change."]
    assert rows[0]["generators"] == ["http://a", "http://a"]
    assert json.loads(rows[0]["metadata"]) == {
        "id": "803_794", "arg1": {"voteUpCount": "0", "stance": "Evolution", "id": "803"},
        "arg2": {"voteUpCount": "0", "stance": "Evolution", "id": "794"}, "debateMetaData": {"url": "http://d"},
        "mTurkAssignments": {"mTurkAssignment": [{"turkCompetence": "0.99"}, {"turkCompetence": "0.99"}]},
        "goldLabel": "a2",
    }  # fmt: skip
    alone = EXAMPLES["ukp_convarg"] | {"mTurkAssignments": {"mTurkAssignment": {"turkID": "A", "value": "a1"}}}
    rows, dead = adapt("ukp_convarg", alone, EXAMPLES["ukp_convarg"] | {"mTurkAssignments": ""})
    assert ([len(row["judgements"]) for row in rows], dead) == ([1, 0], [])
    assert rows[0]["judgements"][0]["value"] == 1.0
    rows, _ = adapt("ukp_convarg", adapter("ukp_convarg").variants[0])
    assert [side[0]["content"] for side in rows[0]["responses"]] == ["Moths.\nThey change.", "Flies."]
    assert rows[0]["judgements"][0]["value"] == 0.0


def test_esa_keeps_spans_as_the_reason() -> None:
    rows, _ = adapt("esa", EXAMPLES["esa"], EXAMPLES["esa"] | {"esa_score": "83.5", "esa_spans": [], "times": None})
    first, second = (row["judgements"][0] for row in rows)
    assert (first["value"], first["normalised"], first["rater"], first["timestamp"]) == (
        83.0,
        pytest.approx(0.83),
        "engces1106",
        "1718000000.1",
    )
    assert json.loads(first["reason"]) == [{"start_i": 0, "end_i": 5, "severity": "minor"}]
    assert (second["value"], second["reason"], second["timestamp"]) == (83.5, None, None)
    assert (rows[0]["language"], rows[0]["generators"]) == ("cs", ["Claude-3.5"])
    assert {"line_id": 3, "domain": "news", "doc_id": "d"}.items() <= json.loads(rows[0]["metadata"]).items()


def test_esa_segments_make_a_row_a_system() -> None:
    segment = adapter("esa").variants[0]
    rows, dead = adapt("esa", segment, segment)
    assert dead == []
    assert [(row["row_id"], row["generators"], row["parents"]) for row in rows] == [
        ("s:f:1", ["A"], None), ("s:f:1#2", ["B"], ["s:f:1"]), ("s:f:2", ["A"], None), ("s:f:2#2", ["B"], ["s:f:2"]),
    ]  # fmt: skip
    assert [len(row["judgements"]) for row in rows] == [1, 0, 1, 0]
    assert rows[0]["judgements"][0] | {"value": 83.0, "rater": "a1", "timestamp": "1"} == rows[0]["judgements"][0]
    assert (rows[0]["language"], said(rows[1]["responses"][0])) == ("de_DE", [("assistant", "Guten Tag.")])


def test_comet_scores_on_a_scale_that_is_told() -> None:
    item = EXAMPLES["comet"]
    rows, _ = adapt("comet", item, item | {"ref": "", "score": -1.5})
    assert [(row["judgements"][0]["value"], row["judgements"][0]["normalised"]) for row in rows] == [
        (0.5, None),
        (-1.5, None),
    ]
    assert ([row["references"] for row in rows], rows[0]["scales"]) == ([["Guten Tag."], []], None)
    assert (rows[0]["language"], rows[0]["generators"]) == ("de", ["online"])
    rows, dead = adapt("comet", item, item | {"score": -1.5}, minimum=0, maximum=5, higher_is_better=False)
    assert rows[0]["judgements"][0]["normalised"] == 0.9
    assert rows[0]["scales"][0]["higher_is_better"] is False
    assert [(letter.code, letter.message) for letter in dead] == [("value_out_of_range", "'score' is not in [0, 5]")]
    rows, _ = adapt("comet", adapter("comet").variants[0])
    assert [side[0]["content"] for side in rows[0]["responses"]] == ["Hallo.", "Halo."]
    assert rows[0]["judgements"][0]["value"] == 1.0


def test_seahorse_questions(tmp_path: Path) -> None:
    articles = tmp_path / "gem.jsonl"
    articles.write_text('{"gem_id": "xlsum_english-validation-6416", "document": "A long article."}\n')
    unreadable = (
        EXAMPLES["seahorse"] | {"gem_id": "other", "question1": "No"} | {f"question{i}": None for i in range(2, 7)}
    )
    rows, dead = adapt("seahorse", EXAMPLES["seahorse"] | {"question2": "Unsure"}, unreadable, articles=[str(articles)])
    assert dead == []
    assert [(j["dimension"], j["value"]) for j in rows[0]["judgements"]] == [
        ("comprehensible", 1.0), ("repetition", 0.5), ("grammar", 1.0), ("attribution", 1.0), ("main_ideas", 1.0),
        ("conciseness", 1.0),
    ]  # fmt: skip
    assert [(j["dimension"], j["value"]) for j in rows[1]["judgements"]] == [("comprehensible", 0.0)]
    assert said(rows[0]["prompt"]) == [("user", "A long article.")]
    assert (rows[1]["prompt"][0]["content"], rows[1]["prompt"][0]["name"]) == (None, "other")
    assert (rows[0]["generators"], rows[0]["language"]) == (["t5_base"], "en-US")


def test_summeval_annotators_and_means(tmp_path: Path) -> None:
    rows, _ = adapt("summeval", EXAMPLES["summeval"], EXAMPLES["summeval"] | {"text": "An article."})
    raters = [j["rater"] for j in rows[0]["judgements"]]
    assert Counter(raters) == dict.fromkeys(["expert1", "expert2", "expert3", *(f"turker{i}" for i in range(1, 6))], 4)
    assert raters[:4] == ["expert1"] * 4
    assert [j["value"] for j in rows[0]["judgements"] if j["dimension"] == "fluency"] == [5, 4, 5, 3, 4, 5, 5, 4]
    assert rows[0]["references"] == ["A says hi."]
    assert [(row["prompt"][0]["content"], row["prompt"][0]["name"]) for row in rows] == [
        (None, "dm-1"),
        ("An article.", None),
    ]
    articles = tmp_path / "articles.json"
    articles.write_text('[{"id": "dm-1", "article": "Found."}]')
    rows, _ = adapt("summeval", EXAMPLES["summeval"], articles=[str(articles)])
    assert said(rows[0]["prompt"]) == [("user", "Found.")]
    rows, _ = adapt("summeval", adapter("summeval").variants[0])
    assert (rows[0]["kind"], len(rows[0]["responses"]), rows[0]["references"]) == ("ranking", 2, ["A says hi."])
    got = [(j["response"], j["value"]) for j in rows[0]["judgements"] if j["dimension"] == "coherence"]
    assert got == [(0, 4.5), (1, 1.0)]


def test_raters_of_lists_are_their_places() -> None:
    rows, _ = adapt("dialsummeval", EXAMPLES["dialsummeval"])
    got = {(j["rater"], j["dimension"]): j["normalised"] for j in rows[0]["judgements"]}
    assert len(got) == 12
    assert [got[f"annotator{i}", "fluency"] for i in (1, 2, 3)] == [1.0, 0.75, 1.0]
