"""Verified pairs against Python's sets; buckets to candidates; neighbours to representatives."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.duplicates import verify
from transforms.duplicates.candidates import CANDIDATE, ENTRY, stars
from transforms.duplicates.representatives import choose
from transforms.duplicates.sets import Sets, of_lists, runs
from transforms.duplicates.sketch import SHINGLED
from transforms.duplicates.verify import NEIGHBOUR, jaccard, neighbours


def sets(lists: list[list[int]]) -> Sets:
    return of_lists(pl.Series(lists, dtype=pl.List(pl.UInt32)))


def exact(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0


# Jaccard --------------------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 12), max_size=9), min_size=1, max_size=7), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_jaccard_is_that_of_sets(lists: list[list[int]], rng: random.Random) -> None:
    left, right = (np.array([rng.randrange(len(lists)) for _ in range(20)]) for _ in range(2))
    wanted = [exact(set(lists[a]), set(lists[b])) for a, b in zip(left, right, strict=True)]
    assert jaccard(sets(lists), left, right) == pytest.approx(wanted)


def test_largest_hashes_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lists = [rng.integers(2**32 - 40, 2**32, rng.integers(0, 30)).tolist() for _ in range(60)]
    left, right = rng.integers(0, 60, 500), rng.integers(0, 60, 500)
    wanted = [exact(set(lists[a]), set(lists[b])) for a, b in zip(left, right, strict=True)]
    assert jaccard(sets(lists), left, right) == pytest.approx(wanted)
    monkeypatch.setattr(verify, "runs", lambda counts: runs(counts, 70))
    assert jaccard(sets(lists), left, right) == pytest.approx(wanted)


# Neighbours -----------------------------------------------------------------------------------------------------------


def text(
    node: int, *parts: list[int], form: int = 2, side: float | None = None, shown: list[list[int]] | None = None
) -> dict[str, Any]:
    return {
        "node": node,
        "form": form,
        "row_id": f"r{node}",
        "group": node * 10,
        "sides": None if side is None else [{"dimension": "overall", "value": side}],
        "shown": shown,
        "parts": list(parts),
    }


def candidate(a: int, b: int) -> dict[str, Any]:
    return {f"{name}_{side}": n if name == "node" else 0 for side, n in (("a", a), ("b", b)) for name in
            ("node", "quality", "block", "row", "place")}  # fmt: skip


def found(pairs: list[tuple[int, int]], *texts: dict[str, Any], threshold: float = 0.7) -> list[dict[str, Any]]:
    made = neighbours(
        pl.DataFrame([candidate(a, b) for a, b in pairs], schema=CANDIDATE),
        pl.DataFrame(list(texts), schema=SHINGLED),
        threshold,
    )
    assert made.schema == NEIGHBOUR
    return made.to_dicts()


WORDS = list(range(100, 120))


def test_score_names_and_groups() -> None:
    (pair,) = found([(1, 2)], text(2, [], WORDS[:18]), text(1, [], WORDS), text(2, [], WORDS[:18]))
    assert pair["score"] == 0.9
    assert pair["copies"]
    assert (pair["row_id_a"], pair["row_id_b"], pair["group_a"], pair["group_b"]) == ("r1", "r2", 10, 20)


def test_below_the_threshold_is_no_neighbour() -> None:
    texts = [text(1, [], WORDS), text(2, [], WORDS[:14]), text(3, [], WORDS[:13])]
    assert [pair["node_b"] for pair in found([(1, 2), (1, 3)], *texts)] == [2]
    assert found([], *texts) == []


def test_order_of_responses_does_not_matter() -> None:
    one = text(1, [1, 2, 3], WORDS, [7, 8, 9])
    (pair,) = found([(1, 2)], one, text(2, [1, 2, 3], [7, 8, 9], WORDS))
    assert pair["score"] == 1
    assert pair["copies"]


def test_another_short_answer_makes_no_copy_whatever_the_rest_has_in_common() -> None:
    yes, no = [1], [2]
    (pair,) = found([(1, 2)], text(1, WORDS, list(range(200, 260)), yes), text(2, WORDS, list(range(200, 260)), no))
    assert pair["score"] > 0.95
    assert not pair["copies"]


def test_responses_must_be_as_alike_and_prompts_half_as_much() -> None:
    other = list(range(200, 260))
    for kept, copies in ((12, False), (14, True)):  # of a response's 20
        (pair,) = found([(1, 2)], text(1, [1], other, WORDS), text(2, [1], other, WORDS[:kept]))
        assert pair["copies"] is copies
    for kept, copies in ((6, False), (7, True)):  # of a prompt's 20
        (pair,) = found([(1, 2)], text(1, WORDS, other), text(2, WORDS[:kept], other))
        assert pair["copies"] is copies


def test_a_response_twice_does_not_stand_for_two() -> None:
    (pair,) = found([(1, 2)], text(1, [], WORDS, WORDS), text(2, [], WORDS, [1]))
    assert pair["score"] > 0.9
    assert not pair["copies"]


def test_rankings_match_each_response() -> None:
    lists = [list(range(i * 100, i * 100 + 20)) for i in range(6)]
    one, other = text(1, [], *lists), text(2, [], *[lists[i] for i in (3, 0, 5, 1, 4, 2)])
    assert found([(1, 2)], one, other)[0]["copies"]
    changed = text(2, [], *lists[:5], [1])
    assert not found([(1, 2)], one, changed)[0]["copies"]


def test_rows_of_another_form_are_no_neighbours() -> None:
    assert found([(1, 2)], text(1, [], WORDS, form=6), text(2, [], WORDS, WORDS, form=8)) == []


# Candidates -----------------------------------------------------------------------------------------------------------


def entry(band: int, key: int, node: int, quality: int = 5, **other: int) -> dict[str, int]:
    return {"band": band, "key": key, "node": node, "quality": quality, "block": 0, "row": node, "place": 0} | other


def pairs(*entries: dict[str, int]) -> list[tuple[int, int]]:
    made = stars(pl.DataFrame(list(entries), schema=ENTRY))
    assert made.schema == CANDIDATE
    return list(made.select("node_a", "node_b").iter_rows())


def test_a_bucket_is_a_star_around_its_best() -> None:
    bucket = [entry(0, 7, 30), entry(0, 7, 10), entry(0, 7, 20, quality=1), entry(0, 7, 40)]
    assert pairs(*bucket) == [(20, 10), (20, 30), (20, 40)]
    assert pairs(*bucket[::-1]) == [(20, 10), (20, 30), (20, 40)]


def test_buckets_are_of_one_band_and_pairs_come_once() -> None:
    assert pairs(entry(0, 7, 1), entry(1, 7, 2)) == []
    assert pairs(entry(0, 7, 1), entry(0, 8, 2)) == []
    assert pairs(entry(0, 7, 1), entry(0, 7, 2), entry(3, 9, 1), entry(3, 9, 2)) == [(1, 2)]
    assert pairs() == []


def test_one_text_in_several_blocks_is_no_pair() -> None:
    assert pairs(entry(0, 7, 1, block=0), entry(0, 7, 1, block=4)) == []
    assert pairs(entry(0, 7, 1, block=0), entry(0, 7, 1, block=4), entry(0, 7, 2)) == [(1, 2)]


def test_a_bucket_of_everything_is_linear() -> None:
    took = []
    for count in (25_000, 100_000):
        one = {"band": 0, "key": 1, "quality": 5, "block": 0, "place": 0}
        frame = pl.DataFrame({"node": np.arange(count), "row": np.arange(count)}).with_columns(
            **{k: pl.lit(v) for k, v in one.items()}
        )
        started = time.perf_counter()
        made = stars(frame.select(pl.col(name).cast(dtype) for name, dtype in ENTRY.items()))
        took.append(time.perf_counter() - started)
        assert made.height == count - 1
    assert took[1] < 2


# Representatives ------------------------------------------------------------------------------------------------------


def near(*edges: tuple[int, int], quality: dict[int, int] | None = None, seed: int = 0) -> dict[int, int]:
    """Near-copy to representative."""
    grade = quality or {}
    lines = []
    for one, other in edges:
        a, b = sorted((one, other), key=lambda node: (grade.get(node, 5), node))
        lines.append(candidate(a, b) | {"quality_a": grade.get(a, 5), "quality_b": grade.get(b, 5), "score": 0.8})
    random.Random(seed).shuffle(lines)
    made = choose(pl.DataFrame(lines, schema={**CANDIDATE, "score": pl.Float64}))
    assert made["node_b"].is_unique().all()
    return dict(made.select("node_b", "node_a").iter_rows())


def test_no_chains() -> None:
    assert near((1, 2), (2, 3), (3, 4), (4, 5)) == {2: 1, 4: 3}
    assert near((1, 2), (2, 3), quality={2: 1}) == {1: 2, 3: 2}


def test_quality_goes_before_the_hash() -> None:
    assert near((1, 2)) == {2: 1}
    assert near((1, 2), quality={1: 9}) == {1: 2}


def test_the_order_of_pairs_does_not_matter() -> None:
    rng = random.Random(3)
    edges = [tuple(rng.sample(range(200), 2)) for _ in range(300)]
    quality = {node: rng.randrange(3) for node in range(200)}
    first = near(*edges, quality=quality)  # type: ignore[arg-type]
    for seed in range(1, 4):
        assert near(*edges, quality=quality, seed=seed) == first  # type: ignore[arg-type]
    linked = {frozenset(edge) for edge in edges}
    for copy, kept in first.items():
        assert kept not in first
        assert frozenset((copy, kept)) in linked
    for one, other in edges:  # of two neighbours at most one is left
        assert one in first or other in first


def test_a_chain_of_100_000_is_linear() -> None:
    count = 100_000
    line = {f"{name}_{side}": pl.lit(0) for side in "ab" for name in ("quality", "block", "row", "place")}
    frame = pl.DataFrame({"node_a": np.arange(count), "node_b": np.arange(1, count + 1)}).with_columns(**line)
    started = time.perf_counter()
    made = choose(frame.select(pl.col(name).cast(dtype) for name, dtype in CANDIDATE.items()).with_columns(score=0.9))
    assert time.perf_counter() - started < 3
    assert made["node_b"].to_list() == list(range(1, count + 1, 2))


def test_no_pairs() -> None:
    assert near() == {}
