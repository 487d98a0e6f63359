"""Delimited text (CSV, TSV), with quotes that mean something or without. Every value is text; an empty one is null."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv

from transforms.ingest.readers.lines import Lines, read_lines
from transforms.ingest.readers.quotes import allow_long_fields, even_cut, well_quoted
from transforms.ingest.readers.streams import show
from transforms.ingest.records import Broken, Records

if TYPE_CHECKING:
    import _csv

    from transforms.ingest.files import FileRef


def read(ref: FileRef, *, batch_records: int, batch_bytes: int, max_line_bytes: int) -> Iterator[Records]:
    """The records of the file, or of a range of lines where quotes mean nothing."""
    chunks = read_lines(ref, batch_bytes=batch_bytes, max_line_bytes=max_line_bytes)
    table = _Table(ref)
    skip = ref.has_header and ref.start == 0
    for records in _quoted(chunks, table, max_line_bytes) if ref.quoting else _unquoted(chunks, table):
        assert records.frame is not None
        if skip and len(records):
            records.lines, records.frame, skip = records.lines[1:], records.frame[1:], False
        yield from _batches(records, batch_records)


def _batches(records: Records, size: int) -> Iterator[Records]:
    assert records.frame is not None
    for index in range(0, max(1, len(records)), size):
        part = slice(index, index + size)
        broken = records.broken if index == 0 else []
        if len(records) or broken:
            yield Records(records.lines[part], frame=records.frame[part], textual=True, broken=broken)


def _unquoted(chunks: Iterator[Lines], table: _Table) -> Iterator[Records]:
    for chunk in chunks:
        records = table.empty()
        if chunk.count:
            fast = table.parse(chunk.data + b"\n", chunk.first)
            records = fast if fast is not None else table.split(chunk.data, chunk.first)
        if chunk.broken:
            records.broken.append(chunk.broken)
        yield records


def _quoted(chunks: Iterator[Lines], table: _Table, limit: int) -> Iterator[Records]:
    for chunk in chunks:
        if chunk.count:
            table.add(chunk)
            yield from table.advance(limit)
        if chunk.broken:  # nothing goes on behind it
            yield from table.advance(None)
            records = table.empty()
            records.broken.append(chunk.broken)
            yield records
    yield from table.advance(None)


class _Table:
    """Parses lines to columns of text. A record whose quotes are open at a chunk's end waits for the next chunk."""

    def __init__(self, ref: FileRef) -> None:
        allow_long_fields()
        self.ref = ref
        self.names = list(ref.columns)
        self.delimiter = ref.delimiter
        self.waiting, self.first = b"", 1
        self.labels = [f"c{i}" for i in range(len(self.names))]

    def empty(self) -> Records:
        frame = pl.DataFrame(schema=dict.fromkeys(self.names, pl.String))
        return Records(np.empty(0, np.int64), frame=frame, textual=True)

    def add(self, chunk: Lines) -> None:
        """Take the next lines, to be parsed with `advance`."""
        self.first = self.first if self.waiting else chunk.first
        self.waiting += chunk.data + b"\n"

    def advance(self, limit: int | None) -> Iterator[Records]:
        """Parse the records that are whole. One that is open waits, up to `limit` bytes; without a limit none does."""
        while self.waiting:
            data = self.waiting
            cut = even_cut(data)
            whole = data[:cut]
            records = self.parse(whole, self.first) if cut and well_quoted(whole[:-1], self.delimiter) else None
            if records is None:
                records, used, lines = self.exact(data, self.first, limit)
            else:
                used, lines = cut, whole.count(b"\n")
            self.waiting, self.first = data[used:], self.first + lines
            yield records
            if limit is not None:
                return

    def parse(self, data: bytes, first: int) -> Records | None:
        """Parse whole, well-formed records at once; None where that cannot be done exactly."""
        try:
            table = pacsv.read_csv(
                pa.BufferReader(data),
                pacsv.ReadOptions(column_names=self.labels, use_threads=False, block_size=len(data) + 1),
                pacsv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char='"' if self.ref.quoting else False,
                    newlines_in_values=self.ref.quoting,
                    ignore_empty_lines=False,
                ),
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys(self.labels, pa.binary()), strings_can_be_null=False, check_utf8=False
                ),
            )
        except pa.ArrowInvalid:
            return None  # a record has another number of fields
        try:
            frame = pl.DataFrame(pl.from_arrow(table)).cast(pl.String)
        except pl.exceptions.ComputeError:
            return None  # something is not UTF-8
        if frame.select(pl.all_horizontal(pl.all() == "").any()).item():
            return None  # a blank line, or a record of empty fields
        newlines = data.count(b"\n")
        numbers = np.arange(first, first + len(frame), dtype=np.int64)
        # Arrow ends a line at a lone carriage return too: then the numbers do not add up.
        if newlines != len(frame) or data.count(b"\r") != data.count(b"\r\n"):
            breaks = frame.select(pl.sum_horizontal(pl.all().str.count_matches("\n", literal=True))).to_series()
            heights = breaks.to_numpy().astype(np.int64) + 1
            if heights.sum() != newlines:
                return None
            numbers = first + np.cumsum(heights) - heights
        return self._records(frame, numbers, [])

    def split(self, data: bytes, first: int) -> Records:
        """Lines at their delimiters, one by one; those with another number of fields are broken."""
        rows: list[list[bytes]] = []
        numbers: list[int] = []
        broken: list[Broken] = []
        delimiter = self.delimiter.encode()
        for number, line in enumerate(data.split(b"\n"), first):
            line = line.removesuffix(b"\r")
            if not line:
                continue
            row = line.split(delimiter)
            if len(row) == len(self.names):
                rows.append(row)
                numbers.append(number)
            else:
                broken.append(Broken(number, "invalid_csv", self._ragged(number, len(row)), show(line)))
        return self._rows(rows, numbers, broken)

    def exact(self, data: bytes, first: int, limit: int | None) -> tuple[Records, int, int]:
        """Records one by one. Gives them, and how many bytes and lines they are.

        A quote that closes where none may close, or nowhere, breaks its line alone: the next line starts a record.
        """
        # Bytes that are not UTF-8 are carried through as lone surrogates.
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        lines = [line + "\n" for line in lines[:-1]]
        rows: list[list[bytes]] = []
        numbers: list[int] = []
        broken: list[Broken] = []
        base = at = 0
        reader = self._reader(lines, base)
        while at < len(lines):
            try:
                row = next(reader)
                end = base + reader.line_num
            except csv.Error as error:
                unclosed = "unexpected end" in str(error)
                if unclosed and limit is not None and sum(map(len, lines[at:])) <= limit:
                    break
                end = at + 1
                row, message = self._lenient(lines[at], first + at)
                if message:
                    broken.append(Broken(first + at, "invalid_csv", message, show(_bytes(lines[at].rstrip("\r\n")))))
                base = end
                reader = self._reader(lines, base)
            if row and len(row) == len(self.names):
                rows.append([_bytes(field) for field in row])
                numbers.append(first + at)
            elif row:
                raw = show(_bytes("".join(lines[at:end]).rstrip("\r\n")))
                broken.append(Broken(first + at, "invalid_csv", self._ragged(first + at, len(row)), raw))
            at = end
        used = len(data) if at == len(lines) else len(_bytes("".join(lines[:at])))
        return self._rows(rows, numbers, broken), used, at

    def _reader(self, lines: list[str], start: int) -> _csv.Reader:
        rows = (lines[i] for i in range(start, len(lines)))
        return csv.reader(rows, delimiter=self.delimiter, strict=True)

    def _lenient(self, line: str, number: int) -> tuple[list[str], str]:
        """One line as the csv module reads it when it is not strict; or why it cannot be a record."""
        try:
            next(csv.reader([line], delimiter=self.delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end" in str(error):
                return [], f"a quote opens in line {number} and does not close"
        try:
            return next(csv.reader([line], delimiter=self.delimiter)), ""
        except csv.Error as error:
            return [], f"line {number} is not CSV: {error}"

    def _ragged(self, number: int, fields: int) -> str:
        return f"the record in line {number} has {fields} fields; the header has {len(self.names)}"

    def _rows(self, rows: list[list[bytes]], numbers: list[int], broken: list[Broken]) -> Records:
        """Bytes to text: a record with bytes that are not UTF-8 is broken."""
        texts: list[list[str]] = []
        kept: list[int] = []
        for number, row in zip(numbers, rows, strict=True):
            try:
                texts.append([field.decode() for field in row])
                kept.append(number)
            except UnicodeDecodeError:
                column = next(name for name, field in zip(self.names, row, strict=True) if not _is_text(field))
                message = f"field {column!r} of the record in line {number} is not UTF-8"
                broken.append(Broken(number, "invalid_utf8", message, show(self.delimiter.encode().join(row))))
        columns = list(zip(*texts, strict=True)) or [()] * len(self.names)
        frame = pl.DataFrame([pl.Series(n, c, dtype=pl.String) for n, c in zip(self.labels, columns, strict=True)])
        return self._records(frame, np.array(kept, np.int64), sorted(broken, key=lambda letter: letter.line))

    def _records(self, frame: pl.DataFrame, numbers: np.ndarray, broken: list[Broken]) -> Records:
        frame.columns = self.names
        return Records(numbers, frame=frame.with_columns(pl.all().replace("", None)), textual=True, broken=broken)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
