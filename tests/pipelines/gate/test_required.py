"""Figures that a run must reach: read before any work, asked of whole runs, and of what was evaluated of them since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipelines.commands import Request, run_curate, run_validate
from pipelines.errors import DONE, FAILED_GATE, USER_MISTAKE, UserError
from pipelines.evaluate import EvaluateRequest, run_evaluate
from pipelines.required import asked_of, check_required
from pipelines.results import Results, acts_of, find_results
from schemas.config import Config

_WORDS = ["stone", "river", "cloud", "lamp", "window", "garden", "music", "paper", "bridge", "winter", "summer"]
ROWS, TWICE = 500, 120
SETS = ["embed.model=off", "strength.members=2", "strength.folds=2", "duplicates.near=false", "gate.split_tolerance=1"]
EVALUATION = {
    "pairs": {"scorers": {"rm": {"accuracy": 0.7, "low": 0.61}, "flat": {"accuracy": None}}},
    "ratings": {},
    "rankings": {},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs whose longer side wins in about four of five, some judged twice, with a voice that takes three in four."""
    made, rng = tmp_path_factory.mktemp("required"), np.random.default_rng(3)
    lines = []
    for i in range(ROWS):
        a, b = (" ".join(rng.choice(_WORDS, rng.integers(4, 16))) for _ in range(2))
        first = (len(a) > len(b)) == (rng.random() < 0.8)
        score = 1.0 if first == (rng.random() < 0.75) else -1.0
        one = {"question": f"{i} {_WORDS[i % 11]}", "a": a, "b": b, "winner": "ba"[int(first)], "judge": [score, 0.0]}
        lines.append(one | {"by": "ann"})
        if i < TWICE:
            said = first == (rng.random() < 0.9)
            lines.append(one | {"by": "bob", "winner": "ba"[int(said)]})
    (made / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    mapping = {"kind": "pair", "prompt": "question", "responses": ["a", "b"], "rater": "by",
               "label": {"field": "winner", "values": {"a": 1, "b": 0}}}  # fmt: skip
    source = {"name": "us", "input": [str(made / "data.jsonl")], "format": "mapping", "mapping": mapping}
    config = {"sources": [source], "external": {"scores": [{"name": "judge", "fields": "judge"}]}}
    (made / "c.yaml").write_text(yaml.safe_dump(config))
    assert curate(made) == DONE
    return made


def curate(folder: Path, *required: str) -> int:
    return run_curate(
        Request(str(folder / "c.yaml"), str(folder / "o"), sets=[*SETS, f"gate.require={list(required)}"])
    )


def read(folder: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((folder / "o" / name).read_text()))


def test_a_run_lists_its_figures_and_the_gate_asks_for_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = read(folder, "manifest.json")["metrics"]
    assert 0.72 < told["surface_accuracy"] < 0.88
    assert told["surface_accuracy"] == told["surface_accuracy_raw"]  # nothing was balanced
    assert 0.6 < told["alpha/us/pair/overall"] == told["alpha"] < 1  # one in ten of two says otherwise
    assert 0.7 < told["accuracy_judge"] < 0.8
    assert told["noise_rate"] > 0
    assert "| surface\\_accuracy | " in (folder / "o/dataset/README.md").read_text()
    met = ["surface_accuracy<=0.9", "alpha/us/pair/overall>0.5", "accuracy_judge>=0.7", "kept>=400", "share_train>0.5"]
    assert curate(folder, *met) == DONE
    capsys.readouterr()
    assert curate(folder, *met, "surface_accuracy<0.6", "alpha/us/pair/tone>=0.1", "rating_alpha>=0.1") == FAILED_GATE
    said = capsys.readouterr().out
    assert f"surface_accuracy<0.6: observed {told['surface_accuracy']:,.6g}, expected less than 0.6" in said
    assert (
        "no figure: nothing was measured there; did you mean alpha/us/pair/overall? There are alpha/us/pair/overall"
        in said
    )
    assert "no figure: it takes ratings of several raters, and ratings.find" in said
    failed = [check for check in read(folder, "gate.json")["checks"] if check["status"] in ("failed", "error")]
    assert {check["name"]: check["status"] for check in failed} == {
        "surface_accuracy<0.6": "failed", "alpha/us/pair/tone>=0.1": "error", "rating_alpha>=0.1": "error"
    }  # fmt: skip


def test_validate_finds_what_was_evaluated_since(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    required = "evaluation/pairs/scorers/length/accuracy>=0.7"
    (folder / "o/evaluation.json").unlink(missing_ok=True)
    assert curate(folder, required) == FAILED_GATE
    assert "no figure: there is no evaluation.json; it takes `trenchcoat evaluate`" in capsys.readouterr().out
    page = folder / "o/report.html"
    assert 'id="evaluation"' not in page.read_text()
    assert run_evaluate(EvaluateRequest(str(folder / "o"), [], resamples=50)) == DONE
    assert 'id="evaluation"' in page.read_text()
    before = {one["file"]: one for one in read(folder, "manifest.json")["files"]}
    limits = [line for line in (folder / "o/dataset/README.md").read_text().splitlines() if line.startswith("- ")]
    assert run_validate(str(folder / "o"), json=False) == DONE
    manifest = read(folder, "manifest.json")
    found = read(folder, "evaluation.json")["pairs"]["scorers"]
    assert manifest["metrics"]["evaluation/pairs/scorers/length/accuracy"] == found["length"]["accuracy"]
    card = (folder / "o/dataset/README.md").read_text()
    assert f"| length | {found['length']['accuracy']:.3f} |" in card
    assert limits == [line for line in card.splitlines() if line.startswith("- ")]  # notes and known limits are kept
    # The manifest knows the new card, and no other file as anything else than it was.
    after = {one["file"]: one for one in manifest["files"]}
    assert [name for name in after if after[name] != before[name]] == ["README.md"]
    assert after["README.md"]["bytes"] == len(card.encode())
    # The same run again finds it; a run of other rows does not.
    assert curate(folder, required) == DONE
    assert "### Scorers on" in (folder / "o/dataset/README.md").read_text()
    capsys.readouterr()
    again = [*SETS, "policy.doubtful_at=0.5", "split.seed=1", f"gate.require=['{required}']"]
    assert run_curate(Request(str(folder / "c.yaml"), str(folder / "o"), sets=again)) == FAILED_GATE
    assert "evaluation.json is of another run, or of another state of this one" in capsys.readouterr().out
    card = (folder / "o/dataset/README.md").read_text()
    assert "### Scorers on" not in card
    assert "`evaluation.json` in the run's folder is of another run" in card
    assert "The evaluation.json in this folder is of another run" in page.read_text()


def test_what_cannot_be_required_is_refused_before_any_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "o/manifest.json").read_bytes()
    assert curate(folder, "surface_acuracy<=0.6") == USER_MISTAKE
    assert "did you mean surface_accuracy?" in capsys.readouterr().err
    assert (folder / "o/manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("alpha", "gate.require 'alpha': is not PATH>=NUMBER"),
        ("alpha=0.4", "is not PATH>=NUMBER"),
        ("accuracy_jugde>=0.7", "no figure 'accuracy_jugde'; did you mean accuracy_judge?"),
        ("share_tain>=0.7", "did you mean share_train?"),
        ("alpha/uz/pair/overall>0", "there is no source 'uz'. There are us"),
        ("evaluation/pair/scorers/rm/accuracy>0", "no figures under 'pair'; did you mean pairs?"),
        ("evaluation>0", "no figures under ''. There are pairs, ratings, rankings"),
    ],
)
def test_wrong_requirements(wrong: str, words: str) -> None:
    config = Config.model_validate({"sources": [{"name": "us", "input": ["x"]}], "gate": {"require": [wrong]}})
    with pytest.raises(UserError) as caught:
        check_required(config, ["preference"], ["judge"])
    assert words in str(caught.value)


def test_figures_of_reports() -> None:
    def why(path: str, results: Results) -> str:
        (check,) = asked_of([f"{path}>=0.5"], {}, results).missing
        assert (check.status, check.severity) == ("error", "critical")
        return str(check.observed)

    path, known = "evaluation/pairs/scorers", Results(evaluation=EVALUATION)
    required = asked_of([f"{path}/rm/low>0.6", f"{path}/rm/accuracy<=0.7"], {}, known)
    assert required.found == {f"{path}/rm/low": 0.61, f"{path}/rm/accuracy": 0.7}
    assert [one.kwargs for one in required.asked] == [
        {"column": f"{path}/rm/low", "min_value": 0.6, "strict_min": True},
        {"column": f"{path}/rm/accuracy", "max_value": 0.7},
    ]
    assert "did you mean rm?" in why(f"{path}/rmm/accuracy", known)
    assert "it is not defined" in why(f"{path}/flat/accuracy", known)
    assert "is no number" in why(f"{path}/rm", known)
    assert "is of another run" in why(f"{path}/rm/low", Results(stale=("evaluation",)))
    assert "there is no ablation.json" in why("ablation/arms/all/accuracy", known)
    assert known.listed() == {f"{path}/rm/accuracy": 0.7}


def test_an_ablation_counts_for_its_own_policy(tmp_path: Path) -> None:
    config = Config.model_validate({"sources": [{"name": "us", "input": ["x"]}]})
    arms = {
        "raw": {"accuracy": 0.6, "against": []},
        "all": {"accuracy": 0.7, "against": [{"than": "raw", "difference": 0.1, "low": 0.04}]},
    }
    report = {"run": {"groups": "g1", "acts": acts_of(config)}, "arms": arms}
    (tmp_path / "ablation.json").write_text(json.dumps(report))
    results = find_results(str(tmp_path), config, {}, ["g0", "g1"])
    assert results.figures == {"ablation_less_raw": 0.1, "ablation_less_raw_low": 0.04}
    assert results.listed()["ablation/arms/all/accuracy"] == 0.7
    other = config.model_copy(update={"policy": config.policy.model_copy(update={"mislabelled": "keep"})})
    for changed, keys in ((other, ["g1"]), (config, ["g0"])):
        assert find_results(str(tmp_path), changed, {}, keys) == Results(stale=("ablation",))
