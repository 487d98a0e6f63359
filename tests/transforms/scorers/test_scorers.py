from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from schemas.arrow import DIALOGUE
from transforms.scorers.files import ScoreFileError, placed, read_scores
from transforms.scorers.overlap import NAMES, overlap


def said(*texts):
    return [[{"role": "assistant", "content": text}] for text in texts]


ROWS = pl.DataFrame(
    {
        "responses": [said("the cat sat on the mat", "a dog"), said("die Katze"), said("我爱北京天安门")],
        "references": [["the cat sat on a mat", "a cat sat"], None, ["我爱北京"]],
        "language": ["en", "de", "zh"],
    },
    schema_overrides={"responses": pl.List(DIALOGUE)},
)


@pytest.mark.parametrize("metric", NAMES)
def test_metrics_are_the_packages_own(metric):
    sacrebleu, rouge = pytest.importorskip("sacrebleu"), pytest.importorskip("rouge_score.rouge_scorer")
    found = overlap(ROWS, metric).to_list()
    first, references = "the cat sat on the mat", ROWS["references"][0].to_list()
    if metric.startswith("rouge"):
        scorer = rouge.RougeScorer([metric], use_stemmer=True)
        expected = max(scorer.score(one, first)[metric].fmeasure for one in references)
        assert found[2] == [None]  # it does not know these letters
    else:
        made = {"bleu": sacrebleu.BLEU(effective_order=True), "chrf": sacrebleu.CHRF(), "ter": sacrebleu.TER(),
                "chrf++": sacrebleu.CHRF(word_order=2)}[metric]  # fmt: skip
        expected = made.sentence_score(first, references).score
        assert found[2][0] > 0
    assert found[0][0] == pytest.approx(expected, abs=1e-12)
    assert found[1] == [None]


def test_chinese_is_cut_by_character():
    sacrebleu = pytest.importorskip("sacrebleu")
    expected = sacrebleu.BLEU(effective_order=True, tokenize="zh").sentence_score("我爱北京天安门", ["我爱北京"]).score
    assert overlap(ROWS, "bleu")[2][0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("language", "text", "reference", "edits"),
    [
        ("zh", "我爱北京天安门", "我爱北京", 3 / 4),
        ("ja", "猫が座った", "猫は座った", 1 / 5),
        ("th", "แมวนั่ง", "แมวนอน", 3 / 6),
    ],
)
def test_ter_counts_edits_of_characters_where_there_are_no_spaces(language, text, reference, edits):
    pytest.importorskip("sacrebleu")
    rows = pl.DataFrame({"responses": [said(text)], "references": [[reference]], "language": [language]},
                        schema_overrides={"responses": pl.List(DIALOGUE)})  # fmt: skip
    assert overlap(rows, "ter")[0][0] == pytest.approx(100 * edits)


BLOCK = pl.DataFrame(
    {
        "row_id": ["a", "b", "c", "d"],
        "content_id": ["x", "y", "z", "w"],
        "soft_label": [0.9, 0.1, None, 0.5],
        "count": [2, 2, 1, 2],
        "steps": [None, None, 3, None],
    }
)


def write(path: Path, lines: list[dict]) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_scores_go_to_the_responses_that_they_are_of(tmp_path):
    file = write(tmp_path / "s.jsonl", [{"id": k, "chosen": 5, "rejected": 3} for k in "xyzw"])
    # What is published as chosen is the first response of a, and of the tie d, and the second of b; c is no pair.
    assert placed(read_scores(file), BLOCK).to_list() == [[5, 3], [3, 5], None, [5, 3]]
    file = write(tmp_path / "m.jsonl", [{"row_id": k, "margin": 2} for k in "abc"])
    assert placed(read_scores(file), BLOCK).to_list() == [[2, 0], [2, 0], None, None]
    file = write(tmp_path / "l.jsonl", [{"row_id": "a", "scores": [1, 2, 3]}, {"row_id": "b", "scores": [1, 2]}])
    assert placed(read_scores(file), BLOCK).to_list() == [None, [1, 2], None, None]
    file = write(tmp_path / "p.jsonl", [{"row_id": k, "scores": [1, 2, 3]} for k in "abc"])  # c has as many steps
    assert placed(read_scores(file), BLOCK).to_list() == [None, None, [1, 2, 3], None]
    path = str(tmp_path / "one.parquet")
    pl.DataFrame({"row_id": ["c", "a", "q"], "comet": [0.5, 0.1, 0.2]}).write_parquet(path)
    assert placed(read_scores(path, "comet"), BLOCK).to_list() == [None, None, [0.5], None]


def test_numbers_that_are_none_are_missing_as_python_writes_them(tmp_path):
    lines = [{"row_id": "a", "scores": [float("nan"), 1]}, {"row_id": "b", "scores": [float("-inf"), 1]}]
    assert placed(read_scores(write(tmp_path / "s.jsonl", lines)), BLOCK).to_list() == [
        [None, 1],
        [None, 1],
        None,
        None,
    ]
    (tmp_path / "half.jsonl").write_text('{"row_id": "a", "score": NaN}\n{"row_id": "b", "sco')
    with pytest.raises(ScoreFileError, match=r"half\.jsonl, line 2: cannot be read: it is no JSON"):
        read_scores(str(tmp_path / "half.jsonl"))


def test_lines_may_name_rows_either_way(tmp_path):
    file = write(tmp_path / "s.jsonl", [{"row_id": "a", "margin": 1}, {"id": "y", "margin": 2}])
    assert placed(read_scores(file), BLOCK).to_list() == [[1, 0], [2, 0], None, None]


@pytest.mark.parametrize(
    ("lines", "field", "message"),
    [
        ([{"name": "a", "score": 1}], None, "allowed are row_id or id"),
        ([{"row_id": "a", "value": 1}], None, "there are no scores"),
        ([{"row_id": "a", "value": 1}], "comet", "no column 'comet'; there are row_id, value"),
        ([{"row_id": "a", "score": 1}, {"row_id": "a", "score": 2}], None, "'a' has 2 lines"),
        ([{"row_id": "a", "score": "high"}], None, "not a number"),
        ([{"row_id": "a", "score": {"mean": 1}}], None, "score: a score is not a number but Struct"),
        ([{"row_id": "a", "scores": [[1], [2]]}], None, "scores: a score is not a number but List"),
        ([{"row_id": "a", "score": 1}, {"name": "b", "score": 2}], None, "1 lines have no row's name"),
        ([{"row_id": "a", "score": 1}, "b"], None, "line 2: is no object"),
        ([], None, "there are no lines in it"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path, lines, field, message):
    with pytest.raises(ScoreFileError, match=message):
        read_scores(write(tmp_path / "s.jsonl", lines), field)
    with pytest.raises(ScoreFileError, match="cannot be read"):
        read_scores(str(tmp_path / "gone.jsonl"))
    pl.DataFrame(schema={"row_id": pl.String, "score": pl.Float64}).write_parquet(tmp_path / "none.parquet")
    with pytest.raises(ScoreFileError, match="there are no lines in it"):
        read_scores(str(tmp_path / "none.parquet"))
