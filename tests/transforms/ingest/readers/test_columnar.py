"""Parquet and Arrow: ranges of rows, and what is corrupt loses itself alone."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.transforms.ingest.readers.support import batches, everything, put


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


class TestClassLabels:
    """`datasets` keeps labels as numbers and notes their names beside."""

    @staticmethod
    def files(folder: Path) -> list[Path]:
        datasets = pytest.importorskip("datasets")
        label = datasets.ClassLabel(names=["bad", "good"])
        features = {
            "label": label,
            "many": datasets.List(label),
            "deep": {"label": label, "n": datasets.Value("int64")},
            "each": [{"label": label}],
            "plain": datasets.Value("int64"),
            "unnamed": datasets.ClassLabel(num_classes=2),
        }
        rows_ = {
            "label": [0, 1, -1, None], "many": [[0, 1], [], [1], None], "plain": [0, 1, 0, 1],
            "deep": [{"label": 1, "n": 1}, {"label": None, "n": 0}, {"label": 0, "n": 1}, {"label": -1, "n": 0}],
            "each": [[{"label": 0}], [], [{"label": 1}], []], "unnamed": [0, 1, 0, 1],
        }  # fmt: skip
        made = datasets.Dataset.from_dict(rows_, features=datasets.Features(features))
        made.to_parquet(folder / "a.parquet")
        made.save_to_disk(str(folder / "saved"))
        return [folder / "a.parquet", folder / "saved"]

    def test_names_in_place_of_numbers(self, tmp_path: Path) -> None:
        for path in self.files(tmp_path):
            found, broken = everything(path)
            assert broken == []
            columns = {name: [row[name] for row in found.values()] for name in found[1]}
            assert columns == {
                "label": ["bad", "good", None, None],
                "many": [["bad", "good"], [], ["good"], None],
                "deep": [
                    {"label": "good", "n": 1}, {"label": None, "n": 0}, {"label": "bad", "n": 1},
                    {"label": None, "n": 0},
                ],
                "each": [[{"label": "bad"}], [], [{"label": "good"}], []],
                "plain": [0, 1, 0, 1],
                "unnamed": ["0", "1", "0", "1"],
            }  # fmt: skip

    @pytest.mark.parametrize(
        ("noted", "wanted"),
        [
            (
                b'{"info": {"features": {"n": {"_type": "ClassLabel", "names": ["a"]}, "gone": {"_type": "Value"}}}}',
                "a",
            ),
            (b'{"info": {"features": {"n": {"_type": "ClassLabel", "names": []}}}}', 0),
            (b'{"info": {"features": {"gone": {"_type": "ClassLabel", "names": ["a"]}}}}', 0),
            (b'{"ClassLabel": ""', 0),
            (b'["ClassLabel"]', 0),
            (b'{"info": {"features": {"n": "ClassLabel"}}, "x": {"_type": "ClassLabel"}}', 0),
        ],
    )
    def test_notes_of_any_kind(self, tmp_path: Path, noted: bytes, wanted: object) -> None:
        table = pa.table({"n": [0, 7]}).replace_schema_metadata({b"huggingface": noted})
        pq.write_table(table, tmp_path / "a.parquet")
        found, broken = everything(tmp_path / "a.parquet")
        assert broken == []
        # A number without a name stays what it is.
        assert [row["n"] for row in found.values()] == ([wanted, "7"] if wanted == "a" else [0, 7])
