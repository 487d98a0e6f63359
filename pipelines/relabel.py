"""`relabel export` and `relabel import`: rows that are worth asking about, and what people answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import polars as pl

from pipelines.answer import answer
from pipelines.errors import DONE, UserError
from pipelines.finished import Finished
from pipelines.trusted import OWN
from transforms import blocks
from transforms.hashing import digest_json
from transforms.relabel import sheet
from transforms.relabel.answers import ANSWERED, AnswerError, from_bytes, read, take, to_bytes
from transforms.relabel.choose import candidates, draw
from transforms.signals.masking import MASKED, mask_rows

_DECIDED = ("action", "soft_label", "reasons", "group_id", "kind")


def run_export(run: str, count: int, out: str | None, json: bool) -> int:
    """Write the rows that are most worth asking about."""
    return answer(lambda: _of(run, lambda finished: _export(finished, count, out, json)), json)


def run_import(run: str, files: Sequence[str], rater: str, replace: bool, json: bool) -> int:
    """Take answers back, all or none."""
    return answer(lambda: _of(run, lambda finished: _import(finished, files, rater, replace, json)), json)


def _of(out: str, work: Callable[[Finished], int]) -> int:
    run = Finished.at(out)
    with run.understood():
        return work(run)


def _export(run: Finished, count: int, out: str | None, json: bool) -> int:
    every = run.blocks()
    facts = pl.concat([_facts(run, block.sidecar, block.index, block.path) for block in every])
    rows = candidates(facts)
    if rows.is_empty():
        raise UserError(f"{run.out}: there are no judged pairs to ask about")
    answered = pl.concat([facts.filter("answered")["content_id"], _answers(run)["content_id"]])
    drawn = draw(rows, count, answered)
    fresh = drawn.filter("fresh")
    if fresh.is_empty():
        raise UserError(f"{run.out}: all {rows.height:,} pairs have an answer already")
    columns = ["row_id", "content_id", "response_ids", *MASKED]
    texts = blocks.gather(every, drawn, columns)
    if run.manifest["config"]["policy"]["pii"] == "mask":
        texts = mask_rows(texts)
    lines = sheet.shown(texts)
    dimension = run.manifest["config"]["policy"]["dimension"]
    key = lines.select("row_id", "content_id", "first").with_columns(
        drawn["chance"], dimension=pl.lit(dimension, dtype=pl.String)
    )
    name = digest_json([key.to_dicts()])[:12]
    blocks.write_frame(key.select(sheet.KEY.names()), f"{_keys(run)}/{name}.parquet")
    shown = lines.filter(drawn["fresh"])
    place = (out or f"{run.out}/relabel").rstrip("/")
    for ending, data in (("jsonl", sheet.as_jsonl(shown)), ("csv", sheet.as_csv(shown))):
        blocks.write_bytes(data, f"{place}/rows.{ending}")
    if json:
        told = {"event": "exported", "rows": shown.height, "of": rows.height, "out": place}
        print(orjson.dumps(told).decode())
        return DONE
    print(f"{shown.height:,} of {rows.height:,} pairs to judge again, in {place}/rows.jsonl and {place}/rows.csv")
    print("answer each with A, B, tie or cannot tell; leave others empty; then:")
    print(f"trenchcoat relabel import {run.out} {place}/rows.csv")
    return DONE


def _facts(run: Finished, name: str, index: int, path: str) -> pl.DataFrame:
    """What is known of one block's rows: content, verdict, and how likely the label is wrong."""
    height = blocks.read_frame(path, ["content_id"])
    parts = [
        height,
        blocks.read_frame(f"{run.needed('identity')}/{name}", ["copy_of"]),
        blocks.read_frame(f"{run.needed('decide')}/{name}", _DECIDED),
    ]
    for stage, columns in (("strength", ["p_error", "p_ambiguous"]), ("trusted", ["trusted", "unsure"])):
        folder = run.folder(stage)
        missing = pl.DataFrame(schema=dict.fromkeys(columns, pl.Float64)).clear(height.height)
        parts.append(blocks.read_frame(f"{folder}/{name}", columns) if folder else missing)
    rows = pl.concat(parts, how="horizontal")
    answered = pl.col("trusted").is_not_null() | pl.col("unsure").cast(pl.Boolean).fill_null(False)
    return rows.with_row_index("row").with_columns(answered=answered, block=pl.lit(index)).drop("trusted", "unsure")


def _import(run: Finished, files: Sequence[str], rater: str, replace: bool, json: bool) -> int:
    keys = [blocks.read_frame(path) for path in blocks.listed(_keys(run)) if path.endswith(".parquet")]
    if not keys:
        raise UserError(f"{run.out}: nothing was exported from this run; trenchcoat relabel export {run.out}")
    given, empty = [], 0
    try:
        for file in files:
            if not blocks.exists(file):
                raise UserError(f"{file}: there is no such file")
            lines, left = read(Path(file).name, blocks.read_bytes(file), rater)
            given += lines
            empty += left
        kept = take(given, pl.concat(keys), _answers(run), replace)
    except AnswerError as error:
        raise UserError(str(error)) from error
    blocks.write_bytes(to_bytes(kept), f"{run.out}/{OWN}")
    if json:
        told = {"event": "imported", "answers": len(given), "empty": empty, "kept": kept.height}
        print(orjson.dumps({**told, "out": f"{run.out}/{OWN}"}).decode())
        return DONE
    more = f", {empty:,} lines have none yet" if empty else ""
    print(f"{len(given):,} answers taken{more}; {kept.height:,} in all, in {run.out}/{OWN}")
    print("the next run of the same curate command uses them")
    return DONE


def _keys(run: Finished) -> str:
    return f"{run.out}/relabel/keys"


def _answers(run: Finished) -> pl.DataFrame:
    """What was imported already."""
    own = f"{run.out}/{OWN}"
    if not blocks.exists(own):
        return pl.DataFrame(schema=ANSWERED)
    try:
        return from_bytes(own, blocks.read_bytes(own))
    except AnswerError as error:
        raise UserError(str(error)) from error
