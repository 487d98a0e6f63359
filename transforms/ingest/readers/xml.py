"""XML: one object for each element of a name, read as it comes, with what it holds nested."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import orjson
from lxml import etree

from transforms.ingest.readers.streams import Stream, StreamBreak
from transforms.ingest.records import Broken, Records

if TYPE_CHECKING:
    from transforms.ingest.files import FileRef

_CHUNK = 2**17


def guess_record(sample: bytes) -> str | None:
    """The most frequent name among the root's children in a file's begin (of equals the first); None without any."""
    parser = _parser(("start", "end"))
    children: Counter[str] = Counter()
    with contextlib.suppress(etree.XMLSyntaxError):  # what was read before tells enough
        parser.feed(sample)
    depth = 0
    for event, element in _events(parser):
        depth += 1 if event == "start" else -1
        if event == "start" and depth == 2:
            children[_name(element.tag)] += 1
    return children.most_common(1)[0][0] if children else None


def read(ref: FileRef, *, batch_records: int, batch_bytes: int, max_line_bytes: int) -> Iterator[Records]:
    """The record elements, numbered from 1. At a fault the rest of the file is lost, as one broken record."""
    number, size = 0, 0
    items: list[dict[str, Any]] = []
    for value in _elements(ref):
        number += 1
        if isinstance(value, str):
            code, _, message = value.partition(":")
            broken = [Broken(number, code, f"{message}, after record {number - 1}", "")]
            yield _records(items, number, broken)
            return
        items.append(value)
        size += len(orjson.dumps(value))
        if len(items) >= batch_records or size >= batch_bytes:
            yield _records(items, number + 1, [])
            items, size = [], 0
    if items:
        yield _records(items, number + 1, [])


def _records(items: list[dict[str, Any]], end: int, broken: list[Broken]) -> Records:
    return Records(np.arange(end - len(items), end, dtype=np.int64), items=items, broken=broken)


def _events(parser: etree.XMLPullParser) -> Iterator[tuple[str, etree._Element]]:
    return cast("Iterator[tuple[str, etree._Element]]", parser.read_events())


def _parser(events: tuple[Literal["start", "end"], ...], tag: str | None = None) -> etree.XMLPullParser:
    return etree.XMLPullParser(
        events, tag=tag, huge_tree=True, recover=False, load_dtd=False, no_network=True, resolve_entities=False
    )


def _elements(ref: FileRef) -> Iterator[dict[str, Any] | str]:
    """Each record, and where the file breaks "code:message" as the last."""
    name = ref.record or ""
    parser = _parser(("end",), "{*}" + name)
    with Stream(ref.path, ref.compression, ref.most) as stream:
        while True:
            wrong, data = "", b""
            try:
                data = stream.chunk(_CHUNK)
                parser.feed(data) if data else parser.close()
            except StreamBreak as broke:
                wrong = f"{broke.code}:{broke.message}"
            except etree.XMLSyntaxError as error:
                wrong = _wrong(str(error.msg), error.position[0])
            # An entity that is not declared stops the parser without an exception.
            fatal = [entry for entry in parser.feed_error_log if entry.level_name == "FATAL"]
            if data and fatal:
                wrong = _wrong(fatal[0].message, fatal[0].line)
            for _, element in _events(parser):
                if next(element.iterancestors("{*}" + name), None) is not None:
                    continue  # it belongs to the record around it
                value = _value(element)
                yield value if isinstance(value, dict) else {"text": value}
                _forget(element)
            if wrong:
                yield wrong
            if wrong or not data:
                return


def _wrong(message: str, line: int) -> str:
    code = "truncated_file" if message.startswith("Premature end") else "invalid_xml"
    return f"{code}:the XML cannot be read on from line {line} ({message.split(', line ')[0]})"


def _value(element: etree._Element) -> Any:
    """Text alone as a string; else attributes, children (a list where they repeat) and "text"."""
    text = element.text or ""
    value: dict[str, Any] = {_name(name): content for name, content in element.attrib.items()}
    children = False
    for child in element:
        if isinstance(child.tag, str):
            children = True
            _add(value, _name(child.tag), _value(child))
        elif isinstance(child, etree._Entity):
            text += child.text or ""  # never replaced by what a file declares
        text += child.tail or ""
    if not value:
        return text
    if text.strip() or not children:
        _add(value, "text", text)
    return value


def _name(tag: str | bytes) -> str:
    """A tag or attribute without its namespace."""
    return str(tag).rpartition("}")[2]


def _add(value: dict[str, Any], name: str, content: Any) -> None:
    known = value.get(name)
    if name not in value:
        value[name] = content
    elif isinstance(known, list):
        known.append(content)
    else:
        value[name] = [known, content]


def _forget(element: etree._Element) -> None:
    """Free the element and all that was read before it."""
    element.clear()
    inner: etree._Element | None = element
    while inner is not None:
        parent = inner.getparent()
        while parent is not None and inner.getprevious() is not None:
            del parent[0]
        inner = parent
