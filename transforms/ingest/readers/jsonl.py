"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from transforms.ingest.readers.lines import read_lines
from transforms.ingest.readers.streams import show
from transforms.ingest.records import Broken, Records

if TYPE_CHECKING:
    from transforms.ingest.files import FileRef

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
            batch = _parse(lines[index : index + batch_records], chunk.first + index)
            if len(batch) or batch.broken:
                yield batch
        if chunk.broken:
            yield Records(np.empty(0, np.int64), items=[], broken=[chunk.broken])


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
