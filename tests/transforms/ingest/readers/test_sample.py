"""The first records of a file, at little cost."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from tests.transforms.ingest.readers.support import put
from transforms.ingest.files import FileRef, plan
from transforms.ingest.readers import read, sample


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

    def test_lines_of_two_kinds_are_put_together(self, tmp_path: Path) -> None:
        """A line that is out of the ordinary makes its batch one of objects, the next is one of columns."""
        lines = ["no json", *(f'{{"n": {i}, "t": "x"}}' for i in range(300))]
        path = put(tmp_path / "a.jsonl", "\n".join(lines) + "\n")
        for n in (50, 100, 150, 250):
            records = sample(plan("s", [str(path)])[0][0], n)
            assert (len(records), records.values("n")) == (n, list(range(n)))
            assert records.lines.tolist() == list(range(2, n + 2))
            assert records.raw(n - 1) == f'{{"n": {n - 1}, "t": "x"}}'
            assert len(records.broken) == 1

    def test_nothing_but_broken_records(self, tmp_path: Path) -> None:
        records = sample(plan("s", [str(put(tmp_path / "a.jsonl", "no\nno\n"))])[0][0])
        assert (len(records), len(records.broken)) == (0, 2)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="'yaml' of a is unknown; allowed are jsonl"):
        list(read(FileRef("s", "/a", "a", "yaml")))
