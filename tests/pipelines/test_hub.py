"""Reading datasets by their address on the hub, with the real client against a stand-in on loopback."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from xxhash import xxh3_128_hexdigest

from tests.hub import COMMIT, serve
from tests.pipelines.test_end_to_end import ROOT, command, pairs, tree, write

pytestmark = pytest.mark.slow
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A dataset as people publish them: Parquet by split, and files that are no data."""
    folder = tmp_path / "hub" / "org" / "name"
    for split, rows in {"train": pairs(300), "test": pairs(60, seed=1)}.items():
        good = [row for row in rows if isinstance(row.get("chosen"), str) and "rejected" in row]
        (folder / "data").mkdir(parents=True, exist_ok=True)
        pl.DataFrame(good).write_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "dataset_infos.json").write_text("{}")
    (folder / "extra").mkdir()
    write(folder / "extra" / "more pairs.jsonl", pairs(40, seed=2))
    return folder


@pytest.fixture
def run(repo: Path, tmp_path: Path) -> Iterator[Run]:
    """The command, where the hub is the stand-in; `log` of the result's `args` holds what it was asked."""
    server, log = serve(tmp_path / "hub")
    env = {
        **os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    env.pop("HF_HUB_OFFLINE", None)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        log.clear()
        done = subprocess.run(
            command(*arguments), cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False
        )
        done.args = list(log)
        return done

    yield call
    server.shutdown()


def test_a_dataset_by_its_address(run: Run, repo: Path, tmp_path: Path) -> None:
    done = run("curate", "--input", "hf://datasets/org/name", "--out", str(tmp_path / "hub-out"))
    assert done.returncode == 0, done.stderr
    local = run("curate", "--input", f"{repo}/data/*.parquet", "--out", str(tmp_path / "disk-out"))
    assert local.returncode == 0, local.stderr
    got, wanted = tree(tmp_path / "hub-out"), tree(tmp_path / "disk-out")
    card = "dataset/README.md"  # it shows what was named as input
    assert {name: data for name, data in got.items() if name != card} == {
        name: data for name, data in wanted.items() if name != card
    }
    assert b"hf://datasets/org/name" in got[card]
    inputs = json.loads((tmp_path / "hub-out" / "manifest.json").read_text())["inputs"]
    assert [one["file"] for one in inputs] == ["test-00000-of-00001.parquet", "train-00000-of-00001.parquet"]


@pytest.mark.parametrize(
    "address",
    ["org/name/extra", "org/name@main/extra/more pairs.jsonl", f"org/name@{COMMIT}/extra", "org/name/extra/*.jsonl"],
)
def test_revisions_folders_files_and_patterns(run: Run, repo: Path, address: str) -> None:
    done = run("curate", "--input", f"hf://datasets/{address}", "--out", "not-made", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    (source,) = json.loads(done.stdout)["sources"]
    data = (repo / "extra" / "more pairs.jsonl").read_bytes()
    assert source["format"] == "trl"
    assert source["files"] == [{"file": "more pairs.jsonl", "bytes": len(data), "hash": xxh3_128_hexdigest(data)}]


def test_a_look(run: Run) -> None:
    done = run("peek", "hf://datasets/org/name", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["fits"] == ["trl"]
    assert told["all"] | {"bytes": 0} == {
        "inputs": ["hf://datasets/org/name"], "files": 2, "bytes": 0, "complete": True, "looked_at": 2,
    }  # fmt: skip
    assert told["command"] == "trenchcoat curate --input hf://datasets/org/name --out runs/name"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf://datasets/org/gone", "hf://datasets/org/gone"),
        ("hf://datasets/org/name@gone", "gone"),
        ("hf://datasets/org/name/nothing", "no data files"),
        ("hf://datasets/org", "hf://datasets/ORG/NAME"),
    ],
)
@pytest.mark.parametrize("what", ["curate", "peek"])
def test_mistakes(run: Run, tmp_path: Path, what: str, address: str, words: str) -> None:
    arguments = ("curate", "--input", address, "--out", str(tmp_path / "out")) if what == "curate" else (what, address)
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
