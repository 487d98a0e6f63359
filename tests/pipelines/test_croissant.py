"""Croissant metadata, read with `mlcroissant` as others do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pipelines.parcel import check, notes, pack
from pipelines.publish import PublishRequest, run_publish
from tests.pipelines.publishing import run

__all__ = ["run"]
mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed: pip install mlcroissant")


def test_it_is_valid_and_its_records_are_the_rows(run: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    target = tmp_path / "p"
    assert run_publish(PublishRequest(str(run), str(target))) == 0
    dataset = mlcroissant.Dataset(str(target / "croissant.json"))
    assert not list(dataset.metadata.issues.errors)
    whole = load_dataset(str(target), "preference", cache_dir=str(tmp_path / "cache"))
    records = list(dataset.records("preference"))
    assert {(one["preference/split"].decode(), one["preference/id"].decode()) for one in records} == {
        (split, row["id"]) for split, rows in whole.items() for row in rows
    }
    told = json.loads((target / "croissant.json").read_text())
    hashes = {one["contentUrl"]: one["sha256"] for one in told["distribution"] if "sha256" in one}
    found = {str(path.relative_to(target)): path for path in target.rglob("*.parquet")}
    assert hashes == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


def test_it_is_valid_on_the_hub(run: Path, tmp_path: Path) -> None:
    from pipelines.finished import Finished

    finished = Finished.at(str(run))
    parcel = pack(finished, check(finished, False), tmp_path)
    url = "https://huggingface.co/datasets/org/name"
    said = json.loads(notes(finished, parcel, "", "org/name", url)["croissant.json"])
    assert not list(mlcroissant.Dataset(said).metadata.issues.errors)
