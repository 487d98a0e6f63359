"""`trenchcoat ablate` from files to ablation.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.ablate import AblateRequest, run_ablate
from pipelines.commands import Request, run_curate
from pipelines.report import run_report

_WORDS = ["stone", "river", "cloud", "lamp", "window", "garden", "music", "paper", "bridge", "winter", "summer"]


def pairs(count: int, flipped: float, seed: int, copies: int = 0) -> list[dict[str, Any]]:
    """Pairs whose better side has more questions, by a probability; a share is turned round, and those are copied."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        texts = [" ".join(rng.choice(_WORDS, rng.integers(6, 14))) for _ in range(3)]
        marks = rng.integers(0, 6, 2)
        sides = [f"{text} {'why? ' * mark}" for text, mark in zip(texts, marks, strict=False)]
        wins = rng.random() < 1 / (1 + np.exp(-2.0 * (marks[0] - marks[1])))
        wrong = rng.random() < flipped
        chosen, rejected = sides if wins != wrong else sides[::-1]
        pair = {"prompt": f"{seed} {i} {texts[2]}", "chosen": chosen, "rejected": rejected}
        out += [pair] * (1 + copies * wrong)
    return out


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ablate")
    # With their copies there are more wrong labels than right ones.
    write(out / "noisy.jsonl", pairs(700, 0.25, 1, copies=4))
    write(out / "gold.jsonl", pairs(500, 0.0, 2))
    (out / "config.yaml").write_text(
        f"""
sources:
  - {{name: noisy, input: ["{out}/noisy.jsonl"]}}
  - {{name: gold, input: ["{out}/gold.jsonl"]}}
embed: {{model: "off"}}
strength: {{members: 3, folds: 3, noise_rate: 0.25}}
policy: {{recipe: secrets2, mislabelled_at: 0.8}}
"""
    )
    return out


def test_what_is_planted_shows_and_an_arm_is_not_trained_twice(folder: Path, capsys: pytest.CaptureFixture) -> None:
    request = AblateRequest(f"{folder}/config.yaml", f"{folder}/run", gold=["gold"], seeds=3, resamples=300)
    assert run_ablate(request) == 0
    report = json.loads((folder / "run" / "ablation.json").read_text())
    arms, raw = report["arms"], report["arms"]["raw"]["lines"]
    assert "All of it together is better than the raw pairs" in capsys.readouterr().out
    assert report["rows"]["evaluate"] == 500
    assert raw > 1300
    assert arms["dedup alone"]["lines"] == arms["dedup alone: random drop"]["lines"] == 700
    assert arms["all"]["lines"] == arms["all: random drop"]["lines"] <= 700
    for name in ("dedup alone", "all"):
        held = {one["than"]: one for one in arms[name]["against"]}
        assert held["raw"]["low"] > 0
        assert held[f"{name}: random drop"]["low"] > 0
    assert {one["than"]: one for one in arms["without dedup"]["against"]}["all"]["high"] < 0
    assert arms["dedup alone"]["proxies"]["kept"] == pytest.approx(700 / raw, abs=1e-5)
    assert arms["noise alone"]["proxies"]["surface"] >= arms["raw"]["proxies"]["surface"]

    # Some heads are lost with their marker, as after a crash; the rest are not trained again.
    stage = next((folder / "run" / "work").glob(f"ablate-{'[0-9a-f]' * 12}/done.json")).parent
    lost, left = sorted(stage.glob("tasks/*.json"))[:2]
    before = left.stat().st_mtime_ns
    (stage / "done.json").unlink()
    lost.unlink()
    assert run_ablate(request) == 0
    assert lost.exists()
    assert left.stat().st_mtime_ns == before
    assert json.loads((folder / "run" / "ablation.json").read_text()) == report
    assert not (folder / "run" / "report.html").exists()  # there is no run here to tell of


def test_a_run_in_the_same_folder_tells_of_it(folder: Path) -> None:
    request = AblateRequest(f"{folder}/config.yaml", f"{folder}/run", gold=["gold"], seeds=3, resamples=300)
    assert run_curate(Request(f"{folder}/config.yaml", f"{folder}/run")) == 0
    page = folder / "run" / "report.html"
    (folder / "run" / "ablation.json").unlink(missing_ok=True)
    assert run_report(f"{folder}/run") == 0
    assert "Does curation help?" not in page.read_text()
    assert run_ablate(request) == 0
    assert "A small reward head trained on what all of the curation leaves is better than" in page.read_text()
    # Another policy is not what was tried.
    assert run_curate(Request(f"{folder}/config.yaml", f"{folder}/run", sets=["policy.mislabelled=keep"])) == 0
    card = (folder / "run" / "dataset" / "README.md").read_text()
    assert "The ablation.json in this folder is of another run" in page.read_text()
    assert "`ablation.json` in the run's folder is of another run" in card
    assert "trained on" not in card


def test_labels_of_rows_that_evaluate_change_nothing_that_is_learnt(folder: Path) -> None:
    other = [{**one, "chosen": one["rejected"], "rejected": one["chosen"]} for one in pairs(500, 0.0, 2)]
    turned = folder / "turned"
    turned.mkdir()
    write(turned / "gold.jsonl", other)
    config = (folder / "config.yaml").read_text().replace(f"{folder}/gold", f"{turned}/gold")
    (turned / "config.yaml").write_text(config)
    told = []
    for where in (folder, turned):
        request = AblateRequest(f"{where}/config.yaml", f"{where}/run", gold=["gold"], seeds=3, resamples=300)
        assert run_ablate(request) == 0
        told.append(json.loads((where / "run" / "ablation.json").read_text())["arms"])
    for name, one in told[0].items():
        assert one["lines"] == told[1][name]["lines"]
        assert one["proxies"] == told[1][name]["proxies"]
        assert one["accuracy"] == pytest.approx(1 - told[1][name]["accuracy"], abs=1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gold": ["glod"]}, "--gold glod: there is no source of that name; there are noisy, gold"),
        ({"gold": ["noisy", "gold"]}, "is every source, and none is left to train on"),
        ({"held_out": 1.5}, "--held-out 1.5: is a share of the groups, between 0 and 1"),
        ({"sets": ["balance.output=augment"]}, "balance.output: augment makes rows, which ablate does not"),
        ({"out": None}, "--out: name the folder for the results"),
    ],
)
def test_mistakes_are_told_before_any_work(
    folder: Path, given: dict[str, Any], said: str, capsys: pytest.CaptureFixture
) -> None:
    asked = {"config": f"{folder}/config.yaml", "out": f"{folder}/mistaken", **given}
    assert run_ablate(AblateRequest(**asked)) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "mistaken" / "work").exists()


def test_too_few_pairs_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = write(tmp_path / "few.jsonl", pairs(100, 0.1, 3))
    sets = ["embed.model=off", "strength.find=false"]
    assert run_ablate(AblateRequest(None, f"{tmp_path}/run", [str(file)], sets=sets)) == 2
    assert "to evaluate on: 400 and 100 are needed, in 20 groups each" in capsys.readouterr().err
