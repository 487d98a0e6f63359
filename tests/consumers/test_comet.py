"""COMET's reader takes what the card's recipe writes, and `comet-train` takes two steps on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.consumers.conftest import AWKWARD, needs, translations

pytestmark = [pytest.mark.consumers, needs("comet")]


@pytest.mark.parametrize(
    ("who", "metric"),
    [
        ("COMET, on what has a reference", "regression_metric"),
        ("COMET, without references", "referenceless_regression_metric"),
    ],
)
def test_comet(
    who: str, metric: str, dataset: Path, recipe: Callable[[Path, str], str], consumer: Callable[..., Any]
) -> None:
    recipe(dataset, who)
    said = consumer("comet", metric, "train.csv")
    # All that is published for it is read, as the texts and scores that were once given.
    published = pl.read_parquet(dataset / "comet" / "train-*.parquet")
    if metric == "regression_metric":
        published = published.filter(pl.col("ref") != "")
    given = {row["src"]: row for row in translations(60)}
    read = {row["src"]: row for row in said["read"]}
    assert set(read) == set(published["src"])
    assert len(said["read"]) == len(read) > 30
    for src, row in read.items():
        assert row["mt"].removesuffix(" ") == given[src]["mt"]
        assert row.get("ref") == (given[src]["ref"] if metric == "regression_metric" else None)
        assert row["score"] == float(np.float16(given[src]["score"]))
    # The awkward ones that fell to this split are among them, and a space behind one changes nothing for the model.
    assert len({row["mt"].removesuffix(" ") for row in read.values()} & set(AWKWARD)) >= 5
    assert all(published == bare for published, bare in said["tokens"])
    assert said["steps"] == 2
    assert said["finite"]
    assert said["moved"]
