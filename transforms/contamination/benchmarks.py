"""Benchmarks' files to items: whatever an adapter reads, some columns of any file, or plain lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import polars as pl

from transforms import blocks
from transforms.contamination.items import ITEMS
from transforms.contamination.letters import MESSAGE_END, Letters
from transforms.ingest.adapters import adapter
from transforms.ingest.canonical import Origin, to_rows
from transforms.ingest.dialogue import DialogueError, canonical_dialogue
from transforms.ingest.files import FileRef
from transforms.ingest.readers import read
from transforms.ingest.readers.streams import BOM, CHUNK, Stream, StreamBreak
from transforms.ingest.records import Records
from transforms.ingest.stage import batches
from transforms.markers import Stats
from transforms.texts import prompt_texts, reference_texts, response_texts

#: An item's place (`benchmark:file:line`), its part, its text.
_Found = tuple[str, str, str]


def read_benchmarks(task: dict[str, Any], folder: str) -> Stats:
    """Write the items of all benchmarks as `items.parquet`; returns for each its records, items and unreadable ones."""
    parts = []
    counts: dict[str, dict[str, int]] = {}
    for benchmark in task["benchmarks"]:
        records, unreadable = 0, 0
        found: list[_Found] = []
        read_items = _lines if benchmark["format"] == "text" else _columns if benchmark["fields"] else _rows
        for texts, read_records, broken in read_items(benchmark, [FileRef.from_dict(ref) for ref in benchmark["refs"]]):
            found += texts
            records += read_records
            unreadable += broken
        items = distinct(benchmark["name"], found)
        parts.append(items)
        counts[benchmark["name"]] = {"records": records, "items": items.height, "unreadable": unreadable}
    blocks.write_frame(pl.concat(parts), f"{folder}/items.parquet")
    return {"benchmarks": counts}


def distinct(benchmark: str, found: list[_Found]) -> pl.DataFrame:
    """Items that have letters, each text once: frame of `ITEMS`."""
    frame = pl.DataFrame(found, schema={"item": pl.String, "part": pl.String, "text": pl.String}, orient="row")
    frame = frame.with_columns(benchmark=pl.lit(benchmark)).select(ITEMS.names())
    letters = Letters(frame["text"])
    start, stop = letters.letter_at[:-1], letters.letter_at[1:]
    frame = frame.with_columns(hash=letters.hashes(start, stop)).filter(pl.Series(start < stop))
    # A text that is a prompt and a response is looked for as a prompt.
    rank = pl.col("part").replace_strict({"prompt": 0, "response": 1, "reference": 2}, return_dtype=pl.Int64)
    return frame.sort(rank, maintain_order=True).unique("hash", keep="first", maintain_order=True).drop("hash")


def _rows(benchmark: dict[str, Any], refs: list[FileRef]) -> Iterator[tuple[list[_Found], int, int]]:
    """Prompts, responses and references of rows, as an adapter makes them."""
    adapt = adapter(benchmark["format"])
    origin = Origin(benchmark["name"], "", pseudonymise=False)
    for records in batches(refs, adapt):
        count = len(records) + len(records.broken)
        if not len(records):
            yield [], count, count
            continue
        rows, broken = to_rows(records, adapt.rows(records, benchmark["options"]), origin)
        found: list[_Found] = []
        ids = rows["row_id"]
        texts = {
            "prompt": (prompt_texts(rows, MESSAGE_END), None),
            "response": response_texts(rows, MESSAGE_END),
            "reference": reference_texts(rows),
        }
        for part in benchmark["parts"]:
            said, counts = texts[part]
            named = ids if counts is None else ids[np.repeat(np.arange(len(ids)), counts)]
            found += zip(named.to_list(), [part] * len(said), said.to_list(), strict=True)
        yield found, count, len(broken)


def _columns(benchmark: dict[str, Any], refs: list[FileRef]) -> Iterator[tuple[list[_Found], int, int]]:
    """The texts in some fields of records."""
    for file, records in ((ref.file, batch) for ref in refs for batch in read(ref)):
        found: list[_Found] = []
        unreadable = len(records.broken)
        for line, values in zip(records.lines.tolist(), _fields(records, benchmark["fields"]), strict=True):
            texts = [text for value in values for text in texts_in(value)]
            unreadable += not texts
            found += [(f"{benchmark['name']}:{file}:{line}", "prompt", text) for text in texts]
        yield found, len(records) + len(records.broken), unreadable


def _fields(records: Records, fields: list[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(records.values(field) for field in fields), strict=True))


def texts_in(value: Any) -> list[str]:
    """The texts that a field holds: itself, those of a list, or a dialogue's as one."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return value
    try:
        dialogue = canonical_dialogue(value, "user")
    except DialogueError:
        return []
    return [MESSAGE_END.join(message["content"] or "" for message in dialogue)]


def _lines(benchmark: dict[str, Any], refs: list[FileRef]) -> Iterator[tuple[list[_Found], int, int]]:
    """A text a line, or a JSON list of texts."""
    for ref in refs:
        data, broken = _whole(ref)
        listed = _listed(data)
        if listed is None:
            lines = data.decode("utf-8", "replace").split("\n")
            numbered = [(number, [line.strip()]) for number, line in enumerate(lines, 1) if line.strip()]
        else:
            numbered = [(number, texts_in(part)) for number, part in enumerate(listed, 1)]
        name = f"{benchmark['name']}:{ref.file}"
        found = [(f"{name}:{number}", "prompt", text) for number, texts in numbered for text in texts]
        yield found, len(numbered) + broken, sum(not texts for _, texts in numbered) + broken


def _whole(ref: FileRef) -> tuple[bytes, int]:
    """All of a file, and whether it breaks off."""
    parts: list[bytes] = []
    with Stream(ref.path, ref.compression) as stream:
        try:
            while chunk := stream.chunk(CHUNK):
                parts.append(chunk)
        except StreamBreak:
            return b"".join(parts), 1
    return b"".join(parts).removeprefix(BOM), 0


def _listed(data: bytes) -> list[Any] | None:
    """The elements of a JSON list; None where the file is none (lines too may begin with a bracket)."""
    if data.lstrip()[:1] != b"[":
        return None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, list) else None
