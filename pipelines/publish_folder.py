"""Publishing to a folder: on this machine, or wherever fsspec writes.

Object stores rename nothing, so the data of each dataset lies in a folder that is named by its content, and the card,
a single file, says which one readers take. It is written when all else is there and was read back; what it no longer
names is removed behind it. Who reads by the card so sees the earlier dataset whole, or this one whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from pipelines.errors import SystemFault, UserError
from pipelines.finished import Finished
from pipelines.listing import Entry, entry, names, opened
from pipelines.parcel import NOTES, Parcel, notes
from pipelines.publish import Delivered, Step
from pipelines.run_card import CARD
from transforms import blocks

_DATA = re.compile(r"data-[0-9a-f]{16}/.+")


@dataclass(frozen=True)
class Folder:
    """A folder to publish to.

    Attributes:
        target: its path or URL.
        open_to_all: whether the user says that anybody can read it; nobody else could know.
    """

    target: str
    open_to_all: bool = False

    def public(self) -> bool:
        return self.open_to_all

    def plan(self, run: Finished, parcel: Parcel) -> Delivered:
        fs, root, there = self._look()
        missing = [one.file for one in self._wanted(parcel) if not _same(fs, root, one, there)]
        texts = self._notes(run, parcel)
        missing += [name for name, text in texts.items() if not _holds(fs, root, name, text, there)]
        return Delivered(missing, self._stale(parcel, there), self._opened(parcel))

    def deliver(self, run: Finished, parcel: Parcel, step: Step) -> Delivered:
        fs, root, there = self._look()
        wanted, texts, written = self._wanted(parcel), self._notes(run, parcel), []
        of = len(wanted) + len(texts)
        for done, (source, one) in enumerate(zip(parcel.files, wanted, strict=True), 1):
            if not _same(fs, root, one, there):
                path = f"{root}/{one.file}"
                fs.makedirs(fs._parent(path), exist_ok=True)
                fs.put_file(str(parcel.folder / source.file), path)
                _arrived(fs, root, one)
                written.append(one.file)
            step(one.file, done, of, one.bytes)
        # The card is the last of the texts: nothing of the dataset is seen before it.
        for done, (name, text) in enumerate(texts.items(), len(wanted) + 1):
            if not _holds(fs, root, name, text, there):
                blocks.write_bytes(text, f"{self.target}/{name}")
                fs.invalidate_cache()
                if fs.cat_file(f"{root}/{name}") != text:
                    raise SystemFault(f"{self.target}/{name} is not what was written; run the same command again")
                written.append(name)
            step(name, done, of, len(text))
        stale = self._stale(parcel, there)
        for name in stale:
            fs.rm_file(f"{root}/{name}")
        if not blocks.is_remote(self.target):
            _without_empty_folders(fs, root)
        return Delivered(written, stale, self._opened(parcel))

    def _look(self) -> tuple[Any, str, dict[str, int]]:
        """The folder and what is in it; raises UserError where something else is."""
        bucket = blocks.missing_bucket(self.target)
        if bucket:
            raise UserError(f"{self.target}: there is no bucket {bucket!r}; make it first")
        fs, root = opened(self.target)
        if not blocks.is_remote(self.target) and fs.isfile(root):
            raise UserError(f"{self.target} is a file; name a folder")
        there = names(fs, root)
        ours = CARD not in there or is_ours(fs.cat_file(f"{root}/{CARD}"))
        others = [name for name in there if not _DATA.fullmatch(name) and name not in NOTES]
        if others or not ours:
            raise UserError(
                f"{self.target} holds something else ({(others or [CARD])[0]}): name an empty folder, or one that "
                "`trenchcoat publish` wrote"
            )
        return fs, root, there

    def _below(self, parcel: Parcel) -> str:
        return f"data-{parcel.digest}/"

    def _wanted(self, parcel: Parcel) -> list[Entry]:
        below = self._below(parcel)
        return [Entry(f"{below}{one.file}", one.bytes, one.sha256, one.rows) for one in parcel.files]

    def _notes(self, run: Finished, parcel: Parcel) -> dict[str, bytes]:
        return notes(run, parcel, self._below(parcel), None)

    def _stale(self, parcel: Parcel, there: dict[str, int]) -> list[str]:
        return [name for name in there if _DATA.fullmatch(name) and not name.startswith(self._below(parcel))]

    def _opened(self, parcel: Parcel) -> str:
        first = parcel.files[0].file.split("/")[0]
        if blocks.is_remote(self.target):  # a dataset is opened by its name only on disk and on the hub
            return f"load_dataset('parquet', data_files='{self.target}/{self._below(parcel)}{first}/*.parquet')"
        return f"load_dataset({self.target!r}, {first!r})"


def is_ours(text: bytes) -> bool:
    """Whether a card is one that Trenchcoat wrote, by the tag in its front matter."""
    front = re.match(r"---\n(.*?)\n---\n", text.decode("utf-8", "replace"), re.S)
    try:
        tags = (yaml.safe_load(front[1]) or {}).get("tags") if front else None
    except (yaml.YAMLError, AttributeError):
        return False
    return isinstance(tags, list) and "trenchcoat" in tags


def _same(fs: Any, root: str, wanted: Entry, there: dict[str, int]) -> bool:
    """Whether a file is there, byte for byte: what a store calls a hash is not the same everywhere, so it is read."""
    return there.get(wanted.file) == wanted.bytes and _found(fs, root, wanted) == wanted


def _found(fs: Any, root: str, wanted: Entry) -> Entry | None:
    try:
        return entry(fs, root, wanted.file)
    except ValueError:  # pyarrow's: it is no Parquet file
        return None


def _holds(fs: Any, root: str, name: str, text: bytes, there: dict[str, int]) -> bool:
    return there.get(name) == len(text) and fs.cat_file(f"{root}/{name}") == text


def _arrived(fs: Any, root: str, wanted: Entry) -> None:
    fs.invalidate_cache()
    found = _found(fs, root, wanted)
    if found != wanted:
        got = f"{found.bytes:,} bytes, {found.rows} rows, SHA-256 {found.sha256[:12]}…" if found else "no Parquet file"
        raise SystemFault(
            f"{wanted.file} did not arrive as it was sent: {got} instead of {wanted.bytes:,} bytes, {wanted.rows} "
            f"rows, SHA-256 {wanted.sha256[:12]}…. Readers do not see it; run the same command again"
        )


def _without_empty_folders(fs: Any, root: str) -> None:
    """Remove what an earlier dataset leaves of its folders; object stores have none."""
    for folder in sorted(fs.find(root, withdirs=True, detail=False), reverse=True):
        if fs.isdir(folder) and not fs.ls(folder):
            fs.rmdir(folder)
