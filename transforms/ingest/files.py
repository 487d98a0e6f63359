"""From what a config names to what is read: files found, recognised, hashed, and cut into references.

A reference (`FileRef`) is one unit of reading. Which references there are depends on the files alone, never on the
workers or on the order in which files were named.
"""

from __future__ import annotations

import dataclasses
import glob
import os
from dataclasses import dataclass
from typing import Any

import fsspec

from transforms.blocks import is_remote
from transforms.ingest.readers import columnar, hub, json_array, quotes, recognise, xml
from transforms.ingest.readers.lines import scan

RANGE_BYTES = 64 * 2**20
FORMATS = ("jsonl", "json", "csv", "tsv", "xml", "parquet", "arrow", "dataset")


class InputError(ValueError):
    """An input that a config names cannot be used; says which, and what is allowed."""


@dataclass(frozen=True)
class FileRef:
    """One unit of reading: a file, or a range of one. JSON-serialisable.

    Attributes:
        source: name of the source that the file belongs to.
        path: where to open it, a local path or fsspec URL.
        file: what ledgers call it; the same on every machine.
        format: one of `FORMATS`.
        compression: "gz", "zst", "xz", "bz2" or None.
        start, end: bytes (text) or rows (Parquet, Arrow, dataset) of the range; no end is the file's.
        first_line: number of the first line or row whose first byte is in the range, from 1.
        quoting: delimited text: quotes mean something.
        delimiter, columns, has_header: delimited text: what is between fields, their names, and whether the first line
            holds the names.
        record: XML: name of the record element.
        shape, member: JSON: what the file holds, and the name of its list, see `readers.json_array.sniff`.
        split: dataset: its split.
        size: about how many bytes it has.
        most: text: nothing behind about this many bytes is read, see `head`; all is without it.
    """

    source: str
    path: str
    file: str
    format: str
    compression: str | None = None
    start: int = 0
    end: int | None = None
    first_line: int = 1
    quoting: bool = True
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    has_header: bool = True
    record: str | None = None
    shape: str | None = None
    member: str | None = None
    split: str | None = None
    size: int = 0
    most: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The reference as JSON-able values."""
        return dataclasses.asdict(self) | {"columns": list(self.columns)}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> FileRef:
        """The reference that `to_dict` wrote down."""
        return cls(**value | {"columns": tuple(value.get("columns", ()))})


@dataclass(frozen=True)
class InputFile:
    """A file that was read.

    Attributes:
        path: where it lies.
        file: what ledgers call it.
        bytes: its size.
        hash: xxh3-128 of its bytes.
        secret: SHA-256 of its begin. It is written nowhere: who has it has the file.
        records_hint: how many records it may have.
    """

    path: str
    file: str
    bytes: int
    hash: str
    secret: str
    records_hint: int | None = None


def expand(inputs: list[str]) -> list[str]:
    """The files and saved datasets that paths, patterns and addresses name, each once, sorted.

    Args:
        inputs: local paths, patterns (`*`, `?`, `[…]`, and `**` for folders in folders), fsspec URLs and patterns,
            folders that `datasets` saved, and `hf://datasets/ORG/NAME[@REVISION][/PATH]`.

    Raises:
        InputError: something is missing, empty, or a plain folder; or a pattern matches nothing.
    """
    found: set[str] = set()
    for value in inputs:
        if value.startswith("hf://"):
            found.update(_on_hub(value))
        else:
            found.update(_remote(value) if is_remote(value) else _local(value))
    return sorted(found)


def plan(
    source: str,
    inputs: list[str],
    *,
    format: str | None = None,
    quoting: bool | None = None,
    record: str | None = None,
    delimiter: str | None = None,
    columns: list[str] | None = None,
    range_bytes: int = RANGE_BYTES,
) -> tuple[list[FileRef], list[InputFile]]:
    """Recognise the files, hash them, and cut them into references.

    Args:
        source: name of the source.
        inputs: see `expand`.
        format: one of `FORMATS`; by each file's extension and content without it.
        quoting: delimited text: whether quotes mean something; judged by the file's begin without it.
        record: XML: name of the record element; without it the most frequent one below the root.
        delimiter: delimited text: one character; by format and header without it.
        columns: delimited text: names of the columns of files that have no header.
        range_bytes: about how large a reference is, where a file can be cut.

    Returns:
        References and files, sorted by path and then by position.

    Raises:
        InputError: see `expand`; or an argument is not allowed, or a file is not what it says it is.
    """
    _check_format(format)
    _check_delimiter(delimiter)
    if range_bytes < 16:
        raise InputError(f"range_bytes is {range_bytes}; at least 16 are needed")
    given = {"quoting": quoting, "record": record, "delimiter": delimiter, "columns": columns}
    found: list[tuple[str, str | None, bool]] = []
    for path in expand(inputs):
        saved = shards(path)
        found.extend((shard, split, True) for split, shard in saved) if saved else found.append((path, None, False))
    names = _ledger_names([path for path, _, _ in found])
    refs: list[FileRef] = []
    files: list[InputFile] = []
    for path, split, shard in found:
        kind, compression = ("dataset", None) if shard else _recognise(path, format)
        ref = FileRef(source, path, names[path], kind, compression, split=split)
        parts, file = (
            _columnar(ref, range_bytes) if kind in ("parquet", "arrow", "dataset") else _text(ref, range_bytes, given)
        )
        refs.extend(parts)
        files.append(file)
    return refs, files


def shards(path: str) -> list[tuple[str | None, str]]:
    """The Arrow files of a folder that `datasets` saved, each with its split; none where the path is no such folder.

    Raises:
        InputError: the folder is not whole.
    """
    try:
        return hub.shards(path) if _is_folder(path) else []
    except (ValueError, OSError) as error:
        raise InputError(f"{path} is a saved dataset that cannot be used: {error}") from error


def head(
    source: str,
    path: str,
    most: int,
    *,
    format: str | None = None,
    quoting: bool | None = None,
    record: str | None = None,
    delimiter: str | None = None,
    columns: list[str] | None = None,
    split: str | None = None,
) -> FileRef:
    """One file as a reference to its begin, at little cost for any size: recognised, but neither hashed nor cut.

    Args:
        source: name of the source.
        path: the file, or an Arrow file of a saved dataset where `format` says so.
        most: about how many bytes of text are read, now and by readers. What a large JSON object holds is judged by
            them, where `plan` would look at all of it.
        format: see `plan`.
        quoting: see `plan`.
        record: see `plan`.
        delimiter: see `plan`.
        columns: see `plan`.
        split: dataset: its split.

    Raises:
        InputError: a file is not what it says it is.
    """
    if format == "dataset":
        return FileRef(source, path, path, format, split=split)
    _check_format(format)
    _check_delimiter(delimiter)
    kind, compression = _recognise(path, format)
    ref = FileRef(source, path, path, kind, compression, most=most)
    given = {"quoting": quoting, "record": record, "delimiter": delimiter, "columns": columns}
    return ref if kind in ("parquet", "arrow") else _described(ref, given)


def _check_format(format: str | None) -> None:
    if format is not None and format not in FORMATS:
        raise InputError(f"format {format!r} is unknown; allowed are {', '.join(FORMATS)}")


def _check_delimiter(delimiter: str | None) -> None:
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
        raise InputError(
            f"delimiter {delimiter!r} is not allowed; one ASCII character is, but no quote and no line end"
        )


def _local(value: str) -> list[str]:
    path = os.path.abspath(os.path.expanduser(value))
    if os.path.isdir(path):
        return [_dataset_folder(value, path)]
    if os.path.lexists(path) or not glob.has_magic(value):
        return [_not_empty(value, path, os.path.getsize(path) if os.path.exists(path) else None)]
    matches = sorted(glob.glob(path, recursive=True))
    files = [match for match in matches if os.path.isfile(match)]
    # A pattern for folders (`runs/*`) takes the saved datasets among them; `**` takes files.
    folders = [match for match in matches if not files and os.path.isdir(match) and hub.is_saved(match)]
    if not files and not folders:
        seen = f"{len(matches)} folders, and no file" if matches else "nothing"
        raise InputError(f"{value!r} matches {seen}; a pattern must match at least one file (`**/` goes into folders)")
    return [_not_empty(value, file, os.path.getsize(file)) for file in files] + folders


def _remote(value: str) -> list[str]:
    try:
        fs, path = fsspec.core.url_to_fs(value)
    except (ValueError, ImportError) as error:
        raise InputError(f"{value!r} cannot be opened: {error}") from error
    if glob.has_magic(value) and not value.startswith(("http://", "https://")):
        found = fs.glob(path, detail=True)
        sizes = {fs.unstrip_protocol(name): info.get("size") for name, info in found.items() if info["type"] == "file"}
        if not sizes:
            raise InputError(f"{value!r} matches no file; a pattern must match at least one (`**/` goes into folders)")
        return [_not_empty(value, name, size or 0) for name, size in sizes.items()]
    if fs.isdir(path):
        return [_dataset_folder(value, value.rstrip("/"))]
    if not fs.exists(path):
        return [_not_empty(value, value, None)]
    size = fs.size(path)
    return [value if size is None else _not_empty(value, value, size)]  # a server may not say how large a file is


def _on_hub(value: str) -> list[str]:
    try:
        return hub.resolve(value)
    except (ValueError, FileNotFoundError) as error:
        raise InputError(f"{value!r} cannot be used: {error}") from error


def _dataset_folder(value: str, path: str) -> str:
    if hub.is_saved(path):
        return path
    raise InputError(
        f"{value!r} is a folder; allowed are files, patterns such as {value.rstrip('/') + '/**/*.jsonl'!r}, and folders"
        " that `datasets` saved (save_to_disk)"
    )


def _not_empty(value: str, path: str, size: int | None) -> str:
    named = repr(value) if value == path or not glob.has_magic(value) else f"{path} (of {value!r})"
    if size is None:
        raise InputError(f"{named} does not exist; allowed are files, patterns, URLs and hf://datasets/ORG/NAME")
    if size == 0:
        raise InputError(f"{named} is empty (0 bytes); leave it out, or give a file with records")
    return path


def _is_folder(path: str) -> bool:
    if is_remote(path):
        return not path.startswith("hf://") and bool(hub.is_saved(path))
    return os.path.isdir(path)


def _ledger_names(paths: list[str]) -> dict[str, str]:
    """Each path below the deepest folder that all have in common."""
    parts = {path: path.replace(os.sep, "/").split("/") for path in paths}
    folders = [names[:-1] for names in parts.values()]
    depths = range(min(map(len, folders), default=0))
    common = next((at for at in depths if len({names[at] for names in folders}) > 1), len(depths))
    return {path: "/".join(names[common:]) for path, names in parts.items()}


def _recognise(path: str, format: str | None) -> tuple[str, str | None]:
    try:
        return recognise.recognise(path, format)
    except ValueError as error:
        raise InputError(f"{path} {error}") from error


def _columnar(ref: FileRef, range_bytes: int) -> tuple[list[FileRef], InputFile]:
    size, digest, secret, _ = scan(ref.path, None)
    try:
        ranges = columnar.ranges(ref.path, ref.format, range_bytes)
    except columnar.Unreadable as error:
        kind = "Parquet" if ref.format == "parquet" else "Arrow"
        raise InputError(f"{ref.path} is not a whole {kind} file: {error}") from error
    refs = [
        dataclasses.replace(ref, start=start, end=end, first_line=start + 1, size=bytes_)
        for start, end, bytes_ in ranges
    ]
    rows = ranges[-1][1] if ranges else 0
    return refs, InputFile(ref.path, ref.file, size, digest, secret, rows)


def _described(ref: FileRef, given: dict[str, Any]) -> FileRef:
    """A text file's reference with what its begin tells: delimiter, quoting and columns, record element, shape."""
    try:
        begin, whole = recognise.begin(ref.path, ref.compression)
        changes: dict[str, Any] = {}
        if ref.format in ("json", "jsonl"):
            changes = _json(ref, begin)
        elif ref.format in ("csv", "tsv"):
            changes = _delimited(ref, begin, whole, given)
        else:
            name = given["record"] or xml.guess_record(begin)
            if name is None:
                raise ValueError("has no element below its root; `record` must name the record element")
            changes = {"record": name}
    except ValueError as error:
        raise InputError(f"{ref.path} {error}") from error
    return dataclasses.replace(ref, **changes)


def _text(ref: FileRef, range_bytes: int, given: dict[str, Any]) -> tuple[list[FileRef], InputFile]:
    ref = _described(ref, given)
    cuttable = not ref.compression and (ref.format == "jsonl" or (ref.format in ("csv", "tsv") and not ref.quoting))
    size, digest, secret, newlines = scan(ref.path, range_bytes if cuttable else None)
    ref = dataclasses.replace(ref, size=size)
    if not cuttable:
        return [ref], InputFile(ref.path, ref.file, size, digest, secret)
    refs = []
    line = 1
    for index, count in enumerate(newlines):
        start, end = index * range_bytes, min((index + 1) * range_bytes, size)
        if index == 0 or count:  # a range in which no line starts has nothing to read
            stop = end if end < size else None
            refs.append(dataclasses.replace(ref, start=start, end=stop, first_line=line, size=end - start))
        line += count + (index == 0)
    header = ref.format != "jsonl" and ref.has_header
    return refs, InputFile(ref.path, ref.file, size, digest, secret, line - 1 - header)


def _json(ref: FileRef, begin: bytes) -> dict[str, Any]:
    # Arrays are often called .jsonl by mistake; no object a line begins with a bracket.
    if ref.format == "jsonl" and not begin.lstrip().startswith(b"["):
        return {}
    shape, member = json_array.sniff(ref.path, ref.compression, ref.most)
    if not shape:
        raise ValueError("is not JSON: an array or an object is expected")
    return {"format": "jsonl"} if shape == "lines" else {"format": "json", "shape": shape, "member": member}


def _delimited(ref: FileRef, begin: bytes, whole: bool, given: dict[str, Any]) -> dict[str, Any]:
    delimiter = given["delimiter"] or quotes.sniff_delimiter(begin, "\t" if ref.format == "tsv" else ",")
    quoting = given["quoting"]
    if quoting is None:
        quoting = delimiter == "," or quotes.sniff_quoting(begin, whole, delimiter)
    names = given["columns"] or quotes.header(begin, delimiter, quoting)
    has_header = not given["columns"]
    return {"delimiter": delimiter, "quoting": quoting, "columns": tuple(names), "has_header": has_header}
