"""What a card says only where there is something to say it of: images, votes for both sides, what it is found by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from tests.pipelines.test_card import card, turn
from transforms.parquet import plain

CIRCLES = "rows have votes for both sides"


def published(folder: Path, name: str, **columns: Any) -> None:
    """A dataset with one row of a configuration."""
    path = folder / name / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(plain(pl.DataFrame({"id": ["1"], "source": ["s"], **columns})), path)


@pytest.mark.parametrize("shown", [True, False])
def test_who_trains_on_images_is_told_that_recipes_hand_on_texts(tmp_path: Path, shown: bool) -> None:
    more = {"images": [{"uri": "a.png"}]} if shown else {}
    sides = {name: [[turn("Hi", **more)]] for name in ("prompt", "chosen", "rejected")}
    published(tmp_path, "preference", **sides)
    card(tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert ("What follows hands on texts alone" in text) == shown
    assert ("A relative path counts from the folder that all files of its source" in text) == shown
    assert DatasetCard.load(tmp_path / "README.md").data.tags == ["preference", "reward-model", "trenchcoat"]


@pytest.mark.parametrize("kind", ["pair", "rating"])
def test_votes_for_both_sides_are_of_pairs(tmp_path: Path, kind: str) -> None:
    published(tmp_path, "ratings", score=[1.0])
    figure = {"source": "s", "kind": kind, "dimension": "d", "judgements": 9, "raters": 3, "shared": 4,
              "alpha_nominal": 0.5, "alpha_interval": 0.5, "alpha_normalised": 0.5}  # fmt: skip
    card(tmp_path, raters={"figures": [figure], "opposed": 2, "on_cycles": 0, "reversals": 0})
    text = (tmp_path / "README.md").read_text()
    assert "A judgement without a rater's name counts as an average rater's." in text
    assert (CIRCLES in text) == (kind == "pair")
    assert DatasetCard.load(tmp_path / "README.md").data.tags == ["ratings", "evaluation-metric", "trenchcoat"]
