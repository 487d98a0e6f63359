"""The stages on blocks: scanned one by one, judged together, told row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson
import polars as pl
import pytest

from schemas.arrow import ROW_SCHEMA
from schemas.config import Contamination
from tests.transforms.contamination.support import items_of
from transforms import blocks
from transforms.blocks import Block
from transforms.contamination.stage import SIGNALS, judge_all, mark, scan
from transforms.identity.keys import identify
from transforms.markers import finished, total
from transforms.tasks import RunTasks

PLAIN = "What are the names of some famous actors that started their careers on Broadway?"
LONG = " ".join(f"word{i}" for i in range(40))


def row(number: int, prompt: str | list[str], *responses: str, references: list[str] | None = None) -> dict[str, Any]:
    turns = [prompt] if isinstance(prompt, str) else prompt
    return {
        "row_id": f"s:f:{number}", "content_id": "", "source": "s", "file": "f", "line": number, "kind": "pair",
        "prompt": [{"role": "user", "content": text} for text in turns],
        "responses": [[{"role": "assistant", "content": text}] for text in responses],
        "judgements": [], "references": references,
    }  # fmt: skip


ROWS = [
    row(1, "hello", "one", "two"),
    row(2, PLAIN.upper(), "one", "two"),
    row(3, ["hello", PLAIN], "one", "two"),
    row(4, "hi there", "one", f"Well: {LONG}."),
    row(5, "hi there", "one", "two", references=["x", LONG]),
    row(6, "Hi", "one", "two"),
    row(7, "greet", "Hi", "two"),
    row(8, "", "", ""),
    row(9, PLAIN.upper(), "two", "one"),
]


def run(
    folder: Path,
    rows: list[dict[str, Any]],
    size: int,
    items: tuple[str, ...] = (PLAIN, LONG, "Hi"),
    near: bool = False,
) -> pl.DataFrame:
    """The signals of all rows, in blocks of `size` rows; `near` makes rows 5 to 9 near-copies of rows 1 to 4."""
    blocks.write_frame(items_of(list(items)).frame, f"{folder}/items.parquet")
    every = []
    for index, first in enumerate(range(0, len(rows), size)):
        part = identify(pl.DataFrame(rows[first : first + size], schema=ROW_SCHEMA, strict=False))
        blocks.write_frame(part, f"{folder}/{index}.parquet")
        every.append(Block(index, f"{folder}/{index}.parquet", part.height))
        numbers = part["line"].to_list()
        of = [f"s:f:{(number - 1) % 4 + 1}" if number > 4 else None for number in numbers]
        none = pl.Series("copy_of", [None] * part.height, dtype=pl.String).to_frame()
        blocks.write_frame(none, f"{folder}/identity/{every[-1].sidecar}")
        blocks.write_frame(
            pl.DataFrame({"near_of": pl.Series(of, dtype=pl.String)}), f"{folder}/near/{every[-1].sidecar}"
        )
    common = {"items": f"{folder}/items.parquet", "settings": Contamination().model_dump(exclude={"benchmarks"})}
    common |= {"identity": f"{folder}/identity", "near": f"{folder}/near" if near else None}
    work = [{"number": i, "path": block.path, "name": block.sidecar, **common} for i, block in enumerate(every)]
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        pipeline | RunTasks(work, scan, f"{folder}/scan")
    seen = total(list(finished(f"{folder}/scan").values()))
    assert seen["rows"] == len(rows)
    whole = {**common, "rows": len(rows), "words": seen["words"], "scanned": f"{folder}/scan", "blocks": work}
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        pipeline | RunTasks([whole], judge_all, f"{folder}/judge")
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        pipeline | RunTasks([{**task, "judged": f"{folder}/judge"} for task in work], mark, f"{folder}/overlaps")
    out = pl.concat([blocks.read_frame(f"{folder}/overlaps/{block.sidecar}") for block in every])
    assert out.schema == SIGNALS
    return out


def test_each_row_is_told_what_it_overlaps_with(tmp_path: Path) -> None:
    told = run(tmp_path, ROWS, 4).with_columns(line=pl.int_range(1, pl.len() + 1))
    hit = told.filter(pl.col("benchmark").is_not_null())
    assert hit.select("line", "benchmark_item", "overlap_side", "overlap_rule").rows() == [
        (2, "b:f:1", "prompt", "whole"),
        (3, "b:f:1", "prompt", "whole"),
        (4, "b:f:2", "response 1", "words"),
        (5, "b:f:2", "reference 1", "whole"),
        (6, "b:f:3", "prompt", "whole"),
        (9, "b:f:1", "prompt", "whole"),
    ]
    assert hit["overlap_share"].to_list() == [1.0] * 6
    assert hit["overlap_threshold"].to_list() == [1.0, 1.0, 0.5, 1.0, 1.0, 1.0]
    assert hit["overlap_row"].null_count() == 6
    assert (
        hit["overlap_passage"][0] == "what are the names of some famous actors that started their careers on broadway"
    )


@pytest.mark.parametrize("size", [1, 3, 100])
def test_blocks_change_nothing(size: int, tmp_path: Path) -> None:
    assert run(tmp_path / "a", ROWS, size).equals(run(tmp_path / "b", ROWS, 4))


def test_matches_are_written_with_their_rows(tmp_path: Path) -> None:
    run(tmp_path, ROWS, 4)
    files = sorted((tmp_path / "overlaps" / "matches").iterdir())
    lines = [orjson.loads(line) for file in files for line in file.read_bytes().splitlines()]
    assert [line["row_id"] for line in lines] == [f"s:f:{i}" for i in (2, 3, 4, 5, 6, 9)]
    assert lines[2] == {
        "row_id": "s:f:4", "side": "response 1", "benchmark": "b", "item": "b:f:2", "part": "prompt", "rule": "words",
        "share": 1.0, "threshold": 0.5, "passage": LONG, "item_text": LONG,
    }  # fmt: skip


def test_rows_of_a_duplicate_set_share_what_is_found_in_one(tmp_path: Path) -> None:
    told = run(tmp_path, ROWS, 4, near=True)
    assert told["overlap_row"].to_list() == ["s:f:9", None, None, None, None, None, "s:f:3", "s:f:4", None]
    assert told["benchmark"].null_count() == 0


def test_nothing_found(tmp_path: Path) -> None:
    told = run(tmp_path, ROWS[:1], 4, items=("A question that nobody here has asked before?",))
    assert told["benchmark"].null_count() == 1
    assert (tmp_path / "overlaps" / "matches" / "000000.jsonl").read_bytes() == b""
