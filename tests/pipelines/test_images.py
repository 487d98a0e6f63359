"""A run on pairs of images: those that look the same join groups; what cannot be opened is counted."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from benchmarks.images import as_png, changed, scenes
from pipelines.commands import Request, run_curate
from tests.pipelines.test_end_to_end import balanced


def test_near_copies_of_images_join_groups(tmp_path: Path) -> None:
    images = scenes(60, 7)
    for number, image in enumerate(images):
        (tmp_path / f"{number}.png").write_bytes(as_png(image))
    (tmp_path / "again.jpg").write_bytes(changed(images[0], "jpeg 50"))
    (tmp_path / "broken.png").write_bytes(b"none")
    names = [f"{number}.png" for number in range(60)] + ["again.jpg", "broken.png", "broken.png", "away.png"]
    pairs = [
        {"prompt": f"subject {place}", "image_0": str(tmp_path / first), "image_1": str(tmp_path / second),
         "preference": place % 2}
        for place, (first, second) in enumerate(zip(names[::2], names[1::2], strict=True))
    ]  # fmt: skip
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(one) + "\n" for one in pairs))
    few = ["embed.model=off", "duplicates.near=false", "strength.find=false", "gate.split_tolerance=0.5"]

    def groups(out: str, *sets: str) -> tuple[list[str], dict]:
        request = Request(None, str(tmp_path / out), [str(tmp_path / "d.jsonl")], None, [*few, *sets])
        assert run_curate(request) == 0
        made = balanced(tmp_path / out)
        return pl.read_parquet(tmp_path / out / "ledger.parquet").sort("line")["group_id"].to_list(), made

    found, manifest = groups("near", "images.near=true")
    lost = [f"in:{manifest['inputs'][0]['source']}:{tmp_path}/{name}" for name in ("away.png", "broken.png")]
    assert manifest["images"] == {
        "opened": 61, "unopened": 2, "sets": 1, "alike": 2,
        "unopened_named": lost,
    }  # fmt: skip
    # The first pair's image is shown again by the 31st, and a broken file is one image by its name.
    assert found[0] == found[30] == found[31]
    assert len(set(found)) == len(found) - 2
    assert any("could not be opened" in note for note in manifest["notes"])
    found, manifest = groups("plain")
    assert manifest["images"] is None
    assert found[0] != found[30]
    assert found[30] == found[31]
