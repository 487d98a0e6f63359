"""Whole runs against benchmarks: what is found, what becomes of it, and that nothing else is touched."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
import yaml

from pipelines.commands import Request, run_curate, run_validate

ROOT = Path(__file__).parents[2]
ASKED = [
    "What are the names of some famous actors that started their careers on Broadway?",
    "How did the states of the union get the names that they have today?",
    "Explain to a child of six years why the sky is blue and not green.",
    "Which three cities should one see on a first journey through the north of Italy?",
    "Write a short letter to a friend who has just moved to another country.",
    "What is the fastest way to learn the irregular verbs of a language?",
]
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]


def pairs(count: int, seed: int = 0) -> list[dict[str, str]]:
    rng = random.Random(seed)
    return [
        {
            "prompt": f"question {i} about {rng.choice(WORDS)} and {rng.choice(WORDS)}",
            "chosen": f"answer {i} " + " ".join(rng.choices(WORDS, k=9)),
            "rejected": f"reply {i} " + " ".join(rng.choices(WORDS, k=9)),
        }
        for i in range(count)
    ]


def planted(count: int = 200) -> list[dict[str, str]]:
    """Rows of which those at 10, 30, …, 110 ask what the benchmark asks, and those behind them are their copies."""
    rows = pairs(count)
    changes = [
        str.upper,
        str.strip,
        lambda t: t[:-1],
        lambda t: f"Please: {t}",
        lambda t: t + " Now.",
        lambda t: t.replace("way", "path"),
    ]
    for nth, (text, change) in enumerate(zip(ASKED, changes, strict=True)):
        rows[10 + 20 * nth]["prompt"] = change(text)
        other = rows[10 + 20 * nth]
        rows[11 + 20 * nth] = {"prompt": other["prompt"], "chosen": other["rejected"], "rejected": other["chosen"]}
    return rows  # fmt: skip


def write(path: Path, rows: list[Any]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def config(folder: Path, *inputs: Path, benchmark: dict[str, Any] | None = None, **other: Any) -> str:
    if benchmark is None:
        (folder / "asked.json").write_bytes(orjson.dumps(ASKED))
        benchmark = {"name": "asked", "input": str(folder / "asked.json"), "format": "text"}
    body = {
        "sources": [{"input": [str(path) for path in inputs]}],
        "contamination": {"benchmarks": [benchmark]},
        "duplicates": {"near": False}, "embed": {"model": "off"}, "raters": {"consensus": "off"},  # not what is tested
        **other,
    }  # fmt: skip
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(body))
    return str(path)


def curate(out: Path, path: str, *sets: str) -> int:
    return run_curate(Request(path, str(out), sets=list(sets)))


def told(out: Path) -> tuple[dict[str, Any], pl.DataFrame]:
    manifest = json.loads((out / "manifest.json").read_text())
    counts = manifest["counts"]
    assert counts["records_in"] == counts["rows_in"] + counts["merged_records"] + counts["dead_letters"]
    assert counts["rows_in"] + counts["derived_rows"] == counts["kept"] + counts["dropped"] + counts["review"]
    return manifest, pl.read_parquet(out / "ledger.parquet")


def published(out: Path) -> dict[str, set[str]]:
    """The prompts of each split."""
    files = sorted((out / "dataset" / "preference").glob("*.parquet"))
    found: dict[str, set[str]] = {}
    for file in files:
        prompts = pl.read_parquet(file)["prompt"].list.first().struct.field("content")
        found.setdefault(file.name.split("-")[0], set()).update(prompts.to_list())
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contaminated")
    rows = planted()
    write(folder / "a.jsonl", rows[:70])
    write(folder / "b.jsonl", rows[70:])
    assert curate(folder / "out", config(folder, folder / "a.jsonl", folder / "b.jsonl")) == 0
    return folder


def test_planted_rows_and_their_copies_are_dropped_and_no_others(run: Path) -> None:
    manifest, ledger = told(run / "out")
    hit = ledger.filter(pl.col("reasons").list.contains("contaminated"))
    rows = planted()
    prompts = {rows[10 + 20 * nth]["prompt"] for nth in range(6)}
    assert hit.height == 12
    assert manifest["reasons"]["contaminated"] == 12
    assert manifest["counts"]["kept"] == 188
    assert manifest["gate"]["passed"]
    assert not prompts & set.union(*published(run / "out").values())
    assert set(hit["action"]) == {"drop", "merged"}
    assert hit["published_in"].list.len().sum() == 0


def test_the_ledger_has_the_number_and_the_item(run: Path) -> None:
    _, ledger = told(run / "out")
    first = ledger.filter(pl.col("row_id") == "data:a.jsonl:11")["details"].to_list()[0]
    mine = next(detail for detail in first if detail["reason"] == "contaminated")
    assert mine == {"reason": "contaminated", "score": 1.0, "threshold": 1.0, "counterpart": "asked:asked.json:1"}
    changed = ledger.filter(pl.col("row_id") == "data:b.jsonl:41")["details"].to_list()[0]
    mine = next(detail for detail in changed if detail["reason"] == "contaminated")
    assert (mine["threshold"], mine["counterpart"]) == (0.6, "asked:asked.json:6")
    assert 0.6 <= mine["score"] < 1


def test_the_passages_are_shown(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "out" / "contamination.jsonl").read_text().splitlines()]
    assert len(lines) == 12
    assert lines[0]["row_id"] == "data:a.jsonl:11"
    assert lines[0]["item_text"] == ASKED[0]
    assert lines[0]["passage"] == ASKED[0].lower().rstrip("?")
    assert {line["item"] for line in lines} == {f"asked:asked.json:{i}" for i in range(1, 7)}
    assert {line["side"] for line in lines} == {"prompt"}


def test_manifest_and_card_say_what_was_compared_and_found(run: Path) -> None:
    manifest, _ = told(run / "out")
    mine = manifest["contamination"]
    assert (mine["rows"], mine["matches"], mine["common_speech"]) == (12, 12, 0)
    benchmark = mine["benchmarks"]["asked"]
    assert (benchmark["records"], benchmark["items"], benchmark["unreadable"], benchmark["rows"]) == (6, 6, 0, 12)
    assert benchmark["files"][0]["file"] == "asked.json"
    assert len(benchmark["files"][0]["hash"]) == 32
    assert {example["rule"] for example in benchmark["examples"]} == {"whole", "characters", "changed"}
    card = (run / "out" / "dataset" / "README.md").read_text()
    assert "12 rows overlap with one. They and their duplicates are not published, in no split." in card
    assert "| asked | 6 | 12 |" in card
    assert "what are the names of some famous actors" in card


def test_only_decisions_are_made_again_for_another_policy(run: Path, tmp_path: Path) -> None:
    out = run / "out"
    before = (out / "contamination.jsonl").read_bytes()
    assert curate(out, str(run / "config.yaml"), "policy.contaminated=keep") == 0
    manifest, _ = told(out)
    skipped = {stage["stage"]: stage["skipped"] for stage in manifest["stages"]}
    assert [name for name in skipped if not skipped[name]] == ["decide", "shortcuts", "publish"]
    assert manifest["counts"]["kept"] == 194
    assert manifest["reasons"]["overlap_kept"] == 6
    assert "contaminated" not in manifest["reasons"]
    assert (out / "contamination.jsonl").read_bytes() == before
    assert curate(out, str(run / "config.yaml"), "policy.contaminated=review") == 0
    manifest, _ = told(out)
    assert manifest["counts"]["review"] == 6
    assert curate(out, str(run / "config.yaml")) == 0


@pytest.mark.parametrize("guarded", [["train"], ["validation", "test"]])
def test_rows_may_be_dropped_from_some_splits_alone(guarded: list[str], tmp_path: Path) -> None:
    rows = planted(600)
    for nth in range(60):
        rows[200 + 5 * nth]["prompt"] = f"{ASKED[nth % 6]} And {nth} more."
    out = tmp_path / "out"
    path = config(
        tmp_path, write(tmp_path / "in.jsonl", rows),
        policy={"contaminated": "train_only", "contaminated_splits": guarded}, gate={"split_tolerance": 0.02},
        split={"fractions": {"train": 0.6, "validation": 0.2, "test": 0.2}},
    )  # fmt: skip
    assert curate(out, path) == 0
    manifest, ledger = told(out)
    assert manifest["gate"]["passed"]
    dropped = ledger.filter(pl.col("reasons").list.contains("contaminated"))
    kept = ledger.filter(pl.col("reasons").list.contains("overlap_kept"))
    assert dropped.height > 0
    assert dropped["split"].null_count() == dropped.height
    assert dropped["published_in"].list.len().sum() == 0
    assert set(kept["split"].drop_nulls()) == {"train", "validation", "test"} - set(guarded)
    assert kept["published_in"].list.len().min() > 0
    assert manifest["reasons"]["contaminated"] == dropped.height
    assert manifest["reasons"]["overlap_kept"] == kept.height
    prompts = published(out)
    overlapping = {row["prompt"] for row in rows if any(text[:-1].lower() in row["prompt"].lower() for text in ASKED)}
    for split in prompts:
        assert bool(prompts[split] & overlapping) == (split not in guarded)
    shares = {name: count / manifest["counts"]["kept"] for name, count in manifest["splits"].items()}
    assert shares["train"] == pytest.approx(0.6, abs=0.01)
    assert run_validate(str(out), json=False) == 0


def test_without_a_benchmark_nothing_is_compared_and_nothing_old_stays(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "contamination.jsonl").write_text("of an earlier run")
    path = config(tmp_path, run / "a.jsonl", contamination={})
    assert curate(out, path) == 0
    manifest, _ = told(out)
    assert not (out / "contamination.jsonl").exists()
    assert manifest["contamination"] is None
    assert not [stage["stage"] for stage in manifest["stages"] if stage["stage"].startswith("contamination")]
    assert "Benchmarks" not in (out / "dataset" / "README.md").read_text()


def everything(out: Path) -> dict[str, bytes]:
    files = [*sorted((out / "dataset").rglob("*.parquet")), out / "ledger.parquet", out / "contamination.jsonl"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_the_same_bytes_from_two_worker_processes(run: Path, tmp_path: Path) -> None:
    flags = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    line = [sys.executable, "-m", "pipelines.cli", "curate", str(run / "config.yaml"), "--out", str(tmp_path / "out")]
    done = subprocess.run([*line, *flags], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert everything(tmp_path / "out") == everything(run / "out")


def test_the_same_rows_are_found_in_any_order(tmp_path: Path) -> None:
    found = []
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        rows = planted()
        random.Random(seed).shuffle(rows)
        random.Random(seed).shuffle(ASKED[:])
        write(folder / "x.jsonl", rows[: 90 * seed])
        write(folder / "y.jsonl", rows[90 * seed :])
        assert curate(folder / "out", config(folder, folder / "x.jsonl", folder / "y.jsonl")) == 0
        lines = [json.loads(line) for line in (folder / "out" / "contamination.jsonl").read_text().splitlines()]
        found.append(sorted(orjson.dumps({k: v for k, v in line.items() if k != "row_id"}) for line in lines))
        assert told(folder / "out")[0]["counts"]["kept"] == 188
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("name", "data", "benchmark"),
    [
        ("b.txt", "\n".join(ASKED).encode(), {"format": "text"}),
        ("b.csv", b"id,q\n" + b"\n".join(b'7,"%s"' % text.encode() for text in ASKED), {"fields": ["q"]}),
        ("b.jsonl", b"\n".join(orjson.dumps({"a": {"q": [text]}}) for text in ASKED), {"fields": ["a.q"]}),
        ("b.json", orjson.dumps([{"prompt": text, "chosen": "yes", "rejected": "no"} for text in ASKED]), {}),
        ("b.tsv", b"q\tx\ty\tv\n" + b"\n".join(b"%s\ta\tb\t1" % text.encode() for text in ASKED), {"format": "mapping",
            "mapping": {"kind": "pair", "prompt": "q", "responses": ["x", "y"], "label": {"field": "v"}}}),
    ],
)  # fmt: skip
def test_benchmarks_in_any_format(name: str, data: bytes, benchmark: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    path = config(
        tmp_path, write(tmp_path / "in.jsonl", planted()), benchmark={"input": str(tmp_path / name), **benchmark}
    )
    assert curate(tmp_path / "out", path) == 0
    manifest, _ = told(tmp_path / "out")
    assert manifest["contamination"]["rows"] == 12
    assert (tmp_path / name).read_bytes() == data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"benchmark": {"input": "{b}", "fields": ["promt"]}}, ["benchmark 'benchmark'", "'promt'", "prompt, chosen"]),
        ({"benchmark": {"input": "{b}", "fields": ["prompt"], "format": "trl"}}, ["`format: trl`"]),
        ({"benchmark": {"input": "nowhere.json"}}, ["benchmark 'benchmark'", "nowhere.json"]),
        ({"benchmark": {"input": "{b}", "format": "hh"}}, ["'benchmark'", "none of its 3 records"]),
        ({"benchmark": {"input": "{b}", "parts": ["answer"]}}, ["parts.0", "'answer'"]),
        ({"benchmark": {"input": "{b}", "feilds": ["q"]}}, ["feilds", "did you mean fields"]),
        (
            {"policy": {"contaminated": "train_only", "contaminated_splits": ["trian"]}},
            ["'trian'", "train, validation"],
        ),
        ({"contamination": {"words": 0}}, ["contamination.words"]),
    ],
)
def test_mistakes_are_said_in_words(
    change: dict[str, Any], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = write(tmp_path / "in.jsonl", pairs(3))
    if "benchmark" in change:
        change["benchmark"]["input"] = change["benchmark"]["input"].replace("{b}", str(rows))
    assert curate(tmp_path / "out", config(tmp_path, rows, **change)) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said


def test_pandalm_is_in_alpaca_eval(data, tmp_path: Path) -> None:
    """169 of its 170 prompts are, and the other one says nothing."""
    source = data("pandalm") / "data" / "testset-v1.json"
    benchmark = min((data("alpaca_eval_gpt4") / "results").rglob("annotations.json"))
    path = config(tmp_path, source, benchmark={"name": "alpaca_eval", "input": str(benchmark), "parts": ["prompt"]})
    assert curate(tmp_path / "out", path) in (0, 1)
    records = {f"data:testset-v1.json:{i}": record for i, record in enumerate(json.loads(source.read_text()), 1)}
    asked = {i: record["instruction"] for i, record in enumerate(json.loads(benchmark.read_text()), 1)}
    ours = {
        row: f"{r['instruction']}\n\n{r['input']}" if r["input"] else r["instruction"] for row, r in records.items()
    }
    assert len(set(ours.values())) == 170
    lines = [json.loads(line) for line in (tmp_path / "out" / "contamination.jsonl").read_text().splitlines()]
    prompts = [line for line in lines if line["side"] == "prompt"]
    assert len({ours[line["row_id"]] for line in prompts}) == 169
    for line in prompts:
        of = asked[int(line["item"].rsplit(":", 1)[1])]
        assert re.findall(r"\w+", of) == re.findall(r"\w+", ours[line["row_id"]])  # one lost its pictures on the way
    _, ledger = told(tmp_path / "out")
    clean = ledger.filter(~pl.col("reasons").list.contains("contaminated"))
    assert {ours[row].strip() for row in clean["row_id"].to_list()} == {"Truthfulness"}


def test_hh_has_nothing_of_alpaca_eval(data, tmp_path: Path) -> None:
    benchmark = min((data("alpaca_eval_gpt4") / "results").rglob("annotations.json"))
    sources = sorted(data("hh_rlhf").rglob("*.jsonl.gz"))
    assert curate(tmp_path / "out", config(tmp_path, *sources, benchmark={"input": str(benchmark)})) == 0
    manifest, _ = told(tmp_path / "out")
    assert manifest["contamination"]["rows"] == 0
