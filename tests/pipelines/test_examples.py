"""Each example is run."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from pipelines.commands import Request, run_curate

EXAMPLES = Path(__file__).parents[2] / "examples"
SETS = {"hh": "hh_rlhf", "alpaca_eval": "alpaca_eval_gpt4", "pandalm": "pandalm", "llmbar": "llmbar"}


@pytest.mark.parametrize("name", ["hh", "llmbar", "pandalm", pytest.param("alpaca_eval", marks=pytest.mark.slow)])
def test_real_sets(name: str, data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = data(SETS[name])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / SETS[name]).symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    assert run_curate(Request(str(EXAMPLES / f"{name}.yaml"), "out")) == 0


def test_mlqe(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tarfile

    folder = data("mlqe_pe") / "data" / "direct-assessments"
    for archive in ("train/si-en-train.tar.gz", "dev/si-en-dev.tar.gz"):
        with tarfile.open(folder / archive) as tar:
            tar.extractall(tmp_path / "data" / "mlqe_pe", filter="data")
    monkeypatch.chdir(tmp_path)
    assert run_curate(Request(str(EXAMPLES / "mlqe.yaml"), "out")) == 0
    manifest = orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())
    # 192 in train; the others are in dev, or of both. Their scores differ, so each adds judgements. Eleven more differ
    # in white space within a sentence.
    assert manifest["reasons"] == {"merged_judgement": 215, "near_duplicate": 11}


def test_votes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"question": f"q{i}", "answer_a": f"a{i}", "answer_b": f"b{i}", "winner": ("model_a", "model_b", "tie")[i % 3],
         "judge": f"j{i % 4}", "model_a": "x", "model_b": "y"}
        for i in range(200)
    ]  # fmt: skip
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "votes.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    monkeypatch.chdir(tmp_path)
    assert run_curate(Request(str(EXAMPLES / "votes.yaml"), "out")) == 0


def test_chitchat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("chitchat_dataset")
    monkeypatch.chdir(tmp_path)
    assert run_curate(Request(str(EXAMPLES / "chitchat.yaml"), "out")) == 0
    counts = orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())["counts"]
    assert counts["records_in"] == 7168


def test_no_example_is_left_out() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == {*SETS, "mlqe", "votes", "chitchat"}
    assert os.listdir(EXAMPLES)
