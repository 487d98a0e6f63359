"""Whole runs: what comes out, that nothing is lost, and that the same comes out whatever the workers or the order."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import polars as pl
import pytest
from datasets import load_dataset

from pipelines.commands import Request, run_curate, run_validate

ROOT = Path(__file__).parents[2]


#: What has whole runs of its own elsewhere. Texts here are chance words, which are all alike by their embeddings.
SPINE = ("embed.model=off", "strength.find=false", "shortcuts.find=false")


def curate(
    out: Path, *inputs: Path | str, config: str | None = None, form: str | None = None, sets: tuple[str, ...] = ()
) -> int:
    return run_curate(Request(config, str(out), [str(path) for path in inputs], form, [*SPINE, *sets]))


def command(*arguments: str, env: dict[str, str] | None = None) -> list[str]:
    spine = [part for one in SPINE if arguments[0] == "curate" for part in ("--set", one)]
    return [sys.executable, "-m", "pipelines.cli", *arguments, *spine]


def manifest(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text())


def tree(out: Path) -> dict[str, bytes]:
    """Everything that must be the same byte for byte."""
    files = [*sorted((out / "dataset").rglob("*")), out / "ledger.parquet", out / "dead_letters.jsonl"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files if path.is_file()}


def balanced(out: Path) -> dict:
    counts = manifest(out)["counts"]
    assert counts["records_in"] == counts["rows_in"] + counts["merged_records"] + counts["dead_letters"]
    assert counts["rows_in"] + counts["derived_rows"] == counts["kept"] + counts["dropped"] + counts["review"]
    ledger = pl.read_parquet(out / "ledger.parquet")
    assert (
        ledger.height
        == counts["rows_in"] + counts["derived_rows"] + counts["merged_records"] + counts["merged_derived_rows"]
    )
    assert ledger["row_id"].is_unique().all()
    assert (out / "dead_letters.jsonl").read_bytes().count(b"\n") == counts["dead_letters"]
    return manifest(out)


def pairs(count: int, seed: int = 0) -> list[dict]:
    """Pairs with every fault in known numbers, in chance order."""
    rng = random.Random(seed)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    rows = [
        {
            "prompt": f"question {i // 2} about {rng.choice(words)}",
            "chosen": f"answer {i} " + " ".join(rng.choices(words, k=12)),
            "rejected": f"reply {i} " + " ".join(rng.choices(words, k=9)),
            "note": f"n{i}",
        }
        for i in range(count)
    ]
    swapped = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in rows[:3]]  # contradictions
    copies = [dict(row) for row in rows[3:10]]
    faulty = [{"prompt": "p", "chosen": "same", "rejected": " same\n"}, {"prompt": "p", "chosen": "x", "rejected": ""}]
    broken = [{"prompt": "p", "chosen": 7, "rejected": "x"}, {"prompt": "p", "chosen": "only"}]
    every = [*rows, *swapped, *copies, *faulty, *broken]
    rng.shuffle(every)
    return every


def write(path: Path, rows: list[dict]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    rows = pairs(400)
    write(folder / "a.jsonl", rows[:150])
    write(folder / "b.jsonl", rows[150:])
    (folder / "b.jsonl").open("ab").write(b'{"prompt": "cut')
    return folder


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    assert curate(out, source / "*.jsonl", form="trl") == 0
    return out


def test_everything_is_accounted_for(run: Path) -> None:
    told = balanced(run)
    assert told["counts"]["records_in"] == 400 + 3 + 7 + 2 + 2 + 1
    assert told["dead_letter_codes"] == {"invalid_json": 1, "missing_field": 1, "wrong_type": 1}
    assert told["reasons"]["exact_duplicate"] == 7
    assert told["reasons"]["merged_judgement"] == 3
    assert told["reasons"]["conflict"] == 3
    assert told["reasons"]["identical_responses"] == 1
    assert told["reasons"]["empty_response"] == 1
    assert told["reasons"]["tie_not_expressible"] == 3
    assert told["counts"]["softened"] == 3
    assert told["gate"]["passed"]


def test_every_verdict_has_a_reason_with_a_number(run: Path) -> None:
    ledger = pl.read_parquet(run / "ledger.parquet")
    acted = ledger.filter(pl.col("action") != "keep")
    assert acted.height == 15
    assert acted["score"].null_count() == 0
    assert acted["threshold"].null_count() == 0
    copies = ledger.filter(pl.col("reasons").list.contains("exact_duplicate"))
    assert copies["counterpart"].is_in(ledger["row_id"].implode()).all()


def test_dead_letters_say_where_and_what(run: Path) -> None:
    letters = [json.loads(line) for line in (run / "dead_letters.jsonl").read_text().splitlines()]
    mistyped = next(letter for letter in letters if letter["code"] == "wrong_type")
    assert "'chosen'" in mistyped["message"]
    assert json.loads(mistyped["raw"])["chosen"] == 7
    assert all(letter["line"] >= 1 and letter["file"] in ("a.jsonl", "b.jsonl") for letter in letters)


def test_the_dataset_opens_and_has_no_prompt_in_two_splits(run: Path, tmp_path: Path) -> None:
    hub = load_dataset(str(run / "dataset"), "preference", cache_dir=str(tmp_path))
    told = manifest(run)
    assert {split: hub[split].num_rows for split in hub} == {
        name.split("/")[1]: rows for name, rows in told["published"].items() if name.startswith("preference/")
    }
    prompts = {split: {row[0]["content"] for row in hub[split]["prompt"]} for split in hub}
    assert not prompts["train"] & prompts["test"]
    assert hub["train"][0]["chosen"][0]["role"] == "assistant"
    soft = load_dataset(str(run / "dataset"), "preference_soft", cache_dir=str(tmp_path))
    labels = [label for split in soft for label in soft[split]["soft_label"]]
    assert labels.count(0.5) == 3
    assert min(labels) == 0.5


def test_a_second_run_takes_everything_from_the_first(run: Path) -> None:
    before = tree(run)
    source = manifest(run)
    assert source["stages"]
    command_line = json.loads(json.dumps(source["config"]["sources"][0]["input"]))
    assert curate(run, *command_line, form="trl") == 0
    assert all(stage["skipped"] for stage in manifest(run)["stages"])
    assert tree(run) == before


def test_a_changed_policy_runs_only_what_depends_on_it(run: Path, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(run, out)
    assert curate(out, source / "*.jsonl", form="trl", sets=("policy.conflict=drop",)) == 0
    told = balanced(out)
    assert {stage["stage"] for stage in told["stages"] if not stage["skipped"]} == {"decide", "publish"}
    assert told["counts"]["softened"] == 0
    assert told["reasons"]["conflict"] == 3


def test_the_same_bytes_again_and_from_files_in_another_order(run: Path, source: Path, tmp_path: Path) -> None:
    assert curate(tmp_path / "again", source / "b.jsonl", source / "a.jsonl", form="trl") == 0
    again, first = tree(tmp_path / "again"), tree(run)
    # The card shows the inputs as they were named; everything else is the same to the byte.
    assert {name for name in first if first[name] != again.get(name)} <= {"dataset/README.md"}
    assert curate(tmp_path / "third", source / "a.jsonl", source / "b.jsonl", form="trl") == 0
    assert tree(tmp_path / "third") == again


def test_the_same_dataset_from_shuffled_rows(tmp_path: Path) -> None:
    found = []
    for seed in (1, 2):
        rows = pairs(300)
        random.Random(seed).shuffle(rows)
        assert (
            curate(
                tmp_path / str(seed),
                write(tmp_path / f"in{seed}.jsonl", rows),
                form="trl",
                sets=("gate.max_dead_letters=0.1",),
            )
            == 0
        )
        files = sorted((tmp_path / str(seed) / "dataset").rglob("*.parquet"))
        found.append(
            {
                str(file.relative_to(tmp_path / str(seed))): sorted(
                    map(str, pl.read_parquet(file).drop("source").iter_rows())
                )
                for file in files
            }
        )
    assert found[0] == found[1]


def test_the_same_bytes_from_two_worker_processes(run: Path, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    done = subprocess.run(
        command("curate", "--input", f"{source}/*.jsonl", "--format", "trl", "--out", str(out), *flags),
        cwd=ROOT, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert tree(out) == tree(run)


@pytest.mark.parametrize("stage", ["ingest", pytest.param("publish", marks=pytest.mark.slow)])
def test_kill_and_go_on(stage: str, tmp_path: Path) -> None:
    rows = pairs(30_000)
    for part in range(6):
        write(tmp_path / f"in{part}.jsonl", rows[part::6])
    sets = ("--set", "gate.max_dead_letters=0.1", "--set", "publish.rows_per_shard=1")
    line = command("curate", "--input", f"{tmp_path}/in*.jsonl", "--format", "trl", *sets)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert subprocess.run([*line, "--out", str(whole)], cwd=ROOT, capture_output=True, timeout=240).returncode == 0
    process = subprocess.Popen([*line, "--out", str(cut)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(cut.glob(f"work/{stage}-*/*")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (cut / "manifest.json").exists()
    assert list(cut.glob(f"work/{stage}-*"))
    assert not list(cut.glob(f"work/{stage}-*/done.json"))
    assert subprocess.run([*line, "--out", str(cut)], cwd=ROOT, capture_output=True, timeout=240).returncode == 0
    assert tree(cut) == tree(whole)


def test_validate_sees_what_was_changed_afterwards(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(run, out)
    assert run_validate(str(out), json=False) == 0
    train, test = (next((out / "dataset" / "preference").glob(f"{split}-*.parquet")) for split in ("train", "test"))
    leaked = pl.concat([pl.read_parquet(test), pl.read_parquet(train).head(1)])
    leaked.write_parquet(test)
    assert run_validate(str(out), json=False) == 1
    assert not json.loads((out / "gate.json").read_text())["passed"]


def test_too_many_dead_letters_fail_the_run_at_its_end(tmp_path: Path) -> None:
    rows = [*pairs(20), *({"prompt": "p", "chosen": i, "rejected": "x"} for i in range(20))]
    assert curate(tmp_path / "out", write(tmp_path / "in.jsonl", rows), form="trl") == 1
    told = balanced(tmp_path / "out")
    assert not told["gate"]["passed"]


def test_pairs_from_ratings(tmp_path: Path) -> None:
    rows = [{"q": f"q{i % 5}", "a": f"answer {i}", "score": i % 7, "who": f"r{i % 2}"} for i in range(60)]
    (tmp_path / "c.yaml").write_text(
        f"""
sources:
  - input: [{write(tmp_path / "in.jsonl", rows)}]
    format: mapping
    mapping: {{kind: rating, prompt: q, responses: [a], scores: [{{field: score, minimum: 0, maximum: 6, rater: who}}]}}
derive:
  - {{make: pairs_from_ratings, minimum_gap: 2}}
"""
    )
    assert curate(tmp_path / "out", config=str(tmp_path / "c.yaml")) == 0
    told = balanced(tmp_path / "out")
    assert told["counts"]["derived_rows"] == 5 * 2 * 15  # five prompts, two raters, six answers each
    assert told["configurations"] == ["preference", "preference_soft", "ratings"]


def test_personal_data_is_masked_when_asked_for(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{i}", "chosen": f"write to jo{i}@mail.example", "rejected": f"no {i}"} for i in range(30)]
    out = tmp_path / "out"
    assert curate(out, write(tmp_path / "in.jsonl", rows), sets=("policy.pii=mask",)) == 0
    texts = "".join(str(pl.read_parquet(file).to_dicts()) for file in (out / "dataset").rglob("*.parquet"))
    assert "@mail" not in texts
    assert texts.count("[EMAIL]") == 60


def test_prompts_that_masking_makes_equal_stay_in_one_split(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"May I ask jo{i}@mail.example?", "chosen": f"yes {i}", "rejected": f"no {i}"} for i in range(40)
    ]
    rows += [{"prompt": f"p{i}", "chosen": f"jo{i}@mail.example", "rejected": "ann@mail.example"} for i in range(3)]
    rows += [{"prompt": f"q{i}", "chosen": f"good {i}", "rejected": f"bad {i}"} for i in range(60)]
    out = tmp_path / "out"
    assert curate(out, write(tmp_path / "in.jsonl", rows), sets=("policy.pii=mask",)) == 0
    told = balanced(out)
    assert told["reasons"] == {"identical_responses": 3}  # nothing but the addresses told these sides apart
    ledger = pl.read_parquet(out / "ledger.parquet").filter(pl.col("line") <= 40)
    assert ledger["split"].n_unique() == 1
    # Without masking they are forty prompts, and spread over the splits.
    assert curate(tmp_path / "as-is", tmp_path / "in.jsonl") == 0
    assert pl.read_parquet(tmp_path / "as-is" / "ledger.parquet").head(40)["split"].n_unique() > 1


def test_hh(data, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert curate(out, data("hh_rlhf") / "**" / "*.jsonl.gz") == 0
    told = balanced(out)
    assert told["sources"]["data"]["format"] == "hh"
    assert told["counts"]["records_in"] == 2312
    assert told["dead_letter_codes"] == {"prompt_mismatch": 5}
    assert told["reasons"] == {"empty_response": 4}
    # No contradiction and no cycle: a control for false alarms.
    assert {name: told["raters"][name] for name in ("opposed", "on_cycles", "reversals")} == {
        "opposed": 0, "on_cycles": 0, "reversals": 0,
    }  # fmt: skip


def test_pandalm(data, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert curate(out, data("pandalm") / "data" / "testset-v1.json") == 0
    told = balanced(out)
    assert told["dead_letter_codes"] == {"wrong_type": 6}
    # 97 copies in the same order, and 35 more with their sides swapped; two more are among the six with booleans.
    assert told["reasons"]["exact_duplicate"] + told["reasons"]["merged_judgement"] == 132


@pytest.mark.slow
def test_alpaca_eval(data, tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder = data("alpaca_eval_gpt4")
    assert curate(out, folder / "results" / "*" / "*" / "annotations.json") == 0
    told = balanced(out)
    records = [r for path in sorted(folder.glob("results/*/*/annotations.json")) for r in json.loads(path.read_text())]
    verbatim = len(records) - len({(r["instruction"], r["output_1"], r["output_2"]) for r in records})
    trimmed = len(records) - len(
        {tuple(r[k].strip() for k in ("instruction", "output_1", "output_2")) for r in records}
    )
    assert (verbatim, trimmed) == (1230, 1265)  # 35 copies differ in white space at the ends alone
    assert told["reasons"]["exact_duplicate"] + told["reasons"]["merged_judgement"] == trimmed
    assert told["reasons"]["identical_responses"] == sum(
        r["output_1"].strip() == r["output_2"].strip() for r in records
    )
    assert told["reasons"]["empty_response"] == 10
    ledger = pl.read_parquet(out / "ledger.parquet")
    falcon = ledger.filter(pl.col("file").str.contains("falcon-40b|falcon-7b") & (pl.col("action") == "drop"))
    assert falcon.height >= 805
