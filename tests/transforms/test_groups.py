"""Groups: which node a row is, what likeness connects, and which split a group is in already."""

from __future__ import annotations

from typing import Any

import polars as pl

from schemas.arrow import ROW_SCHEMA
from transforms.duplicates.components import LABELS
from transforms.groups import group_nodes, roots, settle, sizes
from transforms.hashing import as_hashes, as_nodes
from transforms.identity.keys import identify


def row(prompt: list[dict[str, Any]], response: str, **other: Any) -> dict[str, Any]:
    base = {"row_id": "r", "content_id": "", "source": "s", "file": "f", "line": 1, "kind": "rating", "judgements": []}
    return base | {"prompt": prompt, "responses": [[{"role": "assistant", "content": response}]]} | other


def user(content: str | None, **other: Any) -> dict[str, Any]:
    return {"role": "user", "content": content} | other


def nodes(*rows: dict[str, Any]) -> list[int]:
    return group_nodes(identify(pl.DataFrame(list(rows), schema=ROW_SCHEMA, strict=False))).tolist()


def test_rows_of_one_prompt_are_one_node() -> None:
    one, other, third = nodes(row([user("q")], "a"), row([user("q ")], "b"), row([user("Q")], "a"))
    assert one == other != third


def test_a_prompt_that_holds_nothing_groups_nothing() -> None:
    for prompt in ([], [user("")], [user(" \n")], [user(None)], [{"role": "system", "content": ""}, user("")]):
        first, second = nodes(row(prompt, "a"), row(prompt, "b"))
        assert first != second
    for prompt in ([user("", images=[{"uri": "u"}])], [user("?")]):
        first, second = nodes(row(prompt, "a"), row(prompt, "b"))
        assert first == second
    first, second = nodes(row([], "a", tools="[1]"), row([], "b", tools="[1]"))
    assert first == second


def labels(**of: int) -> pl.DataFrame:
    return pl.DataFrame({"node": [int(n[1:]) for n in of], "root": list(of.values())}, schema=LABELS).sort("node")


def test_roots() -> None:
    known = labels(n5=2, n2=2, n9=2)
    some = pl.Series([5, 1, 9, 2, 2**63 + 1], dtype=pl.UInt64).to_numpy()
    assert roots(some, known).tolist() == [2, 1, 2, 2, 2**63 + 1]
    assert roots(pl.Series([7], dtype=pl.UInt64).to_numpy(), labels()).tolist() == [7]


def test_names_of_nodes_go_both_ways() -> None:
    hashes = pl.Series(["00ff00ff00ff00ff", "ffffffffffffffff", "0000000000000001"])
    assert as_hashes(as_nodes(hashes)).to_list() == hashes.to_list()


def test_a_group_is_settled_where_most_of_it_is() -> None:
    rows = pl.DataFrame(
        {"node": [1, 5, 9, 9, 7], "split": ["test", "train", "train", "test", "validation"], "rows": [2, 1, 4, 1, 1]},
        schema={"node": pl.UInt64, "split": pl.String, "rows": pl.Int64},
    )
    assert settle(rows, labels(n1=1, n5=1, n8=8, n9=8)).rows() == [(1, "test"), (7, "validation"), (8, "train")]
    even = rows[:2].with_columns(rows=pl.lit(3, dtype=pl.Int64))
    assert settle(even, labels(n1=1, n5=1)).rows() == [(1, "test")]


def test_sizes() -> None:
    rows = pl.DataFrame({"group_id": ["b", "a", "b"], "linked": [False, True, True], "settled": [None, None, "test"]})
    assert sizes(rows).rows() == [("b", 2, True, True), ("a", 1, True, False)]
