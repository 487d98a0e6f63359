"""Features of the user's, from a line of the configuration to what `surface` takes."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import polars as pl

from transforms.spurious.features import NAMES, Extra, surface

_FUNCTION = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
#: What is counted of no text: who wrote it, and where it stands.
PLACES = ("generator_count", "first")


def extras(asked: Mapping[str, str]) -> dict[str, Extra]:
    """Features by name.

    Args:
        asked: by name `module:function`, or Python for a polars expression of `text` and `prompt`, with polars as `pl`.

    Raises:
        ValueError: naming the feature, what was said, and what is wrong with it.
    """
    out = {}
    for name, said in asked.items():
        if name in (*NAMES, *PLACES):
            raise ValueError(f"{name!r} is a feature already; give yours another name")
        out[name] = _feature(name, said)
        try:
            surface(pl.Series(["a text", ""]), pl.Series(["a prompt", ""]), {name: out[name]})
        except Exception as error:  # whatever the user's code raises is told before any work
            raise ValueError(f"{name}: {said!r} does not work on texts: {type(error).__name__}: {error}") from error
    return out


def code_hashes(asked: Mapping[str, str]) -> dict[str, str]:
    """A hash of each feature's code: of the line, and of the whole file of a function's module."""
    out = {}
    for name, said in asked.items():
        found = _FUNCTION.fullmatch(said)
        file = inspect.getsourcefile(importlib.import_module(found[1])) if found else None
        out[name] = sha256(said.encode() + (Path(file).read_bytes() if file else b"")).hexdigest()
    return out


def _feature(name: str, said: str) -> Extra:
    found = _FUNCTION.fullmatch(said)
    if found:
        try:
            made = getattr(importlib.import_module(found[1]), found[2])
        except (ImportError, AttributeError) as error:
            raise ValueError(f"{name}: {said!r} names no function: {error}") from error
        if not callable(made):
            raise ValueError(f"{name}: {said!r} is no function")
        return made
    known = {"__builtins__": {}, "pl": pl, "text": pl.col("text"), "prompt": pl.col("prompt")}
    try:
        made = eval(said, known)  # the configuration is the user's own, who may name any function of theirs as well
    except Exception as error:
        raise ValueError(
            f"{name}: {said!r} is neither module:function nor a polars expression of text and prompt: {error}"
        ) from error
    if not isinstance(made, pl.Expr):
        raise ValueError(f"{name}: {said!r} is a {type(made).__name__}, not a polars expression")
    return made
