"""Images in records: a URI, bytes, or an object with either; a row keeps where an image is and what it hashes to."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import polars as pl

from schemas.arrow import DIALOGUE, IMAGE
from transforms.ingest.dialogue import message
from transforms.ingest.records import Records
from transforms.ingest.values import described

_URIS = ("uri", "url", "path")


def _bytes(value: str) -> bytes:
    """What base64 or a data URI holds; raises ValueError in words."""
    try:
        return base64.b64decode(value.partition(",")[2] if value.startswith("data:") else value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{described(value)} is not base64: {error}") from error


def image(value: Any) -> dict[str, str | None]:
    """Where an image is and the SHA-256 of its bytes, as far as a value says it; raises ValueError in words."""
    uri, data, digest = None, None, None
    if isinstance(value, dict):
        uri = next((value[name] for name in _URIS if isinstance(value.get(name), str)), None)
        data, digest = value.get("bytes"), value.get("sha256")
    elif isinstance(value, str) and not value.startswith("data:"):
        uri = value
    else:
        data = value
    if isinstance(data, str):
        data = _bytes(data)
    if isinstance(data, bytes) and data:
        digest = sha256(data).hexdigest()
    if not uri and not isinstance(digest, str):
        expected = "a URI, bytes, or an object with a path, bytes or sha256 is expected"
        raise ValueError(f"{described(value)} is no image: {expected}")
    return {"uri": uri or None, "sha256": digest if isinstance(digest, str) else None}


def images(records: Records, values: Sequence[Any], owners: Sequence[int], name: str) -> pl.Series:
    """Values of a field as images; one that is none makes its record a dead letter.

    Args:
        records: the batch.
        values: one value an image.
        owners: index of each image's record.
        name: the field, for messages.
    """
    out: list[dict[str, str | None] | None] = []
    for owner, value in zip(owners, values, strict=True):
        try:
            out.append(image(value))
        except ValueError as error:
            out.append(None)
            code = "missing_field" if value is None else "wrong_type"
            records.problem(
                owner, code, f"field {name!r} is missing or null" if value is None else f"field {name!r}: {error}"
            )
    return pl.Series(name, out, dtype=IMAGE)


def image_turn(shown: pl.Series, role: str, text: pl.Series | None = None) -> pl.Series:
    """Dialogues of one message with one image, and a text where there is one."""
    frame = pl.DataFrame(
        {
            "image": shown,
            "text": pl.Series([None], dtype=pl.String).new_from_index(0, len(shown)) if text is None else text,
        }
    )
    made = message(pl.col("text"), role).struct.with_fields(images=pl.concat_list("image"))
    return frame.select(dialogue=pl.concat_list(made).cast(DIALOGUE))["dialogue"]
