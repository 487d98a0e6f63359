"""Pages that people wrote: links lead somewhere, keys and flags are there, and counts are what a run prints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from pipelines.commands import Request, run_curate
from pipelines.runner import beam_options, known_flags
from schemas.config.policy import Policy

ROOT = Path(__file__).parents[1]
DOCS = {path.relative_to(ROOT): path.read_text() for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]}
POLICIES = DOCS[Path("docs/policies.md")]
RECIPES = ("conservative", "secrets2", "drop-only", "relabel")


def anchors(text: str) -> set[str]:
    """What a link can name in a page: headings, as GitHub makes anchors of them, and those that are written."""
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    titles = re.findall(r"^#+ (.*)$", prose, re.M)
    made = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", DOCS, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", DOCS[page], flags=re.S)
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", prose):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page.parent / name).resolve() if name else ROOT / page
        assert path.exists(), f"{page}: {target}"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path.read_text()), f"{page}: {target}"


def test_every_page_is_in_the_index() -> None:
    index = DOCS[Path("docs/README.md")]
    assert {path.name for path in DOCS if path.parent.name == "docs"} == {
        *re.findall(r"\]\(([\w-]+\.md)\)", index),
        "README.md",
    }


def rows(title: str) -> list[list[str]]:
    """The cells of the first table behind a heading or a sentence, without its head."""
    lines = POLICIES.partition(title)[2].partition("\n|")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip().strip("|").split("|")] for line in lines]


def test_every_key_of_policy_is_on_its_page() -> None:
    said = {key for cells in rows("## What each key does") for key in re.findall(r"\w+", cells[0])}
    assert said == set(Policy.model_fields)


def test_recipes_are_as_the_page_says() -> None:
    table = {cells[0]: cells[1:] for cells in rows("## Recipes")}
    assert len(table) == 8
    for place, recipe in enumerate(RECIPES):
        written = yaml.safe_load((ROOT / "pipelines/recipes" / f"{recipe}.yaml").read_text())
        assert {key: cells[place] for key, cells in table.items() if cells[place]} == {
            k: str(v) for k, v in written.items()
        }


@pytest.mark.slow
def test_recipes_do_on_hh_what_the_page_says(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hh_rlhf").symlink_to(data("hh_rlhf"))
    monkeypatch.chdir(tmp_path)
    table = {cells[0]: [int(cell) for cell in cells[1:]] for cells in rows("they come to:")}
    assert set(table) == set(RECIPES)
    for recipe, figures in table.items():
        sets = [f"policy.recipe={recipe}"]
        assert run_curate(Request(str(ROOT / "examples/hh.yaml"), "out", sets=sets)) == 0
        counts = json.loads(Path("out/manifest.json").read_text())["counts"]
        assert [counts[name] for name in ("kept", "softened", "dropped", "review")] == figures, recipe
        assert counts["flipped"] == 0


def test_flags_of_the_cluster_are_beams() -> None:
    page = DOCS[Path("docs/cluster.md")]
    ours = {"--out", "--fresh", "--service_port", "--build-arg", "--runner"}
    flags = set(re.findall(r"(--[a-z][a-z_-]+)", page)) - ours
    assert len(flags) > 8
    assert flags <= known_flags()
    portable = "--runner=PortableRunner --job_endpoint=HOST:8099 --environment_type=DOCKER --environment_config=I"
    assert beam_options(portable.split()).get_all_options()["runner"] == "PortableRunner"
