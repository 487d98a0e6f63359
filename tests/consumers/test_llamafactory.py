"""LLaMA-Factory takes two steps, as a reward model and in DPO, on what the card's recipe writes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.consumers.conftest import needs

pytestmark = [pytest.mark.consumers, needs("llamafactory")]

WHO = "LLaMA-Factory (stages rm and dpo), on what differs in one message and calls no tool"


def text(messages: list[dict[str, str]]) -> str:
    """Under its template `default`."""
    said = {"system": "System: {}<|end|>\n", "user": "Human: {}<|end|>\n", "assistant": "Assistant:{}<|end|>\n"}
    return "".join(said[one["role"]].format(one["content"]) for one in messages)


@pytest.mark.parametrize("stage", ["rm", "dpo"])
def test_llamafactory(
    stage: str, dataset: Path, recipe: Callable[[Path, str], str], consumer: Callable[..., Any]
) -> None:
    recipe(dataset, WHO)
    said = consumer("llamafactory", stage)
    published = pl.read_parquet(dataset / "preference" / "train-*.parquet").rows(named=True)
    single = [row for row in published if len(row["chosen"]) == len(row["rejected"]) == 1]
    assert 40 < len(single) < len(published)
    assert said["texts"][0] == {side: text(single[0]["prompt"] + single[0][side]) for side in ("chosen", "rejected")}
    for side in ("chosen", "rejected"):
        assert sorted(one[side] for one in said["texts"]) == sorted(text(row["prompt"] + row[side]) for row in single)
    assert len(said["losses"]) == 2
    assert all(map(math.isfinite, said["losses"]))
