"""Copies that were rated on scales of their own."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from schemas.arrow import ROW_SCHEMA
from transforms.identity.copies import keys, merge_copies
from transforms.identity.keys import identify
from transforms.identity.scales import scales_of


def rated(
    source: str, value: float, normalised: float | None, scale: tuple[Any, ...], rater: str = "r"
) -> dict[str, Any]:
    dimension, low, high, better = scale
    said = {"rater": rater, "dimension": dimension, "value": value, "normalised": normalised, "count": 1}
    of = {"dimension": dimension, "minimum": low, "maximum": high, "higher_is_better": better}
    return {
        "row_id": f"{source}:{value}", "content_id": "", "source": source, "file": "f", "line": 1, "kind": "rating",
        "prompt": [{"role": "user", "content": "q"}], "responses": [[{"role": "assistant", "content": "a"}]],
        "judgements": [said], "scales": [of],
    }  # fmt: skip


def representative(*rows: dict[str, Any]) -> tuple[dict[str, tuple[Any, ...]], list[tuple[str, float]]]:
    """The scales, and the values by dimension, of copies merged into one row."""
    block = identify(pl.DataFrame(rows, schema=ROW_SCHEMA, strict=False))
    found = merge_copies(keys(block, 0, pl.lit(False)))
    (one,) = found.filter(pl.col("copy_of").is_null()).to_dicts()
    assert all(copy["scales"] is None for copy in found.filter(pl.col("copy_of").is_not_null()).to_dicts())
    scales = {s["dimension"]: (s["minimum"], s["maximum"], s["higher_is_better"]) for s in one["scales"]}
    return scales, sorted((j["dimension"], j["value"]) for j in one["judgements"])


def test_each_dimension_keeps_its_scale_and_direction() -> None:
    sqm, mqm = rated("s", 5, 5 / 6, ("sqm", 0, 6, True)), rated("m", 1, 0.96, ("mqm", 0, 25, False))
    assert representative(sqm, mqm) == representative(mqm, sqm)
    assert representative(sqm, mqm) == ({"sqm": (0, 6, True), "mqm": (0, 25, False)}, [("mqm", 1), ("sqm", 5)])


def test_values_on_two_scales_of_one_dimension_are_moved_to_one() -> None:
    a, b = rated("a", 80, 0.8, ("overall", 0, 100, True)), rated("b", 4, 0.25, ("overall", 1, 5, False), "t")
    scales, values = representative(a, b)
    # Whichever copy comes first by its content says which scale.
    if scales == {"overall": (0, 100, True)}:
        assert values == [("overall", 25), ("overall", 80)]
    else:
        assert scales == {"overall": (1, 5, False)}
        assert values == [("overall", pytest.approx(1.8)), ("overall", 4)]


def test_a_scale_of_one_source_ends_where_the_largest_value_is_and_values_stay() -> None:
    copies = pl.DataFrame(
        {
            "set": [0, 0, 0, 0],
            "member": [0, 1, 2, 3],
            "source": ["m", "m", "m", "n"],
            "scales": [rated("m", 0, 1, ("mqm", 0, high, False))["scales"] for high in (25.0, 31.0, 25.0, 6.0)],
        }
    )
    found = scales_of(copies)
    assert found["high"].to_list() == [31.0] * 4
    assert found["moved"].to_list() == [False, False, False, True]
    assert representative(
        rated("m", 31, 0, ("mqm", 0, 31, False)), rated("m", 2, 0.92, ("mqm", 0, 25, False), "t")
    ) == ({"mqm": (0, 31, False)}, [("mqm", 2), ("mqm", 31)])


def test_a_value_without_a_place_on_its_scale_stays() -> None:
    _, values = representative(rated("a", 80, 0.8, ("o", 0, 100, True)), rated("b", 4, None, ("o", 1, 5, True), "t"))
    assert ("o", 4) in values
