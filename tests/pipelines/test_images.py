"""Runs on pairs of images: those that look the same join groups or are duplicates; what cannot be opened is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from benchmarks.images import as_png, changed, scenes
from pipelines.commands import Request, run_curate
from pipelines.explain import explain
from pipelines.finished import Finished
from tests.pipelines.test_end_to_end import balanced
from tests.transforms.embed.support import tiny_clip

FEW = ["embed.model=off", "strength.find=false", "gate.split_tolerance=0.5"]
PROMPT = "Which of these two pictures shows better what a calm harbour town looks like on an early morning in spring?"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures, `NUMBER.png`, and other versions of some, `NUMBER-VERSION.jpg`."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(scenes(60, 7)):
        (folder / f"{number}.png").write_bytes(as_png(image))
        if number < 12:
            for version in ("jpeg 50", "half size"):
                (folder / f"{number}-{version.split()[0]}.jpg").write_bytes(changed(image, version))
    (folder / "broken.png").write_bytes(b"none")
    return folder


def write(target: Path, pictures: Path, pairs: list[tuple[str, str, str, int]]) -> Path:
    """Pairs as (prompt, first picture, second, which is better)."""
    rows = [
        {"prompt": prompt, "image_0": str(pictures / first), "image_1": str(pictures / second), "preference": better}
        for prompt, first, second, better in pairs
    ]
    target.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return target


def curate(out: Path, source: Path, *sets: str, against: Path | None = None) -> tuple[list[dict[str, Any]], dict]:
    """The ledger in the order of the lines, and the manifest."""
    asked = Request(None, str(out), [str(source)], None, [*FEW, *sets], [str(against)] if against else [])
    assert run_curate(asked) == 0
    made = balanced(out)
    return pl.read_parquet(out / "ledger.parquet").sort("line").to_dicts(), made


def test_near_copies_of_images_join_groups(tmp_path: Path, pictures: Path) -> None:
    names = [f"{number}.png" for number in range(60)] + ["0-jpeg.jpg", "broken.png", "broken.png", "away.png"]
    pairs = [
        (f"subject {place}", first, second, place % 2)
        for place, (first, second) in enumerate(zip(names[::2], names[1::2], strict=True))
    ]
    source = write(tmp_path / "d.jsonl", pictures, pairs)
    lines, manifest = curate(tmp_path / "near", source, "images.near=true", "duplicates.near=false")
    found = [line["group_id"] for line in lines]
    lost = [f"in:{manifest['inputs'][0]['source']}:{pictures}/{name}" for name in ("away.png", "broken.png")]
    assert manifest["images"] == {
        "opened": 61, "kept_before": 0, "unopened": 2, "unopened_named": lost, "sets": 1, "alike": 2,
        "unopened_at": [f"{pictures}/{name}" for name in ("away.png", "broken.png")], "bits": 6, "chained": 0,
        "by_vectors": None,
    }  # fmt: skip
    # The first pair's image is shown again by the 31st, and a broken file is one image by its name.
    assert found[0] == found[30] == found[31]
    assert len(set(found)) == len(found) - 2
    said = f"2 images could not be opened, such as {pictures}/away.png: "
    assert any(note.startswith(said) for note in manifest["notes"])
    lines, manifest = curate(tmp_path / "plain", source, "duplicates.near=false")
    found = [line["group_id"] for line in lines]
    assert manifest["images"] is None
    assert found[0] != found[30]
    assert found[30] == found[31]


#: Ten pairs on one long prompt, which meet in nearly all bands of their texts; then what is said of the first five.
ORIGINALS = [(PROMPT, f"{2 * place}.png", f"{2 * place + 1}.png", place % 2) for place in range(10)]
AGAIN = [
    (PROMPT, "0-jpeg.jpg", "1-half.jpg", 0),  # both near-copies, and the same said
    (PROMPT, "3-jpeg.jpg", "2.png", 0),  # sides swapped, one image the very same, and the same said
    (PROMPT + " Look twice.", "4-half.jpg", "5-jpeg.jpg", 1),  # another text, nearly the same; the other side named
    (PROMPT, "7-jpeg.jpg", "6-jpeg.jpg", 1),  # swapped, and the other side named
    (PROMPT, "8-jpeg.jpg", "30.png", 0),  # one image alone
    ("What would be a nice cover for a novel about an old dog who goes to sea?", "10-jpeg.jpg", "11-half.jpg", 1),
]  # fmt: skip


def test_pairs_of_near_copies_are_duplicates(tmp_path: Path, pictures: Path) -> None:
    source = write(tmp_path / "d.jsonl", pictures, ORIGINALS + AGAIN)
    lines, manifest = curate(tmp_path / "out", source, "images.near=true", "policy.near_conflict=soften")
    name = {line["row_id"]: place for place, line in enumerate(lines)}
    sets = []
    for line in lines:
        for detail in line["details"]:
            if detail["reason"] == "near_images":
                assert line["action"] == "drop"
                assert 0.98 <= detail["score"] <= 1
                assert detail["threshold"] == 0.98
                sets.append({name[line["row_id"]], name[detail["counterpart"]]})
    assert sorted(map(sorted, sets)) == [[place, 10 + place] for place in range(4)]
    contested = {name[line["row_id"]]: line for line in lines if "near_conflict" in line["reasons"]}
    assert {min(place, place - 10 if place >= 10 else place) for place in contested} == {2, 3}
    for line in contested.values():
        (detail,) = [one for one in line["details"] if one["reason"] == "near_conflict"]
        assert (line["action"], detail["score"], detail["threshold"]) == ("soften", 0.5, 1)
        assert {name[line["row_id"]], name[detail["counterpart"]]} in sets
    assert manifest["reasons"] == {"near_images": 4, "near_conflict": 2}
    assert manifest["counts"]["conflicts"] == 2
    copy = next(line for line in lines if "near_images" in line["reasons"])
    run = Finished.at(str(tmp_path / "out"))
    said = explain(run, run.find([copy["row_id"]])[copy["row_id"]])["otherwise"]
    changes = {one["change"].partition(" above")[0]: one["verdict"] for one in said}
    assert set(changes) == {"policy.near_images: keep", "policy.near_images: review", "images.likeness"}
    # What merely shares an image joins a group, and so do those on one prompt.
    assert lines[15]["group_id"] == lines[0]["group_id"]
    assert lines[15]["action"] == lines[14]["action"] == "keep"
    lines, manifest = curate(tmp_path / "out", source, "images.near=true", "policy.near_images=keep")
    assert manifest["reasons"] == {"near_conflict": 2}
    assert manifest["counts"]["kept"] == 16
    lines, manifest = curate(tmp_path / "plain", source)
    assert manifest["reasons"] == {}


def test_what_an_earlier_run_has_published_stands_for_near_copies(tmp_path: Path, pictures: Path) -> None:
    source = write(tmp_path / "old.jsonl", pictures, ORIGINALS)
    before, _ = curate(tmp_path / "old", source, "images.near=true")
    news = [*AGAIN, ("subject 0", "20.png", "21.png", 0), ("subject 1", "22.png", "11-jpeg.jpg", 0)]
    source = write(tmp_path / "new.jsonl", pictures, news)
    lines, manifest = curate(tmp_path / "new", source, "images.near=true", against=tmp_path / "old")
    copies = [line for line in lines if "near_images" in line["reasons"]]
    assert [lines.index(line) for line in copies] == [0, 1, 2, 3]
    assert [line["counterpart"] for line in copies] == [line["row_id"] for line in before[:4]]
    assert "near_conflict" not in manifest["reasons"]  # the row that is contradicted is published already
    # Near-copies of published images alone join the group that shows these, and its split; other images none.
    assert {lines[place]["group_id"] for place in (5, 7)} == {lines[4]["group_id"]}
    assert {lines[place]["split"] for place in (4, 5, 7)} == {before[0]["split"]}
    assert lines[6]["group_id"] not in {lines[4]["group_id"], before[0]["group_id"]}


def test_vectors_find_what_hashes_miss(tmp_path: Path) -> None:
    """The tiny model sees the middle square of an image: what is cropped to that has the vector of the whole."""
    clip = tiny_clip(tmp_path)
    wide, pairs = [left_and_right(*both) for both in zip(scenes(8, 1), scenes(8, 2), strict=True)], []
    for number, image in enumerate(wide):
        (tmp_path / f"{number}.png").write_bytes(as_png(image))
        side = image.size[1]
        left = (image.size[0] - side) // 2
        (tmp_path / f"{number}-crop.png").write_bytes(as_png(image.crop((left, 0, left + side, side))))
        if number % 2:
            pairs.append((PROMPT, f"{number - 1}.png", f"{number}.png", 1))
    again = [(PROMPT, "1-crop.png", "0-crop.png", 0), ("subject", "2-crop.png", "3-crop.png", 0)]
    source = write(tmp_path / "d.jsonl", tmp_path, [*pairs, *again])
    asked = ["images.near=true", f"embed.images={clip}", "images.cosine=0.99999"]
    lines, manifest = curate(tmp_path / "vectors", source, *asked)
    assert manifest["images"]["by_vectors"] == {"images": 12, "alike_by_these_alone": 8}
    assert manifest["images"]["alike"] == 8  # hashes find none
    assert manifest["reasons"] == {"near_images": 1}
    (copy,) = [line for line in lines if line["action"] == "drop"]
    (detail,) = copy["details"]
    assert detail["threshold"] == 0.99999 <= detail["score"] <= 1
    assert {copy["line"], next(one["line"] for one in lines if one["row_id"] == detail["counterpart"])} == {1, 5}
    assert lines[5]["group_id"] == lines[1]["group_id"]
    assert any("depends on the model" in note for note in manifest["notes"])


def left_and_right(one: Image.Image, other: Image.Image) -> Image.Image:
    """A wide image whose middle is half of each."""
    out = Image.new("RGB", (one.size[0] * 2, one.size[1]))
    out.paste(one, (0, 0))
    out.paste(other, (one.size[0], 0))
    return out
