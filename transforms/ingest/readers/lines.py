"""Whole physical lines of a byte range, in chunks: what JSONL and delimited text are read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from xxhash import xxh3_128

from transforms.ingest.readers.streams import BOM, CHUNK, HEAD, Stream, StreamBreak, open_raw, show
from transforms.ingest.records import Broken

if TYPE_CHECKING:
    from transforms.ingest.files import FileRef

#: Bytes read at once where only a line's end is looked for.
_PROBE = 2**16
#: Bytes of a file's begin that are hashed apart.
_BEGIN = 2**16


@dataclass(frozen=True)
class Lines:
    """Lines joined by newlines, and what follows them where that is broken.

    Attributes:
        first: 1-based number of the first line.
        count: number of lines; 0 says that there is none, where one empty line is `b""` too.
        data: the lines, without the last one's newline. A carriage return before a newline is left in.
        broken: an over-long line, or the end of a truncated or corrupt file.
    """

    first: int
    count: int
    data: bytes
    broken: Broken | None = None


def read_lines(ref: FileRef, *, batch_bytes: int, max_line_bytes: int) -> Iterator[Lines]:
    """The lines whose first byte lies in the reference's range.

    Args:
        ref: a text file; a range only where it is not compressed.
        batch_bytes: about how much to give at once.
        max_line_bytes: a longer line is passed over, and never held.
    """
    with Stream(ref.path, ref.compression, ref.most) as stream:
        yield from _Reader(ref, stream, min(batch_bytes, CHUNK), max_line_bytes).run()


def scan(path: str, range_bytes: int | None) -> tuple[int, str, str, list[int]]:
    """Read a file once.

    Returns:
        Its size, the xxh3-128 of its bytes, the SHA-256 of its first 64 KB, and how many lines start in each range of
        `range_bytes`, the file's first line not counted.
    """
    digest, begin = xxh3_128(), bytearray()
    size, starts, last = 0, [0], b""
    with open_raw(path) as file:
        # A line starts in a range if the newline before it lies in [start - 1, end - 1).
        room = range_bytes - 1 if range_bytes else CHUNK
        while data := file.read(min(room, CHUNK)):
            digest.update(data)
            begin += data[: _BEGIN - len(begin)]
            size, last = size + len(data), data[-1:]
            if range_bytes:
                starts[-1] += data.count(b"\n")
                room -= len(data)
                if room == 0:
                    starts.append(0)
                    room = range_bytes
    if range_bytes and last == b"\n":  # no line starts at the file's end
        starts[-1 if room < range_bytes else -2] -= 1
    return size, digest.hexdigest(), sha256(begin).hexdigest(), starts


class _Reader:
    def __init__(self, ref: FileRef, stream: Stream, size: int, limit: int) -> None:
        self.stream, self.size, self.limit = stream, size, limit
        self.at, self.end, self.line = ref.start, ref.end, ref.first_line
        self.rest = bytearray()  # the beginning of a line whose end has not been read
        self.pushed = b""  # read, and not yet looked at

    def run(self) -> Iterator[Lines]:
        try:
            if self.at == 0 or self._to_line_start():
                yield from self._chunks()
        except StreamBreak as broke:
            message = f"{broke.message}; it stops in line {self.line}"
            yield Lines(self.line, 0, b"", Broken(self.line, broke.code, message, show(bytes(self.rest))))

    def _to_line_start(self) -> bool:
        """Go to the first line that starts in the range; False if there is none."""
        self.stream.seek(self.at - 1)  # the range's first byte starts a line if a newline precedes it
        self.at -= 1
        while data := self.stream.chunk(_PROBE):
            cut = data.find(b"\n")
            if cut >= 0:
                self.at += cut + 1
                self.stream.seek(self.at)
                return self.end is None or self.at < self.end
            self.at += len(data)
        return False

    def _read(self) -> tuple[bytes, bool]:
        """The next bytes, and whether they are the range's. Past its end, its last line is still to be finished."""
        if self.pushed:
            data, self.pushed = self.pushed, b""
            return data, True
        inside = self.end is None or self.at < self.end
        size = _PROBE if self.end is not None and not inside else self.size
        data = self.stream.chunk(min(size, self.end - self.at) if self.end is not None and inside else size)
        first = self.at == 0
        self.at += len(data)
        if first and data.startswith(BOM):
            return data[len(BOM) :] or self._read()[0], True
        return data, inside

    def _chunks(self) -> Iterator[Lines]:
        while self.rest or self.pushed or self.end is None or self.at < self.end:
            data, inside = self._read()
            if not data:
                break
            cut = data.rfind(b"\n") if inside else data.find(b"\n")
            if cut < 0:
                self.rest += data
                if len(self.rest) > self.limit:
                    yield self._skip()
                continue
            body = bytes(self.rest) + data[:cut] if self.rest else data[:cut]
            self.rest = bytearray(data[cut + 1 :]) if inside else bytearray()
            yield from self._checked(body)
            if not inside:
                return
        if self.rest:  # the file's last line has no newline
            body = bytes(self.rest)
            self.rest.clear()
            yield from self._checked(body)

    def _skip(self) -> Lines:
        """Pass over the rest of an over-long line."""
        length = len(self.rest)
        del self.rest[HEAD:]
        head = show(bytes(self.rest))
        while True:
            data, _ = self._read()
            cut = data.find(b"\n")
            length += cut if cut >= 0 else len(data)
            if cut >= 0 and (self.end is None or self.at - len(data) + cut + 1 < self.end):
                self.pushed = data[cut + 1 :]
            if cut >= 0 or not data:
                break
        self.rest.clear()
        self.line += 1
        return Lines(self.line - 1, 0, b"", self._too_long(self.line - 1, length, head))

    def _checked(self, body: bytes) -> Iterator[Lines]:
        """The lines of a chunk, without those that are too long."""
        first = self.line
        if len(body) <= self.limit:
            count = body.count(b"\n") + 1
            self.line += count
            yield Lines(first, count, body)
            return
        good: list[bytes] = []
        for part in body.split(b"\n"):
            self.line += 1
            if len(part) <= self.limit:
                good.append(part)
                continue
            broken = self._too_long(self.line - 1, len(part), show(part[:HEAD]))
            yield Lines(first, len(good), b"\n".join(good), broken)
            first, good = self.line, []
        if good:
            yield Lines(first, len(good), b"\n".join(good))

    def _too_long(self, line: int, length: int, head: str) -> Broken:
        message = f"line {line} has {length:,} bytes; at most {self.limit:,} are read"
        return Broken(line, "line_too_long", message, head)
