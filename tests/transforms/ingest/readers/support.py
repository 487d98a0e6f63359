"""What the tests of readers share: files put somewhere, and all that is read of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.verdict import DEAD_LETTERS
from transforms.ingest.files import plan
from transforms.ingest.readers import read
from transforms.ingest.records import Broken, Records


def batches(path: Path, options: dict[str, Any] | None = None, **limits: int) -> list[Records]:
    refs, _ = plan("s", [str(path)], **options or {})
    return [records for ref in refs for records in read(ref, **limits)]


def rows(records: Records) -> list[dict[str, Any]]:
    return objects if (objects := records.objects()) is not None else records.frame.to_dicts()  # type: ignore[union-attr]


def everything(path: Path, options: dict[str, Any] | None = None, **limits: int) -> tuple[dict[int, Any], list[Broken]]:
    """Each record by its line, and all that is broken."""
    found: dict[int, Any] = {}
    broken: list[Broken] = []
    for records in batches(path, options, **limits):
        assert len(records.lines) == len(rows(records))
        for line, row in zip(records.lines.tolist(), rows(records), strict=True):
            assert line not in found
            found[line] = row
        broken.extend(records.broken)
    assert all(letter.code in DEAD_LETTERS for letter in broken)
    return found, broken


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


GROWTH = """
import sys
from transforms.ingest.files import plan
from transforms.ingest.readers import read

def resident():  # not ru_maxrss: a child inherits its parent's
    return int(open("/proc/self/statm").read().split()[1]) * 4096

refs, _ = plan("s", [sys.argv[1]])
before, most, count = resident(), 0, 0
for ref in refs:
    for records in read(ref):
        count, most = count + len(records), max(most, resident())
print(count, most - before)
"""


def growth(path: Path) -> tuple[int, int]:
    """How many records a file has, and how many bytes a fresh process grows by when it reads them."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc")
    output = subprocess.run([sys.executable, "-c", GROWTH, str(path)], capture_output=True, text=True, check=True)
    count, size = map(int, output.stdout.split())
    return count, size
