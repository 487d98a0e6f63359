"""Runs on stepwise data: solutions put together, pairs made of them, and what the run says."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from pipelines.evaluate import EvaluateRequest, run_evaluate

#: Two solutions of each problem: a wrong step in the middle, and a wrong last step; every tenth problem the second is
#: right throughout.
_SIGNS = ("++-++++", "++++++-", "+++++++")


def record(problem: int, signs: str) -> dict[str, str]:
    text, label = f"Problem {problem}: how many?", f"Problem {problem}: how many?"
    for number, sign in enumerate(signs, 1):
        said = f" Step {number}: it is {problem * number + len(signs.replace('-', ''))}."
        text, label = f"{text}{said} ки\n", f"{label}{said} {sign}\n"
    return {"input": text.rstrip("\n"), "label": label.rstrip("\n"), "task": "GSM8K"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps")
    records = []
    for problem in range(40):
        second = _SIGNS[2] if problem % 10 == 0 else _SIGNS[1]
        records += [record(problem, _SIGNS[0]), record(problem, second) | {"task": "other"}]
    # The two solutions of a problem say the same words but for the last step's.
    for i in range(1, len(records), 2):
        records[i]["input"] = records[i]["input"].replace("it is", "we get")
        records[i]["label"] = records[i]["label"].replace("it is", "we get")
    (folder / "d.jsonl").write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records))
    config = {
        "sources": [{"name": "m", "input": [str(folder / "d.jsonl")], "format": "math_shepherd"}],
        "derive": [{"make": "pairs_from_steps", "raters": "unknown"}],
        "embed": {"model": "off"}, "strength": {"find": False}, "duplicates": {"near": False},
        "policy": {"ambiguous": "soften"}, "gate": {"split_tolerance": 0.5},
    }  # fmt: skip
    (folder / "c.yaml").write_text(json.dumps(config))
    assert run_curate(Request(str(folder / "c.yaml"), str(folder / "o"))) == 0
    return folder / "o"


def test_solutions_become_pairs_whose_label_is_the_share_of_aggregators(out: Path) -> None:
    pairs = pl.concat([pl.read_parquet(path) for path in out.glob("dataset/preference_soft/*.parquet")])
    assert pairs.height == 40
    clear = pairs.filter(pl.col("soft_label") > 0.6)
    # A solution that is right throughout is better by all but the last step, which is right in both.
    assert clear["soft_label"].to_list() == pytest.approx([5.5 / 6] * 4, abs=1e-4)
    assert all("we get" in one[-1]["content"] for one in clear["chosen"].to_list())
    # Both are wrong once: product, minimum, mean, length-normalised product and log-odds tie, the last step does not.
    assert pairs.filter(pl.col("soft_label") < 0.6)["soft_label"].to_list() == pytest.approx([3.5 / 6] * 36, abs=1e-4)


def test_contradictions_are_in_the_ledger_and_figures_in_the_manifest(out: Path) -> None:
    ledger = pl.read_parquet(out / "ledger.parquet")
    ambiguous = ledger.filter(pl.col("reasons").list.contains("ambiguous"))
    assert ambiguous.filter(kind="pair").height == 36
    # Of a mistake in the middle the mean, the last step and log-odds know nothing.
    assert ambiguous.filter(kind="stepwise").height == 40
    steps = json.loads((out / "manifest.json").read_text())["steps"]
    assert (steps["solutions"], steps["contradicted"]) == (80, 76)
    assert steps["aggregators"]["minimum"] == {"mean": 0.05, "correlation_with_steps": None}
    assert steps["same_verdict"]["product minimum"] == 1
    assert steps["same_verdict"]["minimum last"] == pytest.approx(0.5)


def test_process_reward_models_have_their_shape(out: Path) -> None:
    stepwise = pl.concat([pl.read_parquet(path) for path in out.glob("dataset/stepwise/*.parquet")])
    assert stepwise.height == 80
    assert stepwise["labels"].list.len().unique().to_list() == [7]


def test_scorers_of_steps_are_judged_by_file_and_by_column(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pl.concat([pl.read_parquet(path) for path in sorted(out.glob("work/ingest-*/blocks/*.parquet"))])
    rows = rows.filter(kind="stepwise")
    # Knows every step but doubts the wrong ones little, and one that is sure of the wrong side in the middle.
    good = [[1.0 if one["value"] else 0.4 for one in said] for said in rows["judgements"].to_list()]
    bad = [[0.1 if i == 2 else 0.9 for i in range(len(one))] for one in good]
    lines = [
        json.dumps({"row_id": r, "scores": g, "bad": b}) for r, g, b in zip(rows["row_id"], good, bad, strict=True)
    ]
    (tmp_path / "s.jsonl").write_text("\n".join(lines) + "\n")
    told = [f"prm=file:{tmp_path}/s.jsonl", f"bad=file:{tmp_path}/s.jsonl#bad", "outcome=column:steps.step_minimum"]
    asked = EvaluateRequest(
        str(out), (*told, "surface:words"), ["metadata.task"], rows="all", out=str(tmp_path), resamples=100,
        require=["steps/scorers/prm/f1>=0.9"],
    )  # fmt: skip
    assert run_evaluate(asked) == 0
    found = json.loads((tmp_path / "evaluation.json").read_text())["steps"]
    assert (found["solutions"], found["right"], found["unknown"], found["steps"]) == (80, 4, 0, 560)
    prm = found["scorers"]["prm"]
    assert (prm["f1"], prm["step_auroc"], prm["step_accuracy"]) == (1, 1, 1)
    # Sure of a step in every solution: it finds the 40 errors there (40 of 76), and calls no solution right.
    assert found["scorers"]["bad"]["f1"] == 0
    assert found["scorers"]["outcome"] == {"solutions": {"own": 1.0}}
    assert set(found["scorers"]) == {"prm", "bad", "outcome", "surface:words", "chance", "length", "all ties"}
    assert found["scorers"]["all ties"]["step_auroc"] == 0.5
    assert {one["value"]: one["solutions"] for one in found["slices"]["metadata.task"]["slices"]} == {
        "GSM8K": 40, "other": 40
    }  # fmt: skip
    shown = capsys.readouterr().out
    assert "80 solutions of 40 prompts, 4 without an error; 560 judged steps" in shown
    assert "met: steps/scorers/prm/f1>=0.9" in shown
