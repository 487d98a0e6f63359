"""What is shown of a row to whom it is asked of: two responses, without who preferred or wrote them."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from transforms.hashing import uniform
from transforms.texts import beyond, plain

#: A sheet's columns. `content_id` says that the text is the one that was exported.
COLUMNS = ("row_id", "content_id", "prompt", "response_a", "response_b", "answer")
#: What a key says of each row of a sheet: which response, by its hash, was shown as A; nobody who answers needs it.
KEY = pl.Schema(
    {
        "row_id": pl.String(),
        "content_id": pl.String(),
        "first": pl.String(),
        "dimension": pl.String(),
        "chance": pl.Float64(),
    }
)
_SIDE = 71


def shown(rows: pl.DataFrame) -> pl.DataFrame:
    """A sheet: a line a row.

    Args:
        rows: row_id, content_id, response_ids, prompt and responses of pairs.

    Returns:
        Frame of `COLUMNS` with `first`, the hash of the response that is shown as A. Which of the two that is follows
        from the content, whatever side it stands on.
    """
    ids = pl.col("response_ids").list
    least_first = ids.get(0) <= ids.get(1)
    placed = rows.with_columns(
        # A is the response with the smaller hash, or the greater one: another draw for each row.
        a=pl.when((uniform(pl.col("content_id"), _SIDE) < 0.5) == least_first).then(0).otherwise(1)
    )
    sides = {name: pl.col("responses").list.get(place) for name, place in (("a", pl.col("a")), ("b", 1 - pl.col("a")))}
    first = placed.select(ids.get(pl.col("a")).alias("first"))
    return placed.select("row_id", "content_id").with_columns(
        written(placed["prompt"]).alias("prompt"),
        *(written(placed.select(side.alias(f"response_{name}")).to_series()) for name, side in sides.items()),
        pl.lit(None, dtype=pl.String).alias("answer"),
        first["first"],
    )


def written(dialogues: pl.Series) -> pl.Series:
    """Dialogues as one text each: a message's content, or several under their roles; tool calls and images as JSON."""
    field = pl.element().struct.field
    said = field("role") + pl.lit(": ") + field("content").fill_null("")
    frame = dialogues.alias("d").to_frame()
    text = (
        pl.when(pl.col("d").list.len() > 1)
        .then(pl.col("d").list.eval(said).list.join("\n\n"))
        .otherwise(plain(pl.col("d")))
    )
    rest = beyond(frame["d"])
    return frame.select(
        pl.concat_str(text, pl.lit(rest), separator="\n", ignore_nulls=True).alias(dialogues.name)
    ).to_series()


def as_jsonl(sheet: pl.DataFrame) -> bytes:
    """A sheet as JSON lines."""
    lines: list[dict[str, Any]] = sheet.select(COLUMNS).to_dicts()
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def as_csv(sheet: pl.DataFrame) -> bytes:
    """A sheet as CSV, with a mark by which spreadsheets know that it is UTF-8."""
    return b"\xef\xbb\xbf" + sheet.select(COLUMNS).write_csv(None).encode()
