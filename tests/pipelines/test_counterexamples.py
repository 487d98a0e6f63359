"""A run on labels that a length bias bent, whose policy leaves counterexamples alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.commands import Request, run_curate

_WORDS = ["stone", "river", "cloud", "lamp", "window", "garden", "music", "paper", "bridge", "winter", "summer"]


def test_counterexamples_are_left_alone_and_the_ledger_says_so(tmp_path: Path) -> None:
    rng, lines = np.random.default_rng(0), []
    for i in range(500):
        short, long = (" ".join(rng.choice(_WORDS, n)) for n in rng.integers((4, 20), (9, 40)))
        chosen, rejected = (long, short) if rng.random() < 0.9 else (short, long)
        lines.append({"prompt": f"{i} {' '.join(rng.choice(_WORDS, 5))}", "chosen": chosen, "rejected": rejected})
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = {
        "sources": [{"name": "p", "input": [str(tmp_path / "p.jsonl")], "format": "trl"}],
        "embed": {"model": "off"}, "duplicates": {"near": False}, "gate": {"split_tolerance": 0.5},
        "strength": {"members": 3, "folds": 3, "noise_rate": 0.2}, "slices": {"find": False},
    }  # fmt: skip
    (tmp_path / "c.yaml").write_text(json.dumps(config))

    def reasons(*sets: str) -> pl.DataFrame:
        assert run_curate(Request(str(tmp_path / "c.yaml"), str(tmp_path / "o"), sets=list(sets))) == 0
        return pl.read_parquet(tmp_path / "o/ledger.parquet").select("row_id", "reasons", "action", "details")

    def those(ledger: pl.DataFrame, reason: str) -> pl.DataFrame:
        return ledger.filter(pl.col("reasons").list.contains(reason))

    judged = reasons()
    found = json.loads((tmp_path / "o/manifest.json").read_text())["strength"]
    assert found["surface_leads"]
    assert found["surface_right_low"] > 0.8
    assert 0.05 < found["counterexamples"] < 0.15
    suspected = those(judged, "likely_mislabelled")
    assert suspected.height > 20
    assert those(judged, "counterexample").is_empty()
    kept = reasons("policy.counterexample=keep")
    left = those(kept, "counterexample")
    assert set(left["action"]) == {"keep"}
    assert left.height > 20
    # Who was suspected is left alone, or still suspected, and nobody else is.
    both = pl.concat([left, those(kept, "likely_mislabelled")])["row_id"]
    assert sorted(both) == sorted(suspected["row_id"])
    assert all(one[-1]["score"] > 0.5 for one in left["details"].to_list())
