"""`peek`: what files are, how they would be read, and how to go on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

from pipelines import config as configuration
from pipelines.answer import answer, complain
from pipelines.errors import DONE, USER_MISTAKE, UserError
from pipelines.options import options_of
from pipelines.peek_text import CHARACTERS, many, show
from schemas.config import Source
from transforms.ingest.adapters import FormatError, adapter
from transforms.ingest.fields import shortened
from transforms.ingest.files import InputError
from transforms.ingest.guess import Guess
from transforms.ingest.peek import Look, layouts, look
from transforms.ingest.places import places

#: Kinds of files that are looked at of what one argument names, and files of which it is said what is wrong with them.
_MOST_KINDS, _MOST_WRONG = 4, 2


@dataclass(frozen=True)
class PeekRequest:
    """What `peek` was asked for; the same words as `curate`'s."""

    inputs: list[str]
    config: str | None = None
    format: str | None = None
    sets: list[str] = field(default_factory=list)
    rows: int = 3
    json: bool = False


def run_peek(request: PeekRequest) -> int:
    """Look at files; 0 done, 2 where something named cannot be looked at."""
    return answer(lambda: _peek(request), request.json)


def _peek(request: PeekRequest) -> int:
    if not request.inputs and request.config is None:
        raise UserError("nothing to look at: name files, folders or addresses, or a config with --config")
    config = configuration.load(request.config, request.inputs, request.format, request.sets)
    code = DONE
    for source in config.sources:
        for value in source.input:
            try:
                _look_at(value, source, request)
            except (InputError, FormatError, UserError, OSError) as error:
                code = complain(_said(value, error), USER_MISTAKE, request.json)
    return code


def _said(value: str, error: Exception) -> str:
    """What is wrong, naming what was asked for; errors of storage do not name it themselves."""
    text = str(error)
    return text if value.rstrip("/").rsplit("/", 1)[-1] in text else f"{value}: {text or type(error).__name__}"


def _look_at(value: str, source: Source, request: PeekRequest) -> None:
    if source.format != "auto":
        adapter(source.format)  # a name that nobody knows is found out first
    found = places(configuration.located(value))
    kinds, wrong = [], []
    for place in found[:_MOST_KINDS]:
        alike, faults = layouts(place, source)
        kinds += alike
        wrong += faults
    for place in kinds[:_MOST_KINDS]:
        try:
            seen = look(place, source, request.rows, lambda known: options_of(source, known))
        except InputError as error:
            wrong.append(error)
            continue
        onward = _onward(seen, source, request)
        if request.json:
            print(orjson.dumps(_as_json(seen, onward), default=str).decode())
        else:
            show(seen, onward.command, onward.config, onward.check)
        if not seen.fields:
            wrong.append(InputError(f"{place.first}: no record could be read"))
    rest = [*kinds[_MOST_KINDS:], *found[_MOST_KINDS:]]
    if request.json and (rest or found[0].others):
        more = [{"first": place.first, "files": len(place.paths)} for place in rest]
        print(orjson.dumps({"event": "rest", "of": value, "not_shown": more, "no_data": found[0].others}).decode())
    elif rest:
        print("not shown: " + ", ".join(f"{many(len(place.paths))} such as {place.first}" for place in rest))
    if found[0].others and not request.json:
        print(f"{many(found[0].others)} of {value} hold no data that can be read")
    if wrong:
        others = len(wrong) - _MOST_WRONG
        said = [*map(str, wrong[:_MOST_WRONG]), *([f"and {others:,} more cannot be read"] if others > 0 else [])]
        raise UserError("; ".join(said))


# --- how to go on -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Onward:
    """The command to go on with, and a config to start from where no adapter fits."""

    command: str
    config: str | None = None
    check: str | None = None


def _onward(seen: Look, source: Source, request: PeekRequest) -> _Onward:
    inputs = seen.place.inputs
    name = _name(inputs[0])
    out = f"--out runs/{name}"
    if request.config:
        return _Onward(f"trenchcoat curate {shlex.quote(request.config)} {out}")
    if seen.guess:
        config = config_text(name, inputs, source, seen.guess)
        return _Onward(f"trenchcoat curate {name}.yaml {out}", config, f"trenchcoat peek --config {name}.yaml")
    words = ["trenchcoat curate", *(f"--input {shlex.quote(value)}" for value in inputs)]
    if source.format != "auto" or len(seen.fits) > 1:
        words.append(f"--format {source.format if source.format != 'auto' else seen.fits[0]}")
    words += [f"--set {shlex.quote(assignment)}" for assignment in request.sets]
    return _Onward(" ".join([*words, out]))


def _name(pattern: str) -> str:
    """A short name for a run: the file's without its endings, or the folder's."""
    parts = [part for part in pattern.split("/") if part and not any(char in part for char in "*?[")]
    stem = parts[-1].split(".")[0] if parts else ""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-") or "data"


def config_text(name: str, inputs: Sequence[str], source: Source, made: Guess) -> str:
    """A config file to start from, with a note behind every line that is to be checked."""
    lines = [
        f"name: {name}",
        "sources:",
        f"  - name: {name}",
        f"    input: {_inline(list(inputs))}",
        "    format: mapping",
    ]
    given = {
        "reader": source.reader, "quoting": source.quoting, "delimiter": source.delimiter, "record": source.record,
        "columns": source.columns,
    }  # fmt: skip
    lines += [f"    {key}: {_inline(value)}" for key, value in given.items() if value is not None]
    lines.append("    mapping:")
    for key in dict.fromkeys([*made.mapping, *made.notes]):
        note = f"  # {made.notes[key]}" if key in made.notes else ""
        if key in made.mapping:
            lines.append(f"      {key}: {_inline(made.mapping[key])}{note}")
        else:
            lines.append(f"      # {key}:{note}")
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=2**20, allow_unicode=True, sort_keys=False)
    return text.removesuffix("...\n").strip()


# --- as JSON ----------------------------------------------------------------------------------------------------------


def _as_json(seen: Look, onward: _Onward) -> dict[str, Any]:
    place, ref = seen.place, seen.ref
    layout = {
        "format": ref.format, "compression": ref.compression, "shape": ref.shape, "member": ref.member,
        "record": ref.record, "delimiter": ref.delimiter if ref.columns else None,
        "quoting": ref.quoting if ref.columns else None, "splits": list(place.splits) or None,
    }  # fmt: skip
    return {
        "event": "look",
        "file": place.first,
        "bytes": place.size,
        "all": {
            "inputs": place.inputs,
            "files": len(place.paths),
            "bytes": place.bytes,
            "complete": place.complete,
            "looked_at": place.looked,
        },
        "layout": {key: value for key, value in layout.items() if value is not None},
        "records": {"about": seen.records, "exact": seen.exact, "read": seen.read},
        "fields": [{"name": one.name, "types": one.kinds, "missing": round(one.missing, 4)} for one in seen.fields],
        "fits": seen.fits,
        "near": [{"name": one.name, "has": one.has, "lacks": one.lacks} for one in seen.near],
        "readings": [
            {
                "format": reading.format,
                "records": reading.records,
                "made": reading.made,
                "rows": [_short(row) for row in reading.rows],
                "dead_letters": reading.codes,
                "problems": [{"line": one.line, "code": one.code, "message": one.message} for one in reading.problems],
            }
            for reading in seen.readings
        ],
        "command": onward.command,
        "config": onward.config,
    }


def _short(value: Any) -> Any:
    """A value without nulls and with its texts shortened."""
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_short(part) for part in value]
    return shortened(value, CHARACTERS) if isinstance(value, str) else value
