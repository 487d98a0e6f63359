"""Runs on stepwise data: solutions put together, pairs made of them, and what the run says."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pipelines.commands import Request, run_curate

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
