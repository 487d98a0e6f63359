"""A run that publishes raters made comparable."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from datasets import load_dataset

from pipelines.commands import Request, run_curate
from pipelines.errors import USER_MISTAKE
from pipelines.redact import without


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers that two of three raters judged; one of the three is stricter by 2."""
    folder, rng = tmp_path_factory.mktemp("scores"), np.random.default_rng(0)
    lines = []
    for i in range(60):
        for rater in np.sort(rng.permutation(3)[:2]).tolist():
            value = 4 + i % 3 + rng.integers(0, 2) - 2 * (rater == 2)
            lines.append({"ask": f"Why {i}?", "said": f"Because of {i}.", "mark": int(value), "who": f"r{rater}"})
    (folder / "r.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    score = {"field": "mark", "minimum": 2, "maximum": 7}
    mapping = {"kind": "rating", "prompt": "ask", "responses": ["said"], "scores": [score], "rater": "who"}
    told = {
        "sources": [{"name": "s", "input": [str(folder / "r.jsonl")], "format": "mapping", "mapping": mapping}],
        "embed": {"model": "off"}, "duplicates": {"near": False}, "gate": {"split_tolerance": 0.5},
        "ratings": {"raters": "mixed"}, "publish": {"configurations": ["ratings", "comet", "metricx"]},
    }  # fmt: skip
    (folder / "c.yaml").write_text(json.dumps(told))
    return folder / "c.yaml"


def _read(out: Path, name: str) -> pl.DataFrame:
    splits = load_dataset(str(out / "dataset"), name, cache_dir=str(out / "hf"))
    return pl.concat([pl.DataFrame(split.to_list()) for split in splits.values()]).sort("id")


def test_harmonised_scores_are_those_of_the_ratings_stage(config: Path, tmp_path: Path) -> None:
    plain, even = tmp_path / "plain", tmp_path / "even"
    assert run_curate(Request(str(config), str(plain))) == 0
    assert run_curate(Request(str(config), str(even), sets=["policy.score=harmonised"])) == 0
    as_recorded, ratings, comet, metricx = (
        _read(plain, "ratings"), _read(even, "ratings"), _read(even, "comet"), _read(even, "metricx")
    )  # fmt: skip
    found = pl.read_parquet(even / "ratings.parquet").rename({"content_id": "id"}).sort("id")
    assert found.height == ratings.height == comet.height == 60
    assert ratings["score"].to_list() == found["score"].clip(2, 7).round(5).to_list()
    assert ratings["stderr"].to_list() == found["stderr"].to_list()
    assert ratings["recorded"].to_list() == as_recorded["score"].to_list() == found["mean"].to_list()
    assert "recorded" not in as_recorded.columns
    assert not {"raters", "stderr"} & set(without(ratings, "ratings", ["raters"]).columns)
    card = (even / "dataset" / "README.md").read_text()
    assert "Published scores are so put together" in card
    assert comet["score"].to_list() == ratings["normalised"].to_list()
    assert metricx["label"].to_list() == (25 * (1 - comet["score"])).round(5).to_list()
    # How good an answer was is its number modulo 3: strict raters hide that less once they are made comparable.
    texts = ratings["prompt"].list.first().struct.field("content")
    truth = texts.str.extract(r"(\d+)").cast(pl.Int64) % 3
    raw, fair = (np.corrcoef(truth, ratings[name])[0, 1] for name in ("recorded", "score"))
    assert fair > raw + 0.1


def test_what_nobody_looks_for_cannot_be_published(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = ["policy.score=harmonised", "ratings.find=false"]
    assert run_curate(Request(str(config), str(tmp_path / "no"), sets=sets)) == USER_MISTAKE
    assert "policy.score: harmonised is what ratings.find finds, which is false" in capsys.readouterr().err
