"""Pages that list things: every key, column, code and file, compared with what the code says and what runs leave."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import polars as pl
import pytest

from pipelines.ablate import AblateRequest, run_ablate
from pipelines.commands import Request, run_curate
from pipelines.config_page import config_page, examples, keys
from pipelines.evaluate import EvaluateRequest, run_evaluate
from pipelines.publish import PublishRequest, run_publish
from pipelines.relabel import run_export, run_import
from pipelines.signals_page import signals_page
from schemas.config import Config
from schemas.tables import TABLES, type_words
from schemas.verdict import ACTIONS, DEAD_LETTERS, MERGED, REASONS
from tests.pipelines.everything import curate, lay_out
from tests.pipelines.test_ablate import pairs, write

ROOT = Path(__file__).parents[1]
PAGES = {"configuration": config_page, "signals": signals_page}
#: Patterns of the pages as regular expressions, longest word first.
_WORDS = {
    "STAGE": r"[a-z][a-z_\-]*", "CONFIG": r"[a-z_]+", "SPLIT": r"[a-z][a-z0-9_]*", "KEY": r"[0-9a-f]{12}",
    "N": r"\d+", "*": r"[^/]+", "{": "(?:", ",": "|", "}": ")",
}  # fmt: skip
#: Files of published shapes, whose columns are the card's.
_SHAPES = re.compile(r"dataset/|work/publish-[0-9a-f]{12}/(?!ledger/)")


def pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\bSTAGE\b|\bCONFIG\b|\bSPLIT\b|\bKEY\b|\bN\b|[*{},])", path)
    return re.compile("".join(_WORDS.get(part) or re.escape(part) for part in parts))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_makes(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.md").read_text() == PAGES[name](), f"docs/{name}.md is not up to date: make docs"


def test_every_key_is_on_the_page_with_its_meaning() -> None:
    page = config_page()
    for key, field in keys().items():
        assert f'<a id="{key}"></a>' in page or f"\n## {key}\n" in page, key
        assert field.get("description") or "$ref" in field, f"{key} has no description"
    assert len(keys()) > 150


@pytest.mark.parametrize("name", list(examples()))
def test_an_example_of_a_section_is_a_configuration(name: str) -> None:
    read = Config.model_validate(examples()[name])
    if name:  # it says something, and of that section
        plain = Config.model_validate({"sources": examples()["sources"]["sources"][:1]})
        assert getattr(read, name) != getattr(plain, name)


def test_every_code_is_on_the_page() -> None:
    page = signals_page()
    codes = {"Actions": {*ACTIONS, MERGED}, "Reasons": set(REASONS), "Dead letters": set(DEAD_LETTERS)}
    for title, wanted in codes.items():
        section = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        assert set(re.findall(r"^\| (?:<a[^>]*></a>)?`(\w+)` \|", section, re.M)) == wanted


def test_every_code_that_the_code_names_is_declared() -> None:
    """Reasons and codes are named as texts; each stands in a rule somewhere, and no rule has another."""
    text = "\n".join(
        path.read_text()
        for folder in ("transforms", "pipelines", "schemas")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in ("verdict.py", "signals_page.py")
    )
    for code in (*REASONS, *DEAD_LETTERS):
        assert f'"{code}"' in text or f"{code}:" in text, f"nothing gives {code}"
    named = set(re.findall(r'Clause\(\s*"(\w+)"', text)) | set(re.findall(r'reason=(?:pl\.lit\()?"(\w+)"', text))
    assert named
    assert named <= set(REASONS)
    rejected = set(re.findall(r'\.reject\(\s*[^"]*?,\s*"(\w+)"', text)) | set(
        re.findall(r'DeadLetter\([^"]*"(\w+)"', text)
    )
    assert len(rejected) > 3
    assert rejected <= set(DEAD_LETTERS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders in which everything has been done: curate twice, relabel, evaluate, publish; ablate; audit."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("pages")
        patch.setenv("TRENCHCOAT_CACHE", str(folder / "home"))
        config, out = lay_out(folder), folder / "out"
        curate(config, out)
        assert run_export(str(out), 20, None, True) == 0
        with (out / "relabel/rows.csv").open(newline="", encoding="utf-8-sig") as file:
            asked = list(csv.DictReader(file))
        with (folder / "answers.csv").open("w", newline="") as file:
            answers = csv.DictWriter(file, list(asked[0]))
            answers.writeheader()
            answers.writerows([{**one, "answer": "A"} for one in asked])
        assert run_import(str(out), [str(folder / "answers.csv")], "ann", False, True) == 0
        assert run_publish(PublishRequest(str(out), str(folder / "target"), despite_gate=True)) == 0
        # The same again with answers, as an addition, brought to a mixture.
        domain = next(iter(pl.read_parquet(next(out.glob("work/attributes-*/0*.parquet")))["domains"].drop_nulls()))[0]
        second = folder / "second"
        (second / "work").parent.mkdir()
        (second / "relabels.jsonl").write_bytes((out / "relabels.jsonl").read_bytes())
        (out / "work").rename(second / "work")
        curate(config, second, f'attributes.target={{"{domain}": 0.4}}', "policy.pii=mask", against=out)
        assert (
            run_evaluate(
                EvaluateRequest(str(second), ["surface:words"], ["metadata.topic"], permutations=100, resamples=100)
            )
            == 0
        )
        noisy = write(folder / "noisy.jsonl", pairs(900, 0.1, 1))
        few = ["embed.model=off", "strength.members=2", "strength.folds=2", "duplicates.near=false"]
        request = AblateRequest(None, f"{folder}/ablated", [str(noisy)], None, few, seeds=2, resamples=100)
        assert run_ablate(request) == 0
        plain = ["embed.model=off", "strength.find=false", "duplicates.near=false"]
        assert run_curate(Request(None, f"{folder}/audited", [str(noisy)], None, plain, audit=True)) == 0
    return {name: folder / name for name in ("out", "second", "ablated", "audited", "target")}


def files(runs: dict[str, Path], *names: str) -> dict[str, Path]:
    """Paths below each run's folder."""
    found = (path for name in names for path in sorted(runs[name].rglob("*")) if path.is_file())
    folders = {name: runs[name] for name in names}
    return {
        f"{name}:{path.relative_to(folder)}": path
        for path in found
        for name, folder in folders.items()
        if path.is_relative_to(folder)
    }


def test_every_column_of_every_table_is_declared_and_made(runs: dict[str, Path]) -> None:
    made: dict[int, set[str]] = {place: set() for place in range(len(TABLES))}
    unknown = {}
    for name, path in files(runs, "out", "second", "ablated", "audited").items():
        below = name.partition(":")[2]
        if path.suffix != ".parquet" or _SHAPES.match(below):
            continue
        told = {column: type_words(dtype) for column, dtype in pl.read_parquet_schema(path).items()}
        fits = [
            place
            for place, table in enumerate(TABLES)
            if pattern(table.path).fullmatch(below) and _covers(table.columns, told)
        ]
        if fits:
            for place in fits:
                made[place] |= {_declared(TABLES[place].columns, column) for column in told}
        else:
            unknown[below] = told
    assert unknown == {}
    missing = {TABLES[place].path: set(TABLES[place].columns) - columns for place, columns in made.items()}
    assert {path: columns for path, columns in missing.items() if columns} == {}


def _declared(columns: dict[str, tuple[str, str, str]], column: str) -> str:
    starred = (name for name in columns if name.endswith("*") and column.startswith(name[:-1]))
    return column if column in columns else next(starred, "")


def _covers(columns: dict[str, tuple[str, str, str]], told: dict[str, str]) -> bool:
    names = {column: _declared(columns, column) for column in told}
    return all(name and columns[name][0] == told[column] for column, name in names.items())


def listed(title: str) -> list[str]:
    text = (ROOT / "docs" / "output.md").read_text().partition(f"\n## {title}")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", text, re.M)


def test_every_file_of_a_run_is_on_the_page(runs: dict[str, Path]) -> None:
    own = [*listed("`trenchcoat curate"), *listed("What other commands add")]
    target = own[own.index("relabels.jsonl") + 1 :]
    own = own[: -len(target)]
    work = [f"work/{path}" for path in listed("`work/`")] + [table.path for table in TABLES]
    for names, patterns in ((("out", "second", "ablated", "audited"), [*own, *work]), (("target",), target)):
        seen = dict.fromkeys(patterns, False)
        for name in files(runs, *names):
            below = name.partition(":")[2]
            fits = [path for path in patterns if pattern(path).fullmatch(below)]
            assert fits, f"docs/output.md does not have {below}"
            seen.update(dict.fromkeys(fits, True))
        unmade = {path for path, found in seen.items() if not found}
        assert unmade == ({"work/"} if names[0] == "out" else set())
