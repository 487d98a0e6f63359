"""A small run in which every stage has something to do, and another one that adds to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from pipelines.commands import Request, run_curate
from tests.transforms.embed.support import WORDS, tiny_clip, tiny_transformer
from tests.transforms.external.support import two_texts

PAIRS = 480


def _text(rng: np.random.Generator, low: int = 6, high: int = 12) -> str:
    return " ".join(rng.choice(WORDS, rng.integers(low, high)))


def _pairs(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Pairs of several raters each, with scores of a judge, a few copies, and faults."""
    out = []
    for i in range(PAIRS):
        good, bad = f"{_text(rng)}! {_text(rng)}!", _text(rng)
        turned = rng.random() < 0.5
        sides = (bad, good) if turned else (good, bad)
        for rater in range(1 + i % 3):
            wrong = rng.random() < 0.15
            best = "b" if turned != wrong else "a"
            out.append(
                {
                    "ask": f"{_text(rng) if not rater else ''}{i // 4}",
                    "a": sides[0], "b": sides[1], "best": best, "who": f"r{(i + rater) % 6}", "judge": [2.0, 1.0],
                    "topic": "xyz"[i % 3],
                }
            )  # fmt: skip
            out[-1]["ask"] = out[-1 - rater]["ask"]
    return [*out, {**out[0], "a": ""}, {**out[0], "best": "?"}, {**out[0], "b": out[0]["a"]}]


def _ratings(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"ask": f"{i} {_text(rng)}", "say": _text(rng), "kind": int(rng.integers(1, 6)), "who": f"r{j}"}
        for i in range(120)
        for j in range(2)
    ]


def _rankings(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"ask": f"{_text(rng)} {i}", "says": [_text(rng) for _ in range(3)], "ranks": [1, 2, 3], "who": f"r{i % 4}"}
        for i in range(30)
    ]


def _pictures(rng: np.random.Generator, folder: Path) -> list[dict[str, Any]]:
    """Preferences between two pictures, which lie where they say."""
    for i in range(8):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return [
        {"prompt": f"{_text(rng)} {i}", "image_0": str(folder / f"{i}.png"), "image_1": str(folder / f"{i + 1}.png"),
         "preference": i % 2, "rater": f"r{i % 3}"}
        for i in range(7)
    ]  # fmt: skip


def _write(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def lay_out(folder: Path) -> Path:
    """The raw files, two tiny models, and the configuration that names them; gives the latter."""
    rng = np.random.default_rng(3)
    base, reward = tiny_transformer(folder), two_texts(folder / "reward")
    label = {"field": "best", "values": {"a": 1, "b": 0}}
    pairs = {"kind": "pair", "prompt": "ask", "responses": ["a", "b"], "label": label, "rater": "who"}
    rated = {
        "kind": "rating", "prompt": "ask", "responses": ["say"], "rater": "who",
        "scores": [{"field": "kind", "minimum": 1, "maximum": 5}],
    }  # fmt: skip
    ranked = {"kind": "ranking", "prompt": "ask", "responses": "says", "ranks": "ranks", "rater": "who"}

    def source(name: str, records: list[dict[str, Any]], mapping: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "input": [_write(folder / f"{name}.jsonl", records)], "format": "mapping",
                "mapping": mapping}  # fmt: skip

    made = _pairs(rng)
    (folder / "bench.txt").write_text(f"{made[0]['ask']}\n")
    steps = [
        {"input": f"{_text(rng)} {i}", "steps": [_text(rng) for _ in range(4)], "mistake_index": i % 3,
         "answer": "x", "target": "y"}
        for i in range(20)
    ]  # fmt: skip
    errors = [
        {"system": f"s{i % 2}", "doc": "d", "doc_id": "1", "seg_id": str(i // 2), "rater": f"r{j}", "source": f"{i} x",
         "target": f"{i} y", "category": "Accuracy/Addition", "severity": ("Minor", "Major")[j]}
        for i in range(8) for j in range(2)
    ]  # fmt: skip
    walks = [
        {"trajectory_id": f"t{i}", "instruction": f"{_text(rng)} {i}", "frames": [f"{i}/{n}.png" for n in range(6)],
         "progress": [0.0, 0.2, 0.1, 0.5, 0.8, 1.0]}
        for i in range(6)
    ]  # fmt: skip
    config = {
        "name": "everything",
        "sources": [
            source("pairs", made, pairs), source("rated", _ratings(rng), rated),
            source("ranked", _rankings(rng), ranked),
            {"name": "steps", "input": [_write(folder / "steps.jsonl", steps)], "format": "bigbench_mistake"},
            {"name": "errors", "input": [_write(folder / "errors.jsonl", errors)], "format": "mqm"},
            {"name": "walks", "input": [_write(folder / "walks.jsonl", walks)], "format": "trajectory",
             "options": {"expert": True}},
            {"name": "pictures", "input": [_write(folder / "pictures.jsonl", _pictures(rng, folder))],
             "format": "image_preference"},
        ],
        "derive": [
            {"make": "pairs_from_rankings"}, {"make": "pairs_from_ratings", "raters": "normalised"},
            {"make": "ratings_from_rankings"}, {"make": "pairs_from_steps", "raters": "unknown"},
        ],
        "signals": {"length": {"tokenizer": str(folder / "bert"), "max_tokens": 60}},
        "contamination": {"benchmarks": [{"name": "bench", "input": [str(folder / "bench.txt")], "format": "text"}]},
        "images": {"near": True},
        "embed": {"base": str(base), "dimensions": 24, "device": "cpu", "images": str(tiny_clip(folder / "seen"))},
        "external": {
            "models": [{"name": "tiny", "base": str(reward)}],
            "scores": [{"name": "judge", "fields": "judge", "source": "pairs"}],
        },
        "probes": {"ratings": [source("beside", _ratings(rng), rated)]},
        "strength": {"members": 2, "folds": 3},
        "slices": {"seeds": 2, "resolutions": [5], "permutations": 40},
        "attributes": {"find": True, "domains": 3, "skills": 2},
        "balance": {"output": "augment", "trees": False},
        "gate": {"split_tolerance": 0.5, "max_dead_letters": 0.5},
    }  # fmt: skip
    (folder / "everything.yaml").write_text(yaml.safe_dump(config))
    return folder / "everything.yaml"


def curate(config: Path, out: Path, *sets: str, against: Path | None = None) -> dict[str, Any]:
    """Run it; gives the manifest."""
    before = [str(against)] if against else []
    assert run_curate(Request(str(config), str(out), sets=list(sets), against=before)) in (0, 1)
    return dict(json.loads((out / "manifest.json").read_text()))
