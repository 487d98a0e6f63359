"""Images in messages: what they are known by, their bytes, and their vectors under a CLIP-type model."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import numpy as np
import polars as pl
from xxhash import xxh3_128_hexdigest

from transforms import blocks
from transforms.embed.encoder import encode_plain, load


class ImageEncoder:
    """A CLIP-type sentence-transformers model that makes vectors of images.

    Args:
        folder: the model's.
        device: cpu (32 bits) or cuda (half precision).

    Raises:
        ModelError: it cannot be loaded.
    """

    def __init__(self, folder: str, device: str) -> None:
        self.model, self.device = load(folder, device), device

    def encode(self, inputs: Sequence[bytes]) -> np.ndarray:
        """Vectors of image files; 0 for one that is not an image. float32 [images, dimensions]."""
        opened = [_open(data) for data in inputs]
        some = [place for place, image in enumerate(opened) if image is not None]
        if not some:  # a white pixel, for the number of dimensions
            from PIL import Image

            return np.zeros((len(inputs), self.encode_opened([Image.new("RGB", (8, 8))]).shape[1]), dtype=np.float32)
        vectors = self.encode_opened([opened[place] for place in some])
        out = np.zeros((len(inputs), vectors.shape[1]), dtype=np.float32)
        out[some] = vectors
        return out

    def encode_opened(self, images: Sequence[object]) -> np.ndarray:
        return encode_plain(self.model, images, self.device)


def _open(data: bytes) -> object | None:
    from PIL import Image

    try:
        return Image.open(io.BytesIO(data)).convert("RGB")
    except Exception:  # decoders raise all kinds of errors for broken files, and a broken file is a row's trouble only
        return None


def references(rows: pl.DataFrame) -> tuple[pl.DataFrame, np.ndarray]:
    """The images of a block's rows: those of the prompt's messages, then those of each response's.

    Args:
        rows: columns prompt and responses.

    Returns:
        `uri` and `sha256`, one line an image, row by row; and how many each row has.
    """
    images = pl.element().struct.field("images")
    flat = pl.element().list.eval(images).list.explode(empty_as_null=False, keep_nulls=False)
    numbered = rows.select(
        pl.int_range(pl.len()).alias("row"),
        image=pl.concat_list(
            pl.col("prompt").list.eval(images.explode(empty_as_null=False, keep_nulls=False)),
            pl.col("responses").list.eval(flat).list.eval(pl.element().explode(empty_as_null=False, keep_nulls=False)),
        ),
    )
    counts = numbered["image"].list.len().fill_null(0).to_numpy().astype(np.int64)
    refs = numbered["image"].explode(empty_as_null=False, keep_nulls=False).struct.unnest()
    return refs.select("uri", "sha256"), counts


def addresses(refs: pl.DataFrame) -> list[str | None]:
    """What each image is known by: a hash of its content; null where that cannot be had.

    One whose sha256 the data states is taken at its word; others are read.
    """
    out: list[str | None] = []
    seen: dict[str, str | None] = {}
    for uri, sha256 in refs.iter_rows():
        if sha256:
            out.append(f"sha256:{sha256.lower()}")
            continue
        if uri is None:
            out.append(None)
            continue
        if uri not in seen:
            data = content(uri)
            seen[uri] = None if data is None else xxh3_128_hexdigest(data)
        out.append(seen[uri])
    return out


def content(uri: str | None) -> bytes | None:
    """The bytes of an image: a local path, anything fsspec opens, or a `data:` URI; null where they cannot be had."""
    if uri is None:
        return None
    try:
        if uri.startswith("data:"):
            head, _, body = uri.partition(",")
            return base64.b64decode(body, validate=True) if head.endswith(";base64") else unquote_to_bytes(body)
        return blocks.read_bytes(uri)
    except (OSError, ValueError, ImportError, binascii.Error):
        return None
