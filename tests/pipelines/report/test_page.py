"""The page of a run on hostile data: it stands alone, nothing in the data acts, and every link leads somewhere."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import lxml.html
import polars as pl
import pytest

from pipelines.report import run_report
from pipelines.report.page import PAGE
from tests.pipelines.report.hostile import HOSTILE, SCRIPT


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(page: str) -> lxml.html.HtmlElement:
    return lxml.html.fromstring(page)


def harmless(tree: lxml.html.HtmlElement) -> None:
    """See that a page has nothing that acts, loads or leaves."""
    tags = {element.tag for element in tree.iter() if isinstance(element.tag, str)}
    assert not tags & {"script", "iframe", "img", "object", "embed", "link", "base", "form", "foreignobject", "image"}
    assert len(tree.findall(".//style")) == 1
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on"), (element.tag, name)
            assert name not in ("src", "srcdoc", "srcset", "action", "formaction", "poster", "ping"), (
                element.tag,
                name,
            )
            assert name not in ("href", "{http://www.w3.org/1999/xlink}href") or value.startswith("#"), value
    assert not list(tree.iter(lxml.etree.Comment))


def test_nothing_in_the_data_is_markup(tree: lxml.html.HtmlElement) -> None:
    harmless(tree)


def test_the_page_asks_for_nothing(page: str, tree: lxml.html.HtmlElement) -> None:
    style = tree.findtext(".//style") or ""
    assert "url(" not in style
    assert "@import" not in style
    for element in tree.iter("svg"):
        inside = lxml.html.tostring(element, encoding="unicode")
        assert not re.findall(r"https?://(?!www\.w3\.org/)", inside)
    policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_hostile_texts_are_read_as_they_are(tree: lxml.html.HtmlElement) -> None:
    said = tree.text_content()
    for text in HOSTILE[:6]:
        assert text in said
    assert "⟨U+202E⟩evil⟨U+2066⟩ ⟨U+001B⟩[31mred" in said
    assert not set("\x00\x07\x1b\u202e\u2066\ufeff") & set(said)


def test_every_link_leads_to_rows_and_no_place_is_there_twice(tree: lxml.html.HtmlElement) -> None:
    places = tree.xpath("//@id")
    assert len(places) == len(set(places))
    targets = [href[1:] for href in tree.xpath("//a/@href")]
    assert targets
    assert not set(targets) - set(places)
    for target in set(targets):
        place = tree.get_element_by_id(target)
        assert place.tag in ("h2", "article") or place.xpath(".//article | .//a"), target


def test_every_reason_has_its_rows(run: Path, tree: lxml.html.HtmlElement) -> None:
    ledger = pl.read_parquet(run / "ledger.parquet")
    said = tree.text_content()
    reasons = {reason for one in ledger["reasons"].to_list() for reason in one}
    assert {"exact_duplicate", "identical_responses", "empty_response", "conflict", "contaminated"} <= reasons
    for line in ledger.filter(pl.col("reasons").list.len() > 0).to_dicts():
        assert line["row_id"] in said, line
    assert "unknown_label" in said


def test_frames_and_images_of_hostile_names_have_their_sections(tree: lxml.html.HtmlElement) -> None:
    frames, lost = (tree.get_element_by_id(key).getparent().text_content() for key in ("trajectories", "images"))
    assert f"of {len(HOSTILE)} trajectories" in frames
    assert f"{2 * len(HOSTILE)} could not be opened" in lost
    assert SCRIPT in frames
    assert SCRIPT in lost


def test_ten_megabytes_in_a_line_are_cut_and_counted(page: str) -> None:
    assert len(page.encode()) <= PAGE
    cut = re.search(r"Cut here: ([\d,]+) of 10,200,000 characters are not shown", page)
    assert cut
    assert int(cut[1].replace(",", "")) > 8_000_000


def test_written_again_it_is_the_same(run: Path, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_report(str(run)) == 0
    assert (run / "report.html").read_text(encoding="utf-8") == page


def test_without_working_files_figures_stay(run: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(run, bare, ignore=shutil.ignore_patterns("work"))
    assert run_report(str(bare)) == 0
    said = lxml.html.fromstring((bare / "report.html").read_text(encoding="utf-8")).text_content()
    assert "work/ is gone" in said
    assert "exact_duplicate" in said
