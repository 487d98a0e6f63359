"""Shortcuts on the page, from a file laid out as docs/shortcuts.md says."""

from __future__ import annotations

from pathlib import Path

import orjson

from pipelines.finished import Finished
from pipelines.report.shortcuts import shortcuts

FEATURE = {
    "feature": "characters", "of": "text", "n": 900, "share_before": 0.8, "low": 0.77, "high": 0.83, "z": 18.0,
    "flagged": True, "share_after": 0.5, "low_after": 0.47, "high_after": 0.53, "share_held": 0.52,
}  # fmt: skip
PAIRS = {
    "rows": 1000, "sided": 950, "groups": 400, "held_out": 100, "measured": True, "features": [FEATURE],
    "rulers": {"linear": {"before": {"accuracy": 0.7, "low": 0.66, "high": 0.74}, "after": None}},
    "position": {"first": 0.5, "low": 0.47, "high": 0.53}, "generators": {"known": False, "accuracy": None}, "bias": [],
}  # fmt: skip


def section(out: Path, told: dict | None):
    if told is not None:
        (out / "spurious.json").write_bytes(orjson.dumps(told))
    return shortcuts(Finished(str(out), {}))


def test_no_file_no_section(tmp_path: Path) -> None:
    assert section(tmp_path, None) is None


def test_a_shortcut_is_named_and_drawn_with_both_intervals(tmp_path: Path) -> None:
    made = section(tmp_path, {"pairs": PAIRS, "balance": None, "ratings": []})
    assert "characters (80%)" in made.lead
    assert made.mood == "failed"
    svg = made.charts[0].svg
    assert "before" in svg
    assert "after" in svg
    assert made.tables[0].lines[0][:5] == ["characters", "the texts", 900, "0.800", "0.770 to 0.830"]
    assert made.tables[1].lines == [["linear", "0.700 (0.660 to 0.740)", "–", "–", "–"]]


def test_pairs_that_were_too_few_say_so(tmp_path: Path) -> None:
    made = section(tmp_path, {"pairs": {"measured": False, "why": "12 pairs"}, "balance": None})
    assert made.lead == "Shortcuts were not measured: 12 pairs."
    assert not made.charts


def test_where_the_order_is_the_label_the_place_is_no_shortcut(tmp_path: Path) -> None:
    position = {"first": 1.0, "low": 1.0, "high": 1.0}
    made = section(tmp_path, {"pairs": {**PAIRS, "position": position}, "balance": None, "ratings": []})
    assert made.words[0].startswith("The chosen response stands first in all pairs: its place is how")
