"""Alpha and kappa against the packages that people use, on random and on real judgements with gaps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import krippendorff
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from transforms.raters import agreement
from transforms.raters.agreement import Level, Weights, alpha, kappa, rater_pairs

LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")


def flat(table: np.ndarray) -> pl.DataFrame:
    """A table of raters by units, NaN where nobody judged, as lines."""
    rater, unit = np.nonzero(~np.isnan(table))
    return pl.DataFrame({"rater": rater, "unit": unit, "value": table[rater, unit]})


def alpha_of(table: np.ndarray, level: Level) -> float | None:
    found = alpha(flat(table), level)
    return found["alpha"].item() if found.height else None


@given(
    seed=st.integers(0, 10**6),
    raters=st.integers(2, 8),
    units=st.integers(2, 30),
    values=st.integers(2, 7),
    gaps=st.sampled_from([0.0, 0.3, 0.7]),
    scale=st.sampled_from([1.0, 0.37, -1e6]),
)
@settings(max_examples=150, deadline=None)
def test_alpha_is_the_packages(seed: int, raters: int, units: int, values: int, gaps: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, values, (raters, units)) * scale + 3
    table[rng.random(table.shape) < gaps] = np.nan
    judged = table[:, (~np.isnan(table)).sum(0) > 1]
    if len(np.unique(judged[~np.isnan(judged)])) < 2:
        assert alpha_of(table, "interval") is None
        return
    for level in LEVELS:
        wanted = krippendorff.alpha(table, level_of_measurement=level)
        assert alpha_of(table, level) == pytest.approx(wanted, abs=1e-9)


def mlqe(folder: Path, name: str) -> np.ndarray:
    """Direct assessments of one language pair's test set: place in the list by sentence."""
    import tarfile

    with tarfile.open(folder / "data" / "direct-assessments" / "test" / f"{name}-test.tar.gz") as archive:
        (file,) = [member for member in archive.getnames() if member.endswith(".tsv")]
        text = archive.extractfile(file)
        assert text is not None
        lists = [json.loads(line.split("\t")[3]) for line in text.read().decode().splitlines()[1:]]
    table = np.full((max(map(len, lists)), len(lists)), np.nan)
    for unit, scores in enumerate(lists):
        table[: len(scores), unit] = scores
    return table


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_on_real_judgements(level: Level, data: Callable[[str], Path]) -> None:
    rows = json.loads((data("pandalm") / "data" / "testset-v1.json").read_text())
    votes = np.array([[row[f"annotator{i}"] for row in rows] for i in (1, 2, 3)], dtype=float)
    rng = np.random.default_rng(0)
    for table in (votes, mlqe(data("mlqe_pe"), "en-de")[:, :400]):
        for gaps in (0.0, 0.4):
            holes = np.where(rng.random(table.shape) < gaps, np.nan, table)
            wanted = krippendorff.alpha(holes, level_of_measurement=level)
            assert alpha_of(holes, level) == pytest.approx(wanted, abs=1e-9)


def test_alpha_needs_something_judged_twice() -> None:
    assert alpha(flat(np.array([[1.0, np.nan], [np.nan, 2.0]])), "interval").is_empty()
    assert alpha_of(np.array([[1.0, 1.0], [1.0, 1.0]]), "nominal") is None


def test_alpha_by_group_and_with_counts() -> None:
    table = np.array([[1.0, 2, 3, 3], [1, 2, 3, 2], [1, 3, 3, 2]])
    lines = flat(table).with_columns(group=pl.lit("x"))
    other = flat(table[:2]).with_columns(group=pl.lit("a"))
    found = alpha(pl.concat([lines, other]), "ordinal", ["group"])
    assert found["group"].to_list() == ["a", "x"]
    assert found["alpha"].to_list() == [alpha_of(table[:2], "ordinal"), alpha_of(table, "ordinal")]
    counted = lines.group_by("unit", "value").agg(count=pl.len())
    for level in LEVELS:
        assert alpha(counted, level)["alpha"].item() == pytest.approx(alpha_of(table, level), abs=1e-12)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_kappa_is_scikit_learns(weights: Weights) -> None:
    rng = np.random.default_rng(1)
    for values in (2, 3, 6):
        first = rng.integers(0, values, 200)
        second = np.where(rng.random(200) < 0.6, first, rng.integers(0, values, 200))
        wanted = cohen_kappa_score(first, second, weights=None if weights == "none" else weights)
        assert kappa(first.astype(float), second.astype(float), weights) == pytest.approx(wanted, abs=1e-12)


def test_kappa_of_nothing() -> None:
    with pytest.raises(ValueError, match="2 values against 1"):
        kappa(np.zeros(2), np.zeros(1))
    assert np.isnan(kappa(np.ones(3), np.ones(3)))


def test_every_two_raters() -> None:
    rng = np.random.default_rng(2)
    table = rng.choice([0.0, 0.5, 1.0], (4, 60))
    table[rng.random(table.shape) < 0.3] = np.nan
    lines = flat(table).with_columns(pl.col("rater").cast(pl.String), answer=pl.col("value"), source=pl.lit("s"))
    found = rater_pairs(lines, ["source"])
    assert found.height == 6
    for line in found.iter_rows(named=True):
        a, b = table[int(line["rater_a"])], table[int(line["rater_b"])]
        both = ~np.isnan(a) & ~np.isnan(b)
        assert line["rater_a"] < line["rater_b"]
        assert line["shared"] == both.sum()
        assert line["agreement"] == pytest.approx((a[both] == b[both]).mean())
        assert line["kappa"] == pytest.approx(kappa(a[both], b[both], "quadratic"), abs=1e-12)


def test_too_many_comparisons_are_made_on_a_sample_of_whole_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "COMPARISONS", 30)
    lines = flat(np.ones((4, 50))).with_columns(pl.col("rater").cast(pl.String), answer=pl.col("value"))
    assert rater_pairs(lines, [])["shared"].unique().to_list() == [5]  # 6 comparisons a unit
