"""`formats`: what can be read, as a list, as JSON, or as the page docs/formats.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from pipelines.errors import DONE
from pipelines.peek import config_text
from pipelines.peek_text import row_lines
from schemas.config import Source
from transforms.ingest.adapters import ADAPTERS
from transforms.ingest.adapters.base import Adapter
from transforms.ingest.canonical import Origin, to_rows
from transforms.ingest.fields import fields
from transforms.ingest.guess import guess
from transforms.ingest.records import Records

_PAGE = """\
# Formats

<!-- Made by the code (`make docs`); a test compares the two. What to say here is said in the adapters. -->

What can be read by name. `--format auto`, the default, recognises a format by its fields; `trenchcoat peek FILE` says
which one a file has. How records are laid out is another matter, found out for each file: JSON Lines, JSON, CSV, TSV,
XML, Parquet, Arrow and datasets saved by `datasets`, compressed or not, on disk, at a URL, in an object store or on the
hub. For what is not here see [your own format](your-own-format.md).

| format | kinds | what it is | what it keeps | what it cannot know |
|---|---|---|---|---|
"""


def run_formats(json: bool, markdown: bool = False) -> int:
    """List the adapters."""
    if markdown:
        print(page(), end="")
    elif json:
        print(orjson.dumps(list(map(_told, ADAPTERS)), default=_shown).decode())
    else:
        for adapter in ADAPTERS:
            print(
                f"{adapter.name:<24}{', '.join(adapter.kinds)}\n    {adapter.about}\n    keeps: {adapter.keeps}\n"
                f"    cannot know: {adapter.unknown}"
            )
            for name, option in adapter.options.model_fields.items():
                print(f"    option {name}: {option.description}")
    return DONE


def _told(adapter: Adapter) -> dict[str, Any]:
    return {
        "name": adapter.name,
        "kinds": adapter.kinds,
        "about": adapter.about,
        "keeps": adapter.keeps,
        "unknown": adapter.unknown,
        "options": {name: field.description for name, field in adapter.options.model_fields.items()},
        "command": command(adapter),
        "example": adapter.example,
        "variants": adapter.variants,
    }


def _shown(value: Any) -> str:
    """What JSON cannot say: the bytes of an image."""
    return f"({len(value)} bytes)" if isinstance(value, bytes) else str(value)


def command(adapter: Adapter) -> str:
    """How to curate files of a format."""
    if adapter.name == "mapping":  # the only one that has to be told more than its name
        return "trenchcoat curate votes.yaml --out runs/votes"
    return f"trenchcoat curate --input 'data/{adapter.name}/*' --format {adapter.name} --out runs/{adapter.name}"


def page() -> str:
    """The page docs/formats.md."""
    rows = [
        f"| [`{one.name}`](#{one.name}) | {', '.join(one.kinds)} | {_cell(one.about)} | {_cell(one.keeps)} "
        f"| {_cell(one.unknown)} |\n"
        for one in ADAPTERS
    ]
    return _PAGE + "".join(rows) + "".join(map(_section, ADAPTERS))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _section(adapter: Adapter) -> str:
    out = [f"\n## {adapter.name}\n\n{adapter.about}\n\n```\n{command(adapter)}\n```\n"]
    switches = [f"- `{name}`: {option.description}" for name, option in adapter.options.model_fields.items()]
    if switches:
        out.append("\nUnder `options` of the source:\n\n" + "\n".join(switches) + "\n")
    for place, record in enumerate((adapter.example, *adapter.variants)):
        shown = orjson.dumps(record, default=_shown).decode()
        out.append(f"\n{'A record' if place == 0 else 'Or'}, and what becomes of it:\n\n```json\n{shown}\n```\n")
        options: dict[str, Any] = {}
        if adapter.name == "mapping":
            made = guess(fields(_records(record)))
            options = {"mapping": made.mapping}
            inputs = ["data/votes.jsonl"]
            out.append(
                f"\nWith this config:\n\n```yaml\n{config_text('votes', inputs, Source(input=inputs), made)}```\n"
            )
        out.append(f"\n```\n{_read(adapter, record, options)}```\n")
    return "".join(out)


def _records(record: dict[str, Any]) -> Records:
    return Records(np.ones(1, np.int64), items=[record])


def _read(adapter: Adapter, record: dict[str, Any], options: dict[str, Any]) -> str:
    """The rows of a record as labelled lines; raters by their names, which ingest replaces."""
    records = _records(record)
    rows, dead = to_rows(records, adapter.rows(records, options), Origin("data", "file", pseudonymise=False))
    if dead:
        raise ValueError(f"the example of {adapter.name} is no record of its format: {dead[0].message}")
    out = []
    for row in rows.to_dicts():
        out.append(row["kind"])
        lines = row_lines(row)
        width = max(len(label) for label, _ in lines)
        out += [f"  {label:<{width}}  {text}".rstrip() for label, text in lines]
    return "\n".join(out) + "\n"
