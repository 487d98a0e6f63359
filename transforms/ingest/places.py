"""What somebody names to have a look at: a file, a pattern, a folder, a saved dataset, an address."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import fsspec

from transforms.blocks import is_remote
from transforms.ingest.files import InputError, expand, shards
from transforms.ingest.readers import hub
from transforms.ingest.readers.recognise import EXTENSIONS
from transforms.ingest.readers.streams import MAGIC

#: Files of a folder that are listed, at most; what lies behind them is neither counted nor looked at.
MOST_FILES = 10_000


@dataclass(frozen=True)
class Place:
    """Files of one kind; the first is looked at, and stands for the others.

    Attributes:
        inputs: what `curate --input` takes for them.
        paths: the files, sorted.
        sizes: bytes of each; None where a server does not say.
        dataset: whether they are Arrow files of a folder that `datasets` saved.
        splits: dataset: the splits that it has; the first file is of the first one.
        complete: whether all files of the folder were listed.
        others: how many files of the folder are of no kind that can be read.
        looked: of how many of the files the beginning was looked at.
    """

    inputs: tuple[str, ...]
    paths: tuple[str, ...]
    sizes: tuple[int | None, ...]
    dataset: bool = False
    splits: tuple[str, ...] = ()
    complete: bool = True
    others: int = 0
    looked: int = 1

    @property
    def first(self) -> str:
        return self.paths[0]

    @property
    def size(self) -> int | None:
        """Bytes of the first file."""
        return self.sizes[0]

    @property
    def bytes(self) -> int | None:
        """Bytes of all files; None where those of one are not known."""
        known = [size for size in self.sizes if size is not None]
        return sum(known) if len(known) == len(self.sizes) else None


def places(value: str) -> list[Place]:
    """What an argument names, one place for each kind of files by their names, the kind with most files first.

    Raises:
        InputError: there is nothing that can be looked at.
    """
    if not value.startswith("hf://") and not glob.has_magic(value) and _is_plain_folder(value):
        return _folder(value.rstrip("/"))
    kinds: dict[str, list[str]] = {}
    for path in expand([value]):
        kinds.setdefault(suffix_of(path), []).append(path)
    out = [
        _saved(value, paths) if shards(paths[0]) else Place((value,), tuple(paths), _sizes(paths))
        for paths in kinds.values()
    ]
    return sorted(out, key=lambda place: -len(place.paths))


def _is_plain_folder(value: str) -> bool:
    if is_remote(value):
        fs, path = fsspec.core.url_to_fs(value)
        folder = bool(fs.isdir(path))
    else:
        value = os.path.expanduser(value)
        folder = os.path.isdir(value)
    return folder and not hub.is_saved(value)


def _folder(value: str) -> list[Place]:
    kinds: dict[str, list[tuple[str, int | None]]] = {}
    others, complete = 0, True
    for number, (path, size) in enumerate(_walk(os.path.expanduser(value))):
        if number == MOST_FILES:
            complete = False
            break
        suffix = suffix_of(path)
        if size == 0 or not suffix or path.rsplit("/", 1)[-1] in hub.DESCRIPTIONS:
            others += 1
        else:
            kinds.setdefault(suffix, []).append((path, size))
    if not kinds:
        allowed = ", ".join(f".{name}" for name in EXTENSIONS)
        raise InputError(f"{value!r} is a folder without data files ({others} others are in it); known are {allowed}")
    out = []
    for suffix, found in kinds.items():
        paths, sizes = zip(*sorted(found), strict=True)
        out.append(Place((f"{value}/**/*.{suffix}",), paths, sizes, complete=complete, others=others))
    return sorted(out, key=lambda place: (-len(place.paths), place.inputs))


def _walk(folder: str) -> Iterator[tuple[str, int | None]]:
    """Each file and its size, folder by folder in their order; what is hidden is left out."""
    fs, root = fsspec.core.url_to_fs(folder)
    for _, folders, found in fs.walk(root, detail=True):
        for name in [name for name in folders if name.startswith(".")]:
            del folders[name]  # the walk does not go into it
        for name in sorted(found):
            if not name.startswith("."):
                path = found[name]["name"]
                yield fs.unstrip_protocol(path) if is_remote(folder) else path, found[name].get("size")


def suffix_of(path: str) -> str:
    """The part of a file's name that says its kind, such as `jsonl.gz`; empty where it says none."""
    parts = path.rsplit("/", 1)[-1].lower().split(".")
    compression = [parts.pop()] if parts[-1] in MAGIC and len(parts) > 1 else []
    return ".".join([parts[-1], *compression]) if parts[-1] in EXTENSIONS else ""


def _saved(value: str, folders: Sequence[str]) -> Place:
    """Folders that `datasets` saved."""
    found = [shard for folder in folders for shard in shards(folder)]
    paths = [path for _, path in found]
    splits = tuple(dict.fromkeys(split for split, _ in found if split))
    return Place((value,), tuple(paths), _sizes(paths), dataset=True, splits=splits)


def _sizes(paths: Sequence[str]) -> tuple[int | None, ...]:
    return tuple(map(_size, paths))


def _size(path: str) -> int | None:
    if not is_remote(path):
        return os.path.getsize(path)
    fs, rest = fsspec.core.url_to_fs(path)
    size = fs.size(rest)
    return None if size is None else int(size)
