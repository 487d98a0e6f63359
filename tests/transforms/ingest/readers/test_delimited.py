"""Delimited text, with quotes that mean something and without."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.ingest.readers.support import batches, everything, put


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
