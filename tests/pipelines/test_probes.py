"""Probes in a whole run: ratings in the run and in a file beside it, and what the pairs are found to express."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from pipelines.commands import Request, run_curate
from tests.transforms.embed.support import tiny_transformer

_WORDS = ["the", "of", "to", "and", "in", "is", "it", "you", "that", "he", "was", "for"]
#: Words that raters like on one dimension, and on another.
_KIND, _CLEAR = ["with", "his", "they"], ["this", "have", "from"]
RATED, PAIRS = 400, 120


def text(rng: np.random.Generator, *some: list[str]) -> str:
    words = [*rng.choice(_WORDS, 10), *(word for part in some for word in rng.choice(part, 4))]
    return " ".join(rng.permutation(words))


def ratings(seed: int, count: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        kind, clear = rng.random(2) < 0.5
        said = text(rng, *([_KIND] if kind else []), *([_CLEAR] if clear else []))
        out.append({"ask": f"{seed} {i} {_WORDS[i % 12]}", "say": said, "kind": 2 + 2 * int(kind), "clear": int(clear)})
    return out


def pairs() -> list[dict[str, Any]]:
    """Preferences for what is kind, whether it is clear or not."""
    rng = np.random.default_rng(2)
    out = []
    for i in range(PAIRS):
        sides = {"a": text(rng, _KIND, _WORDS), "b": text(rng, _WORDS, _WORDS)}
        turned = rng.random() < 0.5
        x, y = (sides[side] for side in ("ba" if turned else "ab"))
        out.append({"ask": f"p{i} {_WORDS[i % 12]}", "x": x, "y": y, "best": "yx"[not turned]})
    return out


def rating_source(file: Path, name: str) -> dict[str, Any]:
    scores = [{"field": "kind", "minimum": 1, "maximum": 5}, {"field": "clear", "minimum": 0, "maximum": 1}]
    mapping = {"kind": "rating", "prompt": "ask", "responses": ["say"], "scores": scores}
    return {"name": name, "input": [str(file)], "format": "mapping", "mapping": mapping}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("probes")
    for name, lines in (("ratings", ratings(0, RATED)), ("more", ratings(1, RATED)), ("pairs", pairs())):
        (made / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    tiny_transformer(made)
    return made


def run(folder: Path, out: str, sources: list[dict[str, Any]], beside: list[dict[str, Any]]) -> dict[str, Any]:
    label = {"field": "best", "values": {"x": 1, "y": 0}}
    mapping = {"kind": "pair", "prompt": "ask", "responses": ["x", "y"], "label": label}
    pair = {"name": "pairs", "input": [str(folder / "pairs.jsonl")], "format": "mapping", "mapping": mapping}
    config = {
        "sources": [pair, *sources],
        "embed": {"model": "transformer", "base": str(folder / "model"), "device": "cpu"},
        "semantic": {"find": False},
        "duplicates": {"near": False},
        "strength": {"find": False},
        "probes": {"ratings": beside},
    }
    (folder / f"{out}.yaml").write_text(yaml.safe_dump(config))
    assert run_curate(Request(str(folder / f"{out}.yaml"), str(folder / out))) == 0
    return dict(json.loads((folder / out / "manifest.json").read_text()))


@pytest.mark.parametrize("where", [pytest.param("run", marks=pytest.mark.slow), "beside"])
def test_what_preferences_express(folder: Path, where: str) -> None:
    source = rating_source(folder / "ratings.jsonl", "rated")
    manifest = run(folder, where, *(([source], []) if where == "run" else ([], [source])))
    told = manifest["probes"]
    assert told["rows"] == RATED
    assert told["pairs"] == PAIRS
    assert told["beside"] == ({"rows": RATED, "dead_letters": 0} if where == "beside" else None)
    assert manifest["counts"]["rows_in"] == PAIRS + (RATED if where == "run" else 0)
    kind, clear = (told["dimensions"][name] for name in ("kind", "clear"))
    assert kind["correlation"] > 0.6
    assert clear["correlation"] > 0.6
    assert kind["preferred_higher"] > 0.9
    assert kind["preferred_by"] > 3 * abs(clear["preferred_by"])
    (folder_of,) = (folder / where / "work").glob("probes-*")
    signals = pl.concat([pl.read_parquet(path) for path in sorted(folder_of.glob("0*.parquet"))])
    assert signals.columns == ["probe_delta_clear", "probe_delta_kind", "probe_distance", "probe_outlier"]
    assert signals.height == manifest["counts"]["rows_in"]
    assert signals["probe_delta_kind"].count() == PAIRS
    better = np.sign([1.0 if one["best"] == "x" else -1.0 for one in pairs()])
    deltas = signals.drop_nulls()["probe_delta_kind"].to_numpy()
    assert (np.sign(deltas) == better).mean() > 0.9  # in the order of the rows, for the first response
    assert signals["probe_outlier"].drop_nulls().is_between(0, 1).all()
    assert "the preferred side is the better one on: clear" in (folder / where / "dataset/README.md").read_text()


def test_too_few_ratings_are_left_out_by_name(folder: Path) -> None:
    (folder / "few.jsonl").write_text("".join(json.dumps(line) + "\n" for line in ratings(3, 50)))
    told = run(folder, "few", [], [rating_source(folder / "few.jsonl", "few")])["probes"]
    assert told["dimensions"] == {}
    assert told["left_out"] == {name: {"rows": 50, "groups": 50} for name in ("clear", "kind")}
