"""The pages: what the code makes is what is committed, and what they tell people to do works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from pipelines.commands import Request, run_curate
from pipelines.formats import page
from pipelines.peek import PeekRequest, run_peek

ROOT = Path(__file__).parents[1]
OWN = (ROOT / "docs" / "your-own-format.md").read_text()
STAGE = (ROOT / "docs" / "adding-a-stage.md").read_text()


def block(name: str) -> str:
    """A code block of the page on own formats, by the file name behind its language."""
    found = re.search(rf"```\w+ {re.escape(name)}\n(.*?)```", OWN, re.S)
    assert found is not None
    return found[1]


def test_the_page_of_formats_is_what_the_code_makes() -> None:
    assert (ROOT / "docs" / "formats.md").read_text() == page(), "docs/formats.md is not up to date: make docs"


def test_a_mapping_as_the_page_says(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reads.jsonl").write_text(block("reads.jsonl"))
    Path("reads.yaml").write_text(block("reads.yaml"))
    assert run_peek(PeekRequest(["reads.jsonl"], json=True)) == 0
    guessed = yaml.safe_load(json.loads(capsys.readouterr().out)["config"])
    wanted = yaml.safe_load(block("reads.yaml"))
    wanted["sources"][0]["mapping"].pop("rater")  # the one thing that is added by hand
    assert guessed == wanted
    assert run_peek(PeekRequest([], config="reads.yaml", json=True)) == 0
    (reading,) = json.loads(capsys.readouterr().out)["readings"]
    assert (reading["made"], reading["dead_letters"]) == (4, {})
    assert run_curate(Request("reads.yaml", "out", sets=["split.fractions={train: 1.0}"])) == 0
    counts = json.loads(Path("out/manifest.json").read_text())["counts"]
    assert (counts["rows_in"], counts["kept"], counts["ties"]) == (4, 3, 1)


def test_an_adapter_as_the_page_says(tmp_path: Path) -> None:
    """The files put where the page says, in a copy of the project, and its test run."""
    for name in ("schemas", "transforms", "pipelines", "tests/transforms/ingest/adapters", "pyproject.toml"):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, target)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "transforms/ingest/adapters/drafts.py").write_text(block("drafts.py"))
    (tmp_path / "tests/transforms/ingest/adapters/test_drafts.py").write_text(block("test_drafts.py"))
    (tmp_path / "drafts.jsonl").write_text(block("drafts.jsonl"))
    index = tmp_path / "transforms/ingest/adapters/__init__.py"
    text = index.read_text()
    assert "\n)\n\n\nclass FormatError" in text
    text = text.replace("\n)\n\n\nclass FormatError", "\n    drafts.ADAPTER,\n)\n\n\nclass FormatError")
    index.write_text(
        text.replace("import Records\n", "import Records\nfrom transforms.ingest.adapters import drafts\n", 1)
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )

    common = "tests/transforms/ingest/adapters/test_common.py::test_formats_are_told_apart_by_their_examples"
    done = run("-m", "pytest", "-q", "tests/transforms/ingest/adapters/test_drafts.py", common)
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout
    done = run("-m", "pipelines.cli", "peek", "drafts.jsonl", "--json")
    told = json.loads(done.stdout)
    assert told["fits"] == ["drafts"]
    assert [len(row["responses"]) for row in told["readings"][0]["rows"]] == [2, 3]
    assert "| [`drafts`](#drafts) | ranking |" in run("-m", "pipelines.cli", "formats", "--markdown").stdout
    for checked in (["ruff", "check"], ["ruff", "format", "--check"]):
        done = run("-m", *checked, "transforms/ingest/adapters/drafts.py", str(tmp_path / "tests"))
        assert done.returncode == 0, done.stdout


def changed(text: str, change: str) -> str:
    """A file with a change of the page: in each part, what is there once becomes what it should be."""
    for part in change.split("@@\n"):
        lines = part.splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
        assert text.count(before) == 1, f"the page expects this once: {before}"
        text = text.replace(before, after)
    return text


def test_a_stage_as_the_page_says(tmp_path: Path) -> None:
    """The files put where the page says and the changes made, in a copy of the project; its tests, pages and style."""
    for name in ("schemas", "transforms", "pipelines", "pyproject.toml"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    blocks = re.findall(r"```(\w+) (\S+)\n(.*?)```", STAGE, re.S)
    for language, name, text in blocks:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed(path.read_text(), text) if language == "diff" else text)
    assert [language for language, *_ in blocks].count("diff") == 9

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "2 passed" in run("pytest", "-q", "tests/transforms/repetition")
    assert '<a id="policy.repetitive_at"></a>' in run("pipelines.cli", "schema", "config", "--markdown")
    assert "| `repetition` | number | 0 to 1 |" in run("pipelines.cli", "schema", "signals", "--markdown")
    run("ruff", "check", "--ignore", "E501")
