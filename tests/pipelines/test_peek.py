"""What `peek` prints, for people and for machines, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from pipelines.peek import PeekRequest, run_peek
from schemas.config import Config

ROOT = Path(__file__).parents[2]
VOTES = [
    {
        "question": f"q{i}",
        "answer_a": "yes \x1b[31m" + "y" * 500,
        "answer_b": f"no {i}",
        "winner": winner,
        "judge": "Ann",
    }
    for i, winner in enumerate(("model_a", "model_b", "tie"))
]


def write(path: Path, items: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = write(tmp_path / "votes.jsonl", VOTES)
    path.open("a").write("no json\n")
    return path


def test_a_known_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = [{"prompt": "p", "chosen": "good", "rejected": "bad"}, {"prompt": "p", "chosen": 7, "rejected": "bad"}]
    path = write(tmp_path / "pairs.jsonl", items)
    assert run_peek(PeekRequest([str(path)])) == 0
    said = capsys.readouterr().out
    for words in (
        "JSON Lines, 101 bytes",
        "prompt (text), chosen (text or whole number)",
        "trl: TRL's preference data",
        "row 1, from line 1: pair",
        "assistant: good",
        "overall 1 (response 1 is better)",
        "1 of the first 2 records cannot be used (wrong_type 1):",
        "line 2  wrong_type: field 'chosen': 7 is neither",
        f"trenchcoat curate --input {path} --out runs/pairs",
    ):
        assert words in said, said


def test_an_unknown_format_gives_a_config_that_works(
    votes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_peek(PeekRequest([str(votes)], json=True)) == 0
    told = json.loads(capsys.readouterr().out)
    config = Config.model_validate(yaml.safe_load(told["config"]))
    assert config.sources[0].input == [str(votes)]
    assert run_peek(PeekRequest([str(votes)])) == 0
    said = capsys.readouterr().out
    assert told["config"] in said
    assert "\x1b" not in said
    assert "says Ann" in said
    (tmp_path / "votes.yaml").write_text(told["config"])
    assert run_peek(PeekRequest([], config=str(tmp_path / "votes.yaml"))) == 0
    again = capsys.readouterr().out
    assert f"trenchcoat curate {tmp_path / 'votes.yaml'} --out runs/votes" in again
    assert "read as  mapping, as was asked for" in again


def test_an_unfinished_guess_is_yaml_with_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.jsonl", [{"question": "q", "answer_a": "x", "answer_b": "y"}])
    assert run_peek(PeekRequest([str(path)], json=True)) == 0
    text = json.loads(capsys.readouterr().out)["config"]
    assert "# label:  # no field looks like the label" in text
    assert yaml.safe_load(text)["sources"][0]["mapping"]["responses"] == ["answer_a", "answer_b"]


def test_json(votes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_peek(PeekRequest([str(votes)], rows=1, json=True)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["layout"] == {"format": "jsonl"}
    assert told["records"] == {"about": 4, "exact": True, "read": 4}
    assert told["fits"] == []
    (reading,) = told["readings"]
    assert (reading["made"], len(reading["rows"]), reading["dead_letters"]) == (3, 1, {"invalid_json": 1})
    text = reading["rows"][0]["responses"][0][0]["content"]
    assert len(text) < 200
    assert text.endswith(" characters)")
    assert reading["problems"][0]["line"] == 4


def test_on_a_terminal(votes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pipelines.peek_text.Console", lambda **options: Console(force_terminal=True, width=80, **options)
    )
    assert run_peek(PeekRequest([str(votes)])) == 0
    said = capsys.readouterr().out
    assert "\x1b[1m" in said
    assert "\x1b[31m" not in said  # what the data holds is no colour
    assert "[31m" in said


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (PeekRequest(["missing.jsonl"]), ["missing.jsonl", "does not exist"]),
        (PeekRequest(["empty"]), ["empty", "without data files"]),
        (PeekRequest(["words.txt"]), ["words.txt", "extension that says no format"]),
        (PeekRequest(["good.jsonl"], format="xyz"), ["no format 'xyz'; known are mapping"]),
        (PeekRequest(["good.jsonl"], format="mapping"), ["`format: mapping`"]),
        (PeekRequest(["good.jsonl"], sets=["sources.0.reader=xml"]), ["good.jsonl", "no element"]),
        (PeekRequest(["lines.jsonl"]), ["lines.jsonl", "no record could be read"]),
        (PeekRequest([]), ["nothing to look at"]),
        (PeekRequest(["package://no_such_package/x.json"]), ["no_such_package", "not installed"]),
    ],
)
def test_errors_in_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request_: PeekRequest,
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.txt").write_text("only words")
    (tmp_path / "lines.jsonl").write_text("no json\n")
    write(tmp_path / "good.jsonl", VOTES)
    assert run_peek(request_) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert "Traceback" not in said


def test_one_bad_argument_does_not_hide_the_others(votes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_peek(PeekRequest([str(votes.with_name("gone.jsonl")), str(votes)])) == 2
    said = capsys.readouterr()
    assert "gone.jsonl" in said.err
    assert "row 1, from line 1" in said.out


def test_a_folder_with_much_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(6):
        write(tmp_path / f"{number}.jsonl", [{f"field_{number}": 1}])
    (tmp_path / "notes.txt").write_text("notes")
    assert run_peek(PeekRequest([str(tmp_path)])) == 0
    said = capsys.readouterr().out
    assert said.count("go on") == 4
    assert "not shown: 1 file such as" in said
    assert "1 file of" in said
    assert run_peek(PeekRequest([str(tmp_path)], json=True)) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["look"] * 4 + ["rest"]
    assert (len(events[-1]["not_shown"]), events[-1]["no_data"]) == (2, 1)


def test_a_file_of_which_nothing_can_be_read_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "votes.jsonl", VOTES)
    (tmp_path / "a.tsv").write_text("one\ttwo\nonly one\n")
    (tmp_path / "b.csv").write_text("\n1,2\n")
    assert run_peek(PeekRequest([str(tmp_path)])) == 2
    said = capsys.readouterr()
    assert "row 1, from line 1: pair" in said.out
    assert "a.tsv: no record could be read" in said.err
    assert "b.csv" in said.err


def test_what_is_imported() -> None:
    """A look answers in a second, so nothing slow is loaded for it."""
    code = "import sys, pipelines.peek; print([m for m in ('apache_beam', 'torch', 'datasets', 'great_expectations', "
    code += "'transformers', 'sklearn', 'huggingface_hub') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_command(data: Callable[[str], Path]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "peek", "--rows", "1", str(data("hh_rlhf"))],
        capture_output=True, text=True, cwd=ROOT, timeout=60, env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hh: Anthropic's HH-RLHF" in done.stdout
    assert "harmless-base/test.jsonl.gz" in done.stdout
