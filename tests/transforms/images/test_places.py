"""Where images lie: relative paths count from the folder of their file, or from that of their source."""

from __future__ import annotations

import polars as pl
import pytest

from schemas.arrow import DIALOGUE
from transforms.images.places import in_folders, located, root_of

SHA = "ab" * 32


def shows(*uris: str | None, sha256: str | None = None) -> dict:
    return {"role": "user", "content": "x", "images": [{"uri": uri, "sha256": sha256} for uri in uris] or None}


def uris(dialogue: list[dict]) -> list[list[str | None] | None]:
    return [one["images"] and [image["uri"] for image in one["images"]] for one in dialogue]


def test_in_one_folder_paths_stay_and_in_several_they_begin_with_it() -> None:
    prompts = [[shows("1.png")], [shows("1.png", "../i/2.png", "./3.png"), shows()], [], [shows("/x/1.png")]]
    answers = [[[shows("1.png", sha256=SHA)], [shows(None, "s3://b/1.png")]]] * 3 + [[[shows("a/../4.png")]]]
    rows = pl.DataFrame(
        {"file": ["d.jsonl", "a/d.jsonl", "a/d.jsonl", "b/c/d.jsonl"], "prompt": prompts, "responses": answers},
        schema={"file": pl.String(), "prompt": DIALOGUE, "responses": pl.List(DIALOGUE)},
    )
    found = in_folders(rows)
    assert [uris(one) for one in found["prompt"].to_list()] == [
        [["1.png"]],
        [["a/1.png", "i/2.png", "a/3.png"], None],
        [],
        [["/x/1.png"]],
    ]
    same = [[["1.png"]], [[None, "s3://b/1.png"]]]
    assert [list(map(uris, one)) for one in found["responses"].to_list()] == [same, same, same, [[["b/c/4.png"]]]]
    assert found["responses"][0].to_list() == rows["responses"][0].to_list()
    assert in_folders(rows.head(1)).equals(rows.head(1))


@pytest.mark.parametrize(
    ("root", "uri", "expected"),
    [
        ("/x/", "a/1.png", "/x/a/1.png"),
        ("/x", "../a/1.png", "/x/../a/1.png"),  # the system knows whether /x is a link
        ("s3://b/x", "../a/./1.png", "s3://b/a/1.png"),
        ("hf://datasets/o/n@main/data/", "1.png", "hf://datasets/o/n@main/data/1.png"),
        ("https://h/x/", "y/../1.png", "https://h/x/1.png"),
        ("zip://::/x/c.zip", "1.png", "zip://1.png::/x/c.zip"),
        ("zip://a::s3://b/c.zip", "../1.png", "zip://1.png::s3://b/c.zip"),
        ("/x/", "/y/1.png", "/y/1.png"),
        ("/x/", "gs://b/1.png", "gs://b/1.png"),
        ("/x/", "data:image/png;base64,AA", "data:image/png;base64,AA"),
        ("/x/", None, None),
    ],
)
def test_where_an_image_lies(root: str, uri: str | None, expected: str | None) -> None:
    refs = pl.DataFrame({"uri": [uri, "1.png"], "sha256": [None, SHA]}, schema={"uri": pl.String, "sha256": pl.String})
    assert located(refs, pl.Series(["s", None]), {"t": "/t/", "s": root}).to_list() == [expected, "1.png"]


def test_the_root_is_what_ledgers_leave_out() -> None:
    assert root_of("/x/a/d.jsonl", "a/d.jsonl") == "/x/"
    assert root_of("s3://b/d.jsonl", "d.jsonl") == "s3://b/"
