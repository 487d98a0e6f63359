"""RewardBench's command scores what the card's recipe writes, with a tiny reward model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.consumers

#: What a card without a graphics card's help needs: no 8-bit weights, and numbers that a processor knows.
ON_A_PROCESSOR = "--not_quantized --torch_dtype float32"


def text(messages: list[dict[str, str]]) -> str:
    return "".join(f"<|{one['role']}|>{one['content']}<|end|>" for one in messages)


def test_rewardbench(dataset: Path, recipe: Callable[[str], str], consumer: Callable[..., Any]) -> None:
    command = recipe("RewardBench's command").partition("# rewardbench")[2]
    said = consumer("rewardbench", f"rewardbench {command} {ON_A_PROCESSOR}")
    published = pl.read_parquet(dataset / "preference_full" / "train-*.parquet")
    alike = published.filter(pl.col("chosen").list.len() == pl.col("rejected").list.len())
    assert 40 < alike.height < published.height
    whole = {row["id"]: row for row in alike.rows(named=True)}
    rows = {row["id"]: row for row in said["rows"]}
    assert len(said["rows"]) == len(rows) == said["result"]["num_prompts"]
    assert set(rows) == set(whole)
    for name, row in rows.items():
        for side in ("chosen", "rejected"):
            assert row[f"text_{side}"] == text(whole[name][side])
            assert row[f"scores_{side}"] == pytest.approx(said["own"][row[f"text_{side}"]], abs=1e-4)
        assert row["results"] == (row["scores_chosen"] > row["scores_rejected"])
    assert said["result"]["accuracy"] == sum(row["results"] for row in said["rows"]) / len(rows)
