"""Each example is run."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from pipelines.commands import Request, run_curate
from tests.pipelines.test_end_to_end import balanced
from tests.transforms.ingest.adapters.support import named_systems

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


def lay_out(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *sets: str) -> None:
    (tmp_path / "data").mkdir()
    for name in sets:
        (tmp_path / "data" / name).symlink_to(data(name))
    monkeypatch.chdir(tmp_path)


def counted(name: str) -> dict:
    """Run an example; its manifest, in which the equations hold."""
    assert run_curate(Request(str(EXAMPLES / f"{name}.yaml"), "out")) == 0
    return balanced(Path("out"))


def test_ukp(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(data, tmp_path, monkeypatch, "ukp_convarg1")
    made = counted("ukp")
    assert made["counts"]["records_in"] == 13_339
    # 380 groups of copies; what is in them beyond the first joins it.
    assert made["counts"]["merged_records"] == 423
    assert made["reasons"]["identical_responses"] == 14


@pytest.mark.slow
def test_wmt12(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(data, tmp_path, monkeypatch, "wmt12_raw")
    (tmp_path / "data" / "wmt12_texts").mkdir()
    named_systems(data("wmt12_raw"), tmp_path / "data" / "wmt12_texts")
    counts = counted("wmt12")["counts"]
    assert counts["records_in"] == 12_339
    assert counts["derived_rows"] > 40_000


@pytest.mark.slow
def test_wmt13(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(data, tmp_path, monkeypatch, "wmt13_pairs")
    made = counted("wmt13")
    assert made["counts"]["records_in"] == 362_710
    assert made["reasons"]["identical_responses"] == 8144
    assert made["reasons"]["conflict"] == 22_056


def test_mqm(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(data, tmp_path, monkeypatch, "wmt_mqm")
    made = counted("mqm")
    assert made["counts"]["records_in"] == 8435 + 9915
    assert made["reasons"]["part_of_row"] == 8435 + 9915 - 7406 - 7935


def test_steps(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(data, tmp_path, monkeypatch, "bigbench_mistake", "prm800k_sample")
    counts = counted("steps")["counts"]
    assert (counts["records_in"], counts["derived_rows"]) == (2186 + 6, 141)


def test_contamination(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(data, tmp_path, monkeypatch, "hh_rlhf", "alpaca_eval_gpt4", "llmbar")
    made = counted("contamination")["contamination"]
    # LLMBar's part LLMEval^2 asks two of these very questions, behind "Respond to the user question while …".
    assert {name: one["rows"] for name, one in made["benchmarks"].items()} == {"alpaca_eval": 0, "llmbar": 2}
    assert made["benchmarks"]["llmbar"]["records"] == 566
    found = [orjson.loads(line) for line in (tmp_path / "out" / "contamination.jsonl").read_bytes().splitlines()]
    assert [one["row_id"] for one in found] == ["hh-rlhf:test.jsonl.gz:1126", "hh-rlhf:test.jsonl.gz:2038"]
    assert all("LLMEval^2" in one["item"] for one in found)


def test_trajectories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "trajectories").mkdir(parents=True)
    walks = [
        {"trajectory_id": i, "instruction": f"task {i}", "frames": [f"{i}/{n}.png" for n in range(12)],
         "progress": [n / 11 if n != 6 else 0.0 for n in range(12)], "judge": [n * n for n in range(12)]}
        for i in range(60)
    ]  # fmt: skip
    (tmp_path / "data" / "trajectories" / "walks.jsonl").write_bytes(b"\n".join(map(orjson.dumps, walks)))
    monkeypatch.chdir(tmp_path)
    made = counted("trajectories")
    assert made["counts"]["rows_in"] + made["counts"]["derived_rows"] == 60 * (10 + 8 + 4)
    # Two frames apart is too near, four and eight are not; frame 6 lies below 4 and 2.
    assert (made["reasons"]["frames_too_near"], made["reasons"]["time_contradicted"]) == (60 * 10, 60 * 2)
    order = made["trajectories"]["value_order"]
    assert order["external_judge"]["mean"] == 1
    # Without the labels that say otherwise nothing places frame 6 before 2 any more; they are tied.
    assert 1 > order["kept"]["mean"] > order["value"]["mean"]


def test_no_example_is_left_out() -> None:
    own = {"contamination", "mlqe", "votes", "chitchat", "ukp", "wmt12", "wmt13", "mqm", "steps", "trajectories"}
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == {*SETS, *own}
    assert os.listdir(EXAMPLES)
