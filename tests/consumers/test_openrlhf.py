"""OpenRLHF's dataset, as a reward model and as DPO read it, makes what was published of the card's file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.consumers.conftest import as_text, needs

pytestmark = [pytest.mark.consumers, needs("openrlhf")]


@pytest.mark.parametrize("stage", ["rm", "dpo"])
def test_openrlhf(stage: str, dataset: Path, recipe: Callable[[Path, str], str], consumer: Callable[..., Any]) -> None:
    flags = re.findall(r"^# (--.*)$", recipe(dataset, "OpenRLHF, on what calls no tool"), re.M)
    said = consumer("openrlhf", stage, " ".join(flags))
    published = pl.read_parquet(dataset / "preference" / "train-*.parquet").rows(named=True)
    assert len(published) > 40
    assert [shape[0] for shape in said["shapes"]] == [len(published)] * 2
    for side in ("chosen", "rejected"):
        assert said[side] == [as_text(row["prompt"] + row[side]) for row in published]
    if stage == "dpo":
        # What comes before the loss: nothing of a side, and all of the prompt.
        assert said["prompts"] == [as_text(row["prompt"]) + "<|assistant|>" for row in published]
