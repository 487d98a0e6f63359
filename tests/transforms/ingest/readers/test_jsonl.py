"""JSON Lines: every good line is a record, and each bad one is told with its place."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path

import pytest

from tests.transforms.ingest.readers.support import batches, everything, put
from transforms.ingest.files import plan


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
