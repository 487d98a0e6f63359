"""Rows of a finished run explained, and a dataset audited as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import orjson
import polars as pl
import pytest
import yaml

from pipelines.commands import Request, run_curate, run_validate
from pipelines.diff import run_diff
from pipelines.evaluate import EvaluateRequest, run_evaluate
from pipelines.explain import run_explain
from pipelines.finished import FORMAT, Finished
from pipelines.publish import PublishRequest, run_publish
from pipelines.relabel import run_export
from pipelines.report import run_report

SPINE = ["embed.model=off", "strength.find=false", "split.fractions={train: 0.8, test: 0.2}", "gate.split_tolerance=1"]
WORDS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
]


def records() -> list[dict]:
    rows = [
        {"prompt": f"question {i}: {' '.join(WORDS[i % 7 :])}", "a": f"first {i} {WORDS[i % 15]} says",
         "b": f"second {i}", "w": "a", "who": f"rater {i % 3}"}
        for i in range(40)
    ]  # fmt: skip
    rows.append({**rows[0], "a": rows[0]["b"], "b": rows[0]["a"], "w": "b", "who": "rater 2"})  # line 41 copies line 1
    rows.append({**rows[1], "w": "b", "who": "rater 2"})  # line 42 contradicts line 2
    long = " ".join(f"{word}{i}" for i in range(12) for word in WORDS)
    rows.append({"prompt": long, "a": "yes it is so", "b": "no it is not", "w": "a", "who": "rater 0"})
    rows.append({"prompt": f"{long} more", "a": "yes it is so", "b": "no it is not", "w": "a", "who": "rater 0"})
    rows.append({"prompt": "mail me", "a": "at jane.doe@example.org", "b": "no \x1b[31m", "w": "a", "who": "rater 1"})
    rows.append({"prompt": "same", "a": "equal sides", "b": "equal sides", "w": "a", "who": "rater 1"})
    rows.append({"prompt": "unknown", "a": "x", "b": "y", "w": "c", "who": "rater 1"})  # line 47: a dead letter
    return rows


CONFIG = {
    "sources": [
        {"name": "votes", "format": "mapping", "mapping": {
            "kind": "pair", "prompt": "prompt", "responses": ["a", "b"], "rater": "who",
            "label": {"field": "w", "values": {"a": 1, "b": 0}}}}
    ],
    "policy": {"pii": "report"},
    "gate": {"max_dead_letters": 0.5},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("votes")
    (folder / "votes.jsonl").write_bytes(b"\n".join(map(orjson.dumps, records())))
    CONFIG["sources"][0]["input"] = [str(folder / "votes.jsonl")]  # type: ignore[index]
    (folder / "votes.yaml").write_text(yaml.safe_dump(CONFIG))
    assert run_curate(Request(str(folder / "votes.yaml"), str(folder / "run"), sets=SPINE)) == 0
    return folder


def told(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    assert run_explain(str(run), name, None, True) == 0
    return json.loads(capsys.readouterr().out)


def near_copy(run: Path) -> str:
    ledger = pl.read_parquet(run / "ledger.parquet")
    return ledger.filter(pl.col("reasons").list.contains("near_duplicate"))["row_id"].item()


def test_a_near_copy_has_its_counterpart_beside_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = near_copy(folder / "run")
    found = told(folder / "run", name, capsys)
    (reason,) = found["reasons"]
    assert reason["reason"] == "near_duplicate"
    assert reason["score"] >= reason["threshold"] == 0.7
    assert {name, reason["counterpart"]} == {"votes:votes.jsonl:43", "votes:votes.jsonl:44"}
    (other,) = found["counterparts"]
    assert other["row_id"] == reason["counterpart"]
    assert [text["text"] for text in other["texts"]][1:] == ["yes it is so", "no it is not"]


def test_what_is_said_to_change_a_verdict_changes_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each change of a near-copy's policy is made, and the run decided again with it."""
    name = near_copy(folder / "run")
    changes = [one for one in told(folder / "run", name, capsys)["otherwise"] if one["change"].startswith("policy.")]
    assert {one["change"] for one in changes} == {"policy.near_duplicate: review", "policy.near_duplicate: keep"}
    for one in changes:
        again = [*SPINE, one["change"].replace(": ", "=")]
        assert run_curate(Request(str(folder / "votes.yaml"), str(folder / "again"), sets=again)) == 0
        ledger = pl.read_parquet(folder / "again" / "ledger.parquet").filter(pl.col("row_id") == name)
        assert ledger["action"].item() == one["verdict"].split(":")[0]


def test_a_copy_says_that_no_setting_changes_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = pl.read_parquet(folder / "run" / "ledger.parquet")
    copies = ledger.filter(pl.col("action") == "merged")["row_id"].to_list()
    for name in copies:
        found = told(folder / "run", name, capsys)
        counterpart = found["reasons"][0]["counterpart"]
        assert [one for one in found["otherwise"] if counterpart in one["change"]]


@pytest.mark.parametrize("format_", [None, "of another version", FORMAT])
def test_what_another_version_left_is_no_fault(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], format_: str | None
) -> None:
    run = tmp_path / "run"
    shutil.copytree(folder / "run", run)
    name = near_copy(run)
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["format"] == FORMAT
    (near,) = {one["lineage"] for one in manifest["stages"] if one["stage"] == "near"}
    for path in run.glob(f"work/near-{near[:12]}/*.parquet"):
        pl.read_parquet(path).drop("near_looks").write_parquet(path)
    (decided,) = run.glob("work/decide-*/*.parquet")
    pl.read_parquet(decided).drop("soft_label").write_parquet(decided)
    pl.read_parquet(run / "ledger.parquet").drop("reasons").write_parquet(run / "ledger.parquet")
    del manifest["strength"], manifest["gate"]
    (run / "manifest.json").write_text(json.dumps({**manifest, "format": format_}))
    for command in (
        lambda: run_explain(str(run), name, None, False),
        lambda: run_report(str(run)),
        lambda: run_evaluate(EvaluateRequest(str(run), [])),
        lambda: run_diff(str(folder / "run"), str(run), False),
        lambda: run_export(str(run), 5, None, False),
        lambda: run_validate(str(run), False),
        lambda: run_publish(PublishRequest(str(run), str(tmp_path / "published"))),
    ):
        capsys.readouterr()
        # What this version made is to be read; where it cannot, that is a fault.
        assert command() == (3 if format_ == FORMAT else 2)
        assert ("made by another version of trenchcoat" in capsys.readouterr().err) == (format_ != FORMAT)


def test_judgements_of_all_copies_with_their_raters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Finished.at(str(folder / "run"))
    ledger = run.ledger().collect()
    kept = ledger.filter(pl.col("reasons").list.contains("conflict"))["row_id"].item()
    found = told(folder / "run", kept, capsys)
    assert {one["value"] for one in found["judgements"]} == {0.0, 1.0}
    assert all(one["known"]["votes"] >= 1 for one in found["judgements"])
    assert {one["feature"] for one in found["features"]} >= {"characters", "words"}


def test_a_kept_row_tells_what_would_drop_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(folder / "run", "votes:votes.jsonl:45", capsys)
    assert found["verdict"]["action"] == "keep"
    assert {"change": "policy.pii: drop", "verdict": "drop"} in found["otherwise"]


def test_rows_are_found_by_text_and_terminals_are_safe(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_explain(str(folder / "run"), None, "jane.doe@example.org", False) == 0
    said = capsys.readouterr().out
    assert said.startswith("votes:votes.jsonl:45")
    assert "\x1b" not in said
    assert "⟨U+001B⟩[31m" in said
    assert run_explain(str(folder / "run"), None, "yes it is so", True) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 2


def test_what_is_no_row_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_explain(str(folder / "run"), "votes:votes.jsonl:47", None, False) == 0
    assert "unknown_label" in capsys.readouterr().out
    assert run_explain(str(folder / "run"), "nobody", None, False) == 2
    assert "has no row 'nobody'; its rows are named like 'votes:votes.jsonl:1'" in capsys.readouterr().err
    assert run_explain(str(folder / "run"), None, "nowhere to be found", False) == 2


def test_an_audit_drops_nothing_and_suggests_what_curate_takes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "audit"
    assert run_curate(Request(str(folder / "votes.yaml"), str(out), sets=SPINE, audit=True)) == 0
    said = capsys.readouterr().out
    ledger = pl.read_parquet(out / "ledger.parquet")
    assert ledger["action"].unique().to_list() == ["keep"]
    assert ledger.height == len(records()) - 1
    assert not (out / "dataset").exists()
    reasons = set(ledger["reasons"].explode().drop_nulls())
    assert reasons >= {"pii", "near_duplicate", "conflict", "identical_responses", "merged_judgement"}
    first = [line.split()[-1] for line in said.split("what to fix first:\n")[1].splitlines()[: len(reasons)]]
    assert first.index("conflict") < first.index("near_duplicate")
    assert "merged_judgement" not in first  # that several people judged the same is no fault
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "What to fix first" in page
    assert "The gate" not in page
    assert run_report(str(out)) == 0
    assert (out / "report.html").read_text(encoding="utf-8") == page
    mended = yaml.safe_load((out / "suggested.yaml").read_text())
    assert mended["policy"]["pii"] == "mask"
    assert "act" not in mended["policy"]
    assert run_curate(Request(str(out / "suggested.yaml"), str(folder / "mended"))) == 0
    again = pl.read_parquet(folder / "mended" / "ledger.parquet")
    assert again.filter(pl.col("reasons").list.contains("near_duplicate"))["action"].to_list() == ["drop"]
