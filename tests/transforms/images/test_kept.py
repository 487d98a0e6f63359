"""What images look like is kept between runs: by what it is, and only as long as the file is what it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.images import as_png, scenes
from pipelines.commands import Request, run_curate
from transforms.images import kept, stage
from transforms.images.looks import hashes, smalls


def test_bytes_and_back() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
    pictures[2] = 0
    found, small = kept.of_bytes(kept.as_bytes(hashes(pictures), smalls(pictures)))
    assert found.tolist() == hashes(pictures).tolist()
    assert np.array_equal(small, smalls(pictures))


def test_what_is_kept_is_found_by_its_key_alone(tmp_path: Path) -> None:
    looks = np.arange(4 * kept.BYTES).reshape(4, -1).astype(np.uint8)
    looks[1] = 0  # a black picture
    kept.keep(f"{tmp_path}/looks", 3, ["b", "a", None, "b"], looks)
    seen, there = kept.read(f"{tmp_path}/looks", 3 + kept.SHARDS, ["a", "c", None, "b"])
    assert there.tolist() == [True, False, False, True]
    assert np.array_equal(seen[[0, 3]], looks[[1, 3]])
    assert not kept.read(f"{tmp_path}/looks", 4, ["a"])[1].any()


def test_keys_change_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")

    def key(uri: str, name: str = "in:s:a") -> str | None:
        return kept.keys_of(pl.DataFrame({"name": [name], "place": [uri]}))[0]

    first = key(str(path))
    assert first == key(os.path.relpath(path)) == key(f"file://{path}") != key(f"{tmp_path}/b.png")
    path.write_bytes(b"other")
    assert key(str(path)) not in (first, None)
    before = path.stat()
    path.write_bytes(b"third")  # as many bytes
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    second = key(str(path))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert second != key(str(path))
    assert key(f"{tmp_path}/none.png") is None
    assert key(str(path), "sha256:ab") == key("elsewhere", "sha256:ab") == "sha256:ab"
    assert key("data:image/png;base64,AA") != key("data:image/png;base64,AB")


def test_a_second_run_opens_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    for number, image in enumerate(scenes(9, 3)):
        (tmp_path / f"{number}.png").write_bytes(as_png(image))
        shown.append(str(tmp_path / f"{number}.png"))
    pairs = [
        {"prompt": f"subject {n}", "image_0": shown[n], "image_1": shown[n + 1], "preference": 1} for n in range(8)
    ]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(one) + "\n" for one in pairs))
    opened: list[str] = []
    real = stage.content
    monkeypatch.setattr(stage, "content", lambda uri: opened.append(uri) or real(uri))  # type: ignore[func-returns-value]

    def run(out: str) -> tuple[dict, bytes]:
        opened.clear()
        asked = ["images.near=true", f"embed.cache={tmp_path}/cache", "embed.model=off", "strength.find=false",
                 "duplicates.near=false", "gate.split_tolerance=1"]  # fmt: skip
        assert run_curate(Request(None, str(tmp_path / out), [str(tmp_path / "d.jsonl")], None, asked)) == 0
        told = json.loads((tmp_path / out / "manifest.json").read_text())["images"]
        return told, (tmp_path / out / "ledger.parquet").read_bytes()

    first, ledger = run("first")
    assert (sorted(opened), first["opened"], first["kept_before"]) == (shown, 9, 0)
    second, again = run("second")
    assert (opened, second["opened"], second["kept_before"]) == ([], 9, 9)
    assert ledger == again
