"""Readers: batches of raw records out of files of every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from transforms.ingest.readers import columnar, delimited, json_array, jsonl, xml
from transforms.ingest.records import Records, concat

if TYPE_CHECKING:
    from transforms.ingest.files import FileRef

_READERS: dict[str, Callable[..., Iterator[Records]]] = {
    "jsonl": jsonl.read,
    "json": json_array.read,
    "csv": delimited.read,
    "tsv": delimited.read,
    "xml": xml.read,
    "parquet": columnar.read,
    "arrow": columnar.read,
    "dataset": columnar.read,
}
_SAMPLE_BYTES = 2**18
_SAMPLE_BATCHES = 32


def read(
    ref: FileRef,
    *,
    batch_records: int = 8192,
    batch_bytes: int = 32 * 2**20,
    max_line_bytes: int = 16 * 2**20,
) -> Iterator[Records]:
    """Read one reference in batches; memory is bounded by a batch, whatever the file's size.

    A record that cannot be read is in its batch's `broken`, and never costs another one.

    Args:
        ref: what to read, as `plan` gave it.
        batch_records: most records in a batch.
        batch_bytes: about the most bytes of text in a batch.
        max_line_bytes: a longer line or element is passed over and becomes a broken record.

    Raises:
        ValueError: the reference's format is unknown.
        OSError: the file is not there or the storage fails (corrupt data does not raise).
    """
    if ref.format not in _READERS:
        raise ValueError(f"format {ref.format!r} of {ref.file} is unknown; allowed are {', '.join(_READERS)}")
    yield from _READERS[ref.format](
        ref, batch_records=batch_records, batch_bytes=batch_bytes, max_line_bytes=max_line_bytes
    )


def sample(ref: FileRef, n: int = 100) -> Records:
    """The first records, at little cost for a file of any size: fewer than `n` where they are large or broken."""
    batches: list[Records] = []
    reading = read(ref, batch_records=n, batch_bytes=_SAMPLE_BYTES)
    for batch in reading:
        batches.append(batch)
        if sum(map(len, batches)) >= n or len(batches) >= _SAMPLE_BATCHES:
            break
    reading.close()  # type: ignore[attr-defined]
    joined = concat(batches)
    first = joined.pick(np.arange(min(n, len(joined))))
    first.broken = joined.broken
    return first
