"""Files found, recognised, hashed and cut into references."""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from xxhash import xxh3_128_hexdigest

from transforms.ingest.files import FileRef, InputError, expand, plan
from transforms.ingest.readers import hub, read, sample


def write(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def recognised(tmp_path: Path, name: str, content: str | bytes, **options: Any) -> FileRef:
    refs, _ = plan("s", [write(tmp_path / name, content)], **options)
    return refs[0]


class TestExpand:
    def test_sorted_and_each_once(self, tmp_path: Path) -> None:
        b, a = write(tmp_path / "b.jsonl", "{}"), write(tmp_path / "a.jsonl", "{}")
        assert expand([b, str(tmp_path / "*.jsonl"), a]) == [a, b]

    def test_folders_in_folders_only_with_two_stars(self, tmp_path: Path) -> None:
        top, deep = write(tmp_path / "a.jsonl", "{}"), write(tmp_path / "x/y/b.jsonl", "{}")
        assert expand([str(tmp_path / "*.jsonl")]) == [top]
        assert expand([str(tmp_path / "**/*.jsonl")]) == [top, deep]

    def test_a_name_with_brackets_is_a_name(self, tmp_path: Path) -> None:
        path = write(tmp_path / "part[1].jsonl", "{}")
        assert expand([path]) == [path]

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("missing.jsonl", "does not exist"),
            ("*.parquet", "matches nothing"),
            ("empty.jsonl", "is empty"),
            ("*.empty", "is empty"),
            ("folder", "is a folder"),
            ("fold*", "matches 1 folders"),
        ],
    )
    def test_errors_name_the_value(self, tmp_path: Path, value: str, said: str) -> None:
        write(tmp_path / "empty.jsonl", "")
        write(tmp_path / "x.empty", "")
        write(tmp_path / "folder/a.txt", "a")
        with pytest.raises(InputError, match=said) as caught:
            expand([str(tmp_path / value)])
        assert value in str(caught.value)

    def test_other_file_systems(self) -> None:
        memory = fsspec.filesystem("memory")
        memory.pipe({"/in/b.jsonl": b"{}\n", "/in/a.jsonl": b"{}\n", "/in/sub/c.jsonl": b"{}", "/none": b""})
        try:
            assert expand(["memory://in/*.jsonl"]) == ["memory:///in/a.jsonl", "memory:///in/b.jsonl"]
            refs, files = plan("s", ["memory://in/**/*.jsonl"])
            assert [ref.file for ref in refs] == ["a.jsonl", "b.jsonl", "sub/c.jsonl"]
            assert files[0].hash == xxh3_128_hexdigest(b"{}\n")
            assert sum(len(records) for ref in refs for records in read(ref)) == 3
            for value, said in {
                "memory://in": "is a folder",
                "memory://no": "not exist",
                "memory://none": "empty",
            }.items():
                with pytest.raises(InputError, match=said):
                    expand([value])
            with pytest.raises(InputError, match="matches no file"):
                expand(["memory://in/*.csv"])
        finally:
            memory.rm("/in", recursive=True)
            memory.rm("/none")

    def test_an_unknown_protocol(self) -> None:
        with pytest.raises(InputError, match="nosuch"):
            expand(["nosuch://bucket/a.jsonl"])


class TestPlan:
    def test_order_of_inputs_does_not_matter(self, tmp_path: Path) -> None:
        paths = [write(tmp_path / f"{name}.jsonl", '{"a":1}\n' * 30) for name in "cab"]
        assert plan("s", paths, range_bytes=100) == plan("s", paths[::-1], range_bytes=100)

    def test_names_are_below_the_common_folder(self, tmp_path: Path) -> None:
        one = write(tmp_path / "d/x/1.jsonl", "{}")
        two = write(tmp_path / "d/y/z/1.jsonl", "{}")
        assert [file.file for file in plan("s", [one, two])[1]] == ["x/1.jsonl", "y/z/1.jsonl"]
        assert plan("s", [two])[1][0].file == "1.jsonl"
        # `x` and `xy` have no folder in common, though they begin alike
        three = write(tmp_path / "d/xy/1.jsonl", "{}")
        assert [file.file for file in plan("s", [one, three])[1]] == ["x/1.jsonl", "xy/1.jsonl"]

    def test_files_are_hashed_and_counted(self, tmp_path: Path) -> None:
        content = b'{"a": 1}\n{"a": 2}\n'
        _, files = plan("s", [write(tmp_path / "a.jsonl", content)])
        assert (files[0].bytes, files[0].hash, files[0].records_hint) == (18, xxh3_128_hexdigest(content), 2)
        assert plan("s", [write(tmp_path / "b.jsonl", content[:-1])])[1][0].records_hint == 2
        tsv = "a\tb\n1\t2\n3\t4\n"
        assert plan("s", [write(tmp_path / "a.tsv", tsv)], quoting=False)[1][0].records_hint == 2

    def test_references_are_json(self, tmp_path: Path) -> None:
        ref = recognised(tmp_path, "a.csv", "a,b\n1,2\n")
        assert FileRef.from_dict(json.loads(json.dumps(ref.to_dict()))) == ref

    @pytest.mark.parametrize("end", [b"\n", b""])
    @pytest.mark.parametrize("size", [16, 17, 63, 64, 65, 1000])
    def test_ranges_cover_the_file(self, tmp_path: Path, size: int, end: bytes) -> None:
        lines = [b'{"n": %d}' % i for i in range(40)]
        refs, _ = plan("s", [write(tmp_path / "a.jsonl", b"\n".join(lines) + end)], range_bytes=size)
        found = [
            (int(n), item["n"]) for ref in refs for r in read(ref) for n, item in zip(r.lines, r.objects(), strict=True)
        ]
        assert found == [(i + 1, i) for i in range(40)]
        for ref in refs:  # no reference without a line, and each knows its first one
            assert next(read(ref)).lines[0] == ref.first_line

    def test_ranges_within_a_long_line_are_not_given(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", '{"a": "' + "x" * 1000 + '"}\n{"a": "y"}\n')
        refs, _ = plan("s", [path], range_bytes=100)
        assert [(ref.start, ref.first_line) for ref in refs] == [(0, 1), (1000, 2)]

    @pytest.mark.parametrize(
        ("name", "content", "format", "compression"),
        [
            ("a.jsonl", "{}", "jsonl", None),
            ("a.NDJSON", "{}", "jsonl", None),
            ("a.json", '[{"a": 1}]', "json", None),
            ("a.json", '{"a": 1}\n{"a": 2}\n', "jsonl", None),
            ("a.jsonl", '[{"a": 1},\n {"a": 2}]', "json", None),
            ("a.csv", "a,b\n", "csv", None),
            ("a.xml", "<r><a/></r>", "xml", None),
            ("a.jsonl.gz", gzip.compress(b"{}", mtime=0), "jsonl", "gz"),
            ("a", "  <r><a/></r>", "xml", None),
            ("a.dat", gzip.compress(b'{"a": 1}\n{"a": 2}', mtime=0), "jsonl", "gz"),
            ("a.jsonl", gzip.compress(b"{}", mtime=0), "jsonl", "gz"),
        ],
    )
    def test_formats(
        self, tmp_path: Path, name: str, content: str | bytes, format: str, compression: str | None
    ) -> None:
        ref = recognised(tmp_path, name, content)
        assert (ref.format, ref.compression) == (format, compression)

    @pytest.mark.parametrize(
        ("content", "shape", "member"),
        [
            ('[{"a": 1}]', "array", None),
            ('{"x": {"a": 1},\n "y": {"a": "]}"}}', "values", None),
            ('{"version": "1[", "data": [{"a": 1}], "tags": ["x", "y"]}', "list", "data"),
            ('{"one": [{"a": 1}], "two": [{"a": 1}]}', "objects", None),
            ('{"prompt": "p", "n": 1, "empty": []}', "objects", None),
            ('{\n "a": 1\n}\n{\n "a": 2\n}\n', "objects", None),
            ("{}", "objects", None),
        ],
    )
    def test_what_json_holds(self, tmp_path: Path, content: str, shape: str, member: str | None) -> None:
        ref = recognised(tmp_path, "a.json", content)
        assert (ref.format, ref.shape, ref.member) == ("json", shape, member)

    def test_a_long_first_line_of_a_json_file(self, tmp_path: Path) -> None:
        line = json.dumps({"a": "x" * 3_000_000, "b": {"c": 1}})
        assert recognised(tmp_path, "a.json", f"{line}\n{line}\n").format == "jsonl"
        nested = json.dumps({"x": {"a": "x" * 3_000_000}, "y": {"a": 1}})
        assert recognised(tmp_path, "a.json", nested).shape == "values"

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("a.bin", "no format at all", "allowed are .jsonl"),
            ("a.zip", b"PK\x03\x04", "is an archive .zip.; unpack it"),
            ("a.jsonl.gz", "{}", "is called .gz"),
            ("a.jsonl.gz", gzip.compress(b"", mtime=0), "empty once it is decompressed"),
            ("a.jsonl", '{"a": 1}'.encode("utf-16"), "UTF-16"),
            ("a.parquet", "not parquet", "is not Parquet"),
            ("a.parquet.gz", gzip.compress(b"PAR1", mtime=0), "unpack it"),
            ("a.json", "hello", "is not JSON"),
            ("a.xml", "<r></r>", "record"),
            ("a.csv", "\n1,2\n", "blank"),
            ("a.csv", b"a,\xff\n1,2\n", "not UTF-8"),
            ("a.csv", 'a,"b\n1,2\n', "header"),
        ],
    )
    def test_what_cannot_be_used(self, tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
        with pytest.raises(InputError, match=said) as caught:
            recognised(tmp_path, name, content)
        assert name in str(caught.value)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"format": "yaml"}, "'yaml' is unknown; allowed are jsonl"),
            ({"format": "dataset"}, "folder that `datasets` saved"),
            ({"delimiter": "||"}, "one ASCII character"),
            ({"delimiter": '"'}, "one ASCII character"),
            ({"range_bytes": 1}, "at least 16"),
        ],
    )
    def test_arguments(self, tmp_path: Path, options: dict[str, Any], said: str) -> None:
        with pytest.raises(InputError, match=said):
            recognised(tmp_path, "a.jsonl", "{}", **options)


class TestDelimited:
    @pytest.mark.parametrize(
        ("content", "quoting"),
        [
            ('a\tb\n1\t"x\ny"\n', True),
            ('a\tb\n1\t"x ""y"" z"\n', True),
            ("a\tb\n1\t2\n", True),
            ('a\tb\n1\t5" disk\n', False),
            ('a\tb\n1\t"Yes" she said\n', False),
            ('a\tb\n1\t"open\n2\tx\n', False),
        ],
    )
    def test_quoting_of_tsv_is_judged(self, tmp_path: Path, content: str, quoting: bool) -> None:
        assert recognised(tmp_path, "a.tsv", content).quoting is quoting

    def test_quoting_can_be_said(self, tmp_path: Path) -> None:
        assert not recognised(tmp_path, "a.tsv", 'a\tb\n1\t"x"\n', quoting=False).quoting

    def test_quoting_is_judged_though_the_sample_ends_in_quotes(self, tmp_path: Path) -> None:
        row = '1\t"' + "x\n" * 5_000 + '"\n'
        assert recognised(tmp_path, "a.tsv", "a\tb\n" + row * 150).quoting

    def test_csv_quotes_are_quotes(self, tmp_path: Path) -> None:
        assert recognised(tmp_path, "a.csv", 'a,b\n1,5" disk\n').quoting

    @pytest.mark.parametrize(
        ("name", "content", "delimiter"),
        [
            ("a.csv", "a\tb\n1\tx, y\n", "\t"),
            ("a.csv", "a;b\n1;2\n", ";"),
            ("a.tsv", "a b\n1 2\n", " "),
            ("a.csv", "text\nfoo bar\nbaz\n", ","),
            ("a.csv", "a,b\n1;2,3;4\n", ","),
            ("a.csv", 'a;b\n1,5;"x; y"\n2;z\n3;"\n"\n', ";"),  # as spreadsheets write where commas are decimal
            ("a.csv", "id;of (0,1);b\n1;2;3\n4;5,5;6\n", ";"),
            ("a.csv", "id,a;b\n1,2;3\n4,5\n", ","),
            ("a.csv", "a;b,c;d\n", ","),
        ],
    )
    def test_delimiter(self, tmp_path: Path, name: str, content: str, delimiter: str) -> None:
        assert recognised(tmp_path, name, content).delimiter == delimiter

    @pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.tar", "a"])
    def test_an_archive_is_to_be_unpacked(self, tmp_path: Path, name: str) -> None:
        with tarfile.open(tmp_path / name, "w") as archive:
            archive.add(__file__, "x.jsonl")
        with pytest.raises(InputError, match=r"is an archive \(tar\); unpack it first"):
            plan("s", [str(tmp_path / name)])
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        with pytest.raises(InputError, match=r"is an archive \(tar\); unpack it first"):
            plan("s", [str(tmp_path / f"{name}.gz")])
        with zipfile.ZipFile(tmp_path / name, "w") as zipped:
            zipped.write(__file__, "x.jsonl")
        with pytest.raises(InputError, match=r"is an archive \(zip\); unpack it first"):
            plan("s", [str(tmp_path / name)])
        (tmp_path / name).rename(tmp_path / "b.xlsx")
        with pytest.raises(InputError, match="is a workbook; save the sheet as CSV"):
            plan("s", [str(tmp_path / "b.xlsx")])

    def test_columns_have_unique_names(self, tmp_path: Path) -> None:
        ref = recognised(tmp_path, "a.csv", "\ufeffid,,x,x, x ,x_2\n1,2,3,4,5,6\n")
        assert ref.columns == ("id", "column_2", "x", "x_2", "x_3", "x_2_2")

    def test_columns_of_a_file_without_header(self, tmp_path: Path) -> None:
        ref = recognised(tmp_path, "a.tsv", "1\t2\n3\t4\n", columns=["a", "b"])
        assert (ref.columns, ref.has_header) == (("a", "b"), False)
        assert next(read(ref)).values("a") == ["1", "3"]


class TestColumnar:
    def test_parquet_is_cut_between_row_groups(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"a": range(100)}), path, row_group_size=10)
        refs, files = plan("s", [str(path)], range_bytes=400)
        assert len(refs) > 2
        assert [ref.start for ref in refs[1:]] == [ref.end for ref in refs[:-1]]
        assert all(ref.start % 10 == 0 and ref.first_line == ref.start + 1 for ref in refs)
        assert files[0].records_hint == 100

    def test_a_cut_off_parquet_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        pl.DataFrame({"a": range(100)}).write_parquet(path)
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(InputError, match="not a whole Parquet file"):
            plan("s", [str(path)])


class TestSavedDatasets:
    @staticmethod
    def save(folder: Path, **shards: Any) -> str:
        datasets = pytest.importorskip("datasets")
        rows = {"text": [f"t{i}" for i in range(50)], "n": list(range(50))}
        one = datasets.Dataset.from_dict(rows, split="train")
        two = datasets.Dataset.from_dict({"text": ["v"], "n": [7]})
        datasets.DatasetDict({"train": one, "test": two}).save_to_disk(str(folder), **shards)
        return str(folder)

    def test_splits_and_shards(self, tmp_path: Path) -> None:
        folder = self.save(tmp_path / "d", num_shards={"train": 2, "test": 1})
        refs, files = plan("s", [folder], range_bytes=200)
        assert {ref.format for ref in refs} == {"dataset"}
        assert [file.file for file in files] == [
            "train/data-00000-of-00002.arrow",
            "train/data-00001-of-00002.arrow",
            "test/data-00000-of-00001.arrow",
        ]
        assert [ref.split for ref in refs if ref.file.startswith("test")] == ["test"]
        assert len(refs) > 3
        texts = [text for ref in refs for records in read(ref) for text in records.values("text")]
        assert texts == [*(f"t{i}" for i in range(50)), "v"]
        assert sample(refs[0], 3).values("n") == [0, 1, 2]

    def test_one_split(self, tmp_path: Path) -> None:
        folder = self.save(tmp_path / "d")
        refs, _ = plan("s", [f"{folder}/test"])
        assert [(ref.split, ref.file) for ref in refs] == [(None, "data-00000-of-00001.arrow")]

    def test_an_index_file_is_refused(self, tmp_path: Path) -> None:
        write(
            tmp_path / "d/state.json",
            '{"_data_files": [{"filename": "a"}], "_indices_data_files": [{"filename": "b"}]}',
        )
        with pytest.raises(InputError, match="index file"):
            plan("s", [str(tmp_path / "d")])


class FakeHub:
    """What `resolve` asks of a file system."""

    def __init__(self, *files: str) -> None:
        self.files = files

    def isfile(self, path: str) -> bool:
        return path in self.files

    def isdir(self, path: str) -> bool:
        return any(file.startswith(path + "/") for file in self.files)

    def find(self, path: str) -> list[str]:
        return [file for file in self.files if file.startswith(path + "/")]

    def glob(self, pattern: str) -> list[str]:
        head, _, tail = pattern.partition("*")
        return [file for file in self.files if file.startswith(head) and file.endswith(tail)]


class TestHub:
    root = "datasets/org/name@main"
    fs = FakeHub(
        f"{root}/README.md",
        f"{root}/dataset_infos.json",
        f"{root}/.gitattributes",
        f"{root}/.cache/x.parquet",
        f"{root}/data/test-0.parquet",
        f"{root}/data/train-0.parquet",
        f"{root}/extra/a.jsonl.zst",
        f"{root}/extra/b.json",
    )

    def test_parquet_first(self) -> None:
        found = hub.resolve(f"hf://{self.root}", self.fs)
        assert found == [f"hf://{self.root}/data/test-0.parquet", f"hf://{self.root}/data/train-0.parquet"]

    def test_then_json_lines(self) -> None:
        assert hub.resolve(f"hf://{self.root}/extra/", self.fs) == [f"hf://{self.root}/extra/a.jsonl.zst"]

    def test_a_file_and_a_pattern(self) -> None:
        assert hub.resolve(f"hf://{self.root}/extra/b.json", self.fs) == [f"hf://{self.root}/extra/b.json"]
        assert hub.resolve(f"hf://{self.root}/data/tr*.parquet", self.fs) == [f"hf://{self.root}/data/train-0.parquet"]

    def test_descriptions_are_no_data(self) -> None:
        with pytest.raises(ValueError, match="no data files"):
            hub.resolve("hf://datasets/o/n", FakeHub("datasets/o/n/dataset_infos.json", "datasets/o/n/README.md"))

    @pytest.mark.parametrize("url", ["hf://datasets/alone", "hf://spaces/a/b", "hf://a/b"])
    def test_addresses(self, url: str) -> None:
        with pytest.raises(InputError, match="hf://datasets/ORG/NAME"):
            expand([url])
