"""Every format there is, one small file each; add yours to the list."""

from __future__ import annotations

from transforms.ingest.adapters import alpaca_eval, chitchat, da, hh, mapping, pandalm, trl
from transforms.ingest.adapters.base import Adapter
from transforms.ingest.records import Records

ADAPTERS: tuple[Adapter, ...] = (
    mapping.ADAPTER,
    trl.ADAPTER,
    hh.ADAPTER,
    alpaca_eval.ADAPTER,
    pandalm.ADAPTER,
    da.ADAPTER,
    chitchat.ADAPTER,
)


class FormatError(ValueError):
    """A format that nobody knows, or that cannot be told."""


def adapter(name: str) -> Adapter:
    """The adapter of this name; raises FormatError naming those there are."""
    for known in ADAPTERS:
        if known.name == name:
            return known
    raise FormatError(f"there is no format {name!r}; known are {', '.join(known.name for known in ADAPTERS)}")


def fitting(records: Records) -> list[Adapter]:
    """The adapters whose fields these records have, and whose `fits` says yes."""
    return [known for known in ADAPTERS if all(records.has(name) for name in known.fields) and known.fits(records)]


def recognise(records: Records, file: str) -> Adapter:
    """The one adapter whose fields these records have; raises FormatError when none or several fit."""
    if not len(records):
        raise FormatError(f"{file}: no record could be read, so its format cannot be told; name it with `format`")
    found = fitting(records)
    names = records.names()
    if not found:
        shown = ", ".join(names[:20])
        raise FormatError(f"{file}: no known format has the fields {shown}; describe them with `format: mapping`")
    if len(found) > 1:
        raise FormatError(f"{file}: could be {' or '.join(known.name for known in found)}; say which with `format`")
    return found[0]
