"""What predict.py of MetricX does with its file (there is no package): it joins the texts that it reads from JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import datasets
import polars as pl
import pytest

from tests.consumers.conftest import AWKWARD, translations

pytestmark = pytest.mark.consumers


def test_metricx(dataset: Path, recipe: Callable[[Path, str], str], tmp_path: Path) -> None:
    recipe(dataset, "MetricX")
    cache = str(tmp_path / "cache")
    read = datasets.load_dataset("json", data_files={"test": str(tmp_path / "train.jsonl")}, cache_dir=cache)["test"]
    read = read.map(lambda row: {"input": f"{row['source']}|" + row["hypothesis"] + "|" + row["reference"]})
    given = {row["src"]: row for row in translations(60)}
    published = pl.read_parquet(dataset / "metricx" / "train-*.parquet")
    assert read.num_rows == published.height > 40
    assert len(set(read["hypothesis"]) & set(AWKWARD)) >= 5
    for row in read:
        told = given[row["source"]]
        assert row["input"] == f"{told['src']}|{told['mt']}|{told['ref']}"
        # Errors: none is 0, the worst 25.
        assert row["label"] == pytest.approx(25 * (1 - told["score"]), abs=1e-5)
