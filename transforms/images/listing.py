"""The images of blocks as a stage: where those lie that may change, so that each run can ask whether they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from xxhash import xxh3_128_hexdigest

from transforms import blocks
from transforms.images.names import image_places
from transforms.images.showing import Showing
from transforms.images.stamps import stamps
from transforms.markers import Stats

#: What is asked for in no run: what holds its bytes itself, and the web, which would be a request an image.
_NOT_ASKED = ("data:", "http://", "https://")


def list_images(task: dict[str, Any], folder: str) -> Stats:
    """Write where the images of a block lie, `place`, each once; those that a SHA-256 tells are left out.

    Args:
        task: `member`, a `Showing` as a dictionary.
        folder: to write to.

    Returns:
        How many there are, `images`.
    """
    member = Showing.of(task["member"])
    place = pl.col("place")
    asked = pl.col("sha256").is_null() & ~pl.any_horizontal(place.str.starts_with(begin) for begin in _NOT_ASKED)
    found = image_places(member.rows(), member.roots).filter(asked).select(place.unique().sort())
    blocks.write_frame(found, listed(folder, member))
    return {"images": found.height}


def listed(folder: str, member: Showing) -> str:
    """Where `list_images` left what it found: a frame with `place`."""
    return f"{folder}/{member.block.sidecar}"


def seen(files: Sequence[str]) -> tuple[str, int, str | None]:
    """What storage tells of the images in files of `list_images`, as one hash; how many are not there; one of them."""
    told, lost, first = [], 0, None
    for path in files:
        places = blocks.read_frame(path)["place"].to_list()
        found = stamps(places)
        missing = [place for place, stamp in zip(places, found, strict=True) if stamp is None]
        lost, first = lost + len(missing), first or next(iter(missing), None)
        told.append(xxh3_128_hexdigest("\n".join(stamp or "" for stamp in found).encode()))
    return xxh3_128_hexdigest("\n".join(told).encode()), lost, first
