"""A Parquet file that grows by row groups, in the plain types that every reader knows."""

from __future__ import annotations

import io

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq


class RowGroups:
    """A file in the making; its schema is that of what is added first.

    Attributes:
        rows: how many there are so far.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._buffer = io.BytesIO()
        self._writer: pq.ParquetWriter | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Append a frame as a row group."""
        self.add_table(plain(frame))

    def add_file(self, data: bytes) -> None:
        """Append the row groups of a file."""
        file = pq.ParquetFile(io.BytesIO(data))
        for group in range(file.num_row_groups):
            self.add_table(file.read_row_group(group))

    def add_table(self, table: pa.Table) -> None:
        """Append a table as a row group."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._buffer, table.schema, compression="zstd")
        self._writer.write_table(table)
        self.rows += table.num_rows

    def close(self) -> bytes:
        """The file; no bytes where nothing was added."""
        if self._writer is not None:
            self._writer.close()
        return self._buffer.getvalue()


def plain(frame: pl.DataFrame) -> pa.Table:
    """A frame as an Arrow table with plain strings and lists in place of large ones."""
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.cast(pa.schema([(field.name, _plain(field.type)) for field in table.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _plain(field.type)) for field in kind])
    return kind
