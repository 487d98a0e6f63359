"""A look at files' begins: what is found out, and that no more is read of a file of any size."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.config import Source
from transforms.ingest import peek, places
from transforms.ingest.files import InputError
from transforms.ingest.guess import guess
from transforms.ingest.peek import Look, layouts, look
from transforms.ingest.readers import lines, recognise, streams
from transforms.ingest.readers.streams import BEGIN_ENDS

PAIR = {"prompt": "p", "chosen": "good " * 40, "rejected": "bad " * 40}
BIG = 5 * 10**9


def seen(value: Path | str, **source: Any) -> Look:
    found = places.places(str(value))
    assert len(found) == 1
    return look(found[0], Source(input=["-"], **source))


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def as_jsonl(items: list[Any]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


@pytest.fixture
def read_bytes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many bytes of files were read so far."""
    total = 0
    true = streams.open_raw

    def opened(path: str) -> Any:
        file = true(path)
        raw = file.read

        class Counted:
            def read(self, size: int = -1) -> bytes:
                nonlocal total
                data = raw(size)
                total += len(data)
                return data

            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

        return Counted()

    for module in (streams, recognise, lines):
        monkeypatch.setattr(module, "open_raw", opened)
    return lambda: total


class TestAnySize:
    """Files of five gigabytes, of which the disk holds only the beginning."""

    LINES = as_jsonl([PAIR] * 4000)

    @pytest.mark.parametrize(
        ("name", "begin"),
        [
            ("a.jsonl", LINES),
            ("a.json", "[" + ",".join([json.dumps(PAIR)] * 4000) + ","),
            ("a.json", '{"version": 1, "data": [' + ",".join([json.dumps(PAIR)] * 4000) + ","),
            ("a.json", "{" + ",".join(f'"r{i}": {json.dumps(PAIR)}' for i in range(4000)) + ","),
            ("a.csv", "prompt,chosen,rejected\n" + '"p\nq",' + "good " * 40 + ",bad\n" + "p,good,bad\n" * 150_000),
            ("a.tsv", "prompt\tchosen\trejected\n" + "p\tgood\tbad\n" * 150_000),
            ("a.xml", "<r>" + "<pair><prompt>p</prompt><chosen>good</chosen><rejected>b</rejected></pair>" * 20_000),
            ("a.jsonl.gz", gzip.compress(LINES.encode(), 0)),
        ],
    )
    def test_only_the_begin_is_read(
        self, tmp_path: Path, read_bytes: Callable[[], int], name: str, begin: str | bytes
    ) -> None:
        path = written(tmp_path / name, begin)
        held = path.stat().st_size
        assert held > 1.2e6
        os.truncate(path, BIG)
        found = seen(path)
        assert read_bytes() < 8e6
        assert (found.fits, found.exact) == (["trl"], False)
        assert not found.readings[0].codes
        assert found.records is not None
        # All of the file is taken to be like its begin, of which the records are counted here.
        count = begin.count("<pair>" if name == "a.xml" else "good") if isinstance(begin, str) else 4000 * 40
        count //= 1 if name in ("a.xml", "a.csv", "a.tsv") else 40
        assert found.records == pytest.approx(count * BIG / held, rel=0.03)

    @pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.xml"])
    def test_a_begin_without_end_is_given_up(self, tmp_path: Path, read_bytes: Callable[[], int], name: str) -> None:
        begins = {"a.jsonl": '{"a": "', "a.json": '[{"a": "', "a.csv": "a,b\n1,", "a.xml": "<r><a>x</a><b>"}
        path = written(tmp_path / name, begins[name] + "x" * 60_000_000)
        if name == "a.json":  # one value is given up before the whole begin is
            assert seen(path).readings[0].codes == {"line_too_long": 1}
        else:
            with pytest.raises(InputError, match="holds no record in its first"):
                seen(path, record="b" if name == "a.xml" else None)
        assert read_bytes() < 4 * peek.BEGINS[-1]

    def test_parquet_says_its_rows(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({key: [text] * 50_000 for key, text in PAIR.items()}), tmp_path / "a.parquet")
        found = seen(tmp_path / "a.parquet")
        assert (found.records, found.exact, found.read, found.fits) == (50_000, True, 1000, ["trl"])

    @pytest.mark.parametrize(("batches", "exact"), [(1, True), (7, False)])
    @pytest.mark.parametrize("stream", [True, False])
    def test_arrow_is_judged_by_its_first_batch(self, tmp_path: Path, batches: int, exact: bool, stream: bool) -> None:
        table = pa.table({key: [text] * 1000 for key, text in PAIR.items()})
        path = tmp_path / "a.arrow"
        with (pa.ipc.new_stream if stream else pa.ipc.new_file)(path, table.schema) as writer:
            for _ in range(batches):
                writer.write_table(table)
        found = seen(path)
        assert found.exact is exact
        assert found.records == pytest.approx(1000 * batches, rel=0.01)


class TestWhatIsSaid:
    def test_a_small_file_is_counted(self, tmp_path: Path) -> None:
        content = as_jsonl([PAIR, {**PAIR, "chosen": 7}]) + "no json\n" + as_jsonl([PAIR])
        found = seen(written(tmp_path / "a.jsonl", content))
        assert (found.records, found.exact, found.read) == (4, True, 4)
        (reading,) = found.readings
        assert (reading.format, reading.records, reading.made) == ("trl", 4, 2)
        assert [(one.line, one.code) for one in reading.problems] == [(2, "wrong_type"), (3, "invalid_json")]
        assert reading.codes == {"wrong_type": 1, "invalid_json": 1}
        assert [row["line"] for row in reading.rows] == [1, 4]

    def test_the_end_of_the_begin_is_no_problem(self, tmp_path: Path) -> None:
        for name, content in {
            "a.jsonl": as_jsonl([PAIR] * 9000),
            "b.json": json.dumps([PAIR] * 9000, indent=1),
            "c.csv": "prompt,chosen,rejected\n" + '"p\n","a ""quoted"" text","b\nc"\n' * 90_000,
            "d.jsonl.gz": gzip.compress(as_jsonl([PAIR] * 9000).encode()),
        }.items():
            found = seen(written(tmp_path / name, content))
            assert not found.exact
            assert found.readings[0].codes == {}, name
            assert BEGIN_ENDS not in found.readings[0].codes

    def test_a_truncated_gz_is_a_problem(self, tmp_path: Path) -> None:
        rows = [{**PAIR, "prompt": f"p{i}", "chosen": str(i**9)} for i in range(1000)]
        whole = gzip.compress(as_jsonl(rows).encode())
        found = seen(written(tmp_path / "a.jsonl.gz", whole[: len(whole) // 2]))
        assert found.readings[0].codes == {"truncated_file": 1}

    def test_raters_keep_their_names_and_the_format_can_be_said(self, tmp_path: Path) -> None:
        item = {"instruction": "i", "output_1": "a", "output_2": "b", "preference": 1, "annotator": "gpt4"}
        found = seen(written(tmp_path / "a.jsonl", as_jsonl([item])))
        assert found.readings[0].rows[0]["judgements"][0]["rater"] == "gpt4"
        asked = seen(tmp_path / "a.jsonl", format="trl")
        assert (asked.fits, asked.readings[0].format, asked.readings[0].made) == (["alpaca_eval"], "trl", 0)
        assert asked.readings[0].codes == {"missing_field": 1}

    def test_several_formats_fit(self, tmp_path: Path) -> None:
        item = {"instruction": "i", "output_1": "a", "output_2": "b", "preference": 1, "response1": "x"}
        item |= {"response2": "y", "annotator1": 1, "annotator2": 2, "annotator3": 0}
        found = seen(written(tmp_path / "a.jsonl", as_jsonl([item])))
        assert found.fits == ["alpaca_eval", "pandalm"]
        assert [reading.format for reading in found.readings] == found.fits
        assert found.guess is None

    def test_none_fits_and_the_nearest_are_named(self, tmp_path: Path) -> None:
        item = {"instruction": "i", "output_1": "a", "output_2": "b", "verdict": "output_1"}
        found = seen(written(tmp_path / "a.jsonl", as_jsonl([item])))
        assert found.fits == []
        assert (found.near[0].name, found.near[0].lacks) == ("alpaca_eval", ("preference",))
        assert found.guess is not None
        (reading,) = found.readings
        assert (reading.format, reading.made) == ("mapping", 1)
        assert reading.rows[0]["judgements"][0]["value"] == 1.0

    def test_an_adapter_whose_fields_hold_something_else(self, tmp_path: Path) -> None:
        item = {"messages": "text", "start": "now"}
        near = seen(written(tmp_path / "a.jsonl", as_jsonl([item]))).near
        assert ("chitchat", ()) in [(one.name, one.lacks) for one in near]

    def test_nothing_can_be_parsed(self, tmp_path: Path) -> None:
        found = seen(written(tmp_path / "a.jsonl", "hello\nworld\n"))
        assert (found.fits, found.guess, found.readings[0].codes) == ([], None, {"invalid_json": 2})


class TestPlaces:
    def test_a_folder_by_kinds(self, tmp_path: Path) -> None:
        for name in ("x/a.jsonl.gz", "x/b.jsonl.gz", "y/c.jsonl.gz"):
            written(tmp_path / name, gzip.compress(as_jsonl([PAIR]).encode()))
        written(tmp_path / "d.csv", "a,b\n1,2\n")
        written(tmp_path / "README.md", "# Words")
        written(tmp_path / "dataset_infos.json", "{}")
        written(tmp_path / ".git/e.jsonl", "{}")
        written(tmp_path / "empty.csv", "")
        found = places.places(str(tmp_path))
        assert [place.inputs for place in found] == [(f"{tmp_path}/**/*.jsonl.gz",), (f"{tmp_path}/**/*.csv",)]
        assert (len(found[0].paths), found[0].others, found[1].first) == (3, 3, f"{tmp_path}/d.csv")
        assert found[1].bytes == 8

    def test_a_large_folder_is_not_listed_whole(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(30):
            written(tmp_path / f"{number:02}.jsonl", as_jsonl([PAIR]))
        monkeypatch.setattr(places, "MOST_FILES", 20)
        (found,) = places.places(str(tmp_path))
        assert (len(found.paths), found.complete) == (20, False)

    def test_files_that_differ_are_told_apart(self, tmp_path: Path) -> None:
        for number in range(20):
            written(tmp_path / f"pairs/{number:02}.jsonl", as_jsonl([PAIR | ({"extra": 1} if number % 2 else {})]))
            written(tmp_path / f"votes/{number:02}.jsonl", as_jsonl([{"q": "Q", "a": "A", "winner": "a"}]))
        written(tmp_path / "mixed/1.jsonl", as_jsonl([PAIR]))
        written(tmp_path / "mixed/2.jsonl", as_jsonl([{"q": "Q", "a": "A", "winner": "a"}]))
        (place,) = places.places(f"{tmp_path}/*s/*.jsonl")
        parts, wrong = layouts(place, Source(input=["-"]))
        assert wrong == []
        assert [part.inputs for part in parts] == [(f"{tmp_path}/pairs/*.jsonl",), (f"{tmp_path}/votes/*.jsonl",)]
        assert [(len(part.paths), part.looked) for part in parts] == [(20, 6), (20, 6)]
        (place,) = places.places(f"{tmp_path}/mixed")
        parts, _ = layouts(place, Source(input=["-"]))
        assert [part.inputs for part in parts] == [(f"{tmp_path}/mixed/1.jsonl",), (f"{tmp_path}/mixed/2.jsonl",)]
        (place,) = places.places(f"{tmp_path}/pairs")
        assert layouts(place, Source(input=["-"]))[0][0].looked == 12

    def test_a_file_among_many_that_cannot_be_read(self, tmp_path: Path) -> None:
        written(tmp_path / "a.jsonl", as_jsonl([PAIR]))
        written(tmp_path / "b.jsonl", as_jsonl([PAIR]).encode("utf-16"))
        parts, wrong = layouts(places.places(str(tmp_path))[0], Source(input=["-"]))
        assert [part.first for part in parts] == [f"{tmp_path}/a.jsonl"]
        assert "b.jsonl is UTF-16" in str(wrong[0])

    def test_records_of_all_files_are_estimated(self, tmp_path: Path) -> None:
        for number in range(5):
            written(tmp_path / f"{number}.jsonl", as_jsonl([PAIR] * 100))
        found = seen(tmp_path)
        assert (found.records, found.exact, found.read) == (500, False, 100)

    def test_a_saved_dataset(self, tmp_path: Path) -> None:
        datasets = pytest.importorskip("datasets")
        rows = {key: [text] * 300 for key, text in PAIR.items()}
        splits = {"train": datasets.Dataset.from_dict(rows), "test": datasets.Dataset.from_dict(rows).select([1])}
        datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "d"))
        found = seen(tmp_path / "d")
        assert (found.ref.format, found.place.splits, found.fits) == ("dataset", ("train", "test"), ["trl"])
        assert found.place.inputs == (str(tmp_path / "d"),)

    def test_a_remote_folder(self) -> None:
        import fsspec

        fs = fsspec.filesystem("memory")
        fs.pipe({f"/peek/{name}": as_jsonl([PAIR]).encode() for name in ("a.jsonl", "x/b.jsonl")})
        found = seen("memory://peek")
        assert (len(found.place.paths), found.fits, found.records) == (2, ["trl"], 2)
        assert found.place.inputs == ("memory://peek/**/*.jsonl",)

    @pytest.mark.parametrize(
        ("make", "words"),
        [(None, "does not exist"), ("empty/", "without data files"), ("notes/a.txt", "without data files")],
    )
    def test_what_cannot_be_looked_at(self, tmp_path: Path, make: str | None, words: str) -> None:
        if make == "empty/":
            (tmp_path / "it").mkdir()
        elif make:
            written(tmp_path / "it" / make, "words")
        with pytest.raises(InputError, match=words):
            places.places(str(tmp_path / "it"))


def test_hh(data: Callable[[str], Path]) -> None:
    found = seen(data("hh_rlhf"))
    assert (found.fits, found.exact) == (["hh"], False)
    assert found.records == pytest.approx(2312, rel=0.05)
    assert [len(row["responses"]) for row in found.readings[0].rows] == [2, 2, 2]


def test_pandalm_among_other_files(data: Callable[[str], Path]) -> None:
    (place,) = places.places(str(data("pandalm")))
    parts, _ = layouts(place, Source(input=["-"]))
    looks = {Path(part.first).name: look(part, Source(input=["-"])) for part in parts}
    assert {name: one.fits for name, one in looks.items() if one.fits} == {"testset-v1.json": ["pandalm"]}
    reading = looks["testset-v1.json"].readings[0]
    assert (reading.records, reading.made, reading.codes) == (999, 993, {"wrong_type": 6})


def test_a_mapping_for_ukp_could_be_guessed(data: Callable[[str], Path]) -> None:
    xml = next(place for place in places.places(str(data("ukp_convarg1"))) if place.first.endswith(".xml"))
    made = guess(look(xml, Source(input=["-"])).fields)
    assert made.mapping["responses"] == ["arg1.text", "arg2.text"]
    assert made.mapping["label"] == {"field": "goldLabel", "values": {"a1": 1, "a2": 0, "equal": 0.5}}


def test_units_of_several_records_are_not_cut(tmp_path: Path) -> None:
    """A frame a line: the trajectory that the beginning ends in is left out, as more of it may follow."""
    frames = [
        {"trajectory_id": f"t{n // 400}", "frame_index": n % 400, "instruction": "open the door", "frame": f"{n}.png"}
        | {"progress": (n % 400) / 400}
        for n in range(20_000)
    ]
    found = seen(written(tmp_path / "a.jsonl", as_jsonl(frames)))
    assert found.fits == ["trajectory_frames"]
    (reading,) = found.readings
    assert (reading.codes, reading.records) == ({}, 800)  # two whole ones of the first thousand records
