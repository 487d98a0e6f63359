"""A run's configuration: from a YAML file, from the command line, and what was wrong with it in words."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.errors import UserError
from schemas.config import Config, Recipe, Source


def load(
    path: str | None, inputs: Sequence[str], form: str | None, sets: Sequence[str], against: Sequence[str] = ()
) -> Config:
    """The resolved configuration of a run.

    Args:
        path: a YAML file; None for defaults.
        inputs: files named on the command line; they replace those of the only source.
        form: format named on the command line, of those files.
        sets: `key=value` with dotted keys, such as `policy.pii=drop` or `sources.0.licence=MIT`; values are YAML.
        against: outputs of earlier runs named on the command line.

    Raises:
        UserError: naming the key, the value and what is allowed.
    """
    raw = _read(path) if path else {}
    if inputs:
        sources = raw.setdefault("sources", [{}])
        if len(sources) != 1:
            raise UserError(f"--input: {path} has {len(sources)} sources; say which with --set sources.0.input=…")
        sources[0]["input"] = list(inputs)
    if form:
        for source in raw.get("sources", []):
            source["format"] = form
    if against:
        raw["against"] = list(against)
    for assignment in sets:
        _assign(raw, assignment)
    _recipe(raw)
    if not raw.get("sources"):
        raise UserError("nothing to read: name a config file, or files with --input")
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise UserError(_explain(error, path)) from error


def located(path: str) -> str:
    """A path as it is, or the file behind `package://PACKAGE/PATH` of an installed package.

    Raises:
        UserError: the package is not installed.
    """
    if not path.startswith("package://"):
        return path
    package, _, inside = path.removeprefix("package://").partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UserError(f"{path}: the package {package!r} is not installed; pip install {package.replace('_', '-')}")
    return str(Path(spec.origin).parent / inside)


def _read(path: str) -> dict[str, Any]:
    file = Path(path)
    if not file.exists():
        raise UserError(f"{path}: there is no such config file")
    if file.is_dir():
        raise UserError(f"{path} is a folder; a config is a YAML file")
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text file in UTF-8: {error.reason} at byte {error.start}") from error
    if not isinstance(raw, dict):
        raise UserError(f"{path} holds {type(raw).__name__}, not keys and values such as `sources:`")
    # Paths in a file are meant from where the file is, unless they are there from here.
    contamination = raw.get("contamination")
    benchmarks = contamination.get("benchmarks") if isinstance(contamination, dict) else None
    for source in [*(raw.get("sources") or []), *(benchmarks if isinstance(benchmarks, list) else [])]:
        if isinstance(source, dict) and isinstance(source.get("input"), str):
            source["input"] = [source["input"]]
    return raw


def _recipe(raw: dict[str, Any]) -> None:
    """Put a recipe's keys under those that the policy has itself."""
    policy = raw.get("policy") or {}
    name = policy.get("recipe", "conservative") if isinstance(policy, dict) else None
    file = Path(__file__).parent / "recipes" / f"{name}.yaml"
    if name in get_args(Recipe):  # any other is named with the rest of what is wrong
        raw["policy"] = {**yaml.safe_load(file.read_text(encoding="utf-8")), **policy}


def _assign(raw: dict[str, Any], assignment: str) -> None:
    key, equals, text = assignment.partition("=")
    if not equals:
        raise UserError(f"--set {assignment}: is not key=value, such as policy.pii=drop")
    place: Any = raw
    steps = key.split(".")
    try:
        for step in steps[:-1]:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if isinstance(place, list):
            place[int(steps[-1])] = yaml.safe_load(text)
        else:
            place[steps[-1]] = yaml.safe_load(text)
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise UserError(f"--set {assignment}: there is no place {key!r} in the configuration") from error
    except yaml.YAMLError as error:
        raise UserError(f"--set {assignment}: {text!r} is not a YAML value") from error


#: What should be there in place of a value of another type, by pydantic's name for that.
_EXPECTED = {
    "dict_type": "keys and values are expected",
    "list_type": "a list is expected",
    "string_type": "a text is expected",
    "float_type": "a number is expected",
    "float_parsing": "a number is expected",
    "int_type": "a whole number is expected",
    "int_parsing": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "bool_type": "true or false is expected",
    "bool_parsing": "true or false is expected",
    "model_type": "keys and values are expected",
    "missing": "is missing",
}


def _explain(error: ValidationError, path: str | None) -> str:
    lines = []
    for found in error.errors():
        where = ".".join(map(str, found["loc"])) or "the configuration"
        value = found.get("input")
        shown = "" if isinstance(value, (dict, list)) or found["type"] == "missing" else f" is {value!r}"
        message = _EXPECTED.get(found["type"], found["msg"].removeprefix("Value error, "))
        if found["type"] == "extra_forbidden":
            message, shown = f"there is no such key{_near(found['loc'])}", ""
        lines.append(f"  {where}{shown}: {message}")
    return "\n".join([f"{path or 'the command line'}: the configuration is not right", *lines])


def _near(loc: tuple[int | str, ...]) -> str:
    """What may have been meant by an unknown key, and what is allowed there."""
    model: Any = Config
    for step in loc[:-1]:
        if isinstance(step, int):
            continue
        annotation = model.model_fields[step].annotation
        model = next(
            (
                a
                for a in (annotation, *getattr(annotation, "__args__", ()))
                if isinstance(a, type) and issubclass(a, BaseModel)
            ),
            Source,
        )
    allowed = list(model.model_fields)
    close = difflib.get_close_matches(str(loc[-1]), allowed, n=1)
    return (f"; did you mean {close[0]}?" if close else "") + f" Allowed are {', '.join(allowed)}"
