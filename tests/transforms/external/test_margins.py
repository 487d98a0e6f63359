"""Margins from fields of the metadata, from scores, and of several voices together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from transforms.external.margins import of_fields, of_scores, path, write_together


def test_fields_of_the_metadata() -> None:
    rows = pl.DataFrame(
        {
            "source": ["a", "a", "a", "b", "a", "a"],
            "kind": ["pair", "pair", "pair", "pair", "rating", "pair"],
            "metadata": [
                '{"rm": {"chosen": 2.5, "rejected": -1}, "s": [1, 3]}',
                '{"rm": {"chosen": "2", "rejected": "x"}, "s": [0.5]}',
                None,
                '{"rm": {"chosen": 1, "rejected": 0}, "s": [4, 3]}',
                '{"rm": {"chosen": 1, "rejected": 0}}',
                '{"rm": {"chosen": NaN, "rejected": 0}}',
            ],
        }
    )
    two = ["rm.chosen", "rm.rejected"]
    assert of_fields(rows[:5], two, None).to_list() == [3.5, None, None, 1.0, None]
    assert of_fields(rows[:5], two, "a").to_list() == [3.5, None, None, None, None]
    assert of_fields(rows[:5], "s", None).to_list() == [-2.0, None, None, 1.0, None]
    assert path("a b.c") == "$['a b']['c']"


def test_scores_of_responses_row_by_row() -> None:
    scores = np.array([[1.0], [3.0], [0.0], [5.0], [4.5], [np.nan], [1.0]], dtype=np.float32)
    made = of_scores(scores, np.array([2, 1, 2, 2]), np.array([True, False, True, True]))
    assert made[[0, 2]].tolist() == [-2.0, 0.5]
    assert np.isnan(made[[1, 3]]).all()
    assert np.isnan(of_scores(np.zeros((4, 0)), np.array([2, 2]), np.array([True, True]))).all()


def test_voices_count_alike_whatever_their_units(tmp_path: Path) -> None:
    pl.DataFrame({"a": [2.0, -4.0, None, None], "b": [0.1, 0.2, -0.3, None]}).write_parquet(tmp_path / "x.parquet")
    write_together({"margins": str(tmp_path), "name": "x.parquet", "sizes": [2.0, 0.1]}, str(tmp_path / "out"))
    made = pl.read_parquet(tmp_path / "out/x.parquet")
    assert made.columns == ["external_a", "external_b", "external_mu", "external_sigma"]
    assert made["external_mu"].to_list() == [1.0, 0.0, -3.0, None]
    assert made["external_sigma"].to_list() == [0.0, 2.0, None, None]
    assert made["external_a"].to_list() == [2.0, -4.0, None, None]


def test_a_voice_without_a_size_says_nothing(tmp_path: Path) -> None:
    pl.DataFrame({"a": [0.0, 0.0]}).write_parquet(tmp_path / "x.parquet")
    write_together({"margins": str(tmp_path), "name": "x.parquet", "sizes": [0.0]}, str(tmp_path / "out"))
    assert pl.read_parquet(tmp_path / "out/x.parquet")["external_mu"].to_list() == [None, None]
