"""JSON files of every shape, whole and broken anywhere."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.ingest.readers.support import batches, everything, put
from transforms.ingest.files import FileRef, plan
from transforms.ingest.readers import read


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
