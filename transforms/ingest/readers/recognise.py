"""Which format and compression a file has: by its extension, and by its first bytes."""

from __future__ import annotations

from transforms.ingest.readers.columnar import ARROW_MAGIC, PARQUET_MAGIC
from transforms.ingest.readers.streams import BOM, MAGIC, Stream, StreamBreak, open_raw

#: How much of a file's begin is looked at.
BEGIN = 2**20
EXTENSIONS = {
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "json",
    "csv": "csv",
    "tsv": "tsv",
    "xml": "xml",
    "parquet": "parquet",
    "arrow": "arrow",
    "feather": "arrow",
    "ipc": "arrow",
}
_COLUMNAR = ("parquet", "arrow")
#: First bytes of files that hold other files; tar says what it is behind its first member's name.
_ARCHIVES = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "rar"}
_TAR, _TAR_AT = b"ustar", 257
_WORKBOOKS = (".xlsx", ".xlsm", ".ods")
_STREAM_MAGIC = b"\xff\xff\xff\xff"


def recognise(path: str, format: str | None) -> tuple[str, str | None]:
    """Format and compression of a file.

    Args:
        path: the file.
        format: its format, where the config says it.

    Raises:
        ValueError: neither extension nor content tells, or they contradict each other; in words that follow the path.
    """
    parts = path.rsplit("/", 1)[-1].split("?")[0].lower().split(".")
    named = parts[-1] if parts[-1] in MAGIC else None
    with open_raw(path) as file:
        head = file.read(8)
    compression = next((kind for kind, magic in MAGIC.items() if head.startswith(magic)), None)
    if named and compression != named:
        raise ValueError(
            f"is called .{named}, but its first bytes ({head[:4].hex()}) are not those of that compression"
        )
    found = format or EXTENSIONS.get(parts[-2 if named and len(parts) > 1 else -1])
    if found is None:
        found = _by_content(path, compression)
    if found == "dataset":
        raise ValueError("is a file; a dataset is a folder that `datasets` saved, or hf://datasets/ORG/NAME")
    if found in _COLUMNAR:
        _check_columnar(found, head, compression)
        return found, None
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and found != "xml":
        raise ValueError("is UTF-16 text; convert it to UTF-8")
    return found, compression


def begin(path: str, compression: str | None) -> tuple[bytes, bool]:
    """The first bytes of a text file without its byte order mark, and whether they are the whole file.

    Raises:
        ValueError: there are none, or they are those of an archive.
    """
    with Stream(path, compression) as stream:
        try:
            data = stream.chunk(BEGIN)
        except StreamBreak as broke:
            raise ValueError(f"has nothing that can be read: {broke.message}") from broke
    if not data:
        raise ValueError("is empty once it is decompressed")
    _check_archive(path, data)
    return data.removeprefix(BOM), len(data) < BEGIN


def _check_archive(path: str, data: bytes) -> None:
    name = next((name for magic, name in _ARCHIVES.items() if data.startswith(magic)), None)
    if name == "zip" and path.lower().endswith(_WORKBOOKS):
        raise ValueError("is a workbook; save the sheet as CSV, and name that file")
    if name or data[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        raise ValueError(f"is an archive ({name or 'tar'}); unpack it first, and name the files that were in it")


def _check_columnar(format: str, head: bytes, compression: str | None) -> None:
    if compression:
        raise ValueError(f"is {format} in {compression}; {format} files are compressed within, unpack it")
    if format == "parquet" and not head.startswith(PARQUET_MAGIC):
        raise ValueError(f"is not Parquet: it begins with {head[:4]!r}, not {PARQUET_MAGIC!r}")


def _by_content(path: str, compression: str | None) -> str:
    data, _ = begin(path, compression)
    if data.startswith(PARQUET_MAGIC):
        return "parquet"
    if data.startswith((ARROW_MAGIC, _STREAM_MAGIC)):
        return "arrow"
    first = data.lstrip()[:1]
    if first in (b"{", b"["):
        return "json"
    if first == b"<":
        return "xml"
    allowed = ", ".join(f".{name}" for name in EXTENSIONS)
    raise ValueError(
        f"has an extension that says no format, and its content does not tell either; allowed are {allowed} (with "
        f"{', '.join(f'.{name}' for name in MAGIC)}), or say `format`"
    )
