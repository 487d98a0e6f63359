"""Arrays on the storage of blocks, as .npy files."""

from __future__ import annotations

import io

import numpy as np

from transforms import blocks


def write_array(array: np.ndarray, path: str) -> None:
    """Write an array so that its file appears whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    blocks.write_bytes(buffer.getvalue(), path)


def read_array(path: str) -> np.ndarray:
    """Read an array; from a local file its values come in when they are asked for, and it cannot be written to."""
    array: np.ndarray
    if blocks.is_remote(path):
        array = np.load(io.BytesIO(blocks.read_bytes(path)))
    else:
        array = np.load(path, mmap_mode="r")
    return array
