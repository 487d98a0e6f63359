"""Scalar quality ratings of translations (SQM, 0 to 6, higher is better) by a mapping, beside MQM, where lower is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.commands import Request, run_curate
from pipelines.evaluate import EvaluateRequest, run_evaluate

_SYSTEMS = {"good": 5, "middling": 3, "bad": 1}


def test_sqm_and_mqm_carry_their_scale_and_direction(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sqm = ["system\tseg_id\trater\tsource\ttarget\tscore"]
    mqm = ["system\tdoc\tdoc_id\tseg_id\trater\tsource\ttarget\tcategory\tseverity"]
    for segment in range(40):
        for system, quality in _SYSTEMS.items():
            source, target = f'He said "{segment}.', f'Er sagte "{segment}, {system}.'
            for rater in ("r1", "r2"):
                score = int(np.clip(quality + rng.integers(-1, 2), 0, 6))
                sqm.append(f"{system}\t{segment}\t{rater}\t{source}\t{target}\t{score}")
                severity = "Major" if system == "bad" else "Minor" if system == "middling" else "No-error"
                mqm.append(f"{system}\td\td\t{segment}\t{rater}\t{source}\t{target}\tAccuracy\t{severity}")
    (tmp_path / "sqm.tsv").write_text("\n".join(sqm) + "\n")
    (tmp_path / "mqm.tsv").write_text("\n".join(mqm) + "\n")
    score = {"field": "score", "minimum": 0, "maximum": 6, "dimension": "sqm"}
    mapping = {"kind": "rating", "prompt": "source", "responses": ["target"], "generators": ["system"],
               "rater": "rater", "scores": [score]}  # fmt: skip
    config = {
        "sources": [
            {"name": "sqm", "input": [str(tmp_path / "sqm.tsv")], "format": "mapping", "reader": "tsv",
             "quoting": False, "mapping": mapping},
            {"name": "mqm", "input": [str(tmp_path / "mqm.tsv")], "format": "mqm"},
        ],
        "embed": {"model": "off"}, "duplicates": {"near": False}, "gate": {"split_tolerance": 0.5},
        "publish": {"configurations": ["ratings"]},
    }  # fmt: skip
    (tmp_path / "c.yaml").write_text(json.dumps(config))
    assert run_curate(Request(str(tmp_path / "c.yaml"), str(tmp_path / "o"))) == 0
    published = pl.concat([pl.read_parquet(path) for path in tmp_path.glob("o/dataset/ratings/*.parquet")])
    scales = published.select("dimension", "minimum", "maximum", "higher_is_better").unique().sort("dimension").rows()
    assert scales == [("mqm", 0.0, 25.0, False), ("sqm", 0.0, 6.0, True)]
    for of in ("mqm", "sqm"):
        mine = published.filter(dimension=of)
        good, bad = (mine.filter(pl.col("response").list.last().struct.field("content").str.contains(name))
                     for name in ("good", "bad"))  # fmt: skip
        assert good["normalised"].mean() > bad["normalised"].mean()  # type: ignore[operator]
        assert (good["score"].mean() > bad["score"].mean()) == (of == "sqm")  # type: ignore[operator]
    # Turned so that higher is better, both put the systems in the same order.
    assert run_evaluate(EvaluateRequest(str(tmp_path / "o"), [], resamples=100, permutations=100)) == 0
    found = json.loads((tmp_path / "o/evaluation.json").read_text())["ratings"]
    for of in ("mqm", "sqm"):
        assert [one["system"] for one in found[of]["systems"]["means"]] == list(_SYSTEMS)
