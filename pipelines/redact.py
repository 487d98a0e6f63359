"""What is left out of a published dataset on request: how many judged, and where rows and messages are from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from pipelines.errors import UserError
from pipelines.listing import Entry, listing
from transforms.parquet import RowGroups
from transforms.publish.shapes import shape

#: What can be left out, and what that is.
PARTS = {
    "raters": "how many raters judged (`raters` and `stderr` of the configuration ratings), and how far they agree "
    "(the card)",
    "metadata": "the name of each row's source (`source`), and the names of speakers in messages (`name`)",
}


def parts(asked: str | None) -> tuple[str, ...]:
    """The parts of a list with commas, in the order of `PARTS`; raises UserError for one that is none."""
    named = [one.strip() for one in (asked or "").split(",") if one.strip()]
    for one in named:
        if one not in PARTS:
            raise UserError(f"--redact {one}: allowed are {', '.join(PARTS)}, with commas between them")
    return tuple(one for one in PARTS if one in named)


def redact(folder: Path, files: Sequence[Entry], left_out: Sequence[str], scratch: Path) -> list[Entry]:
    """Write data files anew without parts, a row group at a time.

    Args:
        folder: where they are.
        files: what they are, `CONFIGURATION/SPLIT-….parquet`.
        left_out: names of `PARTS`.
        scratch: where to write.

    Returns:
        What was written.
    """
    for one in files:
        configuration, source, whole = one.file.split("/")[0], pq.ParquetFile(folder / one.file), RowGroups()
        for group in range(source.num_row_groups):
            frame = pl.DataFrame(pl.from_arrow(source.read_row_group(group)))
            whole.add(without(frame, configuration, left_out))
        (scratch / one.file).parent.mkdir(parents=True, exist_ok=True)
        (scratch / one.file).write_bytes(whole.close())
        if pq.ParquetFile(io.BytesIO((scratch / one.file).read_bytes())).metadata.num_rows != one.rows:
            raise ValueError(f"{one.file}: rows were lost while parts were left out")
    return listing(str(scratch))


def without(frame: pl.DataFrame, configuration: str, left_out: Sequence[str]) -> pl.DataFrame:
    """Rows of a configuration without parts of `PARTS`."""
    if "raters" in left_out and configuration == "ratings":
        frame = frame.drop("raters", "stderr", strict=False)  # which says how many they were
    if "metadata" in left_out:
        # MetricX calls a text of its own `source`.
        if shape(configuration).columns.get("source") == shape("preference").columns["source"]:
            frame = frame.drop("source")
        frame = frame.with_columns(
            pl.col(name).cast(_nameless(dtype)) for name, dtype in frame.schema.items() if _nameless(dtype) != dtype
        )
    return frame


def _nameless(dtype: pl.DataType) -> pl.DataType:
    """The type of messages without the field `name`; that of a tool's call keeps it."""
    if isinstance(dtype, pl.List):
        return pl.List(_nameless(dtype.inner))  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct) and "role" in dtype.to_schema():
        return pl.Struct({field.name: field.dtype for field in dtype.fields if field.name != "name"})
    return dtype
