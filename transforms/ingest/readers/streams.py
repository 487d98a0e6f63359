"""Bytes of a file in bounded pieces: opened locally or through fsspec, and decompressed."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

import fsspec
import zstandard

from transforms.blocks import is_remote

#: Compressed bytes given to a decompressor at once: small, since a decompressor returns all that they unfold to.
STEP = 16 * 2**10
#: Text read at once, at most.
CHUNK = 8 * 2**20
#: How much of an over-long record its dead letter shows.
HEAD = 1000
BOM = b"\xef\xbb\xbf"
#: The code of the break at which a reading of a file's begin alone (`Stream.most`) stops; it is never a dead letter's.
BEGIN_ENDS = "begin_ends"
#: Compression -> the first bytes of such a file.
MAGIC = {"gz": b"\x1f\x8b", "zst": b"\x28\xb5\x2f\xfd", "xz": b"\xfd7zXZ\x00", "bz2": b"BZh"}
_NAMES = {"gz": "gzip", "zst": "zstandard", "xz": "xz", "bz2": "bzip2"}


class StreamBreak(Exception):
    """The data stops before its end: `code` of `schemas.verdict.DEAD_LETTERS`, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _zstd() -> _Decompressor:
    # Frames with a long window (up to 2 GiB, `zstd --long=31`) are common among published dumps.
    return cast(_Decompressor, zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj())


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gz": lambda: cast(_Decompressor, zlib.decompressobj(wbits=31)),
    "zst": _zstd,
    "xz": lambda: cast(_Decompressor, lzma.LZMADecompressor()),
    "bz2": lambda: cast(_Decompressor, bz2.BZ2Decompressor()),
}


def open_raw(path: str) -> BinaryIO:
    """Open a local path or fsspec URL for reading bytes as they lie."""
    return cast(BinaryIO, fsspec.open(path, "rb").open() if is_remote(path) else open(path, "rb"))


class Stream:
    """A file's bytes, decompressed. What comes before a break is always given before `StreamBreak` is raised."""

    def __init__(self, path: str, compression: str | None, most: int | None = None) -> None:
        """Open a file; with `most` it breaks off (`BEGIN_ENDS`) when about this many bytes were given."""
        self._path, self._compression, self._left = path, compression, most
        self._file = open_raw(path)
        self._pieces = _inflate(path, self._file, compression) if compression else None
        self._broke: StreamBreak | None = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def seek(self, position: int) -> None:
        """Go to a byte of an uncompressed file."""
        self._file.seek(position)

    @property
    def position(self) -> int:
        """How many of the file's own bytes were read."""
        return self._file.tell()

    def chunk(self, size: int) -> bytes:
        """The next `size` bytes, or a little more of a compressed file; fewer at the end only, and none after it.

        Raises:
            StreamBreak: the file is cut off or corrupt here.
        """
        if self._left is None:
            return self._next(size)
        if self._left <= 0:
            raise StreamBreak(BEGIN_ENDS, "no more of the file is looked at")
        data = self._next(min(size, self._left))
        self._left -= len(data)
        return data

    def _next(self, size: int) -> bytes:
        if self._pieces is None:
            return self._file.read(size)
        if self._broke:
            raise self._broke
        parts: list[bytes] = []
        have = 0
        try:
            for piece in self._pieces:
                parts.append(piece)
                have += len(piece)
                if have >= size:
                    break
        except StreamBreak as broke:
            self._broke = broke
            if not have:
                raise
        return b"".join(parts)


class _Corrupt(Exception):
    pass


def _steps(file: BinaryIO, done: list[int], fine_from: int | None = None) -> Iterator[bytes]:
    """A file in steps, and in single bytes from `fine_from` on; `done` counts what was given out before this step."""
    while True:
        fine = fine_from is not None and done[0] >= fine_from
        data = file.read(1 if fine else STEP)
        if not data:
            return
        yield data
        done[0] += len(data)


def _unfold(steps: Iterator[bytes], compression: str) -> Iterator[bytes]:
    engine = _DECOMPRESSORS[compression]()
    for data in steps:
        while data:
            if engine.eof:
                data = data.lstrip(b"\0") if compression in ("gz", "xz") else data  # both may be padded with zeros
                if not data:
                    break
                engine = _DECOMPRESSORS[compression]()
            try:
                out = engine.decompress(data)
            except (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, ValueError) as error:  # bz2: OSError
                raise _Corrupt(str(error)) from error
            data = engine.unused_data if engine.eof else b""
            if out:
                yield out
    if not engine.eof:
        raise StreamBreak("truncated_file", f"the {_NAMES[compression]} file ends before its data does")


def _inflate(path: str, file: BinaryIO, compression: str) -> Iterator[bytes]:
    done, given = [0], 0
    try:
        for out in _unfold(_steps(file, done), compression):
            yield out
            given += len(out)
    except _Corrupt as error:
        # The output of the faulty step is lost with it. Go again, byte by byte there, and give what precedes the fault.
        with open_raw(path) as again:
            try:
                for out in _unfold(_steps(again, [0], fine_from=done[0]), compression):
                    known, given = min(given, len(out)), max(0, given - len(out))
                    if out[known:]:
                        yield out[known:]
            except _Corrupt:
                pass
        raise StreamBreak("unreadable", f"the {_NAMES[compression]} data is corrupt ({error})") from error


def show(data: bytes) -> str:
    """Bytes as text for a dead letter; those that are not UTF-8 as escapes, so that nothing is lost."""
    return data.decode("utf-8", "backslashreplace")
