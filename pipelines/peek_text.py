"""What `peek` found, as text: laid out in columns on a terminal, in whole lines elsewhere."""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from transforms.ingest.adapters import adapter
from transforms.ingest.fields import shortened
from transforms.ingest.peek import Look, Reading
from transforms.ingest.places import MOST_FILES

#: Characters of a text that are shown.
CHARACTERS = 160
_MOST_MESSAGES, _MOST_RESPONSES, _MOST_JUDGEMENTS, _MOST_FIELDS = 3, 4, 6, 30
_FORMATS = {
    "jsonl": "JSON Lines", "json": "JSON", "csv": "CSV", "tsv": "TSV", "xml": "XML", "parquet": "Parquet",
    "arrow": "Arrow", "dataset": "a dataset saved by `datasets` (Arrow)",
}  # fmt: skip
_SHAPES = {
    "array": "an array of records", "values": "an object of records by name",
    "list": "an object with its records in {member!r}", "objects": "one object a record",
}  # fmt: skip
_COMPRESSIONS = {"gz": "gzip", "zst": "zstandard", "xz": "xz", "bz2": "bzip2"}
_DELIMITERS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", " ": "spaces"}
#: What a terminal would take for a command.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Lines = list[tuple[str, str]]


def show(seen: Look, command: str, config: str | None = None, check: str | None = None) -> None:
    """Print what was seen, and how to go on: the command, and where no format fits a config and how to check it."""
    console = Console(highlight=False)
    _block(console, seen.place.first, _what(seen), 2)
    for reading in seen.readings:
        for number, row in enumerate(reading.rows, 1):
            by = f", as `{reading.format}` reads it" if len(seen.fits) != 1 else ""
            print()
            _block(console, f"row {number}, from line {row['line']}: {row['kind']}{by}", row_lines(row), 4)
        print()
        wrong = [(f"line {one.line}", f"{one.code}: {one.message}") for one in reading.problems]
        _block(console, _troubles(reading), wrong, 4)
    print()
    if config:
        print(f"a config to start from:\n\n{config}")
        _block(console, "go on", [("save it and check", check or ""), ("then", command)], 2)
    else:
        _block(console, "go on", [("", command)], 2)
    print()


def _block(console: Console, title: str, lines: Lines, indent: int) -> None:
    """A title and labelled lines below it; what the data holds is never a command to the terminal."""
    title = _CONTROL.sub("\ufffd", title)
    lines = [(_CONTROL.sub("\ufffd", label), _CONTROL.sub("\ufffd", text)) for label, text in lines]
    width = max((len(label) for label, _ in lines), default=0)
    if not console.is_terminal:
        print(f"{' ' * (indent - 2)}{title}")
        for label, text in lines:
            print(f"{' ' * indent}{label:<{width}}  {text}".rstrip())
        return
    console.print(Padding(Text(title, style="bold"), (0, 0, 0, indent - 2), expand=False))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True, min_width=width)
    table.add_column(overflow="fold")
    for label, text in lines:
        table.add_row(Text(label), Text(text))
    console.print(Padding(table, (0, 0, 0, indent), expand=False))


def _what(seen: Look) -> Lines:
    place, ref = seen.place, seen.ref
    layout = [_FORMATS[ref.format]]
    if ref.shape:
        layout[0] += f": {_SHAPES[ref.shape].format(member=ref.member)}"
    if ref.compression:
        layout.append(f"compressed with {_COMPRESSIONS[ref.compression]}")
    if ref.columns:
        layout.append(f"fields between {_DELIMITERS.get(ref.delimiter, repr(ref.delimiter))}")
        layout.append("quotes are quotes" if ref.quoting else "quotes mean nothing")
    if ref.record:
        layout.append(f"records are <{ref.record}>")
    if place.size is not None:
        layout.append(_size(place.size))
    out = [("what", ", ".join(layout))]
    if len(place.paths) > 1:
        listed = "" if place.complete else f" of the first {MOST_FILES:,}"
        total = f", {_size(place.bytes)}" if place.bytes is not None else ""
        out.append(("stands for", f"{many(len(place.paths))}{listed} of this kind{total}; {_alike(place.looked)}"))
    if place.splits:
        out.append(("splits", ", ".join(place.splits)))
    out.append(("records", _records(seen)))
    if seen.fields:
        told = [_field(one.name, " or ".join(one.kinds), one.missing) for one in seen.fields[:_MOST_FIELDS]]
        more = f", and {len(seen.fields) - _MOST_FIELDS} more" if len(seen.fields) > _MOST_FIELDS else ""
        out.append(("fields", ", ".join(told) + more))
    return [*out, *_fitting(seen)]


def _alike(looked: int) -> str:
    return f"{looked} were looked at and are alike" if looked > 1 else "only the first was looked at"


def many(files: int) -> str:
    return f"{files:,} file{'s' if files > 1 else ''}"


def _records(seen: Look) -> str:
    if seen.exact and seen.records == seen.read:
        return f"{seen.read:,}"
    many = "nobody can tell how many" if seen.records is None else f"{seen.records:,}"
    if seen.records is not None and not seen.exact:
        digits = len(str(seen.records))
        many = f"about {round(seen.records, min(0, 3 - digits)):,}"
    return f"{many}; {_first(seen.read)} {'was' if seen.read == 1 else 'were'} read"


def _first(count: int) -> str:
    return "the first record" if count == 1 else f"the first {count:,} records"


def _field(name: str, kind: str, missing: float) -> str:
    share = "under 1%" if missing < 0.01 else f"{missing:.0%}"
    return f"{name} ({kind}{f', missing in {share}' if missing else ''})"


def _fitting(seen: Look) -> Lines:
    asked = seen.readings[0].format if seen.readings and not seen.guess else ""
    out: Lines = []
    if len(seen.fits) > 1:
        out.append(("format", f"could be {' or '.join(seen.fits)}; say which with --format"))
    elif seen.fits:
        out.append(("format", f"{seen.fits[0]}: {adapter(seen.fits[0]).about}"))
    elif seen.guess:
        out.append(("format", "none that is known by name"))
    if asked and asked not in seen.fits:
        out.append(("read as", f"{asked}, as was asked for"))
    switches = [known for reading in seen.readings if reading.format for known in [adapter(reading.format)]]
    for name, option in ((n, o) for known in switches for n, o in known.options.model_fields.items()):
        out.append((f"option {name}", f"{option.description} (--set sources.0.options.{name}=…)"))
    for one in seen.near:
        if one.lacks:
            out.append(("near", f"{one.name}: has {', '.join(one.has)}, lacks {', '.join(one.lacks)}"))
        else:
            out.append(("near", f"{one.name}: has its fields, but they hold something else. {adapter(one.name).about}"))
    return out


def _troubles(reading: Reading) -> str:
    dead = sum(reading.codes.values())
    if not dead:
        return f"no problems in {_first(reading.records)}"
    codes = ", ".join(f"{code} {count:,}" for code, count in reading.codes.items())
    first = "; the first of them:" if dead > len(reading.problems) else ":"
    return f"{dead:,} of {_first(reading.records)} cannot be used ({codes}){first}"


def row_lines(row: dict[str, Any]) -> Lines:
    """A canonical row as labelled lines: what was said, what was judged, and what else is known."""
    out = _dialogue("prompt", row["prompt"])
    names = row["generators"] or [None] * len(row["responses"])
    for number, (response, name) in enumerate(zip(row["responses"], names, strict=True), 1):
        if number > _MOST_RESPONSES:
            out.append(("", f"and {len(row['responses']) - _MOST_RESPONSES} more responses"))
            break
        label = "response" if len(row["responses"]) == 1 else f"response {number}"
        out += _dialogue(label + (f" ({name})" if name else ""), response)
    for number, step in enumerate((row["steps"] or [])[:_MOST_MESSAGES], 1):
        out.append((f"step {number}", shortened(step, CHARACTERS)))
    for reference in (row["references"] or [])[:_MOST_MESSAGES]:
        out.append(("reference", shortened(reference, CHARACTERS)))
    judgements = row["judgements"]
    for judgement in judgements[:_MOST_JUDGEMENTS]:
        out.append(("judgement", _judgement(judgement, row["kind"])))
    if not judgements:
        out.append(("judgement", "none"))
    elif len(judgements) > _MOST_JUDGEMENTS:
        out.append(("", f"and {len(judgements) - _MOST_JUDGEMENTS} more judgements"))
    for name in ("tools", "language", "licence", "timestamp", "metadata"):
        if row[name] is not None:
            out.append((name, shortened(row[name], CHARACTERS)))
    return out


def _dialogue(label: str, messages: list[dict[str, Any]]) -> Lines:
    if not messages:
        return [(label, "none")]
    earlier = len(messages) - _MOST_MESSAGES
    said = [_message(message) for message in messages[-_MOST_MESSAGES:]]
    lines = [f"({earlier} earlier messages)", *said] if earlier > 0 else said
    return [(label if place == 0 else "", line) for place, line in enumerate(lines)]


def _message(message: dict[str, Any]) -> str:
    parts = [shortened(message["content"], CHARACTERS)] if message["content"] is not None else []
    parts += [
        f"[calls {call['name']}({shortened(call['arguments'] or '', 60)})]" for call in message["tool_calls"] or []
    ]
    parts += [f"[image {shortened(image['uri'] or '', 60)}]" for image in message["images"] or []]
    return f"{message['role']}: {' '.join(parts)}"


def _judgement(judgement: dict[str, Any], kind: str) -> str:
    value = judgement["value"]
    words = [f"{judgement['dimension']} {value:g}"]
    if kind == "pair":
        words.append("(a tie)" if value == 0.5 else f"(response {1 if value > 0.5 else 2} is better)")
    elif judgement["normalised"] is not None and judgement["normalised"] != value:
        words.append(f"({judgement['normalised']:.3g} of 1)")
    if judgement["response"] is not None:
        words.append(f"for response {judgement['response'] + 1}")
    if judgement["step"] is not None:
        words.append(f"for step {judgement['step'] + 1}")
    if judgement["strength"] is not None:
        words.append(f"by {judgement['strength']:g}")
    if judgement["rater"] is not None:
        words.append(f"says {judgement['rater']}")
    if judgement["count"] > 1:
        words.append(f"({judgement['count']} times)")
    if judgement["reason"]:
        words.append(f"because: {shortened(judgement['reason'], CHARACTERS)}")
    return " ".join(words)


def _size(size: int) -> str:
    amount, unit = float(size), "bytes"
    for bigger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, bigger
    return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"
