"""JSON text that is looked at through a window: values are parsed or passed over, and the file is never held whole."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import KeysView
from typing import Any, NoReturn

from transforms.ingest.readers.jsonl import Unparsable, check_text
from transforms.ingest.readers.streams import HEAD, Stream, StreamBreak, show

_decode = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")
#: Up to the next bracket, over whole strings; or to the quote of a string that does not end here.
_STRUCTURE = re.compile(r'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+(["\[\]{}]?)', re.S)
_STRING_REST = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*("?)', re.S)
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(_STRING[:-1] + r'("?)|[\[\]{}]', re.S)
_SCALAR = re.compile(r"[^,\]}\s]+")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
#: Where an element may start again when nothing else tells: an object, or a named object.
_NEXT = {False: re.compile(r",\s*(\{)"), True: re.compile(r",\s*" + _STRING + r"\s*:\s*(\{)", re.S)}
#: How far is looked for an element that tells what elements are like.
_LOOKAHEAD = 2**20
_PAIRS = {"[": "]", "{": "}"}
#: A value that the window cuts off is faulty at most this far from the window's end ("-Infinity", "\\uXXXX").
_MARGIN = 16


class JsonText:
    """A window on a file's text; `at` is the place in it that comes next."""

    def __init__(self, stream: Stream, size: int, limit: int) -> None:
        """Open a window of about `size` characters, that grows to about `limit` where a value is long."""
        self._stream, self._size, self._limit = stream, size, limit
        # Bytes that are not UTF-8 are carried as lone surrogates, so that only the values that hold them are lost.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._impure = False
        self.text, self.at = "", 0
        self.dropped, self.dropped_lines = 0, 0
        self.ended, self.cut_short = False, False
        #: Names in the last good element: an object within an element is told from an element by them.
        self.known: KeysView[str] | None = None
        self.fault: StreamBreak | None = None
        while self.more() and not self.text:
            pass
        self.at = int(self.text.startswith("\ufeff"))

    def more(self) -> bool:
        """Read on, and forget what lies before `at`. False at the file's end."""
        if self.ended:
            return False
        try:
            data = self._stream.chunk(max(self._size, len(self.text) - self.at))
        except StreamBreak as broke:
            self.fault, data = broke, b""
        self.ended = not data
        fresh = self._decoder.decode(data, not data)
        if not fresh.isascii() and not self._impure:
            try:
                fresh.encode()
            except UnicodeEncodeError:
                self._impure = True
        self.dropped += self.at
        self.dropped_lines += self.text.count("\n", 0, self.at)
        self.text = self.text[self.at :] + fresh
        self.at = 0
        return bool(data)

    def peek(self) -> str:
        """Go to the next character that is not blank, and give it; an empty string at the file's end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more() and self.at >= len(self.text):
                return ""

    def value(self, place: str, named: bool = False) -> tuple[Any, str]:
        """Parse the value at `at` and go behind it; or behind what is broken.

        Args:
            place: what the value is called in messages.
            named: whether the values around it are an object's, not an array's.

        Returns:
            The value, and its text.

        Raises:
            Unparsable: it is broken, cut off or too long; with its text.
        """
        self.peek()
        while True:
            wrong, where = "", -1
            try:
                value, end = _decode(self.text, self.at)
            except json.JSONDecodeError as error:
                wrong, where = f"{error.msg} at its character {error.pos - self.at + 1}", error.pos
                if self._sure(error):
                    self._broken(f"{place} is not JSON: {wrong}", where, named)
            except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets without end
                self._broken(f"{place} cannot be parsed: {error}", self.at, named)
            else:
                # A number at the window's end may go on behind it.
                if end < len(self.text) or self.ended or self.text[end - 1] in '"]}':
                    return self._checked(value, end, place)
            if len(self.text) - self.at > self._limit:
                self._unended(place, named)
            if self.ended and _close(self.text, self.at) is not None:
                self._broken(f"{place} is not JSON: {wrong}", where, named)
            if self.ended:
                self._cut(place)
            self.more()

    def pass_over(self, opened: str = "") -> bool:
        """Go behind the value at `at` without holding it; False if it does not end, or its brackets do not match.

        Args:
            opened: brackets of the value that lie before `at`.
        """
        stack = list(opened)
        in_string = not stack and self.peek() == '"'
        self.at += in_string
        if not stack and not in_string and self.peek() not in _PAIRS:
            scalar = _SCALAR.match(self.text, self.at)
            self.at = scalar.end() if scalar else self.at
            return scalar is not None
        while True:
            if in_string:
                rest = _STRING_REST.match(self.text, self.at)
                assert rest is not None  # it matches the empty string
                self.at, in_string = rest.end(), not rest[1]
                if in_string and not self.more():
                    return False
                if not in_string and not stack:
                    return True
                continue
            found = _STRUCTURE.match(self.text, self.at)
            assert found is not None  # it matches the empty string
            self.at, mark = found.end(), found[1]
            if not mark:
                if not self.more():
                    return False
            elif mark == '"':
                in_string = True
            elif mark in _PAIRS:
                stack.append(mark)
            elif not stack or _PAIRS[stack.pop()] != mark:
                return False
            elif not stack:
                return True

    def _checked(self, value: Any, end: int, place: str) -> tuple[Any, str]:
        raw = self.text[self.at : end]
        if len(raw) > self._limit:
            self._too_long(place)
        self.at = end
        if self._impure:
            try:
                raw.encode()
            except UnicodeEncodeError as error:
                byte = f"0x{ord(raw[error.start]) - 0xDC00:02x}"
                raise Unparsable(
                    "invalid_utf8", f"{place} has a byte ({byte}) that is not UTF-8", _plain(raw)
                ) from error
        if "\\u" in raw and _SURROGATE.search(raw):
            try:
                check_text(value, place)
            except Unparsable as error:
                raise Unparsable(error.code, error.message, raw) from error
        return value, raw

    def _unended(self, place: str, named: bool) -> NoReturn:
        """Report an element that does not end within the limit: it lacks its end, or is in truth that long."""
        self._learn(named)
        text, at = self.text, self.at
        for found in _NEXT[named].finditer(text, at + 1, at + self._limit):
            if self._fits(found.start(1) - at):
                self.at += found.start() - at
                raw = text[at : found.start()]
                raise Unparsable("invalid_json", f"{place} is not closed before the next one starts", _plain(raw))
        self._too_long(place)

    def _too_long(self, place: str) -> NoReturn:
        head, start = self.text[self.at : self.at + HEAD], self.dropped + self.at
        self.pass_over()
        length = self.dropped + self.at - start
        message = f"{place} has {length:,} characters; at most {self._limit:,} are read"
        raise Unparsable("line_too_long", message, _plain(head))

    def _cut(self, place: str) -> NoReturn:
        raw, self.at, self.cut_short = self.text[self.at :], len(self.text), True
        if self.fault:
            raise Unparsable(self.fault.code, f"{self.fault.message}; it stops in {place}", _plain(raw))
        raise Unparsable("truncated_file", f"the file ends within {place}", _plain(raw))

    def find_next(self, named: bool, offset: int = 0) -> str:
        """Go to the comma before the next whole element, or to the file's end. Gives the text between, or its begin."""
        raw, start = self.text[self.at : self.at + self._limit], self.dropped + self.at
        self._learn(named)
        while True:
            found = _NEXT[named].search(self.text, self.at + offset)
            if found is None and not self.ended:
                offset = max(offset, len(self.text) - self.at - HEAD)
                if offset > self._limit:
                    self.at, offset = self.at + offset, 0
                self.more()
                continue
            if found is None:
                self.at = len(self.text)
                break
            offset = found.start() - self.at
            if self._fits(found.start(1) - self.at):
                self.at += offset
                break
            offset += 1
        return _plain(raw[: self.dropped + self.at - start])

    def _broken(self, message: str, where: int, named: bool) -> NoReturn:
        """Go to where the next element starts, and report the one that `where` shows to be faulty."""
        where -= self.at
        self._learn(named)
        length = self._balanced()
        if length is None:
            raise Unparsable("invalid_json", message, self.find_next(named, 1))
        length = self._swallowed(named, where, length)
        raw = self.text[self.at : self.at + length]
        self.at += length
        raise Unparsable("invalid_json", message, _plain(raw))

    # Places in the following are relative to `at`, as the window moves when more is read.

    def _swallowed(self, named: bool, where: int, end: int) -> int:
        """How long an element is whose brackets match up to `end`, but that may have swallowed the next one.

        That one starts where the fault is found; or within what is taken for a string, where an object cannot be, since
        its quotes would be escaped.
        """
        text, at = self.text, self.at
        strings = [m.span() for m in _TOKEN.finditer(text, at, at + end) if m[0][0] == '"']
        for a, b in [(at + 1, at + where + 1), *strings]:
            for found in _NEXT[named].finditer(text, a, b):
                start = found.start(1) - at
                if (a > at + 1 or start == where) and self._fits(start):
                    return found.start() - at
        return end

    def _balanced(self) -> int | None:
        """How long an element is by its brackets, if what follows looks like it."""
        while True:
            end = _close(self.text, self.at)
            after = len(self.text) if end is None else _SPACE.match(self.text, end).end()  # type: ignore[union-attr]
            if after < len(self.text) or len(self.text) - self.at > self._limit or not self.more():
                break
        if end is None or end < 0:
            return None
        return end - self.at if self.text[after : after + 1] in ("", ",", "]", "}") else None

    def _learn(self, named: bool) -> None:
        """Where no element was good yet, learn what one is like from the longest object in what follows."""
        if self.known is not None:
            return
        while len(self.text) - self.at < min(_LOOKAHEAD, self._limit) and self.more():
            pass
        self.known, longest = {}.keys(), 0
        for found in _NEXT[named].finditer(self.text, self.at, self.at + _LOOKAHEAD):
            try:
                value, end = _decode(self.text, found.start(1))
            except (ValueError, RecursionError):
                continue
            if end - found.start(1) > longest:
                self.known, longest = value.keys(), end - found.start(1)

    def _fits(self, start: int) -> bool:
        """Whether a whole object is there that has about the names of an element known to be good."""
        while True:
            try:
                value, _ = _decode(self.text, self.at + start)
                break
            except json.JSONDecodeError as error:
                if self._sure(error) or start > self._limit or not self.more():
                    return False
            except (ValueError, RecursionError):
                return False
        if not self.known:
            return bool(value)
        return 2 * len(self.known & value.keys()) >= len(self.known | value.keys())

    def _sure(self, error: json.JSONDecodeError) -> bool:
        """Whether the fault is one whatever comes after the window."""
        return not error.msg.startswith("Unterminated") and error.pos < len(self.text) - _MARGIN


def _close(text: str, start: int) -> int | None:
    """Where the value at `start` ends by its brackets: -1 if they do not match, None if the text ends first."""
    if text[start : start + 1] not in ('"', "[", "{", "]", "}"):
        scalar = _SCALAR.match(text, start)
        return scalar.end() if scalar and scalar.end() < len(text) else None
    stack: list[str] = []
    for token in _TOKEN.finditer(text, start):
        mark = token[0][0]
        if mark == '"' and not token[1]:
            return None
        if mark in _PAIRS:
            stack.append(mark)
        elif mark != '"' and (not stack or _PAIRS[stack.pop()] != mark):
            return -1
        if not stack:
            return token.end()
    return None


def _plain(raw: str) -> str:
    """Text without the lone surrogates that stand for bytes."""
    return raw if raw.isascii() else show(raw.encode("utf-8", "surrogateescape"))
