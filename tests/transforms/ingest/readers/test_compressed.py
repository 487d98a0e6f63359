"""Compressed files: whole, in several parts, cut off and corrupt."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.transforms.ingest.readers.support import everything, growth, put

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


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
