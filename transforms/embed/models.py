"""Which model embeds: where it lies, what it hashes to, and on which device it works. Settled once, before any work."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from xxhash import xxh3_128

from transforms.hashing import digest_json

#: Raised where the same model would give other vectors than before, so that vectors kept by an older one are not taken.
VERSION = 1
#: A folder with one of these holds a model.
_MARKS = ("modules.json", "config.json")
#: Weights in other forms than those that are loaded, and what says nothing to a model.
_UNREAD = ("*.onnx", "onnx/*", "openvino/*", "*.h5", "*.msgpack", "*.ot", "coreml/*", "*.gguf", "*.md", ".git*")
_READ_AT_ONCE = 2**24


class ModelError(ValueError):
    """A model that is not there or cannot be loaded; the message names it and what is allowed."""


@dataclass(frozen=True)
class Model:
    """All that vectors depend on, and what a worker needs to make them.

    Attributes:
        kind: what is embedded and how.
        base: the model's name as configured.
        weights: hash of its files.
        device: cpu (32 bits) or cuda (half precision).
        max_tokens: texts are cut to this many tokens; None leaves it to the model.
        dimensions: of a static distillation; None of others.
        folder: where the distillation lies, for static ones.
        threads: torch's, in each process; None leaves them to torch. Says nothing about the vectors.
        label: the output of a reward model that is its score.
        form: how a reward model is given a dialogue.
    """

    kind: Literal["static", "transformer", "image", "reward"]
    base: str
    weights: str
    device: Literal["cpu", "cuda"]
    max_tokens: int | None = None
    dimensions: int | None = None
    folder: str | None = None
    threads: int | None = None
    label: int | str | None = None
    form: str = "auto"

    @property
    def fingerprint(self) -> str:
        """What vectors of this model are filed under."""
        parts: list[Any] = [VERSION, self.kind, self.weights, self.device, self.max_tokens, self.dimensions]
        return digest_json([*parts, self.label, self.form] if self.kind == "reward" else parts)


def locate(base: str) -> str:
    """The folder of a model.

    Args:
        base: a local folder, an installed package with a model in it, or a name on the Hugging Face hub.

    Raises:
        ModelError: it is none of these, or the hub cannot be reached and has not been asked for it before.
    """
    if _is_model(Path(base)):
        return str(Path(base).resolve())
    packaged = in_package(base)
    if packaged is not None:
        return packaged
    if Path(base).is_dir():
        raise ModelError(f"the folder {base!r} holds no model: it has neither of {', '.join(_MARKS)}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return str(snapshot_download(base, ignore_patterns=list(_UNREAD)))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise ModelError(
            f"{base!r} is no local folder, no installed package with a model in it, and cannot be had from the hub "
            f"({type(error).__name__})"
        ) from error


def in_package(name: str) -> str | None:
    """The folder of the model that an installed package holds; None where there is none."""
    module = name.replace("-", "_")
    if not module.isidentifier():
        return None
    found = importlib.util.find_spec(module)
    places = list(found.submodule_search_locations or []) if found else []
    folders = [Path(place) for place in places]
    folders += sorted(inner for folder in folders for inner in folder.iterdir() if inner.is_dir())
    return next((str(folder.resolve()) for folder in folders if _is_model(folder)), None)


def _is_model(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in _MARKS)


@cache
def hash_of(folder: str) -> str:
    """A hash of what a model's files hold, whatever they are called from; documentation is left out."""
    root = Path(folder)
    parts = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and not any(inside.match(pattern) or path.match(pattern) for pattern in _UNREAD):
            parts.append([inside.as_posix(), _hash_file(path)])
    return digest_json(parts)


def _hash_file(path: Path) -> str:
    state = xxh3_128()
    with path.open("rb") as file:
        while part := file.read(_READ_AT_ONCE):
            state.update(part)
    return state.hexdigest()


def device_for(asked: str) -> Literal["cpu", "cuda"]:
    """The device that is meant: `auto` is cuda where this process sees a GPU that works.

    Raises:
        ModelError: cuda is asked for and there is none.
    """
    if asked == "cpu" or (asked == "auto" and not sees_gpu()):
        return "cpu"
    if not sees_gpu():
        raise ModelError("cuda is asked for, but torch sees no GPU here; allowed are auto, cpu, and cuda where one is")
    return "cuda"


@cache
def sees_gpu() -> bool:
    """Whether torch can use a GPU here."""
    # Importing torch takes seconds, and without a driver there is nothing to ask it.
    if not any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")):
        return False
    import torch

    return bool(torch.cuda.is_available())
