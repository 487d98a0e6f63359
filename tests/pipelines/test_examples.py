"""Each example is run."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
import yaml

from pipelines.commands import Request, run_curate
from schemas.config import Config
from tests.pipelines.test_end_to_end import balanced
from tests.transforms.ingest.adapters.support import named_systems

EXAMPLES = Path(__file__).parents[2] / "examples"
#: What an example says that it comes to, above its configuration.
_COMES_TO = re.compile(
    r"^# Comes to: ([\d,]+) records = ([\d,]+) rows \+ ([\d,]+) merged \+ ([\d,]+) dead letters; ([\d,]+) kept, "
    r"([\d,]+) dropped\.$",
    re.M,
)
_LONG = [pytest.param(name, marks=pytest.mark.slow) for name in ("hh", "alpaca_eval")]
SETS = {"hh": "hh_rlhf", "alpaca_eval": "alpaca_eval_gpt4", "pandalm": "pandalm", "llmbar": "llmbar"}


@pytest.mark.parametrize(
    "name", ["llmbar", "pandalm", *(pytest.param(name, marks=pytest.mark.slow) for name in ("hh", "alpaca_eval"))]
)
def test_real_sets(name: str, data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = data(SETS[name])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / SETS[name]).symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    counted(name)


@pytest.mark.slow
def test_mlqe(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tarfile

    folder = data("mlqe_pe") / "data" / "direct-assessments"
    for archive in ("train/si-en-train.tar.gz", "dev/si-en-dev.tar.gz"):
        with tarfile.open(folder / archive) as tar:
            tar.extractall(tmp_path / "data" / "mlqe_pe", filter="data")
    monkeypatch.chdir(tmp_path)
    manifest = counted("mlqe")
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


@pytest.mark.slow
def test_chitchat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("chitchat_dataset")
    monkeypatch.chdir(tmp_path)
    assert counted("chitchat")["reasons"]["no_judgement"] == 1135


def lay_out(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *sets: str) -> None:
    (tmp_path / "data").mkdir()
    for name in sets:
        (tmp_path / "data" / name).symlink_to(data(name))
    monkeypatch.chdir(tmp_path)


def counted(name: str) -> dict:
    """Run an example; its manifest, in which the equations hold, with the counts that the example says.

    What is kept may rest on a model's numbers, which are the same to five digits on every machine but not to the bit.
    """
    example = EXAMPLES / f"{name}.yaml"
    assert run_curate(Request(str(example), "out")) == 0
    made = balanced(Path("out"))
    said = _COMES_TO.search(example.read_text())
    assert said is not None, f"{example.name} does not say what it comes to"
    records, rows, merged, dead, kept, dropped = (int(number.replace(",", "")) for number in said.groups())
    counts = made["counts"]
    assert [counts[it] for it in ("records_in", "rows_in", "merged_records", "dead_letters")] == [
        records, rows, merged, dead,
    ]  # fmt: skip
    assert [counts["kept"], counts["dropped"]] == pytest.approx([kept, dropped], abs=max(2, rows // 1000))
    return made


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
    assert {path.stem for path in EXAMPLES.iterdir()} == {*SETS, *own}


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_an_example_says_what_it_is_and_what_may_be_set(path: Path) -> None:
    """Where its data comes from, and settings worth a thought that are settings, for whoever takes the mark away."""
    text = path.read_text()
    head = text.partition("\nname:")[0]
    assert re.search(r"^# From ", head, re.M)
    assert all(len(line) <= 120 for line in text.splitlines())
    config = yaml.safe_load(text)
    for line in re.findall(r"^# (\w+: [{\[].*?[}\]])(?: {2,}#.*)?$", text, re.M):
        ((key, value),) = yaml.safe_load(line).items()
        more = {**config.get(key, {}), **value} if isinstance(value, dict) else value
        Config.model_validate({**config, key: more})
