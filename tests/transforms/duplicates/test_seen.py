"""Near-copies of rows that show images: the images of copies are near-copies, and a chain of them makes none."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tests.transforms.duplicates.test_verify import candidate, text
from transforms.duplicates.candidates import CANDIDATE
from transforms.duplicates.representatives import SIGNALS, choose, told
from transforms.duplicates.sketch import SHINGLED
from transforms.duplicates.verify import neighbours
from transforms.images.alike import Alike, Asked

WORDS = list(range(100, 120))
#: Numbers 1, 2 and 3: the second is near both others, which are too far from each other.
CHAIN = Alike(
    Asked("", 6),
    np.array([0, 0b111111, 0b111111111111], dtype=np.uint64),
    np.stack([np.arange(192, dtype=np.uint8)] * 2 + [np.arange(192, dtype=np.uint8) + 20 * (np.arange(192) % 2 == 0)]),
    np.full(3, 0.9),
)


def found(one: dict[str, Any], other: dict[str, Any], alike: Alike | None = CHAIN) -> dict[str, Any]:
    texts = pl.DataFrame([one, other], schema=SHINGLED)
    pairs = pl.DataFrame([candidate(one["node"], other["node"])], schema=CANDIDATE)
    (pair,) = neighbours(pairs, texts, 0.7, alike).to_dicts()
    return pair


def shows(node: int, *shown: list[int], side: float | None = None) -> dict[str, Any]:
    """A pair on a prompt without images; sides with the same first images, mod 10, have the same shingles."""
    sides = [[sum(1 + abs(number) // 10 for number in one)] for one in shown]
    numbers = [[one % 10 if one > 0 else one for one in images] for images in shown]
    return text(node, WORDS, *sides, side=side, shown=[[], *numbers])


def test_near_copies_of_images_make_copies_with_the_likeness_of_the_least_alike() -> None:
    pair = found(shows(1, [1], [13]), shows(2, [1], [12]))
    small = CHAIN.small.astype(float)
    assert pair["copies"]
    assert pair["score"] == 1
    assert pair["looks"] == round(float(np.corrcoef(small[1], small[2])[0, 1]), 5) < 1
    assert (pair["looks_at"], pair["looks_by"]) == (0.9, "likeness")
    both = found(shows(1, [1], [13]), shows(2, [2], [12]))
    assert (both["copies"], both["looks"]) == (True, pair["looks"])


def test_the_same_images_rest_on_no_likeness() -> None:
    pair = found(shows(1, [1], [0]), shows(2, [1], [0]))
    assert (pair["copies"], pair["looks"], pair["looks_by"]) == (True, None, None)


def test_a_chain_makes_no_copies() -> None:
    pair = found(shows(1, [1], [10]), shows(2, [3], [10]))
    assert (pair["copies"], pair["score"]) == (False, 1)


def test_frames_are_like_none_but_themselves() -> None:
    assert not found(shows(1, [-1], [10]), shows(2, [2], [10]))["copies"]
    assert not found(shows(1, [-1], [10]), shows(2, [-2], [10]))["copies"]
    assert found(shows(1, [-1], [10]), shows(2, [-1], [10]))["copies"]


def test_every_image_of_a_side_counts() -> None:
    assert found(shows(1, [1, 2], [10]), shows(2, [2, 2], [10]))["copies"]
    assert not found(shows(1, [1, 1], [10]), shows(2, [2, 3], [10]))["copies"]


def test_swapped_sides_and_what_they_say() -> None:
    """A preference for the first side of one is the same as one for the second side of the other."""

    def agree(one: dict[str, Any], other: dict[str, Any], alike: Alike | None = CHAIN) -> bool | None:
        (said,) = found(one, other, alike)["sides"] or [{"dimension": "overall", "agree": None}]
        assert said["dimension"] == "overall"
        return said["agree"]

    one = shows(1, [1], [13], side=1.0)
    assert agree(one, shows(2, [2], [12], side=0.8)) is True
    assert agree(one, shows(2, [12], [2], side=0.2)) is True
    assert agree(one, shows(2, [12], [2], side=1.0)) is False
    assert agree(one, shows(2, [12], [2], side=0.5)) is None
    assert agree(one, shows(2, [12], [2])) is None
    assert agree(shows(1, [1], [1], side=1.0), shows(2, [2], [2], side=1.0)) is None  # no side is which
    straight = text(1, WORDS, [1], [2], side=0.0), text(2, WORDS, [1], [2], side=1.0)
    assert agree(*straight, alike=None) is False  # texts as well


def test_each_dimension_has_sides_of_its_own() -> None:
    one, other = shows(1, [1], [13]), shows(2, [12], [2])
    one["sides"] = [{"dimension": name, "value": value} for name, value in (("a", 1.0), ("b", 0.9), ("c", 0.0))]
    other["sides"] = [{"dimension": name, "value": value} for name, value in (("b", 1.0), ("c", 1.0), ("d", 0.0))]
    assert found(one, other)["sides"] == [{"dimension": "b", "agree": False}, {"dimension": "c", "agree": True}]


def test_what_is_said_of_copies_and_of_what_they_are_copies_of() -> None:
    one = shows(1, [1], [13], side=1.0)
    others = [shows(2, [2], [12], side=1.0), shows(3, [12], [2], side=1.0), shows(4, [1], [13])]
    pairs = pl.DataFrame([candidate(1, other["node"]) for other in others], schema=CANDIDATE)
    pairs = pairs.with_columns(quality_a=1, row_b=pl.col("node_b")).cast(CANDIDATE)
    copies = choose(neighbours(pairs, pl.DataFrame([one, *others], schema=SHINGLED), 0.7, CHAIN))
    said = told(copies).sort("row")
    assert said.schema == pl.Schema({"block": pl.UInt32(), "row": pl.Int64(), **SIGNALS})
    first, *rest = said.to_dicts()
    assert first["near_of"] is None
    assert first["near_sides"] == [{"dimension": "overall", "agree": 1, "against": 1, "contrary": "r3"}]
    assert [line["near_sides"] for line in rest] == [None] * 3
    assert [line["near_of"] for line in rest] == ["r1"] * 3
    assert [line["near_looks"] is None for line in rest] == [False, False, True]
    assert told(copies.with_columns(quality_a=pl.lit(0, dtype=pl.UInt16))).height == 3  # published rows have no line
