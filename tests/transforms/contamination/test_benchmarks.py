"""Benchmarks' files to items."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from transforms.contamination.benchmarks import read_benchmarks, texts_in
from transforms.contamination.items import ITEMS
from transforms.contamination.letters import MESSAGE_END
from transforms.ingest.files import plan

ALL = ["prompt", "response", "reference"]


def read(folder: Path, path: Path, form: str, **other: Any) -> tuple[list[tuple[str, str, str]], dict[str, int]]:
    refs, _ = plan("b", [str(path)], format="jsonl" if form == "text" else None)
    task = {"name": "b", "format": form, "fields": None, "parts": ALL, "options": {}, **other}
    stats = read_benchmarks({"benchmarks": [task | {"refs": [ref.to_dict() for ref in refs]}]}, str(folder / "out"))
    items = pl.read_parquet(folder / "out" / "items.parquet")
    assert items.schema == ITEMS
    return items.drop("benchmark").rows(), stats["benchmarks"]["b"]


def test_rows_of_any_adapter(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    record = {"instruction": "Say hi.", "output_1": "Hi.", "output_2": "No.", "preference": 1.0, "annotator": "x"}
    path.write_bytes(orjson.dumps([record, record | {"output_2": "say: HI"}, record | {"preference": 7.0}]))
    items, counted = read(tmp_path, path, "alpaca_eval")
    assert items == [
        ("b:b.json:1", "prompt", "Say hi."),
        ("b:b.json:1", "response", "Hi."),
        ("b:b.json:1", "response", "No."),
    ]
    assert counted == {"records": 3, "items": 3, "unreadable": 1}
    items, _ = read(tmp_path, path, "alpaca_eval", parts=["prompt"])
    assert [part for _, part, _ in items] == ["prompt"]


def test_references_and_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text("src,mt,ref,score\nguten Tag,good day,hello,3\nja,yes,yes!,2\n")
    mapping = {"kind": "rating", "prompt": "src", "responses": ["mt"], "references": ["ref"],
               "scores": [{"field": "score", "minimum": 0, "maximum": 5}]}  # fmt: skip
    items, counted = read(tmp_path, path, "mapping", options={"mapping": mapping})
    assert {(part, text) for _, part, text in items} == {
        ("prompt", "guten Tag"),
        ("response", "good day"),
        ("reference", "hello"),
        ("prompt", "ja"),
        ("response", "yes"),
    }
    assert counted["items"] == 5


def test_columns_of_any_file(tmp_path: Path) -> None:
    rows = [
        {"q": "one?", "more": {"choices": ["a first one", "a second one"]}},
        {"q": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "you"}], "more": None},
        {"q": None, "more": {"choices": [1, 2]}},
    ]
    path = tmp_path / "b.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    items, counted = read(tmp_path, path, "fields", fields=["q", "more.choices"])
    assert items == [
        ("b:b.jsonl:1", "prompt", "one?"),
        ("b:b.jsonl:1", "prompt", "a first one"),
        ("b:b.jsonl:1", "prompt", "a second one"),
        ("b:b.jsonl:2", "prompt", f"hello{MESSAGE_END}you"),
    ]
    assert counted == {"records": 3, "items": 4, "unreadable": 1}
    pl.DataFrame({"q": ["one?", "two?"]}).write_parquet(tmp_path / "b.parquet")
    items, _ = read(tmp_path, tmp_path / "b.parquet", "fields", fields=["q"])
    assert [text for *_, text in items] == ["one?", "two?"]


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"\xef\xbb\xbfone\r\n\ntwo\x85three\n", [("b:b.txt:1", "one"), ("b:b.txt:3", "two\ufffdthree")]),
        (b'["one", "two", 3, {"role": "user", "content": "four"}]', 
         [("b:b.txt:1", "one"), ("b:b.txt:2", "two"), ("b:b.txt:4", "four")]),
        (b"[one] is\n[two]", [("b:b.txt:1", "[one] is"), ("b:b.txt:2", "[two]")]),
        (b"One\none!\n...\n", [("b:b.txt:1", "One")]),
    ],
)  # fmt: skip
def test_lines_and_lists_of_texts(data: bytes, texts: list[tuple[str, str]], tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(data)
    items, _ = read(tmp_path, tmp_path / "b.txt", "text")
    assert [(place, text) for place, _, text in items] == texts


def test_compressed_lines_that_break_off(tmp_path: Path) -> None:
    path = tmp_path / "b.txt.gz"
    path.write_bytes(gzip.compress(b"".join(b"a text number %d\n" % i for i in range(5000)))[:-2000])
    items, counted = read(tmp_path, path, "text")
    assert counted["unreadable"] == 1
    assert 0 < len(items) < 5000


def test_texts_in_values() -> None:
    assert texts_in("a") == ["a"]
    assert texts_in(["a", "b"]) == ["a", "b"]
    assert texts_in({"role": "user", "content": "a"}) == ["a"]
    assert texts_in(7) == texts_in([1]) == texts_in({"a": 1}) == texts_in(None) == []
