"""A `.json` file: an array, an object of objects, an object with one list of objects, or objects one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from transforms.ingest.readers.json_text import JsonText
from transforms.ingest.readers.jsonl import Unparsable, as_object
from transforms.ingest.readers.streams import BOM, CHUNK, Stream, StreamBreak
from transforms.ingest.records import Broken, Records

if TYPE_CHECKING:
    from transforms.ingest.files import FileRef

_WINDOW = 2**20
#: A file of at most so many bytes is parsed at once.
WHOLE = 16 * 2**20


def sniff(path: str, compression: str | None, most: int | None = None) -> tuple[str, str | None]:
    """What a file of JSON holds.

    An object is looked at to its end, in a bounded window; or no further than `most` bytes.

    Returns:
        "lines" (an object a line), "array", "values" (an object whose values are objects, the records), "list" (an
        object with one list of objects, the records) and its name, "objects" (one object or more, each a record), or
        "" if it is none of these.
    """
    with Stream(path, compression, most) as stream:
        text = JsonText(stream, _WINDOW, CHUNK)
        if text.peek() != "{":
            return ("array" if text.peek() == "[" else "", None)
        line, _, rest = text.text[text.at :].partition("\n")
        if line.rstrip().endswith("}") and rest.lstrip().startswith("{"):
            return "lines", None
        text.at += 1
        kinds = dict(_members(text))
        if text.peek() == "}":
            text.at += 1
            several_lines = text.dropped_lines or "\n" in text.text[: text.at]
            if text.peek() == "{":
                return ("objects" if several_lines else "lines", None)
    lists = [name for name, kind in kinds.items() if kind == "[{"]
    if kinds and set(kinds.values()) == {"{"}:
        return "values", None
    return ("list", lists[0]) if len(lists) == 1 else ("objects", None)


def _members(text: JsonText) -> Iterator[tuple[str, str]]:
    """Each name in the object that `text` is in, and how its value begins: "{", "[{", "[" or another character."""
    while (char := text.peek()) not in ("}", ""):
        if char == ",":
            text.at += 1
            continue
        name = _name(text)
        if name is None:
            return
        kind = text.peek()
        opened = "[" if kind == "[" else ""
        if opened:
            text.at += 1
            kind += "{" if text.peek() == "{" else ""
        yield name, kind
        if not text.pass_over(opened):
            return


def _name(text: JsonText) -> str | None:
    """Read a name and its colon; None if there is none."""
    if text.peek() != '"':
        return None
    try:
        name, _ = text.value("a name", named=True)
    except Unparsable:
        return None
    if text.peek() != ":":
        return None
    text.at += 1
    text.peek()
    return str(name)


def read(ref: FileRef, *, batch_records: int, batch_bytes: int, max_line_bytes: int) -> Iterator[Records]:
    """The elements of the file, numbered from 1; a malformed one loses itself alone."""
    whole = _whole(ref) if ref.shape == "array" and ref.size <= min(WHOLE, max_line_bytes) else None
    if whole is None:
        yield from _piecewise(ref, batch_records, batch_bytes, max_line_bytes)
        return
    raws = _Raws(ref, max_line_bytes)
    step = max(1, min(batch_records, len(whole) * batch_bytes // max(ref.size, 1)))
    for start in range(0, len(whole), step):
        items = whole[start : start + step]
        numbers = np.arange(start + 1, start + 1 + len(items), dtype=np.int64)
        yield Records(numbers, items=items, raws=raws.part(start, len(items)))


def _whole(ref: FileRef) -> list[dict[str, Any]] | None:
    """The elements of a small file in which nothing is wrong, several times as fast as one by one; else None."""
    with Stream(ref.path, ref.compression, ref.most) as stream:
        pieces = []
        try:
            while data := stream.chunk(CHUNK):
                pieces.append(data)
                if sum(map(len, pieces)) > WHOLE:
                    return None
        except StreamBreak:
            return None
    try:
        items = orjson.loads(b"".join(pieces).removeprefix(BOM))
    except orjson.JSONDecodeError:
        return None
    return items if type(items) is list and set(map(type, items)) == {dict} else None


class _Raws(Sequence[bytes | str]):
    """The elements' texts, which are looked for when one is asked for: few ever are."""

    def __init__(
        self, ref: FileRef, limit: int, start: int = 0, count: int = 0, known: list[str] | None = None
    ) -> None:
        self._ref, self._limit, self._start, self._count = ref, limit, start, count
        self._known: list[str] = [] if known is None else known

    def part(self, start: int, count: int) -> _Raws:
        return _Raws(self._ref, self._limit, start, count, self._known)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if not self._known:
            for batch in _piecewise(self._ref, 2**30, 2**60, self._limit):
                self._known += [str(raw) for raw in batch.raws or []]
        return self._known[self._start + index]


def _piecewise(ref: FileRef, batch_records: int, batch_bytes: int, max_line_bytes: int) -> Iterator[Records]:
    numbers: list[int] = []
    items: list[dict[str, Any]] = []
    raws: list[str] = []
    broken: list[Broken] = []
    size = 0

    def batch() -> Records:
        return Records(np.array(numbers, np.int64), items=items, raws=raws, broken=broken)

    with Stream(ref.path, ref.compression, ref.most) as stream:
        text = JsonText(stream, min(batch_bytes, _WINDOW), max_line_bytes)
        for number, value, raw in _elements(text, ref):
            if isinstance(value, Broken):
                broken.append(value)
            else:
                numbers.append(number)
                items.append(value)
                raws.append(raw)
                size += len(raw)
            if len(numbers) + len(broken) >= batch_records or size >= batch_bytes:
                yield batch()
                numbers, items, raws, broken, size = [], [], [], [], 0
    if numbers or broken:
        yield batch()


def _elements(text: JsonText, ref: FileRef) -> Iterator[tuple[int, dict[str, Any] | Broken, str]]:
    number, named, open_ = 0, ref.shape == "values", ref.shape != "objects"
    closing = _enter(text, ref)
    while char := text.peek():
        if char == ",":
            text.at += 1
            continue
        if char == closing:
            text.at += 1
            open_ = False
            if ref.shape == "list" or not text.peek():
                break
            number += 1
            message = f"text follows the end of the {_what(ref)}, or element {number} is not JSON"
            yield number, Broken(number, "invalid_json", message, text.find_next(named)), ""
            open_ = text.peek() != ""
            continue
        number += 1
        place = f"element {number}"
        try:
            name = _name(text) if named else None
            if named and name is None:
                place = f"the name of element {number}"
            value, raw = text.value(place, named)
            try:
                value = as_object(value)
            except Unparsable as error:
                raise Unparsable(error.code, error.message, raw) from error
        except Unparsable as error:
            yield number, Broken(number, error.code, error.message, error.raw), ""
            continue
        if text.known is None or len(value) >= len(text.known):
            text.known = value.keys()
        if name is not None:
            value = {"key": name} | value
        yield number, value, raw
    if text.cut_short:
        return
    number += 1
    while not text.ended:  # to its end, where it may turn out to be cut off or corrupt
        text.at = len(text.text)
        text.more()
    if text.fault:
        message = f"{text.fault.message}; it stops after element {number - 1}"
        yield number, Broken(number, text.fault.code, message, ""), ""
    elif open_:
        message = f"the file ends after element {number - 1}, and its {_what(ref)} is not closed"
        yield number, Broken(number, "truncated_file", message, ""), ""


def _what(ref: FileRef) -> str:
    return "object" if ref.shape == "values" else "array"


def _enter(text: JsonText, ref: FileRef) -> str:
    """Go to the first element; gives the character that ends the elements, an empty string if only the file does."""
    if ref.shape == "objects":
        return ""
    if ref.shape != "list":
        text.peek()
        text.at += 1
        return "}" if ref.shape == "values" else "]"
    text.peek()
    text.at += 1
    while text.peek() not in ("}", ""):
        if text.peek() == ",":
            text.at += 1
            continue
        name = _name(text)
        if name == ref.member and text.peek() == "[":
            text.at += 1
            break
        if name is None or not text.pass_over():
            break
    return "]"
