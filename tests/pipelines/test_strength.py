"""Strength in whole runs, recipes, and when labels may be flipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from pipelines.config import load
from pipelines.engine import Done
from pipelines.errors import UserError
from pipelines.strength import Strength, gated
from schemas.config import Policy

Run = Callable[..., tuple[Path, dict[str, Any]]]
_WORDS = ["stone", "river", "cloud", "lamp", "window", "garden", "music", "paper", "bridge", "winter", "summer"]


def rows(count: int, flipped: float = 0.0) -> list[dict[str, Any]]:
    """Pairs whose better side says `gladly`, with a share of the labels turned round."""
    rng = np.random.default_rng(5)
    out = []
    for i in range(count):
        words = [" ".join(rng.choice(_WORDS, rng.integers(5, 12))) for _ in range(3)]
        good, bad = f"{words[0]} gladly, gladly! {words[1]}", f"{words[2]} {words[1]}."
        wrong = rng.random() < flipped
        out.append({"prompt": f"{i} {words[0]}", "chosen": bad if wrong else good, "rejected": good if wrong else bad})
    return out


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def go(records: list[dict[str, Any]], *sets: str, out: str = "run") -> tuple[Path, dict[str, Any]]:
        file = tmp_path / "data.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        asked = ["embed.model=off", "strength.members=3", "strength.folds=3", *sets]
        assert run_curate(Request(None, str(tmp_path / out), [str(file)], None, asked)) == 0
        return tmp_path / out, json.loads((tmp_path / out / "manifest.json").read_text())

    return go


def signals(out: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(out.glob("work/strength-*/*.parquet"))])


def test_wrong_labels_are_dropped_and_the_run_says_how_it_knows(run: Run) -> None:
    given = rows(600, flipped=0.08)
    out, manifest = run(given, "strength.noise_rate=0.08")
    wrong = np.array(["gladly" in one["rejected"] for one in given])
    dropped = pl.read_parquet(out / "ledger.parquet").sort("line")["action"].to_numpy() == "drop"
    assert (dropped == wrong).mean() > 0.98
    assert manifest["strength"]["eta_source"] == "config"
    assert any("surface features alone" in note for note in manifest["notes"])
    told = signals(out)
    assert told.height == 600
    assert told["p_error"].is_between(0, 1).all()
    assert (told["p_error"].to_numpy() == told["p_error"].round(5).to_numpy()).all()


def test_flips_where_they_would_be_right(run: Run) -> None:
    given = rows(5000, flipped=0.15)
    out, manifest = run(given, "policy.recipe=secrets2", "strength.noise_rate=0.15")
    assert manifest["counts"]["flipped"] > 600
    published = pl.concat([pl.read_parquet(path) for path in (out / "dataset/preference").glob("*.parquet")])
    chosen = published["chosen"].list.last().struct.field("content")
    assert chosen.str.contains("gladly").mean() > 0.99
    soft = pl.read_parquet(next((out / "dataset/preference_soft").glob("*.parquet")))
    assert "margin" in soft.columns


def test_no_flip_without_knowing_how_many_are_wrong(run: Run) -> None:
    _, manifest = run(rows(600, flipped=0.08), "policy.recipe=secrets2")
    assert manifest["counts"]["flipped"] == 0
    assert manifest["counts"]["softened"] > 10
    assert any("No label was turned round" in note and "not known" in note for note in manifest["notes"])


def test_too_few_pairs_are_left_alone(run: Run) -> None:
    out, manifest = run(rows(60, flipped=0.2))
    assert manifest["counts"]["kept"] == 60
    assert manifest["strength"]["fitted"] is False
    card = (out / "dataset" / "README.md").read_text()
    assert card.count("60 pairs with a preference in 60 groups") == 1
    assert signals(out)["p_error"].null_count() == 60


def test_another_threshold_fits_nothing_again(run: Run) -> None:
    given = rows(600, flipped=0.08)
    out, _ = run(given)
    before = {path: path.stat().st_mtime_ns for path in out.glob("work/fit-*/model.npz")}
    run(given, "policy.mislabelled_at=0.5")
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("work/fit-*/model.npz")}


def test_off(run: Run) -> None:
    out, manifest = run(rows(600), "strength.find=false")
    assert manifest["strength"] is None
    assert not list(out.glob("work/strength-*"))


# Recipes --------------------------------------------------------------------------------------------------------------


def test_recipes_are_keys_that_can_be_overruled(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    plain = load(None, [str(tmp_path / "a.jsonl")], None, []).policy
    assert plain == Policy()  # the default recipe is the defaults
    made = load(None, ["a.jsonl"], None, ["policy.recipe=secrets2", "policy.mislabelled_at=0.95"]).policy
    assert (made.mislabelled, made.mislabelled_at, made.margin) == ("flip", 0.95, "strength")
    assert load(None, ["a.jsonl"], None, ["policy.recipe=drop-only"]).policy.doubtful == "keep"
    assert load(None, ["a.jsonl"], None, ["policy.recipe=relabel"]).policy.mislabelled == "review"
    with pytest.raises(UserError, match=r"policy\.recipe is 'secrets3'"):
        load(None, ["a.jsonl"], None, ["policy.recipe=secrets3"])


def found(bound: float, **report: Any) -> Strength:
    checks = [
        {
            "place": place,
            "spared": spared,
            "threshold": at,
            "precision_bound": (bound + at / 10 if place == "uniform" else bound) - spared * 0.2,
        }
        for spared in (False, True)
        for place in ("uniform", "close")
        for at in (0.5, 0.8)
    ]
    done = Done("fit", "", "", {}, 0.0, 0, False)
    return Strength(done, done, {"fitted": True, "eta_identified": True, "checks": checks, **report})


@pytest.mark.parametrize(
    ("strength", "action"),
    [
        (found(0.9), "flip"),
        (found(0.8), "flip"),
        (found(0.79), "review"),  # where it is worse counts
        (found(0.9, eta_identified=False), "review"),
        (found(0.9, fitted=False), "review"),
    ],
)
def test_flips_are_gated(strength: Strength, action: str) -> None:
    policy = Policy(mislabelled="flip", mislabelled_at=0.85, flip_otherwise="review")
    assert gated(policy, strength).mislabelled == action
    assert gated(policy.model_copy(update={"mislabelled": "soften"}), strength).mislabelled == "soften"


def test_flips_are_gated_by_how_those_are_found_that_policy_turns() -> None:
    """Where counterexamples are left alone, how well they are found says nothing of the others."""
    policy = Policy(mislabelled="flip", mislabelled_at=0.85, counterexample="keep")
    assert gated(policy, found(0.9)).mislabelled == "drop"
    assert gated(policy.model_copy(update={"counterexample": "judge"}), found(0.9)).mislabelled == "flip"
    assert gated(policy, found(1.0)).mislabelled == "flip"


def test_lower_thresholds_than_were_checked_flip_nothing() -> None:
    assert gated(Policy(mislabelled="flip", mislabelled_at=0.4), found(0.99)).mislabelled == "drop"


def test_copies_of_which_only_those_that_differ_show_are_no_evidence_of_noise(run: Run) -> None:
    given = rows(600)
    for one in given[
        :150
    ]:  # copies of nobody in particular: equal ones are taken for one, so that all rows of two differ
        given.append({"prompt": one["prompt"], "chosen": one["rejected"], "rejected": one["chosen"]})
    out, manifest = run(given)
    assert manifest["counts"]["merged_records"] == 150
    assert not manifest["strength"]["eta_identified"]
    (out.parent / "votes.yaml").write_text(
        f"sources: [{{input: [{out.parent / 'data.jsonl'}], anonymous_copies: votes}}]\n"
        "embed: {model: 'off'}\nstrength: {members: 3, folds: 3}\n"
    )
    assert run_curate(Request(str(out.parent / "votes.yaml"), str(out.parent / "votes"))) == 0
    assert json.loads((out.parent / "votes" / "manifest.json").read_text())["strength"]["eta_source"] == "votes"
