"""A fitted model as one file of arrays."""

from __future__ import annotations

import io
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np
import orjson

from transforms import blocks
from transforms.strength.ambiguity import Ambiguity
from transforms.strength.combine import Calibrator
from transforms.strength.counterexamples import Standing
from transforms.strength.heads import Heads
from transforms.strength.model import Model, References, Settings
from transforms.strength.noise import Rate
from transforms.strength.pairs import Scaling
from transforms.strength.residual import Residualiser

_PARTS: dict[str, type] = {
    "settings": Settings,
    "scaling": Scaling,
    "heads": Heads,
    "surface": Heads,
    "ruler": Heads,
    "standing": Standing,
    "references": References,
    "calibrator": Calibrator,
    "residualiser": Residualiser,
    "ambiguity": Ambiguity,
    "rate": Rate,
}


def save(model: Model, path: str) -> None:
    """Write a model: its arrays by name, and everything else as JSON beside them."""
    arrays: dict[str, np.ndarray] = {"scales": model.scales}
    rest: dict[str, Any] = {}
    for name in _PARTS:
        part = getattr(model, name)
        assert is_dataclass(part)
        assert not isinstance(part, type)
        for field, value in asdict(part).items():
            if isinstance(value, np.ndarray):
                arrays[f"{name}.{field}"] = value
            else:
                rest[f"{name}.{field}"] = value
    arrays["rest"] = np.frombuffer(orjson.dumps(rest), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    blocks.write_bytes(buffer.getvalue(), path)


def load(path: str) -> Model:
    """Read a model that `save` wrote."""
    with np.load(io.BytesIO(blocks.read_bytes(path))) as kept:
        values = {name: kept[name] for name in kept.files}
    values |= orjson.loads(values.pop("rest").tobytes())
    parts = {
        name: kind(
            **{key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
        )
        for name, kind in _PARTS.items()
    }
    return Model(**parts, scales=values["scales"])
