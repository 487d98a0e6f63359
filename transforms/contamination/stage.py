"""Contamination as tasks: blocks are scanned one by one, all matches judged together, and each row told what it has."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import orjson
import polars as pl

from schemas.config import Contamination
from transforms import blocks
from transforms.blocks import read_frame
from transforms.contamination.items import Items
from transforms.contamination.judge import best, judge
from transforms.contamination.letters import MESSAGE_END, ragged
from transforms.contamination.scan import Scanner
from transforms.markers import Stats, counts
from transforms.texts import prompt_texts, reference_texts, response_texts

#: What is said of a row: the benchmark and its item (`benchmark:file:line`) that it overlaps with, where in the row
#: (`prompt`, `response 0`, `reference 0`), by which rule, the share of the item that is there, what that was held
#: against, the passage, and the row of the same duplicate set that has it, if it is not this one. All null where clean.
SIGNALS = pl.Schema(
    {
        "benchmark": pl.String(),
        "benchmark_item": pl.String(),
        "benchmark_part": pl.String(),
        "overlap_side": pl.String(),
        "overlap_rule": pl.String(),
        "overlap_share": pl.Float64(),
        "overlap_threshold": pl.Float64(),
        "overlap_passage": pl.String(),
        "overlap_row": pl.String(),
    }
)
_BLOCK = ("row_id", "prompt", "responses", "references")
#: A match that counts, with the row and what it is of.
MATCHED = pl.Schema(
    {
        "block": pl.String(),
        "row": pl.Int64(),
        "set": pl.String(),
        "row_id": pl.String(),
        "side": pl.String(),
        "benchmark": pl.String(),
        "item": pl.String(),
        "part": pl.String(),
        "rule": pl.String(),
        "share": pl.Float64(),
        "threshold": pl.Float64(),
        "passage": pl.String(),
        "item_text": pl.String(),
    }
)
#: Examples that a run tells of each benchmark and rule, and how much of an item's text is shown.
_EXAMPLES, _SHOWN = 3, 300
_loading = Lock()


@lru_cache(maxsize=1)
def _loaded(path: str, settings: str) -> Scanner:
    return Scanner(Items(read_frame(path), Contamination.model_validate_json(settings)))


def _scanner(task: dict[str, Any]) -> Scanner:
    """The benchmarks, made ready once a worker, whichever of its threads asks first."""
    with _loading:
        return _loaded(task["items"], orjson.dumps(task["settings"]).decode())


def sets(part: dict[str, Any]) -> pl.Series:
    """For each row of a block, the duplicate set whose rows share what is found in one of them: its representative."""
    row_ids = read_frame(part["path"], ["row_id"])["row_id"]
    found = [read_frame(f"{part['identity']}/{part['name']}", ["copy_of"])["copy_of"]]
    if part["near"]:
        found.insert(0, read_frame(f"{part['near']}/{part['name']}", ["near_of"])["near_of"])
    return pl.select(pl.coalesce(*found, row_ids)).to_series()


def scan(task: dict[str, Any], folder: str) -> Stats:
    """Write what one block's rows have of the benchmarks' items, and how often it says the items' words.

    `found/NAME` has a line for each text of a row and each item that it has something of: row, row_id, side and the
    columns of `scan.FOUND` but the text.
    """
    scanner = _scanner(task)
    block = read_frame(task["path"], _BLOCK)
    texts = _texts(block)
    distinct = texts.group_by("text", maintain_order=True).len("said")
    found, words, total = scanner.find(distinct["text"], distinct["said"].to_numpy())
    found = found.with_columns(text=distinct["text"][found["text"].to_numpy()])
    rows = found.join(texts, on="text").drop("text")
    # A few words that are a benchmark's whole prompt are not its answer's.
    rows = rows.filter((pl.col("side") == "prompt") | ~pl.Series(scanner.items.tiny[rows["item"].to_numpy()]))
    rows = rows.with_columns(block["row_id"][rows["row"].to_numpy()]).sort("row", "side", "item", "rule")
    blocks.write_frame(rows, f"{folder}/found/{task['name']}")
    blocks.write_frame(pl.DataFrame({"said": words}), f"{folder}/words/{task['name']}")
    return {"rows": block.height, "words": total, "found": rows.height}


def _texts(block: pl.DataFrame) -> pl.DataFrame:
    """The texts of a block's rows that say something: row, side, text."""
    number = np.arange(block.height)
    parts = [pl.DataFrame({"row": number, "side": "prompt", "text": prompt_texts(block, MESSAGE_END)})]
    for side, (said, count) in (
        ("response", response_texts(block, MESSAGE_END)),
        ("reference", reference_texts(block)),
    ):
        row, place = np.repeat(number, count), ragged(np.zeros(len(count), np.int64), count)
        sides = pl.Series([f"{side} {nth}" for nth in range(int(place.max(initial=-1)) + 1)], dtype=pl.String)
        parts.append(pl.DataFrame({"row": row, "side": sides[place], "text": said}))
    return pl.concat(parts).filter(pl.col("text") != "")


def judge_all(task: dict[str, Any], folder: str) -> Stats:
    """Write the matches that count, the surest of each text and benchmark, as `matches.parquet`.

    Returns:
        How many rows match each benchmark, by which rule and where; how many matches are common speech; and examples.
    """
    scanner = _scanner(task)
    parts, words = [], np.zeros(scanner.vocabulary.size, np.int64)
    for part in task["blocks"]:
        found = read_frame(f"{task['scanned']}/found/{part['name']}")
        words += read_frame(f"{task['scanned']}/words/{part['name']}")["said"].to_numpy()
        if found.height:
            of = sets(part)[found["row"].to_numpy()].alias("set")
            parts.append(found.with_columns(of, block=pl.lit(part["name"])))
    if not parts:
        blocks.write_frame(pl.DataFrame(schema=MATCHED), f"{folder}/matches.parquet")
        return {"matches": 0, "common": 0, "benchmarks": {}, "rules": {}, "examples": []}
    judged = judge(pl.concat(parts), scanner.items, scanner.vocabulary, words, task["words"], task["rows"])
    matches = judged.filter(~pl.col("common"))
    items = scanner.items.frame.select(pl.all().gather(matches["item"]))
    items = items.with_columns(pl.col("text").str.slice(0, _SHOWN)).rename({"text": "item_text"})
    matches = matches.drop("item").hstack(items)
    matches = best(matches, ["block", "row", "side", "benchmark"]).select(MATCHED.names())
    blocks.write_frame(matches, f"{folder}/matches.parquet")
    return {
        "matches": matches.height,
        "common": int(judged["common"].sum()),
        "benchmarks": counts(matches.unique(["block", "row", "benchmark"])["benchmark"]),
        "rules": counts(matches["rule"]),
        "examples": _examples(matches),
    }


def _examples(matches: pl.DataFrame) -> list[dict[str, Any]]:
    """A few matches of each benchmark and rule, whatever the order of rows."""
    shown = ["benchmark", "rule", "item", "passage", "share"]
    return (
        matches.select(shown)
        .unique()
        .sort(*shown, descending=[False, False, False, False, True])
        .unique(["benchmark", "rule", "item"], keep="first", maintain_order=True)
        .group_by("benchmark", "rule", maintain_order=True)
        .head(_EXAMPLES)
        .select(shown)
        .to_dicts()
    )


def mark(task: dict[str, Any], folder: str) -> Stats:
    """Write what one block's rows overlap with, and `matches/NAME.jsonl` with a line for each text that does."""
    matches = read_frame(f"{task['judged']}/matches.parquet")
    block = read_frame(task["path"], ["row_id"]).with_columns(sets(task).alias("set"))
    block = block.with_row_index("row").cast({"row": pl.Int64})
    mine = matches.filter(pl.col("block") == task["name"])
    shared = best(matches.filter(pl.col("set").is_in(block["set"].implode())), ["set"])
    own = best(mine, ["row"])
    columns = {"benchmark": "benchmark", "item": "benchmark_item", "part": "benchmark_part"} | {
        name: f"overlap_{name}" for name in ("side", "rule", "share", "threshold", "passage")
    }
    told = [pl.coalesce(name, f"{name}_of_set").alias(new) for name, new in columns.items()]
    other = pl.when(pl.col("benchmark").is_null()).then("row_id_of_set").alias("overlap_row")
    signals = (
        block.join(own.drop("row_id", "set"), on="row", how="left", maintain_order="left")
        .join(shared, on="set", how="left", suffix="_of_set", maintain_order="left")
        .select(*told, other)
        .select(pl.col(name).cast(dtype) for name, dtype in SIGNALS.items())
    )
    blocks.write_frame(signals, f"{folder}/{task['name']}")
    lines = mine.sort("row", "side", "benchmark").drop("block", "row", "set").write_ndjson()
    blocks.write_bytes(lines.encode(), f"{folder}/matches/{task['number']:06d}.jsonl")
    hit = signals.filter(pl.col("benchmark").is_not_null())
    return {"rows": block.height, "contaminated": hit.height, "by_set": int(hit["overlap_row"].count())}
