"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.json as pj

from transforms.ingest.readers.lines import read_lines
from transforms.ingest.readers.streams import show
from transforms.ingest.records import Broken, Records

if TYPE_CHECKING:
    from transforms.ingest.files import FileRef

#: How many lines say what the others are like.
_SAMPLE = 20
#: Types of JSON values -> the column they make.
_ARROW = {
    frozenset({str}): pa.large_string(),
    frozenset({int}): pa.int64(),
    frozenset({float}): pa.float64(),
    frozenset({int, float}): pa.float64(),
    frozenset({bool}): pa.bool_(),
}
_KINDS = {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}


class Unparsable(ValueError):
    """A text that is no record: `code` of `schemas.verdict.DEAD_LETTERS`, what is wrong in words, and the text."""

    def __init__(self, code: str, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.raw = code, message, raw


def read(ref: FileRef, *, batch_records: int, batch_bytes: int, max_line_bytes: int) -> Iterator[Records]:
    """The records of a range of lines. Blank lines are no records."""
    for chunk in read_lines(ref, batch_bytes=batch_bytes, max_line_bytes=max_line_bytes):
        lines = chunk.data.split(b"\n") if chunk.count else []
        for index in range(0, len(lines), batch_records):
            part = lines[index : index + batch_records]
            batch = _columns(part, chunk.first + index) or _parse(part, chunk.first + index)
            if len(batch) or batch.broken:
                yield batch
        if chunk.broken:
            yield Records(np.empty(0, np.int64), items=[], broken=[chunk.broken])


def _columns(lines: list[bytes], first: int) -> Records | None:
    """Lines of flat objects as columns, in half the time of one by one; None where anything is out of the ordinary.

    The first lines say which fields there are and of which types. Arrow's parser is strict about both, and what it
    refuses is looked at line by line.
    """
    try:
        sample = [orjson.loads(line) for line in lines[:_SAMPLE]]
    except orjson.JSONDecodeError:
        return None
    if set(map(type, sample)) != {dict}:
        return None
    fields: dict[str, pa.DataType] = {}
    for name in dict.fromkeys(name for item in sample for name in item):
        found = {type(item.get(name)) for item in sample} - {type(None)}
        kind = _ARROW.get(frozenset(found))
        if kind is None:
            return None
        fields[name] = kind
    data = b"\n".join(lines)
    try:
        data.decode()  # Arrow takes the bytes of texts as they are
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pj.ParseOptions(explicit_schema=pa.schema(fields), unexpected_field_behavior="error"),
        )
    except (UnicodeDecodeError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if table.num_rows != len(lines):  # blank lines are no records, and count as lines
        return None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return Records(np.arange(first, first + len(lines), dtype=np.int64), frame=frame, raws=lines, parsed=True)


def _parse(lines: list[bytes], first: int) -> Records:
    numbers = np.arange(first, first + len(lines), dtype=np.int64)
    try:
        items = list(map(orjson.loads, lines))
        if set(map(type, items)) == {dict}:
            return Records(numbers, items=items, raws=lines)
    except orjson.JSONDecodeError:
        pass  # a line is blank, broken, or JSON as Python writes it: find out which, line by line
    kept: list[int] = []
    items, broken = [], []
    for index, line in enumerate(lines):
        try:
            value = orjson.loads(line)
            if type(value) is not dict:
                value = as_object(value)
        except orjson.JSONDecodeError:
            if not line.strip():
                continue
            try:
                value = as_object(parse_python(line, "line"))
            except Unparsable as error:
                broken.append(Broken(first + index, error.code, error.message, show(line)))
                continue
        except Unparsable as error:
            broken.append(Broken(first + index, error.code, error.message, show(line)))
            continue
        items.append(value)
        kept.append(index)
    return Records(numbers[kept], items=items, raws=[lines[i] for i in kept], broken=broken)


def as_object(value: Any) -> dict[str, Any]:
    """The value if it is an object.

    Raises:
        Unparsable: it is not (not_an_object).
    """
    if type(value) is dict:
        return value
    raise Unparsable("not_an_object", f"the record is {_KINDS[type(value)]}; an object with named fields is expected")


def parse_python(data: bytes, place: str) -> Any:
    """Parse what orjson refuses and Python's json module writes all the same: NaN and Infinity.

    Args:
        data: one JSON value.
        place: what it stands in, for messages: "line" or "element".

    Raises:
        Unparsable: it is no JSON (invalid_json), or has text that is none (invalid_utf8).
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} of the {place} (0x{data[error.start]:02x}) is not UTF-8"
        raise Unparsable("invalid_utf8", message) from error
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"not JSON at character {error.pos + 1} of the {place}: {error.msg}"
        raise Unparsable("invalid_json", message) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets without end
        raise Unparsable("invalid_json", f"the {place} cannot be parsed: {error}") from error
    check_text(value, place)
    return value


def check_text(value: Any, place: str) -> None:
    """Refuse half of a surrogate pair, which is no character and cannot be written as UTF-8.

    Raises:
        Unparsable: there is one (invalid_utf8), or the value is nested too deeply (invalid_json).
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise Unparsable("invalid_json", f"the {place} is nested too deeply") from error
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise Unparsable("invalid_utf8", f"a string in the {place} has {half}, half of a surrogate pair") from error
