"""Reports opened in Chromium: nothing on the console, nothing asked for, nothing wider than the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.report.page import render
from tests.pipelines.report import browser
from tests.pipelines.report.made import made, sections

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.NAME is None, reason="there is no Chromium here"),
]


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    with browser.Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module", params=["hostile", "made"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run on hostile data, and one with every section that such a run has not, hostile too."""
    if request.param == "hostile":
        return Path(request.getfixturevalue("run")) / "report.html"
    run = made(tmp_path_factory.mktemp("made"))
    path = Path(run.out) / "report.html"
    path.write_text(render(run, sections(run), "made", "by hand"), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "media"), [(1280, ""), (390, ""), (718, "print")])  # A4 less its margins
def test_a_page_stands_alone_and_fits(window: browser.Browser, page: Path, width: int, dark: bool, media: str) -> None:
    for unfold in (False, True):
        opened = window.open(page, width, dark, media, unfold)
        assert opened.said == []
        assert opened.asked == []
        assert opened.beyond == []
        assert opened.scroll <= opened.client


def test_the_browser_tells_of_what_a_page_must_not_do(window: browser.Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<script>console.log('x')</script><img src='http://127.0.0.1:9/x.png'><div style='width:3000px'>w</div>"
    )
    opened = window.open(bad, 390)
    assert opened.said
    assert opened.asked == ["http://127.0.0.1:9/x.png"]
    assert opened.scroll > opened.client
    assert "3000px" in opened.beyond[0]
