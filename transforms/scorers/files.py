"""Files of scores, keyed by row: how they are read, and which response each number is for.

A line names a row by `row_id` (as the ledger has it) or `id` (as the dataset has it: the content's hash), and holds

    scores     a number for each response, in the order of the block's; or for each step of a solution in steps
    chosen, rejected     of a pair, as it was published
    margin     of a pair, for the first response
    score      of a row with one response
"""

from __future__ import annotations

import io
import json

import fsspec
import polars as pl

from transforms import blocks
from transforms.lists import side_by_side

KEYS = ("row_id", "id")
#: Ways to say scores, in the order in which they are looked for.
WAYS = (("scores",), ("chosen", "rejected"), ("margin",), ("score",))


class ScoreFileError(ValueError):
    """A file that is no file of scores: says which, and what is allowed."""


def read_scores(path: str, field: str | None = None) -> pl.DataFrame:
    """Read a file of scores, JSON lines or Parquet.

    Args:
        path: on any storage; `.parquet`, else JSON lines, which may be compressed. What Python writes of numbers that
            are none (NaN, Infinity) is no JSON, and is read as null.
        field: the column that holds the scores (numbers, or lists of them) in place of the usual names.

    Returns:
        `key` and those of `scores` (lists), `chosen`, `rejected`, `margin`, `score` that there are, finite or null.

    Raises:
        ScoreFileError: it cannot be read, has no key or no scores, a line without a key, or two lines of one row.
    """
    try:
        if path.endswith(".parquet"):
            frame = blocks.read_frame(path)
        else:
            with fsspec.open(path, "rb", compression="infer") as file:
                frame = _lines(path, file.read())
    except ScoreFileError:
        raise
    except FileNotFoundError as error:
        raise ScoreFileError(f"{path}: cannot be read: there is no such file") from error
    except Exception as error:  # each storage and each reader has exceptions of its own
        raise ScoreFileError(f"{path}: cannot be read: {type(error).__name__}: {error}") from error
    if frame.is_empty():
        raise ScoreFileError(f"{path}: there are no lines in it")
    columns = frame.columns
    keys = [name for name in KEYS if name in columns]
    if not keys:
        raise ScoreFileError(f"{path}: no line has a row's name; allowed are {' or '.join(KEYS)}")
    try:
        frame = frame.with_columns(key=pl.coalesce(pl.col(name).cast(pl.String) for name in keys))
    except pl.exceptions.PolarsError as error:
        raise ScoreFileError(f"{path}: {' or '.join(keys)} is not a row's name: {error}") from error
    if nameless := frame["key"].null_count():
        raise ScoreFileError(f"{path}: {nameless} lines have no row's name; allowed are {' or '.join(KEYS)}")
    if field is not None:
        if field not in columns:
            raise ScoreFileError(f"{path}: there is no column {field!r}; there are {', '.join(columns)}")
        name = "scores" if isinstance(frame.schema[field], pl.List) else "score"
        kept = frame.select("key", pl.col(field).alias(name))
    else:
        way = next((way for way in WAYS if set(way) <= set(frame.columns)), None)
        if way is None:
            allowed = "; ".join(", ".join(way) for way in WAYS)
            raise ScoreFileError(f"{path}: there are no scores; allowed are {allowed}, or name a column with #COLUMN")
        kept = frame.select("key", *way)
    for name, kind in list(kept.schema.items())[1:]:
        inner = kind.inner if isinstance(kind, pl.List | pl.Array) else kind
        if inner.is_nested() or inner.is_temporal():
            raise ScoreFileError(f"{path}: {field or name}: a score is not a number but {inner}")
    try:
        kept = kept.with_columns(
            pl.col(name).cast(pl.List(pl.Float64) if name == "scores" else pl.Float64) for name in kept.columns[1:]
        )
    except pl.exceptions.PolarsError as error:
        raise ScoreFileError(f"{path}: a score is not a number: {error}") from error
    twice = kept.filter(pl.col("key").is_duplicated())
    if twice.height:
        raise ScoreFileError(f"{path}: {twice['key'][0]!r} has {twice.filter(key=twice['key'][0]).height} lines")
    return kept


def _lines(path: str, data: bytes) -> pl.DataFrame:
    """JSON lines; where the fast reader refuses them, read one by one, so that a line that is none can be named."""
    if not data.strip():
        raise ScoreFileError(f"{path}: there are no lines in it")
    try:
        return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        rows = []
        for number, line in enumerate(data.splitlines(), 1):
            if not line.strip():
                continue
            try:
                rows.append(json.loads(line, parse_constant=lambda _: None))
            except ValueError as error:
                raise ScoreFileError(f"{path}, line {number}: cannot be read: it is no JSON ({error})") from error
            if not isinstance(rows[-1], dict):
                raise ScoreFileError(f"{path}, line {number}: is no object with a row's name and its scores") from None
        return pl.from_dicts(rows, infer_schema_length=None)


def placed(given: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """The scores of a block's responses.

    Args:
        given: as `read_scores` gives them.
        rows: `row_id`, `content_id`, `soft_label` (null for rows that are no pairs), `count` of responses, and of
            `steps`, null where there are none.

    Returns:
        A list a row, a number a response or step; null where the file says nothing of the row or not for each.
    """
    by_row = rows.join(given, left_on="row_id", right_on="key", how="left", maintain_order="left")
    by_content = rows.join(given, left_on="content_id", right_on="key", how="left", maintain_order="left")
    names = given.columns[1:]
    found = pl.DataFrame([by_row[name].fill_null(by_content[name]) for name in names]).hstack(rows)
    if "scores" in names:
        given_for = pl.col("scores").list.len()
        right = (given_for == pl.col("count")) | (given_for == pl.col("steps")).fill_null(False)
        return found.select(pl.when(right).then("scores")).to_series()
    if "chosen" in names:
        first = pl.col("soft_label") >= 0.5
        sides = found.select(
            a=pl.when(first).then("chosen").otherwise("rejected"), b=pl.when(first).then("rejected").otherwise("chosen")
        )
        return _where(side_by_side(sides.get_columns()), found["soft_label"].is_not_null() & sides["a"].is_not_null())
    if "margin" in names:
        sides = found.select(a="margin", b=pl.when(pl.col("margin").is_not_null()).then(0.0))
        return _where(side_by_side(sides.get_columns()), found["soft_label"].is_not_null() & sides["a"].is_not_null())
    return _where(side_by_side([found["score"]]), (found["count"] == 1) & found["score"].is_not_null())


def _where(lists: pl.Series, some: pl.Series) -> pl.Series:
    return pl.DataFrame({"l": lists, "s": some}).select(pl.when("s").then("l")).to_series()
