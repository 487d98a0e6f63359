"""Where a run looks for images, and that it sees when one was changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest

from benchmarks.images import as_png, changed, scenes
from pipelines.commands import Request, run_curate
from pipelines.config import load
from pipelines.errors import UserError
from pipelines.plan import plan_sources
from tests.transforms.embed.support import tiny_clip
from transforms import blocks

FEW = ["embed.model=off", "strength.find=false", "gate.split_tolerance=1", "duplicates.near=false", "images.near=true"]
PICTURES = scenes(8, 11)


def write(folder: Path, numbers: tuple[int, int], *shown: str, prompt: str = "which?") -> None:
    """A line on two images, `i/1.png` and `i/2.png` where none are named, and these."""
    (folder / "i").mkdir(parents=True)
    for name, number in zip("12", numbers, strict=True):
        (folder / "i" / f"{name}.png").write_bytes(as_png(PICTURES[number]))
    first, second = shown or ("i/1.png", "i/2.png")
    line = {"prompt": prompt, "image_0": first, "image_1": second, "preference": 1}
    (folder / "d.jsonl").write_text(json.dumps(line) + "\n")


def curate(out: Path, source: str, *sets: str, config: Path | None = None) -> tuple[list[dict[str, Any]], dict]:
    """The ledger, and the manifest."""
    given = [] if config else [source]
    assert run_curate(Request(str(config) if config else None, str(out), given, None, [*FEW, *sets])) == 0
    return pl.read_parquet(out / "ledger.parquet").sort("row_id").to_dicts(), json.loads(
        (out / "manifest.json").read_text()
    )


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))


def test_paths_count_from_the_file_that_names_them(tmp_path: Path) -> None:
    """Three files call six images alike. Two say the same, and are no copies; the third is a group of its own."""
    write(tmp_path / "a", (0, 1))
    write(tmp_path / "b", (2, 3))
    write(tmp_path / "c", (4, 5), prompt="of what?")
    lines, manifest = curate(tmp_path / "out", f"{tmp_path}/*/d.jsonl")
    source = manifest["inputs"][0]["source"]
    assert (manifest["images"]["opened"], manifest["images"]["unopened"]) == (6, 0)
    assert manifest["image_roots"] == {source: f"{tmp_path}/"}
    assert [line["action"] for line in lines] == ["keep"] * 3
    assert manifest["belonging"]["links"]["image"] == 0
    assert lines[0]["group_id"] == lines[1]["group_id"] != lines[2]["group_id"]
    shards = sorted((tmp_path / "out" / "dataset").glob("preference/**/*.parquet"))
    published = pl.concat(map(pl.read_parquet, shards), how="vertical").sort("id")
    uris = {
        message["images"][0]["uri"] for side in ("chosen", "rejected") for one in published[side] for message in one
    }
    assert uris == {f"{folder}/i/{name}.png" for folder in "abc" for name in "12"}


def test_a_source_may_say_another_folder(tmp_path: Path) -> None:
    write(tmp_path / "a", (0, 1), "1.png", "2.png")
    write(tmp_path / "b", (2, 3), "2.png", "away.png", prompt="of what?")
    config = tmp_path / "c.yaml"

    def run(out: str, images: Path) -> dict:
        config.write_text(f"sources: [{{name: s, input: ['{tmp_path}/*/d.jsonl'], images: '{images}'}}]\n")
        return curate(tmp_path / out, "", config=config)[1]

    manifest = run("out", tmp_path / "a" / "i")
    assert (manifest["images"]["opened"], manifest["images"]["unopened"]) == (2, 1)
    assert manifest["image_roots"] == {"s": f"{tmp_path}/a/i"}
    assert manifest["belonging"]["links"]["image"] == 1  # both files name the second
    (note,) = [note for note in manifest["notes"] if "could not be opened" in note]
    assert f"such as {tmp_path}/a/i/away.png: " in note
    config.write_text(f"sources: [{{name: s, input: ['{tmp_path}/*/d.jsonl'], images: '{tmp_path}/none'}}]\n")
    with pytest.raises(UserError, match=f"images: {tmp_path}/none is no folder"):
        plan_sources(load(str(config), [], None, []))


def test_beside_data_on_other_storage(tmp_path: Path) -> None:
    write(tmp_path / "a", (4, 5), "../i/1.png", "../i/2.png")
    fs = fsspec.filesystem("memory")
    fs.pipe("/pictures/a/d.jsonl", (tmp_path / "a" / "d.jsonl").read_bytes())
    for name in ("1.png", "2.png"):
        fs.pipe(f"/pictures/i/{name}", (tmp_path / "a" / "i" / name).read_bytes())
    _, manifest = curate(tmp_path / "out", "memory://pictures/a/d.jsonl")
    assert (manifest["images"]["opened"], manifest["images"]["unopened"]) == (2, 0)


def test_images_of_an_earlier_run_lie_where_that_run_found_them(tmp_path: Path) -> None:
    write(tmp_path / "a", (0, 1))
    write(tmp_path / "b", (2, 3), prompt="of what?")
    (tmp_path / "b" / "i" / "1.png").write_bytes(changed(PICTURES[1], "half size"))
    for name in ("1.png", "2.png"):  # of one source, whose images have names of their own
        (tmp_path / "b" / "i" / name).rename(tmp_path / "b" / "i" / f"new-{name}")
    lines = (tmp_path / "b" / "d.jsonl").read_text()
    (tmp_path / "b" / "d.jsonl").write_text(lines.replace("i/", "i/new-"))

    def run(folder: str, out: str, *sets: str) -> tuple[dict[str, Any], dict[str, Any]]:
        config = tmp_path / f"{folder}.yaml"
        config.write_text(f"sources: [{{name: s, input: ['{tmp_path}/{folder}/d.jsonl']}}]\n")
        (line,), manifest = curate(tmp_path / out, "", *sets, config=config)
        return line, manifest

    before, _ = run("a", "old")
    asked = f"against=[{tmp_path}/old]"
    line, manifest = run("b", "new", asked)
    assert (manifest["images"]["opened"], manifest["images"]["unopened"], manifest["images"]["alike"]) == (4, 0, 2)
    assert manifest["image_roots"] == {"s": f"{tmp_path}/b/"}
    assert line["split"] == before["split"]
    assert manifest["belonging"]["links"]["image"] == 1
    # All of it was moved, and is one folder now.
    for name in ("1.png", "2.png"):
        (tmp_path / "a" / "i" / name).rename(tmp_path / "b" / "i" / name)
    (tmp_path / "a" / "d.jsonl").unlink()
    (tmp_path / "a" / "i").rmdir()
    (tmp_path / "a").rmdir()
    _, manifest = run("b", "new", asked)
    assert (manifest["images"]["opened"], manifest["images"]["unopened"], manifest["images"]["alike"]) == (4, 0, 2)


def test_a_changed_image_is_seen_and_no_other_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tiny_clip(tmp_path)
    write(tmp_path / "a", (0, 1))
    opened: list[str] = []
    real = blocks.read_bytes

    def read(path: str) -> bytes:
        opened.append(path)
        return real(path)

    monkeypatch.setattr(blocks, "read_bytes", read)

    def run() -> tuple[list[str], dict]:
        opened.clear()
        _, manifest = curate(tmp_path / "out", f"{tmp_path}/a/d.jsonl", f"embed.images={clip}")
        return sorted(path.rsplit("/", 1)[-1] for path in opened if path.endswith(".png")), manifest

    first, manifest = run()
    assert set(first) == {"1.png", "2.png"}
    assert (manifest["images"]["alike"], manifest["embedding"]["images"]["distinct"]) == (0, 2)
    again, same = run()
    assert again == []
    stages = [{stage["stage"]: stage["lineage"] for stage in one["stages"]} for one in (manifest, same)]
    assert stages[0] == stages[1]
    (tmp_path / "a" / "i" / "2.png").write_bytes(changed(PICTURES[0], "jpeg 50"))
    _, manifest = run()
    assert manifest["images"]["alike"] == 2
    assert manifest["images"]["kept_before"] == 1
    assert (manifest["embedding"]["images"]["kept_before"], manifest["embedding"]["images"]["embedded"]) == (1, 1)
    (tmp_path / "a" / "i" / "2.png").unlink()
    _, manifest = run()
    assert (manifest["images"]["opened"], manifest["images"]["unopened"]) == (1, 1)
