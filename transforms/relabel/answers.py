"""Answers as people send them back, held against what they were asked; and how they are kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import polars as pl

#: What may be answered, in small letters, and the preference for A that it is; None for who cannot tell.
ANSWERS: dict[str, float | None] = {"a": 1.0, "b": 0.0, "tie": 0.5, "cannot tell": None}
#: Kept answers: `value` is a preference for the response with the hash `first`, null for who could not tell; `chance`
#: is that with which the row was drawn, null where it was not drawn.
ANSWERED = pl.Schema(
    {
        "row_id": pl.String(),
        "content_id": pl.String(),
        "first": pl.String(),
        "value": pl.Float64(),
        "rater": pl.String(),
        "dimension": pl.String(),
        "chance": pl.Float64(),
    }
)


class AnswerError(ValueError):
    """Answers that cannot be taken; the message names the files and lines."""


@dataclass(frozen=True)
class Answer:
    """One answered line of a file."""

    where: str
    row_id: str
    content_id: str | None
    answer: str
    rater: str


def read(name: str, data: bytes, rater: str) -> tuple[list[Answer], int]:
    """The answers of one file, JSON lines or CSV with at least `row_id` and `answer`; lines without one are counted.

    Args:
        name: of the file; `.csv` is CSV.
        data: its bytes.
        rater: who answered, where the file has no column `rater`.

    Raises:
        AnswerError: it is neither, or lacks a column.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnswerError(f"{name}: is not text in UTF-8 ({error.reason} at byte {error.start})") from error
    out, empty = [], 0
    for line, record in _csv(name, text) if name.lower().endswith(".csv") else _jsonl(name, text):
        missing = [column for column in ("row_id", "answer") if column not in record]
        if missing:
            raise AnswerError(f"{name} line {line}: there is no {missing[0]!r}; a line has at least row_id and answer")
        said = {key: str(value).strip() for key, value in record.items() if value is not None and str(value).strip()}
        if "answer" not in said:
            empty += 1
            continue
        known = said.get("row_id", ""), said.get("content_id"), said["answer"], said.get("rater", rater)
        out.append(Answer(f"{name} line {line}", *known))
    return out, empty


def _csv(name: str, text: str) -> list[tuple[int, dict[str, object]]]:
    head = text.partition("\n")[0]
    # Spreadsheets write what their country separates by.
    separator = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    out: list[tuple[int, dict[str, object]]] = []
    before = 1
    try:
        for record in reader:
            out.append((before + 1, {str(key): value for key, value in record.items()}))
            before = reader.line_num
    except csv.Error as error:
        raise AnswerError(f"{name} line {before + 1}: is not CSV: {error}") from error
    return out


def _jsonl(name: str, text: str) -> list[tuple[int, dict[str, object]]]:
    out = []
    for line, part in enumerate(text.split("\n"), 1):
        if not part.strip():
            continue
        try:
            record = orjson.loads(part)
        except orjson.JSONDecodeError as error:
            raise AnswerError(f"{name} line {line}: is not JSON: {error}; CSV files are named .csv") from error
        if not isinstance(record, dict):
            raise AnswerError(f"{name} line {line}: is no object with row_id and answer")
        out.append((line, record))
    return out


def take(answers: Sequence[Answer], keys: pl.DataFrame, before: pl.DataFrame, replace: bool = False) -> pl.DataFrame:
    """Hold answers against what was asked and what is answered already.

    Args:
        answers: of all files.
        keys: frame of `transforms.relabel.sheet.KEY`, of all that was exported.
        before: frame of `ANSWERED`.
        replace: whether another answer of a rater to the same row takes the place of the one before.

    Returns:
        Frame of `ANSWERED`, old and new ones, in an order of their content.

    Raises:
        AnswerError: naming every line that cannot be taken; then none is.
    """
    asked = {key["row_id"]: key for key in keys.sort("chance").to_dicts()}
    kept = {(one["content_id"], one["dimension"], one["rater"]): one for one in before.to_dicts()}
    fresh: dict[tuple[str, str | None, str], str] = {}
    wrong: list[str] = []
    for one in answers:
        key = asked.get(one.row_id)
        said = " ".join(one.answer.lower().replace("_", " ").split())
        if key is None:
            wrong.append(f"{one.where}: the row_id {one.row_id!r} was not exported from this run")
        elif said not in ANSWERS:
            wrong.append(f"{one.where}: the answer {one.answer!r} is none of A, B, tie, cannot tell")
        elif one.content_id not in (None, key["content_id"]):
            wrong.append(f"{one.where}: the row {one.row_id!r} held another text when it was exported")
        else:
            place = (key["content_id"], key["dimension"], one.rater)
            line = {**key, "value": ANSWERS[said], "rater": one.rater}
            if place in fresh:
                wrong.append(f"{one.where}: {one.rater!r} answered {one.row_id!r} before, in {fresh[place]}")
            elif place in kept and kept[place]["value"] != line["value"] and not replace:
                wrong.append(
                    f"{one.where}: {one.rater!r} gave another answer to {one.row_id!r} in an earlier import; "
                    "--replace takes the new one"
                )
            fresh[place] = one.where
            kept[place] = line
    if wrong:
        more = f"\n  and {len(wrong) - 20:,} more" if len(wrong) > 20 else ""
        raise AnswerError("no answer was taken:\n  " + "\n  ".join(wrong[:20]) + more)
    # A later draw says with what chance rows of an earlier one are drawn by now.
    for line in kept.values():
        if line["row_id"] in asked and line["chance"] is not None:
            line["chance"] = max(line["chance"], asked[line["row_id"]]["chance"])
    return pl.DataFrame(list(kept.values()), schema=ANSWERED).sort("content_id", "dimension", "rater")


def to_bytes(kept: pl.DataFrame) -> bytes:
    """Kept answers as JSON lines."""
    return kept.select(ANSWERED.names()).write_ndjson().encode()


def from_bytes(name: str, data: bytes) -> pl.DataFrame:
    """Kept answers as a frame of `ANSWERED`; raises AnswerError for a file that holds something else."""
    lines = [record for _, record in _jsonl(name, data.decode("utf-8-sig", errors="replace"))]
    missing = next((key for line in lines for key in ANSWERED.names() if key not in line), None)
    if missing:
        raise AnswerError(f"{name}: has no {missing!r}; `trenchcoat relabel import` writes such files")
    return pl.DataFrame(lines, schema=ANSWERED)
