"""Slices in a whole run: a topic whose labels are mostly wrong is found, told, and can be set aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from tests.transforms.embed.support import WORDS, tiny_transformer


def rows(count: int = 900, bad: int | None = 2) -> list[dict[str, str]]:
    """Pairs on five topics, each of five words; the better side exclaims, but for most labels of one topic."""
    rng = np.random.default_rng(5)
    out = []
    for i in range(count):
        topic = i % 5
        words = [" ".join(rng.choice(WORDS[5 * topic : 5 * topic + 5], 7)) for _ in range(3)]
        good, bad_one = f"{words[1]}! {words[1]}! for {i}", f"{words[2]}."
        turned = topic == bad and rng.random() < 0.6
        sides = (bad_one, good) if turned else (good, bad_one)
        out.append({"prompt": f"{words[0]} {i}", "chosen": sides[0], "rejected": sides[1]})
    return out


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_transformer(tmp_path_factory.mktemp("base"))


def test_a_topic_with_wrong_labels(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENCHCOAT_CACHE", str(tmp_path / "home"))
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))

    def run(*sets: str) -> dict[str, Any]:
        asked = [
            f"embed.base={base}", "embed.dimensions=24", "semantic.find=false", "duplicates.near=false",
            "strength.members=2", "strength.folds=3", "slices.seeds=2", "slices.resolutions=[5]",
            "slices.permutations=40", "policy.mislabelled=keep", "policy.doubtful=keep", *sets,
        ]  # fmt: skip
        assert run_curate(Request(None, str(tmp_path / "out"), [str(tmp_path / "data.jsonl")], "trl", asked)) == 0
        told = json.loads((tmp_path / "out/manifest.json").read_text())
        assert isinstance(told, dict)
        return told

    manifest = run()
    told = json.loads((tmp_path / "out/slices.json").read_text())
    assert told["looked_at"]["error"]["rows"] == 900
    first = told["slices"][0]
    assert first["signal"] == "error"
    assert first["p"] < 0.05
    assert first["low"] > first["elsewhere"]
    assert set(first["keywords"]) <= set(WORDS[10:15])
    assert len(first["exemplars"]) == 3
    assert sum(split["rows"] for split in first["splits"].values()) == first["rows"]
    assert any(note.startswith("Slice 0 (") for note in manifest["notes"])
    assert manifest["slices"]["slices"][0]["rows"] == first["rows"]
    signals = pl.read_parquet(next((tmp_path / "out/work").glob("slices-*/000000.parquet")))
    inside = signals["slice_id"] == 0
    assert (np.flatnonzero(inside.fill_null(False)) % 5 == 2).mean() > 0.8
    assert manifest["counts"]["review"] == 0
    reviewed = run("policy.error_slice=review")
    ledger = pl.read_parquet(tmp_path / "out/ledger.parquet").filter(pl.col("action") == "review")
    assert reviewed["counts"]["review"] == ledger.height == signals["slice_id"].count()
    assert ledger["counterpart"].str.starts_with("slice ").all()
    assert (ledger["score"] > ledger["threshold"]).all()
