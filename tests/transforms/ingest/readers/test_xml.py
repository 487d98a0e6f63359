"""XML: what becomes of elements, and all before a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transforms.ingest.readers.support import everything, growth, put


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
