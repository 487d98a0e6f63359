"""Raters on the page: what is said where nobody shared what they judged, and an axis that names what is on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.raters import raters
from transforms import blocks

TYPES: Any = {"reliability": pl.Float64, "worse_than_chance": pl.Boolean, "shared": pl.Int64}


def run(out: Path, kind: str, *said: tuple[str, int, float | None]) -> Finished:
    """A run with these raters: name, how much they judged with others, and reliability."""
    lines = [
        {"rater": name, "source": "s", "kind": kind, "dimension": "d", "votes": 180, "shared": shared,
         "reliability": value, "worse_than_chance": value is not None and value < 0.5, "first_share": 0.5,
         "modal_share": 0.2, "consistency": None}
        for name, shared, value in said
    ]  # fmt: skip
    blocks.write_frame(pl.DataFrame(lines, schema_overrides=TYPES), f"{out}/raters.parquet")
    figure = {"source": "s", "kind": kind, "dimension": "d", "judgements": 9, "raters": 3, "shared": 4,
              "alpha_nominal": 0.5, "alpha_interval": 0.5, "agreement": 0.5}  # fmt: skip
    told = {"figures": [figure], "opposed": 2, "on_cycles": 0, "reversals": 0, "measured_share": 1}
    return Finished(str(out), {"raters": told, "stages": []})


@pytest.mark.parametrize(
    ("kind", "said", "lead"),
    [
        ("pair", [("a", 40, 0.9), ("b", 40, 0.2)], "2 named raters; 2 share what they judged with others. 1 is worse "
         "than chance."),
        ("rating", [("a", 40, 0.9), ("b", 40, 0.05), ("c", 5, 0.0)], "3 named raters; 3 share what they judged with "
         "others. The ratings of 1 of them go with nothing that others say of the same."),
        ("stepwise", [("a", 0, None)], "1 named rater; none judged what another did, so how reliable they are is not "
         "known."),
    ],
)  # fmt: skip
def test_what_is_said_of_raters(
    tmp_path: Path, kind: str, said: list[tuple[str, int, float | None]], lead: str
) -> None:
    made = raters(run(tmp_path, kind, *said))
    assert made is not None
    assert made.lead == lead
    assert any("votes for both sides" in words for words in made.words) == (kind == "pair")


@pytest.mark.parametrize(
    ("places", "shown"), [([178.0], ("100", "1k")), ([1.0], ("1", "10")), ([3.0, 40.0], ("1", "100"))]
)
def test_volumes_are_between_powers_that_are_named(places: list[float], shown: tuple[str, str]) -> None:
    svg = charts.bubbles([(at, 0.5, 1, "s") for at in places], "things judged", "reliability", "").svg
    assert all(f">{one}</text>" in svg for one in shown)
    assert "10M" not in svg
