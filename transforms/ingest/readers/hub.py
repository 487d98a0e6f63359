"""Datasets: folders that `datasets` saved, and repositories on the Hugging Face hub."""

from __future__ import annotations

from typing import Any

from transforms.blocks import exists, join, read_json

_SAVED = ("dataset_dict.json", "state.json")
#: Kinds of data files of a repository, best first: the first kind that it has is taken.
_PREFERRED = (("parquet",), ("arrow", "feather", "ipc"), ("jsonl", "ndjson"), ("json",), ("csv",), ("tsv",), ("xml",))
_COMPRESSED = (".gz", ".zst", ".xz", ".bz2")
#: Files that describe a dataset and are none of its data.
DESCRIPTIONS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "croissant.json"}
_PREFIX = "hf://datasets/"


def is_saved(folder: str) -> bool:
    """Whether `datasets` saved a dataset, or a dict of them, in the folder."""
    return any(exists(join(folder, name)) for name in _SAVED)


def shards(folder: str) -> list[tuple[str | None, str]]:
    """The Arrow files of a saved dataset in their order, each with its split, where it has one.

    Raises:
        ValueError: the folder is not what `datasets` writes.
    """
    if exists(join(folder, "dataset_dict.json")):
        splits = read_json(join(folder, "dataset_dict.json")).get("splits", [])
        return [(split, path) for split in splits for _, path in shards(join(folder, split))]
    state = read_json(join(folder, "state.json"))
    if state.get("_indices_data_files"):
        raise ValueError("its rows are chosen by an index file; save it again with a newer version of `datasets`")
    files = [str(entry["filename"]) for entry in state.get("_data_files", [])]
    if not files:
        raise ValueError("its state.json names no data files")
    return [(state.get("_split"), join(folder, name)) for name in files]


def resolve(url: str, fs: Any = None) -> list[str]:
    """The data files of a dataset on the hub.

    Args:
        url: `hf://datasets/org/name`, with `@revision`, a path in the repository, or a pattern, where wanted. Of a
            repository or folder the best kind of files is taken: Parquet, Arrow, JSON Lines, JSON, CSV, TSV, XML.
        fs: the file system, where it is not the hub's.

    Raises:
        ValueError: the address is incomplete, or there are no data files.
    """
    if not url.startswith(_PREFIX) or len([part for part in url[len(_PREFIX) :].split("/") if part]) < 2:
        raise ValueError("an address on the hub is hf://datasets/ORG/NAME, with @REVISION and a path where wanted")
    if fs is None:
        from huggingface_hub import HfFileSystem  # late: slow to import, and few runs need it

        fs = HfFileSystem()
    path = url.removeprefix("hf://").rstrip("/")
    if any(char in path for char in "*?["):
        found = [name for name in fs.glob(path) if not fs.isdir(name)]
    else:
        found = [path] if fs.isfile(path) else _data_files(fs.find(path))
    if not found:
        raise ValueError("there are no data files (Parquet, Arrow, JSON, JSON Lines, CSV, TSV or XML)")
    return sorted(f"hf://{name}" for name in found)


def _data_files(paths: list[str]) -> list[str]:
    kinds: dict[str, list[str]] = {}
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        if name in DESCRIPTIONS or any(part.startswith(".") for part in path.split("/")):
            continue
        for ending in _COMPRESSED:
            name = name.removesuffix(ending)
        kinds.setdefault(name.rsplit(".", 1)[-1].lower(), []).append(path)
    return next((files for kind in _PREFERRED if (files := [p for k in kind for p in kinds.get(k, [])])), [])
