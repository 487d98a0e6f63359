"""Whether a mapping's fields are in the files that it is for: found out before any work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from schemas.mapping import Mapping
from transforms.ingest.adapters.mapping import fields_of, needed_of
from transforms.ingest.files import FileRef, InputError
from transforms.ingest.readers import sample
from transforms.ingest.records import Records

#: Files of a source whose first records are looked at, spread over all of them.
_MOST = 12


def check_mapping(mapping: Mapping, refs: Sequence[FileRef]) -> None:
    """See that each field that a mapping names is in the first records of some file.

    Records of JSON need not all have the same fields: there only those are asked for without which no row has a text or
    a judgement. A table has all of its columns.

    Args:
        mapping: of a source.
        refs: of its files.

    Raises:
        InputError: naming the field that is not there, and those that are.
    """
    files = list({ref.path: ref for ref in refs}.values())
    some = min(len(files), _MOST)
    begins = [sample(files[number * len(files) // some]) for number in range(some)]
    begins = [records for records in begins if len(records)]
    tables = all(records.frame is not None and not records.parsed for records in begins)
    asked = fields_of(mapping) if tables else needed_of(mapping)
    for name in dict.fromkeys(asked) if begins else []:
        if not any(_there(records, name) for records in begins):
            known = list(dict.fromkeys(field for records in begins for field in records.names()))
            raise InputError(
                f"mapping names the field {name!r}, which no record at the begin of {_said(files)} has; they have "
                f"{', '.join(known)}{_near(name, known)}"
            )


def _there(records: Records, name: str) -> bool:
    return name in records.names() or any(value is not None for value in records.values(name))


def _said(files: Sequence[FileRef]) -> str:
    return files[0].file if len(files) == 1 else f"{files[0].file} and others"


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
