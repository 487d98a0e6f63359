"""Real public data, unpacked once a session."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

_SETS = Path(os.environ.get("TRENCHCOAT_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """From a set's name to the folder with its files; skips the test where the set is not at hand."""
    folder = tmp_path_factory.mktemp("data")

    @cache
    def unpacked(name: str) -> Path:
        with tarfile.open(_SETS / f"{name}.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        return folder / name

    def get(name: str) -> Path:
        if not (_SETS / f"{name}.tar.xz").exists():
            pytest.skip(f"the data set {name} is not in {_SETS}; set TRENCHCOAT_DATA to the folder that holds it")
        return unpacked(name)

    return get
