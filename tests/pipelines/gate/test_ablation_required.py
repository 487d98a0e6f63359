"""A gate that requires what a real ablation of the run found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.ablate import AblateRequest, run_ablate
from pipelines.commands import Request, run_curate
from pipelines.errors import DONE, FAILED_GATE
from tests.pipelines.test_ablate import pairs, write

_BELOW, _ABOVE = "ablation/arms/all/accuracy>=0.6", "ablation/arms/all/accuracy>=0.999"


@pytest.mark.slow
def test_an_ablation_of_the_run_can_be_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noisy, gold = write(tmp_path / "n.jsonl", pairs(700, 0.25, 1)), write(tmp_path / "g.jsonl", pairs(500, 0.0, 2))
    config = {
        "sources": [{"name": "noisy", "input": [str(noisy)]}, {"name": "gold", "input": [str(gold)]}],
        "embed": {"model": "off"}, "strength": {"members": 3, "folds": 3, "noise_rate": 0.25},
        "policy": {"recipe": "secrets2", "mislabelled_at": 0.8}, "gate": {"split_tolerance": 0.5},
    }  # fmt: skip
    (tmp_path / "c.yaml").write_text(json.dumps(config))
    out = tmp_path / "o"

    def curate(*required: str) -> int:
        return run_curate(Request(str(tmp_path / "c.yaml"), str(out), sets=[f"gate.require={list(required)}"]))

    assert curate(_BELOW) == FAILED_GATE  # nothing was ablated yet
    asked = AblateRequest(f"{tmp_path}/c.yaml", str(out), gold=["gold"], seeds=2, resamples=100)
    assert run_ablate(asked) == DONE
    accuracy = json.loads((out / "ablation.json").read_text())["arms"]["all"]["accuracy"]
    assert 0.6 < accuracy < 0.999
    assert curate(_BELOW) == DONE
    assert json.loads((out / "manifest.json").read_text())["metrics"]["ablation/arms/all/accuracy"] == accuracy
    capsys.readouterr()
    assert curate(_BELOW, _ABOVE) == FAILED_GATE
    assert f"{accuracy:.5g}"[:5] in (out / "gate.json").read_text()
    # Of other curation than was ablated nothing is known.
    other = [f"gate.require=['{_BELOW}']", "policy.doubtful_at=0.7"]
    assert run_curate(Request(str(tmp_path / "c.yaml"), str(out), sets=other)) == FAILED_GATE
