"""What quotes, delimiters and headers of delimited text are: judged by the text."""

from __future__ import annotations

import csv

import numpy as np

from transforms.ingest.readers.streams import show

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
        sample = sample[: even_cut(sample)]
    return well_quoted(sample, delimiter)


def sniff_delimiter(sample: bytes, expected: str) -> str:
    """The delimiter: the expected one if the header has it, else one that the first lines have equally often.

    Where that says nothing, or the expected one cuts most records otherwise than the header, it is the one by which at
    least nine in ten of the first records have as many fields as the header: texts hold commas, too.
    """
    first = [line.rstrip("\r") for line in show(sample).split("\n")[:20]]
    first = [line for line in first if line] if len(first) < 20 else first[:-1]
    if not first or (expected in first[0] and _even(first, expected) > 0.5):
        return expected
    if expected not in first[0]:
        for candidate in "\t,;| ":
            counts = {line.count(candidate) for line in first}
            if len(counts) == 1 and counts != {0}:
                return candidate
    return next((candidate for candidate in "\t,;|" if _even(first, candidate) >= 0.9), expected)


def _even(lines: list[str], delimiter: str) -> float:
    """The share of the records that have as many fields as the header, quotes being quotes or not; 1 of a header alone.

    It is 0 where the header is one field.
    """
    allow_long_fields()
    # A carriage return within a line ends no record.
    quoted = list(csv.reader((line.replace("\r", " ") + "\n" for line in lines), delimiter=delimiter))
    ways = [quoted, [_split(line, delimiter) for line in lines]]
    shares = [sum(len(row) == len(way[0]) for row in way[1:]) / max(len(way) - 1, 1) for way in ways]
    return 0.0 if len(quoted[0]) == 1 else 1.0 if len(lines) == 1 else max(shares)


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
    allow_long_fields()
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


def even_cut(data: bytes) -> int:
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


def allow_long_fields() -> None:
    csv.field_size_limit(2**31 - 1)  # the csv module stops at 128 KB otherwise; lines have their own limit
