"""Splits: their fractions are met, and follow from the groups alone."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_128_hexdigest

from transforms.decide.split import assign, cuts


def groups(sizes: Sequence[int]) -> pl.DataFrame:
    ids = [xxh3_128_hexdigest(str(i).encode()) for i in range(len(sizes))]
    return pl.DataFrame({"group_id": ids, "rows": sizes}, schema={"group_id": pl.String, "rows": pl.Int64})


def splits(of: pl.DataFrame, fractions: dict[str, float], seed: int = 0) -> pl.DataFrame:
    found = cuts(of, fractions, seed)
    assert [cut.split for cut in found] == list(fractions)
    return of.with_columns(split=assign(pl.col("group_id"), found, seed))


FRACTIONS = {"train": 0.8, "validation": 0.05, "test": 0.15}


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=300),
    shares=st.lists(st.integers(0, 10), min_size=1, max_size=4).filter(any),
    seed=st.integers(0, 100),
)
@settings(max_examples=100, deadline=None)
def test_fractions_are_met_up_to_the_largest_group(sizes: list[int], shares: list[int], seed: int) -> None:
    fractions = {f"s{i}": share / sum(shares) for i, share in enumerate(shares)}
    made = splits(groups(sizes), fractions, seed)
    assert made["split"].null_count() == 0
    rows = dict(made.group_by("split").agg(pl.col("rows").sum()).iter_rows())
    assert rows.keys() <= fractions.keys()
    for name, fraction in fractions.items():
        assert abs(rows.get(name, 0) - fraction * sum(sizes)) <= max(0.01 * sum(sizes), max(sizes)) + 1e-6


def test_many_small_groups_meet_the_fractions_closely() -> None:
    made = splits(groups([1] * 10_000), FRACTIONS)
    assert dict(made["split"].value_counts().iter_rows()) == {"train": 8000, "validation": 500, "test": 1500}


def test_order_of_groups_changes_nothing() -> None:
    of = groups([random.Random(i).randint(1, 9) for i in range(500)])
    wanted = dict(splits(of, FRACTIONS).select("group_id", "split").iter_rows())
    for seed in range(3):
        again = splits(of.sample(fraction=1, shuffle=True, seed=seed), FRACTIONS)
        assert dict(again.select("group_id", "split").iter_rows()) == wanted


def test_split_follows_from_the_group_alone() -> None:
    """Rows of one group are never apart, whichever block they are in."""
    of = groups([3] * 200)
    found = cuts(of, FRACTIONS, 0)
    rows = pl.concat([of, of.reverse(), of.sample(fraction=1, shuffle=True, seed=1)])
    parts = [part.with_columns(split=assign(pl.col("group_id"), found, 0)) for part in rows.iter_slices(7)]
    assert pl.concat(parts).group_by("group_id").agg(pl.col("split").n_unique())["split"].unique().to_list() == [1]


def test_another_seed_gives_other_splits() -> None:
    of = groups([1] * 2000)
    made = {seed: splits(of, FRACTIONS, seed)["split"] for seed in (0, 1, 2, 18, 19, 20, 38, 1234)}
    by_chance = sum(fraction**2 for fraction in FRACTIONS.values())
    for one, other in itertools.combinations(made, 2):
        assert (made[one] == made[other]).mean() == pytest.approx(by_chance, abs=0.12), (one, other)
    assert splits(of, FRACTIONS, 19)["split"].equals(made[19])


def test_one_split_takes_all() -> None:
    assert splits(groups([1, 2]), {"train": 1.0})["split"].to_list() == ["train"] * 2
    assert splits(groups([5]), {"none": 0.0, "train": 1.0})["split"].to_list() == ["train"]


@given(
    groups_=st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=400, max_size=1200),
    guarded=st.sets(st.sampled_from(sorted(FRACTIONS)), max_size=3),
    seed=st.integers(0, 100),
)
@settings(max_examples=40, deadline=None)
def test_fractions_are_met_by_what_is_left(groups_: list[tuple[int, bool]], guarded: set[str], seed: int) -> None:
    """Rows that are not clean are dropped from guarded splits, and the rest has the fractions asked for."""
    of = groups([size for size, _ in groups_]).with_columns(clean=pl.Series([size * clean for size, clean in groups_]))
    found = cuts(of, FRACTIONS, seed, sorted(guarded))
    kept = of.with_columns(split=assign(pl.col("group_id"), found, seed)).select(
        "split", kept=pl.when(pl.col("split").is_in(sorted(guarded))).then("clean").otherwise("rows")
    )
    rows = dict(kept.group_by("split").agg(pl.col("kept").sum()).iter_rows())
    for name, fraction in FRACTIONS.items():
        assert abs(rows.get(name, 0) / sum(rows.values()) - fraction) < 0.05
    if not guarded:
        assert found == cuts(of, FRACTIONS, seed)
