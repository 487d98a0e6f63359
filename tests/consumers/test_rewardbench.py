"""RewardBench's command scores what the card's recipe writes, with a tiny reward model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.consumers.conftest import as_text, needs

pytestmark = [pytest.mark.consumers, needs("rewardbench")]

WHO = "RewardBench's command, on turns of user and assistant that differ in the last"
#: What it needs without a graphics card: no 8-bit weights, and numbers that a processor knows.
ON_A_PROCESSOR = "--not_quantized --torch_dtype float32"


def test_rewardbench(dataset: Path, recipe: Callable[[Path, str], str], consumer: Callable[..., Any]) -> None:
    command = recipe(dataset, WHO).partition("# rewardbench")[2]
    said = consumer("rewardbench", f"rewardbench {command} {ON_A_PROCESSOR}")
    published = pl.read_parquet(dataset / "preference_full" / "train-*.parquet")
    whole = {row["id"]: row for row in published.rows(named=True)}
    longer = {name for name, row in whole.items() if len(row["chosen"]) > len(row["rejected"])}
    system = {name for name, row in whole.items() if row["chosen"][0]["role"] == "system"}
    assert min(len(longer), len(system)) > 3
    rows = {row["id"]: row for row in said["rows"]}
    assert len(said["rows"]) == len(rows) == said["result"]["num_prompts"]
    assert set(rows) == set(whole) - longer - system
    for name, row in rows.items():
        for side in ("chosen", "rejected"):
            assert row[f"text_{side}"] == as_text(whole[name][side])
            assert row[f"scores_{side}"] == pytest.approx(said["own"][row[f"text_{side}"]], abs=1e-4)
        assert row["results"] == (row["scores_chosen"] > row["scores_rejected"])
    assert said["result"]["accuracy"] == sum(row["results"] for row in said["rows"]) / len(rows)
