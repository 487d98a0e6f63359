"""What the tests of the gate share: rows as publication has them, published folders, and what did not pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from pipelines.gate import Verdict, run_gate
from schemas.arrow import ROW_SCHEMA
from schemas.config import SHAPES, Gate
from transforms.parquet import plain
from transforms.publish.shapes import Facts, shape

SPLITS = {"train": 0.5, "test": 0.5}
METRICS: dict[str, float] = {
    "records_in": 12, "merged_records": 1, "dead_letters": 1, "rows_in": 10, "derived_rows": 2, "kept": 8, "dropped": 3,
    "review": 1, "dead_letter_share": 1 / 12, "largest_group_share": 0.01, "published_rows": 8,
    "unexplained_verdicts": 0, "contaminated_published": 0, "groups_in_two_splits": 0, "settled_share": 0,
    "benchmarks": 1, "share_train": 0.5, "share_test": 0.5,
}  # fmt: skip
KIND = {name: shape(name).kinds[0] for name in SHAPES}


def named(value: Any) -> str:
    return value if isinstance(value, str) else ""


def turn(content: str, role: str = "assistant") -> dict[str, Any]:
    return {"role": role, "content": content}


def kept(kind: str, split: str, n: int) -> pl.DataFrame:
    """Kept rows as publication has them, all of one split and each with a prompt of its own."""
    judgements = {
        "pair": [{"dimension": "overall", "value": 1.0, "count": 1}],
        "rating": [{"dimension": "overall", "value": 3.0, "normalised": 0.5, "count": 2}],
        "ranking": [
            {"dimension": "overall", "value": v, "normalised": v, "response": i, "count": 1}
            for i, v in enumerate((0.2, 1.0))
        ],
        "stepwise": [{"dimension": "overall", "value": float(v), "step": i, "count": 1} for i, v in enumerate((1, 0))],
    }
    one = kind in ("rating", "stepwise")
    rows = [
        {
            "row_id": f"{split}{i}",
            "content_id": f"{split}{i}",
            "source": "s",
            "kind": kind,
            "prompt": [turn(f"{split} {i}", "user")],
            "responses": [[turn("good")]] if one else [[turn("good")], [turn("bad")]],
            "tools": "[]",
            "steps": ["one", "two"] if kind == "stepwise" else None,
            "references": ["reference"] if kind == "rating" else None,
            "judgements": judgements[kind],
            "scales": [{"dimension": "overall", "minimum": 1.0, "maximum": 5.0, "higher_is_better": True}],
        }
        for i in range(n)
    ]
    frame = pl.DataFrame(rows, schema=ROW_SCHEMA).rename({"content_id": "id"})
    return frame.with_columns(soft_label=pl.lit(0.25), margin=pl.lit(1.0), weight=pl.lit(1.0))


def built(name: str, split: str = "train", n: int = 4, **facts: Any) -> pl.DataFrame:
    """Rows of a configuration as its shape publishes them."""
    return shape(name).build(kept(KIND[name], split, n), Facts(**facts))


def put(folder: Path, name: str, *frames: pl.DataFrame) -> None:
    for number, frame in enumerate(frames):
        path = folder / f"{name}-{number:05d}-of-{len(frames):05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(plain(frame), path)


def publish(folder: Path, *names: str, **facts: Any) -> None:
    for name in names:
        for split in SPLITS:
            put(folder, f"{name}/{split}", built(name, split, **facts))


def gate(folder: Path, *names: str, metrics: dict[str, float] | None = None, **settings: Any) -> Verdict:
    settings = {"max_dead_letters": 0.1} | settings
    return run_gate(str(folder), METRICS | (metrics or {}), Gate(**settings), list(names), SPLITS)


def bad(verdict: Verdict) -> dict[str, str]:
    """What did not pass: `on: name`, and how bad it is."""
    return {f"{check.on}: {check.name}": check.severity for check in verdict.checks if check.amiss}


def own(type: str, on: str = "metrics", severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{type}", "on": on, "kwargs": kwargs, "severity": severity}
