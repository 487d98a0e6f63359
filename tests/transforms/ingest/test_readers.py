"""Records out of files: all that are good, and each that is not with its place."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.verdict import DEAD_LETTERS
from transforms.ingest.files import FileRef, plan
from transforms.ingest.readers import read, sample
from transforms.ingest.records import Broken, Records

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


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


class TestJsonl:
    def test_records_lines_and_raws(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.jsonl", '{"a": 1}\n{"a": 2}\n')
        (records,) = batches(path)
        assert (records.objects(), records.lines.tolist()) == ([{"a": 1}, {"a": 2}], [1, 2])
        assert records.raw(1) == '{"a": 2}'

    def test_blank_lines_bom_and_line_ends(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": "x\\r"}\r\n')
        assert everything(path) == ({1: {"a": 1}, 4: {"a": "x\r"}}, [])

    @pytest.mark.parametrize(
        ("line", "code", "said"),
        [
            (b'{"a": 1', "invalid_json", "character 8 of the line"),
            (b'{"a": nope}', "invalid_json", "character 7 of the line"),
            (b'{"a": "\xff"}', "invalid_utf8", "byte 8 of the line (0xff)"),
            (b"[1]", "not_an_object", "is a list"),
            (b"null", "not_an_object", "is null"),
            (b"NaN", "not_an_object", "is a number"),
            (b'{"a": "\\ud83d"}', "invalid_utf8", "\\ud83d"),
            (b'{"a": ' + b"[" * 100_000, "invalid_json", "cannot be parsed"),
            (b'{"a": "' + b"x" * 3000 + b'"}', "line_too_long", "3,009 bytes; at most 2,000"),
        ],
    )
    def test_a_bad_line_loses_itself_alone(self, tmp_path: Path, line: bytes, code: str, said: str) -> None:
        path = put(tmp_path / "a.jsonl", b'{"a": 1}\n' + line + b'\n\n{"a": 2}\n')
        limit = 2000 if code == "line_too_long" else 2**20
        found, (broken,) = everything(path, max_line_bytes=limit)
        assert found == {1: {"a": 1}, 4: {"a": 2}}
        assert (broken.line, broken.code) == (2, code)
        assert said in broken.message
        expected = line[:1000] if code == "line_too_long" else line
        assert broken.raw == expected.decode("utf-8", "backslashreplace")

    def test_json_as_python_writes_it(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.jsonl", '{"a": NaN}\n{"a": -Infinity}\n{"a": "\\ud83d\\ude00"}\n')
        found, broken = everything(path)
        assert broken == []
        assert str(found) == "{1: {'a': nan}, 2: {'a': -inf}, 3: {'a': '😀'}}"

    @pytest.mark.parametrize("size", [16, 100, 333])
    def test_ranges_read_what_the_whole_file_has(self, tmp_path: Path, size: int) -> None:
        chance = random.Random(3)
        lines = [
            chance.choice(['{"n": %d}', '{"n": %d, "t": "' + "é" * 200 + '"}', "%d", "", "{%d"]) for _ in range(300)
        ]
        text = "\r\n".join(line % i if "%" in line else line for i, line in enumerate(lines))
        path = put(tmp_path / "a.jsonl", text)
        whole = everything(path)
        assert len(plan("s", [str(path)], range_bytes=size)[0]) > 10
        assert everything(path, {"range_bytes": size}) == whole
        assert len(whole[0]) + len(whole[1]) == sum(1 for line in lines if line)

    @pytest.mark.parametrize("size", [50, 1000, 40_000])
    def test_over_long_lines_in_any_place(self, tmp_path: Path, size: int) -> None:
        lengths = [10, 5000, 20, 3000, 30, 9000]
        lines = [json.dumps({"a": "x" * length}) for length in lengths]
        for text in ("\n".join(lines), "\n".join(lines[::-1]) + "\n"):
            found, broken = everything(
                put(tmp_path / "a.jsonl", text), {"range_bytes": size}, max_line_bytes=2000, batch_bytes=1500
            )
            expected = [len(line) for line in text.split("\n") if line]
            assert list(found) == [i for i, length in enumerate(expected, 1) if length <= 2000]
            assert [letter.line for letter in broken] == [i for i, length in enumerate(expected, 1) if length > 2000]
            assert all(f"{expected[b.line - 1]:,} bytes" in b.message and len(b.raw) == 1000 for b in broken)

    def test_a_line_of_50_mb_is_never_held(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        with path.open("wb") as file:
            file.write(b'{"a": 1}\n{"a": "')
            for _ in range(50):
                file.write(b"x" * 2**20)
            file.write(b'"}\n{"a": 2}\n')
        tracemalloc.start()
        found, (broken,) = everything(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == {1: {"a": 1}, 3: {"a": 2}}
        assert (broken.line, broken.code, len(broken.raw)) == (2, "line_too_long", 1000)
        assert peak < 45 * 2**20

    def test_batches_have_their_sizes(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.jsonl", '{"a": "0123456789"}\n' * 1000)
        assert [len(batch) for batch in batches(path, batch_records=300)] == [300, 300, 300, 100]
        small = batches(path, batch_bytes=2000)
        assert max(map(len, small)) <= 100
        assert sum(map(len, small)) == 1000


class TestCompressed:
    text = "".join(json.dumps({"n": i, "text": f"{i * 7919:x}" * 20}) + "\n" for i in range(20_000))

    @pytest.mark.parametrize("kind", COMPRESS)
    def test_whole(self, tmp_path: Path, kind: str) -> None:
        found, broken = everything(put(tmp_path / f"a.jsonl.{kind}", COMPRESS[kind](self.text.encode())))
        assert broken == []
        assert [row["n"] for row in found.values()] == list(range(20_000))

    @pytest.mark.parametrize("kind", COMPRESS)
    def test_several_in_one_file(self, tmp_path: Path, kind: str) -> None:
        content = b"".join(COMPRESS[kind](b'{"n": %d}\n' % i) for i in range(3))
        assert len(everything(put(tmp_path / f"a.jsonl.{kind}", content))[0]) == 3

    @pytest.mark.parametrize("kind", COMPRESS)
    def test_cut_off(self, tmp_path: Path, kind: str) -> None:
        content = COMPRESS[kind](self.text.encode())
        found, (broken,) = everything(put(tmp_path / f"a.jsonl.{kind}", content[: len(content) * 2 // 3]))
        count = len(found)
        assert [row["n"] for row in found.values()] == list(range(count))
        assert count > 100  # bzip2 unpacks blocks of 900 KB, the others go on to the cut
        assert (broken.code, broken.line) == ("truncated_file", count + 1)
        assert f"line {count + 1}" in broken.message
        assert self.text.split("\n")[count].startswith(broken.raw)

    def test_all_that_the_cut_leaves_comes_out(self, tmp_path: Path) -> None:
        content = gzip.compress(self.text.encode())
        cut = content[: len(content) // 2]
        whole = zlib.decompressobj(wbits=31).decompress(cut)
        found, (broken,) = everything(put(tmp_path / "a.jsonl.gz", cut))
        assert len(found) == whole.count(b"\n")
        assert broken.raw.encode() == whole.rsplit(b"\n", 1)[1]

    @pytest.mark.parametrize("kind", COMPRESS)
    def test_corrupt(self, tmp_path: Path, kind: str) -> None:
        content = COMPRESS[kind](self.text.encode())
        place = len(content) * 2 // 3
        broken_content = content[:place] + bytes(64) + content[place + 64 :]
        found, broken = everything(put(tmp_path / f"a.jsonl.{kind}", broken_content))
        assert len(found) > 100
        assert broken[-1].code == "unreadable"
        assert "corrupt" in broken[-1].message
        assert len({letter.line for letter in broken}) == len(broken)

    def test_a_fault_loses_nothing_before_it(self, tmp_path: Path) -> None:
        # The second of two members is broken from its first byte on, in the same step as the end of the first.
        first = gzip.compress(b'{"n": 1}\n' * 5)
        found, (broken,) = everything(put(tmp_path / "a.jsonl.gz", first + b"no gzip at all" * 100))
        assert len(found) == 5
        assert (broken.code, broken.line) == ("unreadable", 6)

    def test_a_fault_loses_nothing_within_its_step(self, tmp_path: Path) -> None:
        packer = zlib.compressobj(wbits=31)
        content = packer.compress(b'{"n": 1}\n' * 5) + packer.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 100
        found, (broken,) = everything(put(tmp_path / "a.jsonl.gz", content))
        assert len(found) == 5
        assert (broken.code, broken.line) == ("unreadable", 6)

    def test_padding_is_no_fault(self, tmp_path: Path) -> None:
        assert everything(put(tmp_path / "a.jsonl.gz", gzip.compress(b'{"n": 1}\n') + bytes(512)))[1] == []

    @pytest.mark.parametrize("name", ["a.json.gz", "a.csv.gz", "a.xml.gz"])
    def test_other_formats_cut_off(self, tmp_path: Path, name: str) -> None:
        items = [{"n": str(i), "text": f"{i * 7919:x}" * 20} for i in range(5000)]
        content = {
            "a.json.gz": json.dumps(items),
            "a.csv.gz": "n,text\n" + "".join(f'{i["n"]},"{i["text"]}"\n' for i in items),
            "a.xml.gz": "<r>" + "".join(f"<i><n>{i['n']}</n><text>{i['text']}</text></i>" for i in items) + "</r>",
        }[name]
        packed = gzip.compress(content.encode())
        found, (broken,) = everything(put(tmp_path / name, packed[: len(packed) * 2 // 3]))
        assert list(found.values()) == items[: len(found)]
        assert len(found) > 1000
        assert broken.code == "truncated_file"

    @pytest.mark.slow
    def test_memory_is_bounded(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl.gz"
        chance = random.Random(1)
        with gzip.open(path, "wb", compresslevel=1) as file:
            for i in range(300):
                noise = f"{chance.getrandbits(2000):x}"
                file.write(
                    b"".join(json.dumps({"n": i, "t": noise[j % 200 :] * 2}).encode() + b"\n" for j in range(1200))
                )
        count, size = growth(path)
        assert count == 360_000
        assert size < 150 * 2**20


class TestJson:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
            ('\ufeff [\n{"a": [1, {"b": "]}"}]}\n,{"a": 2},]\n', [{"a": [1, {"b": "]}"}]}, {"a": 2}]),
            ("[]", []),
            ('{"x": {"a": 1}, "y" : {"a": 2}}', [{"key": "x", "a": 1}, {"key": "y", "a": 2}]),
            ('{"x": {"key": 1}}', [{"key": 1}]),
            ('{"v": "[{", "n": [1], "data": [{"a": 1}, {"a": 2}], "z": {}}', [{"a": 1}, {"a": 2}]),
            ('{"a": 1,\n "b": [2]}', [{"a": 1, "b": [2]}]),
            ('{\n"a": 1}\n{\n"a": 2}', [{"a": 1}, {"a": 2}]),
            ('[{"a": NaN, "b": "\\ud83d\\ude00"}]', [{"a": float("nan"), "b": "😀"}]),
        ],
    )
    @pytest.mark.parametrize("window", [1, 7, 2**20])
    def test_shapes(self, tmp_path: Path, text: str, expected: list[Any], window: int) -> None:
        found, broken = everything(put(tmp_path / "a.json", text), batch_bytes=window)
        assert broken == []
        assert list(found) == list(range(1, len(expected) + 1))
        assert str(list(found.values())) == str(expected)

    @pytest.mark.parametrize("window", [1, 30, 2**20])
    @pytest.mark.parametrize(
        ("element", "code"),
        [
            ('{"a": nope}', "invalid_json"),
            ('{"a": 1 "b": [{"a": 1}, {"a": 2}]}', "invalid_json"),
            ('{"a": "line\nend"}', "invalid_json"),
            ('{"a": "no end}', "invalid_json"),
            ('{"a": {"b": "no end}}', "invalid_json"),
            ('{"a": 1', "invalid_json"),
            ("nope", "invalid_json"),
            ("12", "not_an_object"),
            ('["x", "y"]', "not_an_object"),
            ('{"a": "\\ud83d"}', "invalid_utf8"),
            ('{"a": "' + "x" * 3000 + '", "b": ["}", {}]}', "line_too_long"),
        ],
    )
    def test_a_bad_element_loses_itself_alone(self, tmp_path: Path, element: str, code: str, window: int) -> None:
        others = '{"a": "%d", "b": [{"c": 1}]}'
        text = f"[{others % 1}, {element}, {others % 3},\n{others % 4}]"
        found, (broken,) = everything(put(tmp_path / "a.json", text), batch_bytes=window, max_line_bytes=2000)
        assert {number: row["a"] for number, row in found.items()} == {1: "1", 3: "3", 4: "4"}
        assert (broken.line, broken.code) == (2, code)
        assert "element 2" in broken.message or code in ("not_an_object", "invalid_utf8")
        assert broken.raw.strip() == (element if code != "line_too_long" else element[:1000])

    def test_an_element_without_its_end_does_not_swallow_the_file(self, tmp_path: Path) -> None:
        elements = [json.dumps({"id": i, "text": "x" * 90, "turns": [{"a": 1}, {"a": 2}]}) for i in range(200)]
        elements[50] = elements[50].removesuffix("]}")
        found, broken = everything(put(tmp_path / "a.json", f"[{', '.join(elements)}]"), max_line_bytes=2000)
        assert [row["id"] for row in found.values()] == [*range(50), *range(51, 200)]
        assert [(letter.line, letter.code, letter.raw) for letter in broken[:1]] == [(51, "invalid_json", elements[50])]

    @pytest.mark.parametrize("value", ["{nope}", '{"a": 1 "b": 2}', "1"])
    def test_a_bad_member_loses_itself_alone(self, tmp_path: Path, value: str) -> None:
        text = '{"x": {"a": 1}, "y": ' + value + ', "z": {"a": 3}}'
        refs, _ = plan("s", [str(put(tmp_path / "a.json", text))])
        shape = FileRef.from_dict(refs[0].to_dict() | {"shape": "values"})
        (records,) = read(shape)
        assert (records.objects(), records.lines.tolist()) == ([{"a": 1, "key": "x"}, {"a": 3, "key": "z"}], [1, 3])
        assert [letter.line for letter in records.broken] == [2]

    @pytest.mark.parametrize("broken_one", [0, 3])
    def test_no_part_of_a_broken_element_is_a_record(self, tmp_path: Path, broken_one: int) -> None:
        elements = [json.dumps({"id": i, "turns": [{"id": 1}, {"id": 2}], "end": {"x": 1}}) for i in range(6)]
        whole = elements[broken_one]
        for at in range(len(whole)):
            elements[broken_one] = whole[:at] + whole[at + 1 :]
            found, broken = everything(put(tmp_path / "a.json", f"[{', '.join(elements)}]"))
            ids = [row.get("id") for row in found.values() if "turns" in row]
            assert set(ids) >= set(range(6)) - {broken_one}, elements[broken_one]
            assert broken or len(found) == 6

    def test_bytes_that_are_not_utf8(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.json", b'[{"a": "\xc3\xa9"}, {"a": "\xff"}, {"a": "\xe2\x82\xac"}]')
        for window in (1, 2**20):
            found, (broken,) = everything(path, batch_bytes=window)
            assert found == {1: {"a": "é"}, 3: {"a": "€"}}
            assert (broken.line, broken.code, broken.raw) == (2, "invalid_utf8", '{"a": "\\xff"}')

    @pytest.mark.parametrize("window", [1, 2**20])
    @pytest.mark.parametrize(
        ("text", "count", "said"),
        [
            ('[{"a": 1}, {"a": [{"a": 1}, {"a"', 1, "within element 2"),
            ('[{"a": 1}, {"a": "x', 1, "within element 2"),
            ('[{"a": 1}, {"a": 2}', 2, "after element 2"),
            ('[{"a": 1},', 1, "after element 1"),
            ('{"x": {"a": 1}, "y": {"a": 1', 1, "within element 2"),
        ],
    )
    def test_cut_off(self, tmp_path: Path, text: str, count: int, said: str, window: int) -> None:
        found, (broken,) = everything(put(tmp_path / "a.json", text), batch_bytes=window)
        assert list(found) == list(range(1, count + 1))
        assert (broken.line, broken.code) == (count + 1, "truncated_file")
        assert said in broken.message

    def test_text_after_the_end(self, tmp_path: Path) -> None:
        found, (broken,) = everything(put(tmp_path / "a.json", '[{"a": 1}] {"a": 2}'))
        assert found == {1: {"a": 1}}
        assert (broken.line, broken.code) == (2, "invalid_json")

    def test_the_raw_record_is_its_text(self, tmp_path: Path) -> None:
        (records,) = batches(put(tmp_path / "a.json", '[{"a":  1.0, "a": 2}]'))
        assert records.raw(0) == '{"a":  1.0, "a": 2}'

    def test_an_object_of_50_mb_streams(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        with path.open("w") as file:
            file.write('{"0": {"a": 0}')
            for i in range(1, 50_000):
                file.write(f', "{i}": {{"a": "{i:01000d}"}}')
            file.write("}")
        refs, _ = plan("s", [str(path)])
        assert refs[0].shape == "values"
        tracemalloc.start()
        count = 0
        for records in read(refs[0], batch_bytes=2**20):
            count += len(records)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 50_000
        assert peak < 12 * 2**20

    @settings(max_examples=60, deadline=None)
    @given(
        items=st.lists(
            st.dictionaries(
                st.text(max_size=4),
                st.recursive(
                    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(max_size=3), s, max_size=3),
                    max_leaves=6,
                ),
                max_size=3,
            ),
            min_size=1,
            max_size=6,
        ),
        window=st.integers(1, 60),
        indent=st.none() | st.integers(0, 2),
        ascii_only=st.booleans(),
    )
    def test_any_array(
        self, items: list[Any], window: int, indent: int | None, ascii_only: bool, tmp_path_factory: Any
    ) -> None:
        path = tmp_path_factory.mktemp("any") / "a.json"
        put(path, json.dumps(items, indent=indent, ensure_ascii=ascii_only))
        found, broken = everything(path, batch_bytes=window)
        assert (list(found.values()), broken) == (items, [])


class TestQuoted:
    def test_values_are_text_and_empty_is_null(self, tmp_path: Path) -> None:
        (records,) = batches(put(tmp_path / "a.csv", 'a,b\n1,\n"",x\n'))
        assert records.textual
        assert records.frame is not None
        assert records.frame.to_dict(as_series=False) == {"a": ["1", None], "b": [None, "x"]}
        assert set(records.frame.dtypes) == {pl.String}

    @pytest.mark.parametrize("size", [8, 20, 1000])
    def test_line_ends_in_quotes(self, tmp_path: Path, size: int) -> None:
        text = 'a,b\n1,"x\n\ny"\n2,"say ""hi"", z"\r\n"3\n",last'
        found, broken = everything(put(tmp_path / "a.csv", text), batch_bytes=size)
        assert broken == []
        assert found == {
            2: {"a": "1", "b": "x\n\ny"},
            5: {"a": "2", "b": 'say "hi", z'},
            6: {"a": "3\n", "b": "last"},
        }

    @pytest.mark.parametrize(
        ("line", "code", "said", "lines"),
        [
            ("1,2,3", "invalid_csv", "line 3 has 3 fields; the header has 2", 1),
            ("1", "invalid_csv", "has 1 fields", 1),
            ('1,"a\nb",c', "invalid_csv", "has 3 fields", 2),
            ('1,"no end', "invalid_csv", "does not close", 1),
            (b"1,\xff", "invalid_utf8", "field 'b' of the record in line 3", 1),
        ],
    )
    @pytest.mark.parametrize("others", ['"x"', '"x\ny"', "x"])
    def test_a_bad_record_loses_itself_alone(
        self, tmp_path: Path, line: str | bytes, code: str, said: str, lines: int, others: str
    ) -> None:
        line = line.encode() if isinstance(line, str) else line
        head, tail = b"a,b\n0,x\n", f"\n5,{others}\n6,{others}\n".encode()
        found, (broken,) = everything(put(tmp_path / "a.csv", head + line + tail))
        value = others.strip('"')
        second = 3 + lines + 1 + value.count("\n")
        assert found == {2: {"a": "0", "b": "x"}, 3 + lines: {"a": "5", "b": value}, second: {"a": "6", "b": value}}
        assert (broken.line, broken.code) == (3, code)
        assert said in broken.message
        assert broken.raw == line.decode("utf-8", "backslashreplace")

    def test_quotes_within_a_field_are_characters(self, tmp_path: Path) -> None:
        found, broken = everything(put(tmp_path / "a.csv", 'a,b\n5" disk,x\n6,"y"\n'))
        assert (list(found.values()), broken) == ([{"a": '5" disk', "b": "x"}, {"a": "6", "b": "y"}], [])

    def test_empty_records_and_blank_lines(self, tmp_path: Path) -> None:
        found, broken = everything(put(tmp_path / "a.csv", "a,b\n\n,\n1,2\r\n\r\n3,4\n"))
        assert broken == []
        assert found == {3: {"a": None, "b": None}, 4: {"a": "1", "b": "2"}, 6: {"a": "3", "b": "4"}}

    def test_a_quote_that_never_closes(self, tmp_path: Path) -> None:
        text = "a,b\n" + '1,"open\n' + "2,x\n" * 20_000
        for limit in (1000, 2**24):
            found, (broken,) = everything(put(tmp_path / "a.csv", text), max_line_bytes=limit, batch_bytes=4000)
            assert (broken.line, broken.code) == (2, "invalid_csv")
            assert list(found) == list(range(3, 20_003))

    def test_a_quote_that_never_closes_is_not_waited_for(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.csv", "a,b\n" + '1,"open\n' + "2,x\n" * 20_000)
        first = next(batch for batch in batches(path, max_line_bytes=1000, batch_bytes=4000) if len(batch))
        assert len(first) < 2000

    def test_a_lone_carriage_return_ends_no_record(self, tmp_path: Path) -> None:
        # As many records by Arrow's count as there are lines, so that counting alone does not tell.
        found, (broken,) = everything(put(tmp_path / "a.csv", 'a,b\n1,"x\ny"\n3,4\r5,6\n7,"8\r9"\n'))
        assert found == {2: {"a": "1", "b": "x\ny"}, 5: {"a": "7", "b": "8\r9"}}
        assert (broken.line, broken.code) == (4, "invalid_csv")

    def test_a_long_record_of_many_lines(self, tmp_path: Path) -> None:
        text = 'a,b\n1,"' + "x\n" * 50_000 + '"\n2,y\n'
        found, broken = everything(put(tmp_path / "a.csv", text), batch_bytes=4000)
        assert broken == []
        assert list(found) == [2, 50_003]

    def test_one_column(self, tmp_path: Path) -> None:
        found, broken = everything(put(tmp_path / "a.csv", 'text\nx\n\n"y\nz"\nw\n'))
        assert (found, broken) == ({2: {"text": "x"}, 4: {"text": "y\nz"}, 6: {"text": "w"}}, [])

    def test_a_header_over_lines(self, tmp_path: Path) -> None:
        found, broken = everything(put(tmp_path / "a.csv", 'a,"b\nc"\n1,2\n'))
        assert (found, broken) == ({3: {"a": "1", "b\nc": "2"}}, [])

    def test_no_record(self, tmp_path: Path) -> None:
        assert everything(put(tmp_path / "a.csv", "a,b\n")) == ({}, [])

    @settings(max_examples=100, deadline=None)
    @given(
        table=st.lists(
            st.lists(st.text(st.sampled_from('ab,"\n\r\t é'), max_size=6), min_size=2, max_size=2),
            min_size=1,
            max_size=12,
        ),
        size=st.integers(4, 80),
        end=st.sampled_from(["\n", "\r\n"]),
    )
    def test_what_the_csv_module_writes(
        self, table: list[list[str]], size: int, end: str, tmp_path_factory: Any
    ) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *table])
        path = put(tmp_path_factory.mktemp("any") / "a.csv", text.getvalue())
        found, broken = everything(path, batch_bytes=size)
        assert broken == []
        assert [tuple(row.values()) for row in found.values()] == [(a or None, b or None) for a, b in table]
        line = 2
        for number, row in zip(found, table, strict=True):
            assert number == line
            line += 1 + "".join(row).count("\n")


class TestUnquoted:
    @pytest.mark.parametrize("size", [16, 100, 2**20])
    def test_ranges_read_what_the_whole_file_has(self, tmp_path: Path, size: int) -> None:
        text = "a\tb\r\n" + "".join(f'{i}\t"text {i}" é\r\n' for i in range(200))
        path = put(tmp_path / "a.tsv", text)
        found, broken = everything(path, {"range_bytes": size, "quoting": False})
        assert broken == []
        assert found == {i + 2: {"a": str(i), "b": f'"text {i}" é'} for i in range(200)}

    @pytest.mark.parametrize(
        ("line", "code"),
        [(b"1\t2\t3", "invalid_csv"), (b"1", "invalid_csv"), (b"1\t\xff", "invalid_utf8")],
    )
    @pytest.mark.parametrize("size", [16, 2**20])
    def test_a_bad_line_loses_itself_alone(self, tmp_path: Path, line: bytes, code: str, size: int) -> None:
        path = put(tmp_path / "a.tsv", b"a\tb\n0\t\n\n" + line + b'\n5\t"\n6\tx\ry\n')
        found, (broken,) = everything(path, {"range_bytes": size})
        assert found == {2: {"a": "0", "b": None}, 5: {"a": "5", "b": '"'}, 6: {"a": "6", "b": "x\ry"}}
        assert (broken.line, broken.code, broken.raw) == (4, code, line.decode("utf-8", "backslashreplace"))

    def test_csv_without_quotes(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.csv", 'a,b\n"1,2"\n')
        assert everything(path, {"quoting": False})[0] == {2: {"a": '"1', "b": '2"'}}


class TestXml:
    def test_what_becomes_of_elements(self, tmp_path: Path) -> None:
        text = """<?xml version="1.0"?><list xmlns:x="u"><head/>
        <pair id="7" x:kind="k"><arg>one &amp; <![CDATA[<two>]]></arg><arg lang="de">drei</arg><empty/><!-- no -->
          <text>t</text><deep><n>1</n><n>2</n><n>3</n></deep></pair>
        <pair>just text</pair><x:pair><id>1</id></x:pair></list>"""
        found, broken = everything(put(tmp_path / "a.xml", text))
        assert broken == []
        assert found == {
            1: {
                "id": "7",
                "kind": "k",
                "arg": ["one & <two>", {"lang": "de", "text": "drei"}],
                "empty": "",
                "text": "t",
                "deep": {"n": ["1", "2", "3"]},
            },
            2: {"text": "just text"},
            3: {"id": "1"},
        }

    def test_the_record_can_be_said(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.xml", "<r><doc><seg>a</seg><seg>b</seg></doc><doc><seg>c</seg></doc></r>")
        assert everything(path)[0] == {1: {"seg": ["a", "b"]}, 2: {"seg": "c"}}
        assert everything(path, {"record": "seg"})[0] == {1: {"text": "a"}, 2: {"text": "b"}, 3: {"text": "c"}}

    def test_a_record_within_a_record_belongs_to_it(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.xml", "<r><item><n>1</n><item><n>2</n></item></item><item><n>3</n></item></r>")
        assert everything(path)[0] == {1: {"n": "1", "item": {"n": "2"}}, 2: {"n": "3"}}

    @pytest.mark.parametrize(
        ("rest", "code", "said"),
        [
            ("<i><n>3</i>\n<i><n>4</n></i></r>", "invalid_xml", "line 3"),
            ("<i><n>&nbsp;</n></i><i><n>4</n></i></r>", "invalid_xml", "nbsp"),
            (b"<i><n>\xff</n></i></r>", "invalid_xml", "line 3"),
            ("<i><n>3</n>", "truncated_file", "after record 2"),
            ("", "truncated_file", "after record 2"),
        ],
    )
    def test_all_before_a_fault_comes_out(self, tmp_path: Path, rest: str | bytes, code: str, said: str) -> None:
        rest = rest.encode() if isinstance(rest, str) else rest
        found, (broken,) = everything(put(tmp_path / "a.xml", b"<r>\n<i><n>1</n></i><i><n>2</n></i>\n" + rest))
        assert found == {1: {"n": "1"}, 2: {"n": "2"}}
        assert (broken.line, broken.code) == (3, code)
        assert said in broken.message

    def test_entities_are_never_fetched_nor_unfolded(self, tmp_path: Path) -> None:
        secret = put(tmp_path / "secret", "secret")
        text = f'<!DOCTYPE r [<!ENTITY e SYSTEM "file://{secret}"><!ENTITY b "bbb">]><r><i><n>x&e;&b;</n></i></r>'
        found, broken = everything(put(tmp_path / "a.xml", text))
        assert (found, broken) == ({1: {"n": "x&e;&b;"}}, [])

    def test_memory_is_bounded(self, tmp_path: Path) -> None:
        path = tmp_path / "a.xml"
        with path.open("w") as file:
            file.write("<r>")
            file.writelines(f"<i><n>{i:0500d}</n></i>\n" for i in range(100_000))
            file.write("</r>")
        count, size = growth(path)
        assert count == 100_000
        assert size < 60 * 2**20


class TestColumnar:
    frame = pl.DataFrame(
        {"n": range(1000), "text": [f"text {i}" for i in range(1000)], "l": [[{"a": i}] for i in range(1000)]}
    )

    @pytest.mark.parametrize("size", [16, 3000, 2**20])
    @pytest.mark.parametrize("kind", ["parquet", "arrow", "feather", "stream"])
    def test_ranges_read_what_the_whole_file_has(self, tmp_path: Path, kind: str, size: int) -> None:
        path = tmp_path / ("a.arrow" if kind == "stream" else f"a.{kind}")
        if kind == "parquet":
            pq.write_table(self.frame.to_arrow(), path, row_group_size=70)
        elif kind == "stream":
            with pa.ipc.new_stream(path, self.frame.to_arrow().schema) as writer:
                writer.write_table(self.frame.to_arrow(), max_chunksize=130)
        else:
            self.frame.write_ipc(path, compression="zstd" if kind == "feather" else "uncompressed")
        parts = batches(path, {"range_bytes": size}, batch_records=64)
        assert max(map(len, parts)) <= 64
        assert pl.concat([part.frame for part in parts if part.frame is not None]).equals(self.frame)
        assert [line for part in parts for line in part.lines.tolist()] == list(range(1, 1001))

    @pytest.mark.parametrize("size", [16, 2**20])
    def test_a_corrupt_row_group_loses_itself_alone(self, tmp_path: Path, size: int) -> None:
        path = tmp_path / "a.parquet"
        pq.write_table(self.frame.to_arrow(), path, row_group_size=100, write_page_checksum=True)
        column = pq.ParquetFile(path).metadata.row_group(3).column(1)
        content = bytearray(path.read_bytes())
        middle = column.data_page_offset + column.total_compressed_size // 2
        content[middle : middle + 8] = b"\xff" * 8
        found, (broken,) = everything(put(path, bytes(content)), {"range_bytes": size})
        assert [row["n"] for row in found.values()] == [*range(300), *range(400, 1000)]
        assert list(found) == [*range(1, 301), *range(401, 1001)]
        assert (broken.line, broken.code) == (301, "unreadable")
        assert "rows 301 to 400" in broken.message

    @pytest.mark.parametrize("size", [16, 2**20])
    def test_a_stream_that_is_cut_off(self, tmp_path: Path, size: int) -> None:
        path = tmp_path / "a.arrow"
        with pa.ipc.new_stream(path, self.frame.to_arrow().schema) as writer:
            writer.write_table(self.frame.to_arrow(), max_chunksize=100)
        found, (broken,) = everything(put(path, path.read_bytes()[:-2000]), {"range_bytes": size})
        assert list(found) == list(range(1, 901))
        assert (broken.line, broken.code) == (901, "unreadable")

    @pytest.mark.parametrize("size", [16, 2**20])
    def test_a_corrupt_batch_of_a_file_loses_itself_alone(self, tmp_path: Path, size: int) -> None:
        path = tmp_path / "a.arrow"
        table = self.frame.to_arrow()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(path, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=100)
        content = path.read_bytes()
        frames = [at for at in range(len(content)) if content.startswith(zstandard.FRAME_HEADER, at)]
        place = frames[len(frames) // 2]
        found, (broken,) = everything(
            put(path, content[:place] + bytes(4) + content[place + 4 :]), {"range_bytes": size}
        )
        lost = set(range(1000)) - {row["n"] for row in found.values()}
        first = min(lost)
        assert lost == set(range(first, first + 100))
        assert (broken.line, broken.code) == (first + 1, "unreadable")
        assert list(found) == [*range(1, first + 1), *range(first + 2, 902)]  # the batch counts as one

    def test_text_that_is_not_utf8_loses_its_row_alone(self, tmp_path: Path) -> None:
        values = pa.array([b"a", b"b", b"\xff", b"d", b"e"], pa.binary())
        text = pa.Array.from_buffers(pa.string(), 5, values.buffers())
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"t": text}), path)
        found, (broken,) = everything(path)
        assert found == {1: {"t": "a"}, 2: {"t": "b"}, 4: {"t": "d"}, 5: {"t": "e"}}
        assert (broken.line, broken.code) == (3, "invalid_utf8")

    def test_no_rows(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        self.frame[:0].write_parquet(path)
        assert everything(path) == ({}, [])


class TestSample:
    def test_the_first_records(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.jsonl", "".join(f'{{"n": {i}}}\n' for i in range(1000)))
        records = sample(plan("s", [str(path)])[0][0], 30)
        assert (len(records), records.values("n"), records.raw(2)) == (30, list(range(30)), '{"n": 2}')

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.csv", "n,t\n" + "".join(f"{i},x\n" for i in range(500))),
            ("a.tsv", "n\tt\n" + "".join(f"{i}\tx\n" for i in range(500))),
            ("a.json", json.dumps([{"n": str(i)} for i in range(500)])),
            ("a.xml", "<r>" + "".join(f"<i><n>{i}</n></i>" for i in range(500)) + "</r>"),
        ],
    )
    def test_every_format(self, tmp_path: Path, name: str, content: str) -> None:
        records = sample(plan("s", [str(put(tmp_path / name, content))])[0][0], 20)
        assert records.values("n") == [str(i) for i in range(20)]

    def test_large_records_are_put_together(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.jsonl", (json.dumps({"a": "x" * 200_000}) + "\n") * 50)
        assert len(sample(plan("s", [str(path)])[0][0], 10)) == 10

    def test_little_is_read(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.jsonl", (json.dumps({"a": "x" * 1000}) + "\n") * 30_000)
        ref = plan("s", [str(path)])[0][0]
        tracemalloc.start()
        assert len(sample(ref)) == 100
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
        tracemalloc.stop()

    def test_nothing_but_broken_records(self, tmp_path: Path) -> None:
        records = sample(plan("s", [str(put(tmp_path / "a.jsonl", "no\nno\n"))])[0][0])
        assert (len(records), len(records.broken)) == (0, 2)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="'yaml' of a is unknown; allowed are jsonl"):
        list(read(FileRef("s", "/a", "a", "yaml")))
