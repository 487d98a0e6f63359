"""Strength's signals are the same whatever the order of rows and files, the order of sides, and the workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from tests.pipelines.test_strength import rows

_CONFIG = """
sources:
  - name: votes
    input: [INPUT]
    format: mapping
    mapping: {kind: pair, prompt: prompt, responses: [a, b], label: {field: winner, values: {a: 1, b: 0}}}
embed: {model: off}
raters: {consensus: off}
strength: {members: 3, folds: 3}
"""
_TURNED = ("strength_mu", "strength_surface", "strength_residual", "strength_logit", "neighbours_agree")


def written(folder: Path, records: list[dict[str, Any]], files: int) -> Path:
    folder.mkdir()
    for number in range(files):
        lines = [json.dumps(record) + "\n" for record in records[number::files]]
        (folder / f"{number}.jsonl").write_text("".join(lines))
    config = folder / "config.yaml"
    config.write_text(_CONFIG.replace("INPUT", json.dumps(f"{folder}/*.jsonl")))
    return config


def signals(out: Path) -> pl.DataFrame:
    """What is said of every pair, by its content, and the text of its first side."""
    blocks, told = (
        pl.concat([pl.read_parquet(path) for path in sorted(out.glob(f"work/{stage}/*.parquet"))])
        for stage in ("ingest-*/blocks", "strength-*")
    )
    first = pl.col("responses").list.first().list.last().struct.field("content")
    return blocks.select("content_id", first=first).hstack(told).sort("content_id")


@pytest.mark.slow
def test_order_of_rows_and_sides_files_and_workers_change_no_score(tmp_path: Path) -> None:
    given = [{"prompt": r["prompt"], "a": r["chosen"], "b": r["rejected"], "winner": "a"} for r in rows(500, 0.1)]
    rng = np.random.default_rng(3)
    moved = [
        {**r, "a": r["b"], "b": r["a"], "winner": "b"} if rng.random() < 0.5 else r
        for r in (given[place] for place in rng.permutation(len(given)))
    ]
    assert run_curate(Request(str(written(tmp_path / "one", given, 1)), str(tmp_path / "plain"))) == 0
    config = written(tmp_path / "two", moved, 2)
    flags = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    assert run_curate(Request(str(config), str(tmp_path / "moved"), flags=flags)) == 0
    plain, other = signals(tmp_path / "plain"), signals(tmp_path / "moved")
    assert (plain["content_id"] == other["content_id"]).all()
    turned = (plain["first"] != other["first"]).to_numpy()
    assert 0.4 < turned.mean() < 0.6
    for name, dtype in plain.schema.items():
        if dtype != pl.Float64:
            continue
        there = other[name].to_numpy() * np.where(turned & (name in _TURNED), -1, 1)
        apart = np.abs(plain[name].to_numpy() - there)
        # Signals are rounded to 1e-5: what is less than 1e-6 apart may be rounded to either side, and seldom is.
        assert np.nanmax(apart) < 1.01e-5, name
        assert np.nanmean(apart < 1e-6) > 0.95, name
    assert (plain["strength_bin"] == other["strength_bin"]).all()
    assert plain["p_error"].n_unique() > 100
