"""Whole evaluations of a run with pairs, ratings and rankings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from pipelines.errors import DONE, FAILED_GATE, USER_MISTAKE
from pipelines.evaluate import EvaluateRequest, run_evaluate
from tests.transforms.external.support import two_texts

_WORDS = ["stone", "river", "cloud", "lamp", "window", "garden", "music", "paper", "bridge", "winter", "summer"]


def _texts(rng: np.random.Generator, count: int) -> list[str]:
    return [" ".join(rng.choice(_WORDS, rng.integers(6, 14))) for _ in range(count)]


def _write(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A curated run of three sources, 80 rows each."""
    folder, rng = tmp_path_factory.mktemp("evaluate"), np.random.default_rng(0)
    bench, rated, ranked = [], [], []
    for i in range(80):
        prompt, good, bad, extra = _texts(rng, 4)
        subset = ("donotanswer", "hep-go")[i % 2]
        bench.append({"prompt": f"{i} {prompt}", "chosen": f"{good} yes", "rejected": bad, "chosen_model": "m1",
                      "rejected_model": "m2", "subset": subset, "id": i, "score": i / 80})  # fmt: skip
        words = good.split()
        for system in range(4):
            kept = " ".join(words[: len(words) - 1 - system])
            mt = f"{kept} {extra.split()[0]}{i}"
            rated.append({"src": f"{i} {prompt}", "mt": mt, "ref": good, "score": 4 - system, "system": f"s{system}"})
        ranked.append({"id": str(i), "prompt": f"{i} {extra}", "chosen": [f"{good} yes"],
                       "rejected": [f"{bad} {k}" for k in "abc"], "subset": ("Math", "Focus")[i % 2]})  # fmt: skip
    config = {
        "sources": [
            {"name": "bench", "input": [_write(folder / "b.jsonl", bench)], "format": "rewardbench"},
            {"name": "rated", "input": [_write(folder / "r.jsonl", rated)], "format": "comet"},
            {"name": "ranked", "input": [_write(folder / "k.jsonl", ranked)], "format": "rewardbench2"},
        ],
        "embed": {"model": "off"}, "strength": {"find": False}, "duplicates": {"near": False},
        "gate": {"split_tolerance": 0.5},
    }  # fmt: skip
    (folder / "c.yaml").write_text(json.dumps(config))
    assert run_curate(Request(str(folder / "c.yaml"), str(folder / "out"))) == 0
    return folder / "out"


def test_ratings_have_a_table_of_their_own(run: Path) -> None:
    found = pl.read_parquet(run / "ratings.parquet")
    assert found.height == 320
    assert found["mean"].to_list() == found["score"].to_list()  # one rater each, and nobody knows who
    assert found["p_ambiguous"].null_count() == 320
    told = json.loads((run / "manifest.json").read_text())["ratings"]["figures"][0]
    assert (told["normalised_by"], told["rows"]) == ("raw", 320)
    assert {name: one["mean"] for name, one in told["systems"].items()} == {"s0": 4, "s1": 3, "s2": 2, "s3": 1}
    # What a text lacks of its reference cannot be seen in the text, but its length can.
    assert told["explained"] > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("pair", "systems"), [("ende", 14), ("zhen", 15)])
def test_mqm_gives_the_published_tables(pair: str, systems: int, data: Callable[[str], Path], tmp_path: Path) -> None:
    folder = data("wmt_mqm")
    section = {"ende": "English to German", "zhen": "Chinese to English"}[pair]
    table = (folder / "README.md").read_text().split("## TED talks ##")[1].split(f"### {section} ###")[1].split("#")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines() if "(" in line]
    published = {name.replace(".", ""): float(score.split("(")[0]) for name, score in lines}
    file = str(folder / f"ted/{pair}/mqm_ted_{pair}.tsv")
    sets = ["embed.model=off", "duplicates.near=false", "gate.split_tolerance=0.5"]
    assert run_curate(Request(None, str(tmp_path / "o"), [file], "mqm", sets)) == 0
    told = json.loads((tmp_path / "o/manifest.json").read_text())["ratings"]["figures"][0]["systems"]
    if "ref" in told:  # as the files call the first reference
        told["refA"] = told.pop("ref")
    assert len(published) == systems
    assert {name: one["mean"] for name, one in told.items()} == pytest.approx(published, abs=0.01)


@pytest.fixture
def evaluate(run: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def go(*scorers: str, **more: Any) -> dict[str, Any]:
        asked = EvaluateRequest(str(run), scorers, out=str(tmp_path), resamples=200, permutations=200, **more)
        assert run_evaluate(asked) == DONE
        found: dict[str, Any] = json.loads((tmp_path / "evaluation.json").read_text())
        return found

    return go


def test_reward_models_and_metrics_stand_in_one_table(
    run: Path, evaluate: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sacrebleu")
    rows = pl.concat([pl.read_parquet(path) for path in sorted(run.glob("work/ingest-*/blocks/*.parquet"))])
    oracle = [
        {"row_id": row, "scores": [one[-1]["content"].endswith("yes") + len(one[-1]["content"]) / 1e6 for one in said]}
        for row, said in rows.select("row_id", "responses").iter_rows()
    ]
    file = _write(tmp_path / "oracle.jsonl", oracle)
    found = evaluate(
        f"rm=file:{file}", "bleu", "ter", "words=surface:words", "surface:words:lower", by=["metadata.subset"]
    )
    pairs, ratings, rankings = found["pairs"], found["ratings"]["overall"], found["rankings"]["overall"]
    assert (pairs["pairs"], pairs["silent"]) == (80, ["bleu", "ter"])
    assert pairs["scorers"]["rm"]["accuracy"] == 1
    assert set(found["baselines"]) <= set(pairs["scorers"])
    assert pairs["scorers"]["all ties"]["accuracy"] == 0.5
    words, turned = (pairs["scorers"][name]["accuracy"] for name in ("words", "surface:words"))
    assert words + turned == pytest.approx(1)
    assert pairs["sections"]["all"]["rm"] == {"Safety": 1, "Reasoning": 1, "score": 1}
    subsets = {one["value"]: one["pairs"] for one in pairs["slices"]["metadata.subset"]["slices"]}
    assert subsets == {"donotanswer": 40, "hep-go": 40}
    # Each system keeps a word less of the reference: both metrics see that, whichever way they count.
    for name in ("bleu", "ter"):
        assert ratings["scorers"][name]["acc_eq_calibrated"] > 0.95
        assert ratings["scorers"][name]["pairwise_accuracy"] == 1
    assert [one["system"] for one in ratings["systems"]["means"]] == ["s0", "s1", "s2", "s3"]
    assert rankings["first"]["scorers"]["rm"]["subsets"] == {"Focus": 1, "Math": 1}
    assert rankings["first"]["chance"] == 0.25
    shown = capsys.readouterr().out
    assert "80 pairs of 80 prompts" in shown
    assert "RewardBench, a tie being half right" in shown
    assert "first of 80 rankings" in shown


def test_columns_of_the_data_and_files_of_what_was_published(
    run: Path, evaluate: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    published = pl.concat([pl.read_parquet(path) for path in run.glob("dataset/preference/*.parquet")])
    lines = [{"id": one, "chosen": 1, "rejected": 0} for one in published["id"]]
    # A column with one number is a margin for the first response; these are 0 and more, and the first wins.
    found = evaluate(f"public=file:{_write(tmp_path / 'p.jsonl', lines)}", "own=column:metadata.score")["pairs"]
    assert found["scorers"]["public"]["accuracy"] == 1
    assert found["scorers"]["own"]["accuracy"] == pytest.approx((79 + 0.5) / 80)


def test_lines_that_name_no_row_are_told(
    run: Path, evaluate: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pl.read_parquet(run / "ledger.parquet").filter(kind="pair")["row_id"].to_list()
    lines = [{"row_id": row, "margin": 1.0} for row in [*rows[:40], "gone:1", "gone:2"]]
    (scorer,) = evaluate(f"x=file:{_write(tmp_path / 's.jsonl', lines)}")["scorers"]
    assert (scorer["lines"], scorer["rows"], scorer["unknown_rows"]) == (42, 40, 2)
    assert "x: 2 of the 42 lines of" in capsys.readouterr().out
    asked = EvaluateRequest(str(run), [f"x=file:{_write(tmp_path / 'none.jsonl', lines[40:])}"])
    assert run_evaluate(asked) == USER_MISTAKE
    assert "none of its 2 lines names a row of" in capsys.readouterr().err


def test_reward_models_are_asked_about_rows_of_every_kind(
    run: Path, evaluate: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = two_texts(tmp_path / "rm", seed=3)
    found = evaluate(f"rm=model:{folder}", dimension="overall")
    for part in (found["pairs"], found["ratings"]["overall"], found["rankings"]["overall"]):
        assert part["left_out"] == 0
        assert "rm" in part["scorers"]
    # The same by hand: the share of pairs whose chosen side the model gives more.
    rows = pl.concat([pl.read_parquet(path) for path in run.glob("dataset/preference/*.parquet")])
    words, model = (
        AutoTokenizer.from_pretrained(folder),
        AutoModelForSequenceClassification.from_pretrained(folder).eval(),
    )
    texts = [rows[side].list.first().struct.field("content").to_list() for side in ("prompt", "chosen", "rejected")]
    with torch.inference_mode():
        chosen, rejected = (
            model(**words(texts[0], side, truncation=True, padding=True, return_tensors="pt")).logits[:, 0]
            for side in texts[1:]
        )
    right = (chosen > rejected).double().mean().item()
    assert found["pairs"]["scorers"]["rm"]["accuracy"] == pytest.approx(right, abs=0.013)
    assert run_evaluate(EvaluateRequest(str(run), [f"model:{tmp_path / 'gone'}"])) == USER_MISTAKE
    assert "gone" in capsys.readouterr().err
    # The same without its head would score by chance.
    AutoModelForSequenceClassification.from_pretrained(folder).bert.save_pretrained(tmp_path / "base")
    words.save_pretrained(tmp_path / "base")
    assert run_evaluate(EvaluateRequest(str(run), [f"model:{tmp_path / 'base'}"])) == USER_MISTAKE
    assert capsys.readouterr().err.endswith("it has no weights of classifier.bias, classifier.weight\n")


def test_running_again_takes_what_is_there_and_gives_the_same(
    run: Path, evaluate: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    first = evaluate("words=surface:words")
    stages = sorted(path.name for path in (run / "work").iterdir())
    assert evaluate("words=surface:words") == first
    assert sorted(path.name for path in (run / "work").iterdir()) == stages
    part = evaluate("words=surface:words", split="test")
    assert 0 < part["pairs"]["pairs"] < 80
    assert evaluate(rows="all")["pairs"]["pairs"] == 80


def test_a_requirement_that_is_not_met_fails_the_evaluation(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def go(*required: str) -> int:
        return run_evaluate(EvaluateRequest(str(run), [], out=str(tmp_path), resamples=200, require=required))

    even = "pairs/scorers/all ties/accuracy"
    assert go(f"{even}>=0.5", f"{even} <= 0.5") == DONE
    assert go(f"{even}>0.5") == FAILED_GATE
    assert f"NOT met: {even}>0.5; it is 0.5" in capsys.readouterr().out
    told = json.loads((tmp_path / "evaluation.json").read_text())["requirements"]
    assert told == [{"required": f"{even}>0.5", "observed": 0.5, "met": False}]
    # A figure that is not defined meets nothing: a constant has no correlation.
    assert go("ratings/overall/scorers/all ties/pearson<1") == FAILED_GATE
    for wrong, words in [
        ("accuracy", "is not PATH>=NUMBER"),
        ("pairs/scorers/lenght/accuracy>0", "did you mean length?"),
        ("pairs/scorers/length>0", "is no number"),
    ]:
        assert go(wrong) == USER_MISTAKE
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"scorers": ["magic"]}, "allowed are column:NAME"),
        ({"scorers": ["rm=model:#0"]}, "allowed are column:NAME"),
        ({"scorers": ["file:#score"]}, "allowed are column:NAME"),
        ({"scorers": ["surface:wrods"]}, "no surface feature 'wrods'"),
        ({"scorers": ["column:metadata"]}, "no column 'metadata'"),
        ({"scorers": ["file:/nowhere.jsonl"]}, "/nowhere.jsonl: cannot be read"),
        ({"scorers": ["a=bleu", "a=ter"]}, "'a' names two scorers"),
        ({"scorers": ["chance=bleu"]}, "is a baseline"),
        ({"scorers": ["similarity"]}, "the run embedded nothing"),
        ({"scorers": [], "by": ["signals.wordz"]}, "the stage signals has language"),
        ({"scorers": [], "split": "tets"}, "--split 'tets'"),
        ({"scorers": [], "rows": "some"}, "allowed are kept"),
        ({"scorers": [], "dimension": "overal"}, "no ratings or rankings on it; there are overall"),
        ({"scorers": [], "segment": "metadata.dok"}, "no row has a value of each of these columns"),
        ({"scorers": [], "flags": ["--nonsense"]}, "no such option: --nonsense"),
    ],
)
def test_mistakes_are_named(run: Path, asked: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_evaluate(EvaluateRequest(str(run), **asked)) == USER_MISTAKE
    assert words in capsys.readouterr().err
