"""Objects in lists and in trees, as columns; and columns inside the columns of a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from transforms.ingest.canonical import judgement
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records
from transforms.ingest.tree import Tree

LISTS: list[Any] = [[{"x": 1}, {"x": 2, "y": {"z": "a"}}], [], None, "text", [{"x": 3}, 4], [{"x": "5"}], [{}]]


def records(values: list[Any]) -> Records:
    return Records(np.arange(1, len(values) + 1), items=[{"l": value} for value in values])


def test_columns_of_listed_objects_and_what_is_wrong_with_them() -> None:
    batch = records(LISTS)
    listed = Listed(batch, "l")
    assert listed.counts.tolist() == [2, 0, 0, 0, 0, 1, 1]
    assert (listed.owners.tolist(), listed.places.tolist()) == ([0, 0, 5, 6], [0, 1, 0, 0])
    x = listed.column("x", pl.Int64)
    assert x.to_list() == [1, 2, None, None]
    assert listed.column("y.z", pl.String, required=False).to_list() == [None, "a", None, None]
    assert listed.lists(x).to_list() == [[1, 2], [], [], [], [], [None], [None]]
    assert listed.most(x).to_list() == [2, None, None, None, None, None, None]
    assert batch.problems == {
        2: ("missing_field", "field 'l' is missing or null"),
        3: ("wrong_type", "field 'l' is a string (text); a list of objects is expected"),
        4: ("wrong_type", "item 2 of 'l' is a number (4); an object is expected"),
        5: ("wrong_type", "'l', item 1: field 'x' is a string (5); a whole number is expected"),
        6: ("missing_field", "'l', item 1: field 'x' is missing or null"),
    }


def test_frames_and_objects_give_the_same() -> None:
    values = [[{"x": 1, "y": {"z": "a"}}, {"x": 2, "y": None}], [], None]
    batch = Records(np.arange(1, 4), frame=pl.DataFrame({"l": values}))
    by_frame, by_object = Listed(batch, "l", required=False), Listed(records(values), "l", required=False)
    assert batch.problems == {}
    for name, dtype in (("x", pl.Int64), ("y.z", pl.String)):
        columns = [listed.column(name, dtype, required=False) for listed in (by_frame, by_object)]
        assert columns[0].equals(columns[1])
    assert by_frame.names() == by_object.names() == ["x", "y"]
    assert by_frame.objects() == by_object.objects()
    assert Listed(batch, "l").counts.tolist() == [2, 0, 0]
    assert batch.problems == {2: ("missing_field", "field 'l' is missing or null")}


def test_judgements_speak_of_places_and_leave_out_what_has_no_value() -> None:
    listed = Listed(records([[{"x": 1.0}, {}, {"x": 3.0}], [], [{"x": 4.0}]]), "l")
    frame = pl.DataFrame({"x": listed.column("x", pl.Float64, required=False)})
    made = listed.judgements(frame, [judgement(pl.col("x"), response=pl.col("response"))] * 2)
    got = [[(one["response"], one["value"]) for one in row] for row in made.to_list()]
    assert got == [[(0, 1.0), (0, 1.0), (2, 3.0), (2, 3.0)], [], [(0, 4.0), (0, 4.0)]]


def test_trees_are_walked_depth_first() -> None:
    def node(name: str, *replies: Any) -> dict[str, Any]:
        return {"n": name, "replies": list(replies)}

    roots = [node("a", node("b", node("c")), node("d")), None, node("e"), node("f", 5), node("g", node("h"))]
    batch = records([None] * len(roots))
    tree = Tree(batch, "root", roots)
    names = tree.column("n", pl.String)
    assert names.to_list() == list("abcdegh")
    assert tree.parents.tolist() == [-1, 0, 1, 0, -1, -1, 5]
    assert tree.above(names).to_list() == [[], ["a"], ["a", "b"], ["a"], [], [], ["g"]]
    assert tree.lists(names).list.join("").to_list() == ["abcd", "", "e", "", "gh"]
    assert batch.problems == {
        1: ("missing_field", "field 'root' is missing or null"),
        3: ("wrong_type", "item 2 of 'root' is a number (5); an object is expected"),
    }


def test_a_batch_without_any_object() -> None:
    assert Listed(records([[], None]), "l", required=False).column("x", pl.String).to_list() == []
    tree = Tree(records([None]), "root", [None])
    assert tree.above(tree.column("n", pl.String)).to_list() == []


@pytest.mark.parametrize(("path", "wanted"), [("s.a", [1, None]), ("s.t.b", ["x", None]), ("s.c", [None, None])])
def test_dotted_paths_reach_into_struct_columns(path: str, wanted: list[Any]) -> None:
    frame = pl.DataFrame({"s": [{"a": 1, "t": {"b": "x"}}, None]})
    batch = Records(np.array([1, 2]), frame=frame)
    dtype = pl.String if path == "s.t.b" else pl.Int64
    assert batch.column(path, dtype, required=False).to_list() == wanted
    batch.column(path, dtype)
    assert set(batch.problems) == {index for index, value in enumerate(wanted) if value is None}
