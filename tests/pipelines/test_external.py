"""The user's own voices in whole runs: tiny reward models, scores in the data, and what they do to p_error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from pipelines.commands import Request, run_curate
from tests.transforms.external.support import chat, two_texts
from transforms.external.rewards import RewardEncoder
from transforms.strength.selfcheck import auroc

_WORDS = ["stone", "river", "cloud", "lamp", "window", "garden", "music", "paper", "bridge", "winter", "summer"]
ROWS, FLIPPED = 500, 0.15
FEW = ["embed.model=off", "strength.members=3", "strength.folds=3", "duplicates.near=false"]


def records(flipped: float = FLIPPED) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Pairs whose texts say nothing of which side is better, which a judge's scores do; and whose label is wrong."""
    rng = np.random.default_rng(11)
    wrong = rng.random(ROWS) < flipped
    out = []
    for i in range(ROWS):
        a, b = (" ".join(rng.choice(_WORDS, 8)) for _ in range(2))
        first = rng.random() < 0.5
        score = rng.normal(1.5 if first else -1.5)
        out.append(
            {
                "question": f"{i} {_WORDS[i % 11]}", "a": a, "b": b, "winner": "ab"[int(first == wrong[i])],
                "judge": {"a": score, "b": 0.0} if i % 10 else None, "list": [2 * score, 1.0],
            }
        )  # fmt: skip
    return out, wrong


def run(folder: Path, out: str, *sets: str, scores: dict[str, Any] | None = None, **external: Any) -> dict[str, Any]:
    mapping = {
        "kind": "pair", "prompt": "question", "responses": ["a", "b"], "response_scores": scores or {},
        "label": {"field": "winner", "values": {"a": 1, "b": 0}},
    }  # fmt: skip
    source = {"input": [str(folder / "data.jsonl")], "format": "mapping", "mapping": mapping}
    (folder / f"{out}.yaml").write_text(yaml.safe_dump({"sources": [source], "external": external}))
    assert run_curate(Request(str(folder / f"{out}.yaml"), str(folder / out), sets=[*FEW, *sets])) == 0
    return dict(json.loads((folder / out / "manifest.json").read_text()))


def sidecar(out: Path, stage: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(out.glob(f"work/{stage}-*/0*.parquet"))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("external")
    (made / "data.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records()[0]))
    two_texts(made / "bert")
    chat(made / "llama")
    return made


def test_models_of_the_users_own(folder: Path) -> None:
    models = [
        {"name": "two", "base": str(folder / "bert")},
        {"name": "talk", "base": str(folder / "llama"), "label": "good", "input": "chat"},
    ]
    manifest = run(folder, "models", models=models)
    assert set(manifest["external"]) == {"two", "talk"}
    assert {(one["label"], one["pairs"]) for one in manifest["external"].values()} == {("external", ROWS)}
    told = sidecar(folder / "models", "external")
    assert told.columns == ["external_two", "external_talk", "external_mu", "external_sigma"]
    given = records()[0][:30]
    encoder = RewardEncoder(str(folder / "bert"), "cpu", None, "pair", None)
    sides = [
        [{"role": role, "content": text} for role, text in (("user", one["question"]), ("assistant", one[side]))]
        for one in given
        for side in "ab"
    ]
    scores = encoder.encode([json.dumps({"prompt": [u], "response": [r]}) for u, r in sides])[:, 0].astype(float)
    assert told["external_two"][:30].to_list() == pytest.approx((scores[::2] - scores[1::2]).tolist(), abs=2e-5)
    size = np.sqrt((told.select(pl.col("external_two", "external_talk") ** 2).mean()).row(0))
    even = told.select("external_two", "external_talk").to_numpy() / size
    assert told["external_mu"].to_numpy() == pytest.approx(even.mean(axis=1), abs=2e-5)
    assert told["external_sigma"].to_numpy() == pytest.approx(even.std(axis=1), abs=2e-5)
    card = (folder / "models/dataset/README.md").read_text()
    assert "had a say in how likely a label is wrong: two, talk" in card
    assert str(folder) not in card


@pytest.mark.slow
def test_what_was_scored_before_is_not_scored_again(folder: Path) -> None:
    models = [{"name": "two", "base": str(folder / "bert")}]
    run(folder, "again", models=models)
    again = run(folder, "again", "policy.mislabelled_at=0.8", models=models)
    assert {one["stage"] for one in again["stages"] if not one["skipped"]} == {"decide", "shortcuts", "publish"}
    lines = (folder / "data.jsonl").read_text()
    try:
        (folder / "data.jsonl").write_text(lines + json.dumps(records()[0][0] | {"question": "new"}) + "\n")
        more = run(folder, "again", models=models)["external"]["two"]["model"]
    finally:
        (folder / "data.jsonl").write_text(lines)
    assert (more["embedded"], more["kept_before"]) == (2, 2 * ROWS)


def test_scores_in_the_data_are_a_voice_like_another(folder: Path) -> None:
    wrong = records()[1]
    manifest = run(
        folder,
        "scores",
        "strength.noise_rate=0.15",
        "external.scores=[{name: list, fields: list}]",
        scores={"judge": ["judge.a", "judge.b"]},
    )
    voices = manifest["external"]
    assert {name: one["pairs"] for name, one in voices.items()} == {"judge": 450, "list": 500}
    assert voices["judge"]["recorded_side"] > 0.75
    assert any("judge has no score for 50 of 500 pairs" in note for note in manifest["notes"])
    told = sidecar(folder / "scores", "strength")
    recorded = np.where([one["winner"] == "a" for one in records()[0]], 1, -1)
    # Nothing tells wrong labels here but the judge.
    assert auroc(-told["strength_mu"].to_numpy() * recorded, wrong) < 0.62
    assert auroc(told["p_error"].to_numpy(), wrong) > 0.85
    margins = sidecar(folder / "scores", "margins")
    assert margins["judge"].null_count() == 50
    first = records()[0][1]
    assert margins["judge"][1] == pytest.approx(first["judge"]["a"], abs=1e-5)
    assert margins["list"][1] == pytest.approx(first["list"][0] - 1, abs=1e-5)


def test_what_cannot_be_asked_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def wrong(*sets: str) -> str:
        data = str(folder / "data.jsonl")
        assert run_curate(Request(None, str(folder / "x"), [data], None, ["sources.0.format=trl", *sets])) == 2
        return capsys.readouterr().err

    base = folder / "llama"
    said = wrong(f"external.models=[{{name: rm, base: {base}}}]")
    assert "external.models.0 (rm)" in said
    assert "several outputs, so its label has to be named" in said
    twice = f"external.models=[{{name: rm, base: {base}, label: 0}}, {{name: rm, base: {base}, label: 1}}]"
    assert "'rm' is taken" in wrong(twice)
    assert "holds no model" in wrong(f"external.models=[{{name: rm, base: {folder}}}]")
