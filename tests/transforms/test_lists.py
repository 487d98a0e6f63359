"""Lists by their offsets."""

from __future__ import annotations

import polars as pl

from transforms.lists import end_to_end


def test_lists_one_after_another() -> None:
    first = pl.Series([[1, 2], [], None, [3]], dtype=pl.List(pl.Int64))
    second = pl.Series([[4], [5], [6, 7], None], dtype=pl.List(pl.Int64))
    assert end_to_end([first, second]).to_list() == [[1, 2, 4], [5], [6, 7], [3]]
    assert end_to_end([second, first, first]).to_list() == [[4, 1, 2, 1, 2], [5], [6, 7], [3, 3]]
    assert end_to_end([first.head(0), second.head(0)]).to_list() == []
