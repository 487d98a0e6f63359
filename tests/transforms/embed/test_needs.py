"""Each distinct text has one owner in the whole dataset, or a place where its vector is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.embed import cache, needs

ITEMS = st.lists(st.none() | st.sampled_from("abcdefghij"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(ITEMS, min_size=1, max_size=4), st.lists(st.sampled_from("abcdefghij"), max_size=5, unique=True))
def test_every_item_is_embedded_once_or_kept(places: list[list[str | None]], held: list[str]) -> None:
    blocks = [pl.Series("item", items, dtype=pl.String) for items in places]
    frames = [needs.of_block(items, index) for index, items in enumerate(blocks)]
    frames += [needs.of_segment(pl.Series(held, dtype=pl.String), "kept")]
    told = needs.share_out(pl.concat(frames))
    owners: dict[str, set[int]] = {}
    for index, items in enumerate(blocks):
        mine = needs.in_chunks(told.filter(pl.col("block") == index).drop("block"), index, 2)
        wanted = [item for item in dict.fromkeys(items.to_list()) if item is not None]
        assert mine["item"].to_list() == wanted
        for line in mine.to_dicts():
            assert items[line["place"]] == line["item"]
            owners.setdefault(line["item"], set()).add(line["owner"])
            if line["item"] in held:
                assert (line["chunk"], line["segment"]) == (None, "kept")
                assert held[line["row"]] == line["item"]
            else:
                assert line["owner"] <= index
                assert (line["chunk"] is not None) == (line["owner"] == index)
        for (_,), part in mine.drop_nulls("chunk").partition_by("chunk", as_dict=True).items():
            assert part.height <= 2
            assert part["row"].to_list() == list(range(part.height))
            assert set(part["segment"]) == {cache.name_of(part["item"].to_list())}
    assert all(len(owner) == 1 for owner in owners.values())


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_segments_come_back_as_they_were_written(kind: type, tmp_path: Path) -> None:
    folder = str(tmp_path / "kept")
    assert cache.segments(folder) == []
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(kind)
    name = cache.write(folder, ["x", "y", "z"], vectors)
    assert cache.write(folder, ["x", "y", "z"], vectors) == name
    other = cache.write(folder, ["z", "y", "x"], vectors)
    assert cache.segments(folder) == sorted([name, other])
    assert cache.items(folder, name).to_list() == ["x", "y", "z"]
    np.testing.assert_array_equal(cache.vectors(folder, name), vectors)


def test_a_segment_that_was_half_written_is_not_there(tmp_path: Path) -> None:
    folder = str(tmp_path)
    name = cache.write(folder, ["x"], np.ones((1, 2)))
    (tmp_path / f"{name}.parquet").unlink()
    assert cache.segments(folder) == []
