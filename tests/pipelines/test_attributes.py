"""Attributes in a whole run: found, assigned, told, and mixed as asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from tests.pipelines.test_slices import rows
from tests.transforms.embed.support import WORDS, tiny_transformer


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_transformer(tmp_path_factory.mktemp("base"))


def test_a_mixture_of_domains(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("TRENCHCOAT_CACHE", str(tmp_path / "home"))
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(400)))
    given = [
        f"embed.base={base}", "embed.dimensions=24", "semantic.find=false", "duplicates.near=false",
        "strength.find=false", "slices.find=false", "attributes.find=true", "attributes.domains=5",
        "attributes.skills=3", "publish.configurations=[preference_soft]",
    ]  # fmt: skip

    def run(*sets: str, code: int = 0) -> None:
        asked = Request(None, str(tmp_path / "out"), [str(tmp_path / "data.jsonl")], "trl", [*given, *sets])
        assert run_curate(asked) == code

    def told() -> dict[str, Any]:
        read: dict[str, Any] = json.loads((tmp_path / "out/attributes.json").read_text())
        return read

    run()
    domains = told()["kinds"]["domain"]
    assert sum(one["prompts"] for one in domains) == 2 * 400
    assert all(abs(one["prompts"] - 800 * one["quota"]) <= 80 * one["quota"] + 1 for one in domains)
    assert all(set(one["words"]) <= set(WORDS) for one in domains)
    signals = pl.read_parquet(next((tmp_path / "out/work").glob("attributes-*/000000.parquet")))
    assert (signals["domains"].list.n_unique() == 2).all()
    assert any(one["measure"] == "longer" for one in told()["table"])
    name = domains[0]["name"]
    # A name with a comma in it, as YAML takes it.
    run(f'attributes.target={{"{name}": 0.4}}')
    share = told()["mixture"]["shares"][name]
    assert share["target"] == 0.4
    assert share["after"] == pytest.approx(0.4, abs=1e-3)
    train = pl.concat([pl.read_parquet(path) for path in (tmp_path / "out/dataset/preference_soft").glob("train-*")])
    assert train["weight"].n_unique() > 2
    assert train["weight"].mean() == pytest.approx(1, abs=1e-3)
    other = pl.concat([pl.read_parquet(path) for path in (tmp_path / "out/dataset/preference_soft").glob("test-*")])
    assert (other["weight"] == 1).all()
    run(f'attributes.target={{"{name}": 0.4}}', "attributes.by=subsample")
    ledger = pl.read_parquet(tmp_path / "out/ledger.parquet").filter(pl.col("action") == "drop")
    assert (ledger["reasons"].list.first() == "off_mixture").all()
    assert (ledger["score"] >= ledger["threshold"]).all()
    assert 0 < ledger.height < 200
    assert told()["mixture"]["shares"][name]["after"] > share["before"] + 0.05
    run('attributes.target={"no such": 0.4}', code=2)
    assert "there is no domain 'no such'" in capsys.readouterr().err
