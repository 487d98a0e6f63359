"""TRL's PRMTrainer, while there was one, takes two steps on published solutions."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.consumers.conftest import needs
from tests.consumers.tiny import snippet

pytestmark = [pytest.mark.consumers, needs("prm")]


def test_prm_trainer(dataset: Path, consumer: Callable[..., Any]) -> None:
    code = snippet(dataset, "Process reward models, such as the PRMTrainer that TRL had up to 1.13")
    said = consumer("prm", code, dataset)
    published = pl.read_parquet(dataset / "stepwise" / "train-*.parquet").rows(named=True)
    assert len(published) > 20
    assert said["texts"] == [row["prompt"] + "".join(f"{step}\n" for step in row["completions"]) for row in published]
    assert said["labels"] == [[1, 0]] * len(published)
    assert said["steps"] == 2 == len(said["losses"])
    assert all(map(math.isfinite, said["losses"]))
    assert said["moved"]
