"""The page docs/configuration.md: every key of the configuration, from the models, with an example of each section."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from pipelines.config_examples import EXAMPLES
from schemas.config import Config

_PAGE = """\
# Configuration

<!-- Made by the code (`make docs`); a test compares the two. What to say here is said in schemas/config/. -->

A run is told by a YAML file what to do: `trenchcoat curate config.yaml --out OUT`. Only `sources` has to be there; all
else has the default that is named here. Any key can be set on the command line too: `--set policy.pii=mask`,
`--set sources.0.licence=mit`. A key that is not on this page is an error that names it, before any work.
`trenchcoat curate config.yaml --out OUT --dry-run` prints what a run would do, with every key as it is resolved, and
`trenchcoat schema config` is this page for machines.

"""
#: Sections in the order in which rows meet them; keys of the whole come first.
ORDER = (
    "sources",
    "derive",
    "signals",
    "duplicates",
    "contamination",
    "embed",
    "semantic",
    "raters",
    "ratings",
    "external",
    "probes",
    "strength",
    "slices",
    "attributes",
    "policy",
    "split",
    "shortcuts",
    "balance",
    "publish",
    "gate",
)


def config_page() -> str:
    """The page as Markdown."""
    whole = Config.model_json_schema()
    known, top = whole["$defs"], whole["properties"]
    unplaced = [name for name in top if _section(top[name]) and name not in ORDER]
    if unplaced:
        raise ValueError(f"config_page.ORDER lacks {unplaced[0]!r}")
    sections = [(name, _section(top[name]) or "") for name in ORDER if name in top]
    plain = {name: field for name, field in top.items() if not _section(field)}
    out = [_PAGE, "| section | what it is about |\n|---|---|\n"]
    out += [f"| [`{name}`](#{name}) | {_about(top[name], known[model])} |\n" for name, model in sections]
    out.append(f"\n## Of the whole\n\n{_example('')}{_table('', plain, [], known)}")
    for name, model in sections:
        listed = " A list; each element has these keys." if "items" in top[name] else ""
        out.append(f"\n## {name}\n\n{_about(top[name], known[model])}{listed}\n\n{_example(name)}")
        out.append(_model(_path(name, top[name]), model, known))
    return "".join(out)


def _path(name: str, field: dict[str, Any]) -> str:
    return f"{name}[]" if "items" in field else name


def _section(field: dict[str, Any]) -> str | None:
    """The model that a field holds, or holds a list of, or holds by name; None for other fields."""
    for part in (field, field.get("items", {}), *field.get("anyOf", [])):
        reference = part.get("$ref")
        if reference:
            return str(reference).rpartition("/")[2]
        if part is not field and part.get("type") == "array" and "$ref" in part.get("items", {}):
            return str(part["items"]["$ref"]).rpartition("/")[2]
    return None


def _about(field: dict[str, Any], model: dict[str, Any]) -> str:
    return _line(field.get("description") or model["description"])


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _example(name: str) -> str:
    return f"```yaml\n{EXAMPLES[name].strip()}\n```\n\n"


def _model(path: str, model: str, known: dict[str, Any]) -> str:
    """The table of a model's keys, and after it those of the models it holds."""
    fields = known[model]["properties"]
    out = [_table(path, fields, known[model].get("required", []), known)]
    for name, field in fields.items():
        inner = _section(field)
        if inner:
            below = _path(f"{path}.{name}", field)
            out.append(f"\n### {below}\n\n{_line(known[inner]['description'])}\n\n")
            out.append(_model(below, inner, known))
    return "".join(out)


def _table(path: str, fields: dict[str, Any], required: list[str], known: dict[str, Any]) -> str:
    out = ["| key | value | default | meaning |\n|---|---|---|---|\n"]
    for name, field in fields.items():
        key = f"{path}.{name}".lstrip(".")
        default = "**required**" if name in required else _default(field)
        out.append(
            f'| <a id="{key}"></a>`{name}` | {_words(field, known)} | {default} '
            f"| {_line(field.get('description') or known[_section(field) or '']['description'])} |\n"
        )
    return "".join(out)


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value is None or _section(field):
        return "–"
    return f"`{json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value}`"


def _words(field: dict[str, Any], known: dict[str, Any]) -> str:
    """What a value may be, in words."""
    return " or ".join(dict.fromkeys(_options(field, known)))


def _options(field: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    if "anyOf" in field:
        for part in field["anyOf"]:
            yield from _options(part, known)
    elif "$ref" in field:
        yield "keys, below"
    elif "enum" in field:
        yield ", ".join(f"`{value}`" for value in field["enum"])
    elif "const" in field:
        yield f"`{field['const']}`"
    elif field.get("type") == "array":
        least, most = field.get("minItems"), field.get("maxItems")
        many = f" ({least})" if least and least == most else f" ({least} or more)" if least else ""
        yield f"list{many} of {_words(field['items'], known)}"
    elif field.get("type") == "object":
        yield f"map from names to {_words(inner, known)}" if isinstance(inner := _values(field), dict) else "map"
    elif field.get("type") in ("integer", "number"):
        yield _number(field)
    elif field.get("type") == "boolean":
        yield "`true`, `false`"
    elif field.get("type") == "string":
        yield f"text like `{_line(field['pattern'])}`" if "pattern" in field else "text"
    elif field.get("type") == "null":
        yield "nothing"
    else:
        yield "anything"


def _values(field: dict[str, Any]) -> Any:
    """What the values of a map may be; True where anything is."""
    if field.get("patternProperties"):
        return next(iter(field["patternProperties"].values()))
    return field.get("additionalProperties", True)


def _number(field: dict[str, Any]) -> str:
    """A number with its range."""
    word = "whole number" if field["type"] == "integer" else "number"
    low = f"from {field['minimum']:g}" if "minimum" in field else ""
    low = f"above {field['exclusiveMinimum']:g}" if "exclusiveMinimum" in field else low
    high = f"to {field['maximum']:g}" if "maximum" in field else ""
    high = f"below {field['exclusiveMaximum']:g}" if "exclusiveMaximum" in field else high
    return " ".join(part for part in (word, low, high) if part)


def keys() -> dict[str, dict[str, Any]]:
    """Every key by its path (`policy.pii`, `sources[].mapping.kind`), with its schema."""
    whole = Config.model_json_schema()
    found: dict[str, dict[str, Any]] = {}

    def walk(path: str, fields: dict[str, Any]) -> None:
        for name, field in fields.items():
            key = f"{path}.{name}".lstrip(".")
            found[key] = field
            inner = _section(field)
            if inner:
                walk(_path(key, field), whole["$defs"][inner]["properties"])

    walk("", whole["properties"])
    return found


def examples() -> dict[str, dict[str, Any]]:
    """The examples by section, each a whole configuration: with the sources of the first where it names none."""
    read = {name: yaml.safe_load(text) for name, text in EXAMPLES.items()}
    return {name: {"sources": read["sources"]["sources"][:1], **one} for name, one in read.items()}
