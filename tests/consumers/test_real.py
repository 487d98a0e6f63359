"""Real dialogues and real translations, as `curate` leaves them, arrive whole where they are trained on."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.consumers.conftest import as_text, curated, needs
from tests.consumers.tiny import snippet

pytestmark = pytest.mark.consumers

PAIRS, ERRORS = 120, 600


@pytest.fixture(scope="module")
def real(data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first of HH-RLHF's pairs and of the MQM errors of TED talks, which are without references."""
    folder = tmp_path_factory.mktemp("real")
    with gzip.open(data("hh_rlhf") / "harmless-base" / "test.jsonl.gz", "rt") as lines:
        (folder / "hh.jsonl").write_text("".join(next(lines) for _ in range(PAIRS)))
    with (data("wmt_mqm") / "ted" / "ende" / "mqm_ted_ende.tsv").open() as lines:
        (folder / "ted.tsv").write_text("".join(next(lines) for _ in range(ERRORS)))
    sources = [
        {"name": "hh", "input": ["hh.jsonl"], "format": "hh"},
        {"name": "ted", "input": ["ted.tsv"], "format": "mqm",
         "options": {"weights": {"major/source error": 0, "minor/source error": 0}}},
    ]  # fmt: skip
    return curated(folder, sources, ["preference", "comet"])


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / name / "train-*.parquet").rows(named=True)


@needs("trl")
def test_dialogues_in_trl(real: Path, consumer: Callable[..., Any]) -> None:
    (reward,) = consumer("trl", json.dumps([["RewardTrainer", snippet(real, "TRL's RewardTrainer"), str(real)]]))
    for side in ("chosen", "rejected"):
        assert reward["texts"][side] == [as_text(row["prompt"] + row[side]) for row in rows(real, "preference")]
    assert reward["steps"] == 2


@needs("openrlhf")
def test_dialogues_in_openrlhf(real: Path, recipe: Callable[[Path, str], str], consumer: Callable[..., Any]) -> None:
    flags = re.findall(r"^# (--.*)$", recipe(real, "OpenRLHF, on what calls no tool"), re.M)
    said = consumer("openrlhf", "rm", " ".join(flags))
    published = rows(real, "preference")
    assert len(published) == len(said["chosen"]) > 90
    for side in ("chosen", "rejected"):
        assert said[side] == [as_text(row["prompt"] + row[side]) for row in published]


@needs("comet")
def test_translations_in_comet(real: Path, recipe: Callable[[Path, str], str], consumer: Callable[..., Any]) -> None:
    recipe(real, "COMET, without references")
    said = consumer("comet", "referenceless_regression_metric", "train.csv")
    published = rows(real, "comet")
    assert [(row["src"], row["mt"]) for row in said["read"]] == [(row["src"], row["mt"]) for row in published]
    assert len(published) > 200
    assert said["steps"] == 2
