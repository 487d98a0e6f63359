"""Generators that gave the same responses."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import polars as pl

from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.shared import MANY, FindShared, read_shared

HEX = "{:032x}".format


def rows(lines: list[tuple[int, list[int], list[str | None] | None]]) -> pl.DataFrame:
    """Prompt, responses and generators; a hash's first half tells it, so numbers stand there."""
    return pl.DataFrame(
        {
            "prompt_id": [HEX(prompt << 64) for prompt, _, _ in lines],
            "response_ids": [[HEX(one << 64) for one in responses] for _, responses, _ in lines],
            "generators": [generators for _, _, generators in lines],
        },
        schema={"prompt_id": pl.String, "response_ids": pl.List(pl.String), "generators": pl.List(pl.String)},
    )


def found(tmp_path: Path, parts: list[pl.DataFrame]) -> list[dict]:
    every = []
    for index, part in enumerate(parts):
        every.append(Block(index, f"{tmp_path}/rows/{index}.parquet", part.height))
        blocks.write_frame(part, every[-1].path)
    with beam.Pipeline() as pipeline:
        _ = pipeline | FindShared(every, str(tmp_path))
    return read_shared(str(tmp_path)).to_dicts()


def test_two_names_of_one_model_are_found_wherever_their_rows_lie(tmp_path: Path) -> None:
    parts = [
        rows([(1, [10, 11], ["base", "twin"]), (2, [20, 21], ["base", "twin"]), (3, [30, 31], ["base", "twin"])]),
        rows([(1, [10, 11], ["base", "copy"]), (2, [20, 21], ["base", "copy"]), (3, [30, 39], ["base", "copy"])]),
        rows([(1, [11, 10], ["twin", "base"])]),  # a row once more counts once
    ]
    assert found(tmp_path, parts) == [{"a": "copy", "b": "twin", "same": 2, "answered_a": 3, "answered_b": 3}]


def test_texts_that_many_give_and_rows_without_names_say_nothing(tmp_path: Path) -> None:
    yes = [(1, [5, 100 + i], [f"m{i}", "other"]) for i in range(MANY + 1)]
    nameless = [(2, [7, 8], None), (2, [7, 8], [None, None])]
    assert found(tmp_path, [rows([*yes, *nameless])]) == []


def test_one_text_for_two_prompts_is_no_copy(tmp_path: Path) -> None:
    assert found(tmp_path, [rows([(1, [5, 6], ["a", "b"]), (2, [6, 5], ["a", "b"])])]) == []
