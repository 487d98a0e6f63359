"""Delimited text (CSV, TSV), with quotes that mean something or without. Every value is text; an empty one is null."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv

from transforms.ingest.readers.lines import Lines, read_lines
from transforms.ingest.readers.streams import show
from transforms.ingest.records import Broken, Records

if TYPE_CHECKING:
    from transforms.ingest.files import FileRef

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'


def well_quoted(data: bytes, delimiter: str) -> bool:
    """Whether every quote in whole lines is where strict CSV has one: around a field, or doubled within it."""
    chars = np.frombuffer(data + b"\n", np.uint8)
    quotes = np.flatnonzero(chars == _QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, chars[opening - 1], _NEWLINE)
    after = chars[closing + 1]
    # A doubled quote reads as one that closes and one that opens again.
    return bool(
        np.isin(before, (_QUOTE, _NEWLINE, ord(delimiter))).all()
        and np.isin(after, (_QUOTE, _NEWLINE, _RETURN, ord(delimiter))).all()
    )


def sniff_quoting(sample: bytes, whole: bool, delimiter: str) -> bool:
    """Whether quotes in the file are quotes, judged by its first whole lines.

    Args:
        sample: the file's begin.
        whole: whether that is all of it.
        delimiter: what stands between fields.
    """
    if not whole:
        sample = sample[: _even_cut(sample)]
    return well_quoted(sample, delimiter)


def sniff_delimiter(sample: bytes, expected: str) -> str:
    """The delimiter: the expected one if the header has it, else one that the first lines have equally often."""
    first = [line.rstrip("\r") for line in show(sample).split("\n")[:20]]
    first = [line for line in first if line] if len(first) < 20 else first[:-1]
    if not first or expected in first[0]:
        return expected
    for candidate in "\t,;| ":
        counts = {line.count(candidate) for line in first}
        if len(counts) == 1 and counts != {0}:
            return candidate
    return expected


def header(sample: bytes, delimiter: str, quoting: bool) -> list[str]:
    """The names in the first record, made unique and not empty.

    Raises:
        ValueError: it is blank, not UTF-8, or its quotes do not close.
    """
    try:
        text = sample.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\n" in sample[: error.start]:
            text = sample[: error.start].decode("utf-8-sig")
        else:
            raise ValueError(f"byte {error.start + 1} of the header is not UTF-8") from error
    rows = (line + "\n" for line in text.split("\n"))
    _allow_long_fields()
    try:
        fields = next(csv.reader(rows, delimiter=delimiter, strict=True)) if quoting else _split(next(rows), delimiter)
    except csv.Error as error:
        raise ValueError(f"the header is not CSV: {error}") from error
    if not "".join(fields).strip():
        raise ValueError("the first line is blank; it must name the columns")
    names: list[str] = []
    for index, field in enumerate(fields):
        name = base = field.strip() or f"column_{index + 1}"
        copy = 1
        while name in names:
            copy += 1
            name = f"{base}_{copy}"
        names.append(name)
    return names


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
    """Records with line ends in quotes go over chunks: what is open at a chunk's end waits for the next."""
    pending, first = b"", 1
    for chunk in chunks:
        if chunk.count:
            first = first if pending else chunk.first
            pending += chunk.data + b"\n"
            for records, pending, first in table.advance(pending, first, limit):
                yield records
        if chunk.broken:  # nothing goes on behind it
            for records, pending, first in table.advance(pending, first, None):
                yield records
            records = table.empty()
            records.broken.append(chunk.broken)
            yield records
    for records, pending, first in table.advance(pending, first, None):
        yield records


@dataclass
class _Table:
    """Parses lines to columns of text."""

    ref: FileRef

    def __post_init__(self) -> None:
        _allow_long_fields()
        self.names = list(self.ref.columns)
        self.delimiter = self.ref.delimiter
        self.labels = [f"c{i}" for i in range(len(self.names))]

    def empty(self) -> Records:
        frame = pl.DataFrame(schema=dict.fromkeys(self.names, pl.String))
        return Records(np.empty(0, np.int64), frame=frame, textual=True)

    def advance(self, data: bytes, first: int, limit: int | None) -> Iterator[tuple[Records, bytes, int]]:
        """Parse the records that are whole; gives them, what remains, and its first line.

        A record that is open at the end remains, up to `limit` bytes of it; without a limit, nothing follows it.
        """
        while data:
            cut = _even_cut(data)
            whole = data[:cut]
            records = self.parse(whole, first) if cut and well_quoted(whole[:-1], self.delimiter) else None
            if records is None:
                records, used, lines = self.exact(data, first, limit)
            else:
                used, lines = cut, whole.count(b"\n")
            data, first = data[used:], first + lines
            yield records, data, first
            if limit is not None:
                return

    def parse(self, data: bytes, first: int) -> Records | None:
        """Parse whole, well-formed records at once; None where that cannot be done exactly."""
        if data.count(b"\r") != data.count(b"\r\n"):
            return None  # Arrow ends a line there
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
        frame = pl.DataFrame(pl.from_arrow(table))
        if frame.select(pl.all_horizontal(pl.all() == b"").any()).item():
            return None  # a blank line, or a record of empty fields
        newlines = data.count(b"\n")
        numbers = np.arange(first, first + len(frame), dtype=np.int64)
        if newlines != len(frame):
            texts = pl.all().cast(pl.String, strict=False)
            breaks = frame.select(pl.sum_horizontal(texts.str.count_matches("\n", literal=True))).to_series()
            heights = breaks.fill_null(0).to_numpy().astype(np.int64) + 1
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
                    broken.append(Broken(first + at, "invalid_csv", message, show(_bytes(lines[at]))))
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

    def _reader(self, lines: list[str], start: int) -> csv._reader:
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
        columns = list(zip(*rows, strict=True)) or [()] * len(self.names)
        frame = pl.DataFrame([pl.Series(n, c, dtype=pl.Binary) for n, c in zip(self.labels, columns, strict=True)])
        return self._records(frame, np.array(numbers, np.int64), broken)

    def _records(self, frame: pl.DataFrame, numbers: np.ndarray, broken: list[Broken]) -> Records:
        """Bytes to text: a record with bytes that are not UTF-8 is broken."""
        texts = frame.with_columns(pl.all().cast(pl.String, strict=False))
        bad = pl.Series("bad", np.zeros(len(frame), bool))
        for name in self.labels:
            if texts[name].null_count():
                bad |= texts[name].is_null() & frame[name].is_not_null()
        if bad.any():
            for index in bad.arg_true().to_list():
                row = frame.row(index)
                column = next(i for i, name in enumerate(self.labels) if texts[name][index] is None)
                message = f"field {self.names[column]!r} of the record in line {numbers[index]} is not UTF-8"
                raw = show(self.delimiter.encode().join(field or b"" for field in row))
                broken.append(Broken(int(numbers[index]), "invalid_utf8", message, raw))
            texts, numbers = texts.filter(~bad), numbers[~bad.to_numpy()]
        texts.columns = self.names
        texts = texts.with_columns(pl.all().replace("", None))
        return Records(numbers, frame=texts, textual=True, broken=broken)


def _even_cut(data: bytes) -> int:
    """The end of the last line with an even number of quotes before it: there no quoted field is open."""
    chars = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(chars == _QUOTE)
    if len(quotes) % 2 == 0:
        return data.rfind(b"\n") + 1
    ends = np.flatnonzero(chars == _NEWLINE)
    even = ends[np.searchsorted(quotes, ends) % 2 == 0]
    return int(even[-1]) + 1 if len(even) else 0


def _split(line: str, delimiter: str) -> list[str]:
    return line.rstrip("\r\n").split(delimiter)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _allow_long_fields() -> None:
    csv.field_size_limit(2**31 - 1)  # the csv module stops at 128 KB otherwise; lines have their own limit
