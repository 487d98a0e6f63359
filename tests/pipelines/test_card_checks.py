"""The card of a run's own dataset tells what the gate checked: in words, once, and the same when it is judged again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import run_card
from pipelines.card_checks import checks_of
from pipelines.commands import run_validate
from pipelines.finished import Finished
from pipelines.parcel import config_of
from pipelines.publish import PublishRequest, run_publish
from schemas.config import Config
from schemas.expectations import Check, Verdict
from tests.pipelines.publishing import files, like, run
from tests.pipelines.test_end_to_end import curate

__all__ = ["like", "run"]
SECRET = "a rater's words"


def check(name: str, on: str = "preference/train-00000-of-00001.parquet", **other: object) -> Check:
    said = {"severity": "critical", "status": "passed", "observed": {"rows": 10, "unexpected": 0}, "expected": {}}
    return Check(**{"name": name, "expectation": "expect", "on": on, **said, **other})  # type: ignore[arg-type]


def test_checks_of_all_files_are_a_line_and_what_failed_comes_first() -> None:
    wrong = {"rows": 7, "unexpected": 2, "examples": [SECRET], "ids": [SECRET]}
    verdict = Verdict(
        False,
        [
            check("id is not null"),
            check("id is not null", "preference/test-00000-of-00001.parquet"),
            check("id is not null", "kto/test-00000-of-00001.parquet"),
            check("alpha>=0.4", "metrics", observed=0.3, expected={"column": "alpha", "min_value": 0.4}),
            check("few", severity="warning", status="failed", observed=wrong),
            check("sides differ", status="failed", observed=wrong),
        ],
        1.0,
    )
    found = checks_of(verdict)
    assert found.said.endswith("It failed: 1 that matter did not hold, and 1 warned.")
    assert found.lines == [
        ["sides differ", "preference", "failed", "2 of 7 rows are otherwise", "–"],
        ["few", "preference", "warning", "2 of 7 rows are otherwise", "–"],
        ["id is not null", "preference (2 files), kto", "passed", "0 of 30 rows are otherwise", "–"],
        ["alpha>=0.4", "the run", "passed", "0.3", "at least 0.4"],
    ]
    assert SECRET not in str(found)
    skipped = check("no overlap", "metrics", status="skipped", observed="nothing was compared")
    passing = checks_of(Verdict(True, [check("id is not null"), skipped], 1.0))
    assert passing.said.endswith("All passed. 1 could not be made, and says nothing: see below.")
    assert passing.lines[0] == ["no overlap", "the run", "skipped", "nothing was compared", "–"]
    assert "alpha>=0.4" not in str(checks_of(verdict, ("raters",)).lines)


def test_the_card_of_a_run_and_of_what_is_published_tell_the_same_checks(run: Path, tmp_path: Path) -> None:
    def checks(folder: Path) -> str:
        (_, mine) = (folder / "README.md").read_text().split("## Checks")
        return mine.split("\n## ")[0]

    made = json.loads((run / "gate.json").read_text())["checks"]
    assert f"The gate made {sum(one['status'] != 'skipped' for one in made):,} checks" in checks(run / "dataset")
    assert "| skipped | no benchmark was named, so nothing was compared |" in checks(run / "dataset")
    assert {one["name"] for one in made} >= {"id is not null", "no group of rows stands in two splits"}
    assert all(one["name"].replace("_", "\\_") in checks(run / "dataset") for one in made)
    assert run_publish(PublishRequest(str(run), str(tmp_path / "p"))) == 0
    assert checks(tmp_path / "p") == checks(run / "dataset")


def test_a_run_that_is_judged_again_stays_as_it_is(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    before = files(tmp_path / "run")
    assert run_validate(str(tmp_path / "run"), json=False) == 0
    assert files(tmp_path / "run") == before


@pytest.mark.parametrize("fence", ["```", "````"])
def test_splits_keep_their_order_though_a_manifest_sorts_them(tmp_path: Path, fence: str) -> None:
    fractions = {"test": 0.1, "train": 0.8, "validation": 0.1}
    config = Config.model_validate({"sources": [{"input": ["x"]}], "split": {"fractions": fractions}})
    run = Finished(str(tmp_path), {"config": config.model_dump()})
    (tmp_path / "dataset").mkdir()
    card = tmp_path / "dataset/README.md"
    said = "split:\n  fractions:\n    train: 0.8\n    validation: 0.1\n    test: 0.1\n"
    card.write_text(f"# A\n\n```yaml\na: 1\n```\n\n{fence}yaml\nb: '```'\n{said}{fence}\n")
    assert list(config_of(run).split.fractions) == ["train", "validation", "test"]
    card.write_text("# A\n")
    assert list(config_of(run).split.fractions) == list(fractions)


def test_a_card_that_is_not_of_this_gate_is_written_anew(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    gate = json.loads((run / "gate.json").read_text())
    gate["checks"][0]["observed"] = 7.0
    (tmp_path / "run/gate.json").write_text(json.dumps(gate))
    card = tmp_path / "run/dataset/README.md"
    card.write_text(card.read_text().replace("The gate made", "Nobody made"))
    assert run_publish(PublishRequest(str(tmp_path / "run"), str(tmp_path / "p"))) == 2
    assert run_validate(str(tmp_path / "run"), json=False) == 0
    told = json.loads((tmp_path / "run/manifest.json").read_text())
    seconds = told["gate"].pop("seconds")
    was = json.loads((run / "manifest.json").read_text())
    assert was["gate"].pop("seconds") != seconds
    assert told == was
    assert run_publish(PublishRequest(str(tmp_path / "run"), str(tmp_path / "p"))) == 0


def test_a_run_that_ends_between_gate_and_card_is_none_and_the_next_one_is_whole(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(run, tmp_path / "out")
    sets = ("gate.max_dead_letters=0.2", "sources.0.licence=mit", "publish.rows_per_shard=60")

    def again() -> int:
        return curate(tmp_path / "out", run.parent / "pairs.jsonl", form="trl", sets=sets)

    def full(*_: object, **__: object) -> bytes:
        raise OSError(28, "No space left on device", "README.md")

    monkeypatch.setattr(run_card, "make_card", full)
    assert again() == 3
    assert not (tmp_path / "out/manifest.json").exists()
    assert not (tmp_path / "out/dataset/README.md").exists()
    monkeypatch.undo()
    assert again() == 0
    assert files(tmp_path / "out/dataset") == files(run / "dataset")
    told = {one["file"]: one["sha256"] for one in json.loads((tmp_path / "out/manifest.json").read_text())["files"]}
    assert told == {one["file"]: one["sha256"] for one in json.loads((run / "manifest.json").read_text())["files"]}


def test_a_gate_that_failed_is_told_on_the_card_of_its_run(run: Path, like: Callable[..., str]) -> None:
    out = Path(like("failed", lambda manifest: manifest["config"]["gate"].update(require=["kept>=100000"])))
    assert run_validate(str(out), json=False) == 1
    card = (out / "dataset/README.md").read_text()
    assert "It failed: 1 that matter did not hold." in card
    assert "| kept&gt;=100000 | the run | failed | " in card
    assert "published all the same" not in card
    assert '"passed": false' in (out / "manifest.json").read_text()
