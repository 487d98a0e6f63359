"""What storage tells of images without opening them: whether each is as it was.

Local files are asked one by one, which takes some microseconds each. Elsewhere folders are listed where several images
are asked for of one, a thousand names a request; single ones and web addresses are asked for by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import fsspec
from xxhash import xxh3_128_hexdigest

from transforms import blocks

#: What file systems tell of a file beside its size, the surest first.
_TOLD = ("ETag", "etag", "content_md5", "md5Hash", "blob_id", "CRC", "mtime", "LastModified", "Last-Modified",
         "last_modified", "updated", "created")  # fmt: skip
#: From so many images of one folder on it is listed.
_LISTED = 8
#: Requests at once.
_THREADS = 16
#: What storage raises for a file that it does not have or a place that it cannot reach.
_ERRORS = (OSError, ValueError, ImportError)


def stamps(places: Sequence[str | None]) -> list[str | None]:
    """A hash of where each image lies, its size, and its ETag or the time of its last change.

    A `data:` address is known by itself.

    Returns:
        One an image; null for one that is not there, or of which storage does not say whether it changed.
    """
    away = sorted({place for place in places if place is not None and _is_away(place)})
    found = dict(zip(away, _away(away), strict=True)) if away else {}
    return [None if place is None else found[place] if place in found else _here(place) for place in places]


def _is_away(place: str) -> bool:
    return blocks.is_remote(place) and not place.startswith(("data:", "file://"))


def _here(place: str) -> str | None:
    if place.startswith("data:"):
        return xxh3_128_hexdigest(place.encode())
    path = os.path.abspath(place.removeprefix("file://"))
    try:
        told = os.stat(path)
    except (OSError, ValueError):
        return None
    return _stamp(f"file://{path}", told.st_size, told.st_mtime)


def _stamp(*told: Any) -> str:
    return xxh3_128_hexdigest("\x1f".join(map(str, told)).encode())


def _away(places: Sequence[str]) -> list[str | None]:
    folders: dict[tuple[Any, str], list[tuple[int, str]]] = {}
    out: list[str | None] = [None] * len(places)
    for number, place in enumerate(places):
        try:
            fs, path = fsspec.core.url_to_fs(place)
        except _ERRORS:
            continue
        folders.setdefault((fs, fs._parent(path)), []).append((number, path))
    for fs in {fs for fs, _ in folders}:
        fs.invalidate_cache()
    with ThreadPoolExecutor(_THREADS) as pool:
        for some in pool.map(lambda one: _of_folder(one[0][0], one[0][1], one[1]), folders.items()):
            for number, stamp in some:
                out[number] = stamp
    return out


def _of_folder(fs: Any, folder: str, asked: list[tuple[int, str]]) -> Iterable[tuple[int, str | None]]:
    told: dict[str, dict[str, Any]] = {}
    if len(asked) >= _LISTED and "http" not in fs.protocol:
        try:
            told = {one["name"]: one for one in fs.ls(folder, detail=True)}
        except _ERRORS:
            return []
    return [(number, _told(fs, path, told.get(path))) for number, path in asked]


def _told(fs: Any, path: str, info: dict[str, Any] | None) -> str | None:
    try:
        info = fs.info(path) if info is None else info
    except _ERRORS:
        return None
    known = next((info[name] for name in _TOLD if info.get(name)), None)
    if known is None or info.get("size") is None:
        return None
    # Some file systems list times as numbers and tell that of one file as a time.
    return _stamp(fs.unstrip_protocol(path), info["size"], known.timestamp() if isinstance(known, datetime) else known)
