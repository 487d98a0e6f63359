"""A run on hostile data, for all that look at its page."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from pipelines.commands import Request, run_curate
from tests.pipelines.report.hostile import CONFIG, HOSTILE, SCRIPT, pictures, ratings, rows, solutions, walks


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    source, bench = folder / "<script>alert('file')<x>.jsonl", folder / "bench.txt"
    source.write_bytes(b"\n".join(orjson.dumps(row) for row in rows()))
    bench.write_text(f"an item of eight words is here for {SCRIPT} 3 {HOSTILE[3]}\n3 {HOSTILE[3]}\n")
    beside = {"ratings": ratings(), "solutions": solutions(), "walks": walks(), "pictures": pictures()}
    for name, lines in beside.items():
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    config = folder / "hostile.yaml"
    names = {name: folder / f"{name}.jsonl" for name in beside}
    config.write_text(CONFIG.format(input=source, bench=bench, **names))
    assert run_curate(Request(str(config), str(folder / "out"))) == 0
    return folder / "out"
