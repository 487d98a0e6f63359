"""Several records that are one unit: never cut, whatever batches, ranges and order; and lost together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

from transforms.ingest.files import plan
from transforms.ingest.readers import read
from transforms.ingest.records import Broken, Records, concat
from transforms.ingest.units import PARTS, parts, whole_files, whole_units


def table(units: list[str], first: int = 1) -> Records:
    lines = np.arange(first, first + len(units), dtype=np.int64)
    return Records(lines, frame=pl.DataFrame({"unit": units, "line": [str(i) for i in lines]}), textual=True)


def objects(units: list[str], first: int = 1) -> Records:
    lines = np.arange(first, first + len(units), dtype=np.int64)
    items = [{"unit": unit, "line": str(i)} for unit, i in zip(units, lines, strict=True)]
    return Records(lines, items=items, raws=[orjson.dumps(item) for item in items])


def batched(make, units: list[str], size: int) -> Iterator[Records]:  # type: ignore[no-untyped-def]
    for at in range(0, len(units), size):
        yield make(units[at : at + size], at + 1)


@pytest.mark.parametrize("make", [table, objects])
@pytest.mark.parametrize("size", [1, 2, 7, 100])
@pytest.mark.parametrize("scattered", [False, True])
def test_units_are_whole_and_no_record_is_lost(make, size: int, scattered: bool) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(size)
    units = [f"u{i}" for i in range(20) for _ in range(rng.randint(1, 6))]
    if scattered:
        rng.shuffle(units)
    found = list(whole_units(lambda: batched(make, units, size), ("unit", "absent")))
    lines = [int(line) for batch in found for line in batch.lines]
    assert sorted(lines) == list(range(1, len(units) + 1))
    places: dict[str, set[int]] = {}
    for place, batch in enumerate(found):
        assert batch.values("line") == [str(line) for line in batch.lines]
        assert list(batch.lines) == sorted(batch.lines)
        for unit in batch.values("unit"):
            places.setdefault(unit, set()).add(place)
    assert all(len(where) == 1 for where in places.values())
    if not scattered:  # what waits is less than a unit
        assert max(len(batch) for batch in found) < size + 6


def test_what_is_broken_stays_with_its_batch() -> None:
    def reading() -> Iterator[Records]:
        yield table(["a", "b"])
        empty = table([])
        empty.broken = [Broken(3, "invalid_csv", "3 fields", "x")]
        yield empty
        yield table(["b"], 4)

    found = list(whole_units(reading, ("unit",)))
    assert [list(batch.lines) for batch in found] == [[1], [], [2, 4]]
    assert [letter.line for batch in found for letter in batch.broken] == [3]
    # It may be a record of the unit beside it.
    assert [sorted(batch.problems) for batch in found] == [[], [], [0, 1]]
    code, message = found[2].problems[0]
    assert (code, message) == ("incomplete_unit", "record 3 beside it cannot be read, and may belong to the same unit")


def test_some_lines_are_columns_and_others_objects(tmp_path: Path) -> None:
    """A batch of JSON lines is read as columns where it can be, so batches of one file may differ in kind."""
    lines = [{"unit": i // 2, "x": "a"} for i in range(40)]
    lines[21]["x"] = ["a"]
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    (ref,), _ = plan("s", [str(file)])
    kinds = {batch.frame is None for batch in read(ref, batch_records=7)}
    found = list(whole_units(lambda: read(ref, batch_records=7), ("unit",)))
    assert kinds == {True, False}
    assert sorted(line for batch in found for line in batch.lines.tolist()) == list(range(1, 41))
    for batch in found:
        units = batch.values("unit")
        assert all(units.count(unit) == 2 for unit in units)


def test_a_file_of_which_nothing_can_be_read() -> None:
    def reading() -> Iterator[Records]:
        empty = table([])
        empty.broken = [Broken(1, "invalid_csv", "3 fields", "x")]
        yield empty

    assert [len(batch.broken) for batch in whole_units(reading, ("unit",))] == [1]


def test_ranges_of_a_file_are_read_as_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        lines = [f"u{i // 3}\t{i}" for i in range(200)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(["unit\tline", *lines]))
    refs, files = plan("s", [str(tmp_path / "*.tsv")], quoting=False, range_bytes=128)
    assert len(refs) > 10
    whole = whole_files(refs)
    assert [ref.file for ref in whole] == ["a.tsv", "b.tsv"]
    assert [ref.size for ref in whole] == [file.bytes for file in files]
    for ref in whole:
        batches = list(whole_units(lambda ref=ref: read(ref, batch_records=7), ("unit",)))
        assert [line for batch in batches for line in batch.lines] == list(range(2, 202))
        assert sum(len(set(batch.values("unit"))) for batch in batches) == 67


def test_a_problem_of_one_is_one_of_its_unit() -> None:
    batch = table(["a", "b", "a", "c", "a"])
    assert batch.unite(("unit",)).to_list() == [0, 1, 0, 3, 0]
    batch.problem(2, "wrong_type", "is 5")
    batch.problem(3, "wrong_type", "is 6")
    batch.spread()
    assert {index: code for index, (code, _) in sorted(batch.problems.items())} == {
        0: "incomplete_unit", 2: "wrong_type", 3: "wrong_type", 4: "incomplete_unit",
    }  # fmt: skip
    assert "record 3, which belongs to the same unit" in batch.problems[4][1]


def test_parts_name_the_row_that_they_are_in() -> None:
    # The same unit's name in another file is another unit's.
    batch = concat([table(["a", "b", "a", "c", "a"], 11), table(["a"], 11)], ["f", "g"])
    assert batch.unite(("unit",)).to_list() == [0, 1, 0, 3, 0, 5]
    rows = pl.DataFrame(
        {
            "file": ["f", "f", "g"],
            "line": [11, 14, 11],
            "kind": ["rating"] * 3,
            "row_id": ["s:f:11", "s:f:14", "s:g:11"],
        }
    )
    found = parts(batch, rows, "s")
    assert found.schema == PARTS
    assert found.rows() == [
        ("s:f:13", "s", "f", 13, "rating", "s:f:11", 3), ("s:f:15", "s", "f", 15, "rating", "s:f:11", 3),
    ]  # fmt: skip
    assert parts(table(["a", "a"]), rows, "s").is_empty()


def test_records_put_together_and_picked() -> None:
    batches = [objects(["a", "b"]), objects([], 3), objects(["c"], 3)]
    batches[2].problem(0, "wrong_type", "is 5")
    whole = concat(batches, ["f"] * len(batches))
    assert whole.problems == {2: ("wrong_type", "is 5")}
    some = whole.pick(np.array([2, 0]))
    assert (list(some.lines), some.values("unit")) == ([3, 1], ["c", "a"])
    assert some.raw(0) == '{"unit":"c","line":"3"}'
