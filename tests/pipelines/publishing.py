"""A run to publish, and others like it that only their manifests make."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from tests.pipelines.test_end_to_end import curate, pairs, write


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a few hundred pairs under the MIT licence, the same for every module that asks."""
    if not _MADE:
        _MADE.append(_make(tmp_path_factory))
    return _MADE[0]


#: A fixture that modules import is one of its own in each; what it makes is not.
_MADE: list[Path] = []


def _make(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write(folder / "pairs.jsonl", pairs(200))
    sets = ("gate.max_dead_letters=0.2", "sources.0.licence=mit", "publish.rows_per_shard=60")
    assert curate(folder / "out", folder / "pairs.jsonl", form="trl", sets=sets) == 0
    return folder / "out"


Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def like(run: Path, tmp_path: Path) -> Callable[[str, Edit], str]:
    """From a name and what to change in the manifest to a run that is otherwise the same."""

    def make(name: str, edit: Edit) -> str:
        shutil.copytree(run, tmp_path / name, ignore=shutil.ignore_patterns("work"))
        path = tmp_path / name / "manifest.json"
        manifest = json.loads(path.read_text())
        edit(manifest)
        path.write_text(json.dumps(manifest))
        for left in (tmp_path / name / "dataset").rglob("*.parquet"):
            if str(left.relative_to(tmp_path / name / "dataset")) not in [one["file"] for one in manifest["files"]]:
                left.unlink()
        return str(tmp_path / name)

    return make


def licensed(licence: str | None) -> Edit:
    """The source is under another licence."""

    def edit(manifest: dict[str, Any]) -> None:
        for one in manifest["sources"].values():
            one["licence"] = licence

    return edit


def smaller(manifest: dict[str, Any]) -> None:
    """Another dataset: one configuration less."""
    manifest["files"] = [one for one in manifest["files"] if not one["file"].startswith("preference_soft/")]


def failed(manifest: dict[str, Any]) -> None:
    manifest["gate"]["passed"] = False


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def opened(folder: Path | str, configuration: str, cache: Path) -> dict[str, list[str]]:
    """The rows' ids that a reader gets, by split."""
    found = load_dataset(str(folder), configuration, cache_dir=str(cache))
    return {name: split["id"] for name, split in found.items()}
