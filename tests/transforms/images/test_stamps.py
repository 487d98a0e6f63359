"""What storage tells of images that are not opened: another stamp where one was changed, with few requests."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from transforms.embed.images import content
from transforms.images.stamps import stamps


def test_a_folder_is_listed_once_where_many_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = fsspec.filesystem("memory")
    for number in range(12):
        fs.pipe(f"/stamps/a/{number}.png", bytes([number]))
    fs.pipe("/stamps/b/0.png", b"0")
    asked: list[str] = []
    real = MemoryFileSystem.info

    def info(self: Any, path: str, **kwargs: Any) -> Any:
        asked.append(path)
        return real(self, path, **kwargs)

    monkeypatch.setattr(MemoryFileSystem, "info", info)
    places = [f"memory://stamps/a/{number}.png" for number in range(12)]
    first = stamps([*places, "memory://stamps/b/0.png", "memory://stamps/b/1.png", places[0], None])
    assert first[12] is not None
    assert (first[13], first[14], first[15]) == (None, first[0], None)
    assert len({*first[:13]}) == 13
    assert {path.rpartition("/")[0] for path in asked} == {"/stamps/b"}
    assert stamps(places[:3]) == first[:3]  # by themselves, and they say the same
    fs.pipe("/stamps/a/2.png", b"other")
    assert [one == other for one, other in zip(stamps(places), first, strict=False)] == [n != 2 for n in range(12)]


def test_in_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("i/1.png", b"one")
        archive.writestr("i/2.png", b"two")
    places = [f"zip://i/{number}.png::{tmp_path}/c.zip" for number in (1, 2, 3)]
    first, second, none = stamps(places)
    assert None not in (first, second)
    assert first != second
    assert none is None
    assert [content(place) for place in places] == [b"one", b"two", None]


def test_what_no_storage_has() -> None:
    assert stamps(["nonesuch://a/b.png", "/none/a.png", "a\0b", "data:,x"])[:3] == [None] * 3
