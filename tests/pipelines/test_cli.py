"""What the command says to what people type, and with which exit code."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.commands import Request, run_curate, run_validate
from pipelines.formats import run_formats
from pipelines.schema import run_schema

ROOT = Path(__file__).parents[2]
GOOD = '{"prompt": "p", "chosen": "good", "rejected": "bad"}\n'


def refused(capsys: pytest.CaptureFixture[str], request: Request) -> str:
    assert run_curate(request) == 2
    return capsys.readouterr().err


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(f'{{"prompt": "p{i}", "chosen": "good {i}", "rejected": "bad {i}"}}\n' for i in range(20)))
    return path


def test_inputs_that_cannot_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "words.jsonl").write_text("hello\nworld\n")
    out = str(tmp_path / "out")
    for name, word in {
        "missing.jsonl": "missing.jsonl",
        "nothing-*.jsonl": "nothing-",
        "empty.jsonl": "empty",
        "folder": "folder",
        "other.jsonl": "no known format",
        "words.jsonl": "no record could be read",
    }.items():
        said = refused(capsys, Request(None, out, [str(tmp_path / name)]))
        assert word in said, said
        assert "Traceback" not in said


def test_formats_that_do_not_fit(capsys: pytest.CaptureFixture[str], pairs: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert "no format 'hhh'" in refused(capsys, Request(None, out, [str(pairs)], "hhh"))


def test_a_wrong_format_leaves_dead_letters_and_fails(pairs: Path, tmp_path: Path) -> None:
    assert run_curate(Request(None, str(tmp_path / "out"), [str(pairs)], "pandalm")) in (1, 2)


def test_a_mapping_of_fields_that_hold_something_else(
    capsys: pytest.CaptureFixture[str], pairs: Path, tmp_path: Path
) -> None:
    """What is wrong with the records is said at once, and where all of them are."""
    mapping = "{kind: stepwise, prompt: prompt, responses: chosen, label: {field: rejected}}"
    sets = ["sources.0.format=mapping", f"sources.0.mapping={mapping}"]
    said = refused(capsys, Request(None, str(tmp_path / "out"), [str(pairs)], sets=sets))
    assert "no record could be read (wrong_type 20)" in said
    assert "pairs.jsonl, line 1: field 'chosen' is a string" in said
    letters = Path(said.split("All are in ")[1].strip())
    assert len((letters / "000000.jsonl").read_text().splitlines()) == 20


def test_where_all_are_ties_what_holds_rows_is_opened(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = [json.dumps({"q": f"Question {i}?", "a": f"one {i}", "b": f"two {i}", "w": 0.5}) for i in range(20)]
    (tmp_path / "ties.jsonl").write_text("\n".join(lines))
    mapping = "{kind: pair, prompt: q, responses: [a, b], label: {field: w}}"
    sets = ["sources.0.format=mapping", f"sources.0.mapping={mapping}", "embed.model=off", "split.fractions={train: 1}"]
    assert run_curate(Request(None, str(tmp_path / "out"), [str(tmp_path / "ties.jsonl")], sets=sets)) == 0
    said = capsys.readouterr().out
    assert "published rows: preference_soft/train 20" in said
    assert "dataset', 'preference_soft')" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources: [{input: [x], wieght: 2}]", ["sources.0.wieght", "no such key"]),
        ("sources: [{input: [x]}]\npolicy: {pii: burn}", ["policy.pii", "'burn'", "'mask'"]),
        ("sources: [{input: [x]}]\nsplit: {fractions: {train: 0.5, test: 0.2}}", ["split", "0.7"]),
        (
            "sources: [{input: [x]}]\nsplit: {fractions: lots}",
            ["split.fractions is 'lots': keys and values are expected"],
        ),
        ("sources: [{input: [x]}]\npolicy: {doubtful_at: high}", ["doubtful_at is 'high': a number is expected"]),
        ("sources: [{name: a}]", ["sources.0.input: is missing"]),
        ("sources: []", ["nothing to read"]),
        ("- a", ["not keys and values"]),
        ("sources: [{input: [x], format: mapping}]", ["mapping"]),
        ("a: [", ["not YAML"]),
        ("sources: [{input: [x], name: a}, {input: [y], name: a}]", ["'a' names two sources"]),
        ("sources: [{input: [x]}]\nsignals: {pii: false}\npolicy: {pii: mask}", ["policy.pii: mask", "signals.pii"]),
    ],
)
def test_configs_with_a_mistake(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "c.yaml").write_text(text)
    said = refused(capsys, Request(str(tmp_path / "c.yaml"), str(tmp_path / "out")))
    assert all(word in said for word in words), said


def test_flags(capsys: pytest.CaptureFixture[str], pairs: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    said = refused(capsys, Request(None, out, [str(pairs)], flags=["--direct_num_worker=2"]))
    assert "--direct_num_worker" in said
    assert "did you mean --direct_num_workers" in said
    said = refused(capsys, Request(None, out, [str(pairs)], flags=["--direct_running_mode=multi_threading"]))
    assert "multi_threading is refused" in said
    assert "DaskRunner is refused" in refused(capsys, Request(None, out, [str(pairs)], flags=["--runner=DaskRunner"]))
    external = ["--environment_type=EXTERNAL"]
    for flags, words in (
        (["--environment_type=DOCKER"], "FnApiRunner takes EXTERNAL alone"),
        (external, "--environment_config=HOST:PORT"),
        ([*external, "--environment_config=127.0.0.1:1"], "no worker pool answers there"),
        ([*external, "--direct_running_mode=multi_processing"], "two kinds of workers"),
    ):
        assert words in refused(capsys, Request(None, out, [str(pairs)], flags=flags))
    assert "--out" in refused(capsys, Request(None, None, [str(pairs)]))
    assert "--set policy" in refused(capsys, Request(None, out, [str(pairs)], sets=["policy"]))
    assert "is not a YAML file" in refused(capsys, Request("a.jsonl", out))


def test_an_output_that_cannot_be_written(capsys: pytest.CaptureFixture[str], pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(capsys, Request(None, str(tmp_path / "file" / "out"), [str(pairs)]))


@pytest.mark.slow
def test_a_full_disk_is_said_in_words_and_gone_on_from(tmp_path: Path) -> None:
    """A small file system of its own; needs the right to mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    rows = ({"prompt": f"p{i}", "chosen": f"good {i} " * 40, "rejected": f"bad {i} " * 40} for i in range(60_000))
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("no right to mount a file system")
    line = [sys.executable, "-m", "pipelines.cli", "curate", "--input", str(tmp_path / "in.jsonl")]
    line += [f"--set={key}" for key in ("embed.model=off", "duplicates.near=false", "strength.find=false")]
    line += ["--out", str(disk / "out")]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=240, cwd=ROOT)
        assert done.returncode == 3
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (disk / "out" / "manifest.json").exists()
        subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)
        assert subprocess.run(line, capture_output=True, timeout=240, cwd=ROOT).returncode == 0
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = subprocess.run([*line[:-1], str(disk / "other")], capture_output=True, text=True, timeout=60, cwd=ROOT)
        assert done.returncode == 2
        assert "Read-only file system" in done.stderr
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_faulty_lines_lose_themselves_alone(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    good = [GOOD.replace("p", f"p{i}", 1).replace("good", f"good {i}") for i in range(40)]
    long = '{"prompt": "p", "chosen": "' + "x" * 50_000_000 + '", "rejected": "y"}\n'
    path.write_bytes(
        "".join(good[:20]).encode() + b'{"prompt": "\xff"}\n' + long.encode() + "".join(good[20:]).encode()
    )
    out = tmp_path / "out"
    assert run_curate(Request(None, str(out), [str(path)], "trl", ["gate.max_dead_letters=0.1"])) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["dead_letter_codes"] == {"invalid_utf8": 1, "line_too_long": 1}
    letters = [json.loads(line) for line in (out / "dead_letters.jsonl").read_text().splitlines()]
    assert [letter["line"] for letter in letters] == [21, 22]


def test_a_truncated_gz_loses_only_its_end(tmp_path: Path) -> None:
    whole = gzip.compress("".join(GOOD.replace("p", f"p{i}", 1).replace("good", f"g{i}") for i in range(2000)).encode())
    (tmp_path / "in.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    assert run_curate(Request(None, str(out), [str(tmp_path / "in.jsonl.gz")])) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["dead_letter_codes"] == {"truncated_file": 1}
    assert manifest["counts"]["kept"] > 500


def test_dry_run_writes_nothing(capsys: pytest.CaptureFixture[str], pairs: Path, tmp_path: Path) -> None:
    assert run_curate(Request(None, str(tmp_path / "out"), [str(pairs)], dry_run=True)) == 0
    assert "FnApiRunner" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_json_lines(pairs: Path, tmp_path: Path) -> None:
    line = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "curate",
        "--input",
        str(pairs),
        "--out",
        str(tmp_path / "o"),
        "--json",
    ]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    events = [json.loads(text) for text in done.stdout.splitlines()]
    assert events[-1]["event"] == "done"
    assert events[-1]["counts"]["kept"] == 20


def test_formats_and_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_formats(json=False) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("mapping", "trl", "hh", "alpaca_eval", "pandalm", "da", "chitchat"))
    assert run_schema("row") == 0
    assert "judgements" in json.loads(capsys.readouterr().out)["properties"]
    assert run_schema("signals") == 0
    assert "ledger.parquet" in json.loads(capsys.readouterr().out)[0]["path"]
    assert run_schema("cat") == 2
    assert run_schema("row", markdown=True) == 2


def test_validate_wants_a_run(tmp_path: Path) -> None:
    assert run_validate(str(tmp_path), json=False) == 2


def test_our_own_expectations(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kwargs = "{column: kept, min_value: 100}"
    more = f"gate.expectations=[{{type: expect_column_values_to_be_between, kwargs: {kwargs}}}]"
    assert run_curate(Request(None, str(tmp_path / "out"), [str(pairs)], sets=[more])) == 1
    wrong = "gate.expectations=[{type: expect_the_moon, kwargs: {}}]"
    assert "expect_the_moon" in refused(capsys, Request(None, str(tmp_path / "out2"), [str(pairs)], sets=[wrong]))


def test_help_is_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "curate", "--help"], capture_output=True, text=True, timeout=60,
        cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0
    assert "--dry-run" in done.stdout
