"""Slices on the page, from a file as the run writes it and sidecars beside the blocks."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl

from pipelines.finished import Finished
from pipelines.report.slices import slices
from transforms import blocks

SLICE = {
    "slice": 0, "signal": "error", "view": "prompts", "method": "mixture", "rows": 3, "rate": 0.6, "low": 0.5,
    "high": 0.7, "elsewhere": 0.1, "p": 0.01, "stability": 0.9, "keywords": ["<b>tax</b>", "law"],
    "splits": {"train": {"rows": 2, "share": 0.5, "rate": 0.6, "low": 0.4, "high": 0.8}},
}  # fmt: skip
LOOKED = {"error": {"rows": 900, "groups": 80, "sampled": 900, "rate": 0.15}, "disagreement": {"rows": 3, "groups": 2}}


def run(out: Path) -> Finished:
    stages = [{"stage": name, "lineage": name * 4} for name in ("ingest", "slices")]
    ingest, made = (f"{out}/work/{one['stage']}-{one['lineage'][:12]}" for one in stages)
    for folder in (ingest, made):
        blocks.write_json({}, f"{folder}/done.json")
    blocks.write_json({"blocks": [{"name": "0.parquet", "rows": 5}]}, f"{ingest}/tasks/000000.json")
    blocks.write_frame(pl.DataFrame({"slices": [[0], [], [0], [0], []]}), f"{made}/000000.parquet")
    blocks.write_frame(pl.DataFrame({"row_id": [f"row {i}" for i in range(5)]}), f"{out}/ledger.parquet")
    return Finished(str(out), {"stages": stages})


def test_no_file_no_section(tmp_path: Path) -> None:
    assert slices(Finished(str(tmp_path), {})) is None


def test_a_slice_leads_to_its_rows(tmp_path: Path) -> None:
    (tmp_path / "slices.json").write_bytes(orjson.dumps({"looked_at": LOOKED, "slices": [SLICE]}))
    made = slices(run(tmp_path))
    assert made is not None
    assert made.lead == "1 slice of the data stands out."
    assert "too few" in made.words[1]
    (sample,) = made.samples
    assert (sample.total, sample.places) == (3, [0, 2, 3])
    assert made.tables[0].lines[0][2].to == sample.key
    assert "<b>" not in made.charts[0].svg
    assert "elsewhere" in made.charts[0].svg


def test_what_was_not_looked_for_is_no_reassurance(tmp_path: Path) -> None:
    few = {"error": {"rows": 0, "groups": 0}, "disagreement": {"rows": 3, "groups": 2}}
    (tmp_path / "slices.json").write_bytes(orjson.dumps({"looked_at": few, "slices": []}))
    made = slices(run(tmp_path))
    assert made is not None
    assert made.lead == "Slices were not looked for: there is too little to look at."
    (tmp_path / "slices.json").write_bytes(orjson.dumps({"looked_at": LOOKED, "slices": []}))
    made = slices(run(tmp_path))
    assert made is not None
    assert made.lead == "No slice of the data stands out."
