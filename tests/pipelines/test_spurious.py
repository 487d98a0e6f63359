"""Shortcuts in whole runs: measured always, balanced where asked for, and nothing lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.commands import Request, run_curate, run_validate
from pipelines.config import load
from pipelines.errors import UserError
from pipelines.spurious import check_features

Run = Callable[..., tuple[Path, dict[str, Any], dict[str, Any]]]
_WORDS = ["stone", "river", "cloud", "lamp", "window", "garden", "music", "paper", "bridge", "winter", "summer"]


def rows(count: int, longer: float = 0.75, token: float = 0.0) -> list[dict[str, Any]]:
    """Pairs whose longer side wins with this probability, and whose winner says `indeed` with that one."""
    rng = np.random.default_rng(5)
    out = []
    for i in range(count):
        short, long = (" ".join(rng.choice(_WORDS, size)) for size in rng.integers([4, 10], [9, 20]))
        won, lost = (long, short) if rng.random() < longer else (short, long)
        if rng.random() < token:
            won = f"indeed {won}"
        out.append({"prompt": f"{i // 2} {rng.choice(_WORDS)}", "chosen": won, "rejected": lost})
    return out


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("spurious")
    file = folder / "data.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in rows(1000, token=0.5)))

    turned = folder / "turned.jsonl"
    turned.write_text("".join(reversed(file.read_text().splitlines(keepends=True))))

    def go(*sets: str, backwards: bool = False) -> tuple[Path, dict[str, Any], dict[str, Any]]:
        asked = ["embed.model=off", "strength.find=false", "duplicates.near=false", *sets]
        out = folder / ("backwards" if backwards else "run")
        assert run_curate(Request(None, str(out), [str(turned if backwards else file)], None, asked)) == 0
        return out, json.loads((out / "manifest.json").read_text()), json.loads((out / "spurious.json").read_text())

    return go


def feature(said: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in said["pairs"]["features"] if one["feature"] == name)


def whole(manifest: dict[str, Any]) -> bool:
    counts = manifest["counts"]
    return counts["rows_in"] + counts["derived_rows"] == counts["kept"] + counts["dropped"] + counts["review"]


def published(out: Path, name: str, split: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((out / "dataset" / name).glob(f"{split}-*.parquet"))])


def longer(frame: pl.DataFrame) -> pl.Series:
    sides = [frame[side].list.last().struct.field("content").str.len_chars() for side in ("chosen", "rejected")]
    return sides[0] > sides[1]


def test_measured_and_left_as_it_is(run: Run) -> None:
    out, manifest, said = run("shortcuts.features={indeed: 'text.str.count_matches(\"indeed\")'}")
    assert said["balance"] is None
    assert manifest["balance"] is None
    pairs = said["pairs"]
    assert pairs["features"][0]["feature"] == "indeed"  # a planted token is found first
    assert (pairs["features"][0]["share_before"], pairs["features"][0]["of"]) == (1.0, "user")
    characters = feature(said, "characters")
    assert characters["flagged"]
    assert characters["low"] < characters["share_before"] < characters["high"]
    frame = published(out, "preference", "train")
    assert characters["share_before"] == pytest.approx(longer(frame).mean(), abs=0.01)
    assert pairs["rulers"]["linear"]["before"]["accuracy"] > 0.8
    assert sum(one["part_before"] or 0 for one in pairs["features"] if "part_before" in one) == pytest.approx(
        1, abs=1e-3
    )
    assert pairs["position"]["first"] == 1.0
    assert published(out, "preference_soft", "train")["weight"].unique().to_list() == [1.0]
    assert any("never reads the answers" in note for note in manifest["notes"])


def test_weights_in_the_shape_that_carries_them(run: Run) -> None:
    out, manifest, said = run("balance.output=weights", "balance.features=[characters, words, syllables]")
    balanced = said["balance"]
    assert (balanced["balanced"], balanced["unbalanced"]) == (["preference_soft"], ["preference"])
    assert manifest["balance"] == balanced
    frame = published(out, "preference_soft", "train")
    weighted = float((longer(frame).cast(float) * frame["weight"]).sum() / frame["weight"].sum())
    assert longer(frame).mean() > 0.7
    assert weighted == pytest.approx(0.5, abs=0.01)
    assert feature(said, "characters")["share_after"] == pytest.approx(weighted, abs=0.01)
    assert frame["weight"].mean() == pytest.approx(1, abs=1e-3)
    assert frame["weight"].max() <= 4
    assert published(out, "preference_soft", "test")["weight"].unique().to_list() == [1.0]
    assert feature(said, "digits")["why"] == "not_asked"
    assert (
        said["pairs"]["heads"]["raw"]["agrees"]["accuracy"] > said["pairs"]["heads"]["balanced"]["agrees"]["accuracy"]
    )
    card = (out / "dataset/README.md").read_text()
    assert "Shortcuts are balanced in preference\\_soft" in card
    assert whole(manifest)


@pytest.mark.slow
def test_the_same_in_whatever_order_the_rows_come(run: Run) -> None:
    for output in ("weights", "augment"):
        (one, _, said), (other, _, again) = (
            run(f"balance.output={output}", "balance.features=[characters, words]", backwards=back)
            for back in (False, True)
        )
        assert again == said
        frames = [published(out, "preference_soft", "train").sort("id") for out in (one, other)]
        assert frames[0].equals(frames[1])


@pytest.mark.parametrize("output", ["subsample", pytest.param("match", marks=pytest.mark.slow)])
def test_fewer_rows_in_training_alone(run: Run, output: str) -> None:
    before, _, _ = run("balance.output=off")
    others = published(before, "preference", "test").height
    out, manifest, said = run(f"balance.output={output}", "balance.features=[characters, words, syllables]")
    assert said["balance"]["balanced"] == ["preference", "preference_soft"]
    left = manifest["reasons"]["balanced_out"]
    assert left > 200
    ledger = pl.read_parquet(out / "ledger.parquet").filter(pl.col("reasons").list.contains("balanced_out"))
    assert (ledger["score"] >= ledger["threshold"]).all()
    assert (ledger["action"] == "drop").all()
    frame = published(out, "preference", "train")
    assert frame.height == said["balance"]["kept"] == said["balance"]["rows"] - left
    assert longer(frame).mean() == pytest.approx(0.5, abs=0.06)
    assert feature(said, "characters")["share_after"] == pytest.approx(longer(frame).mean(), abs=0.01)
    assert published(out, "preference", "test").height == others
    assert whole(manifest)
    assert run_validate(str(out), json=False) == 0


def test_too_few_pairs_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in rows(60)))
    asked = ["embed.model=off", "strength.find=false", "balance.output=subsample"]
    assert run_curate(Request(None, str(tmp_path / "out"), [str(file)], None, asked)) == 0
    said = json.loads((tmp_path / "out/spurious.json").read_text())
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert said["pairs"]["measured"] is False
    assert said["balance"] is None
    assert manifest["counts"]["kept"] == 60
    assert any("Shortcuts were not measured" in note for note in manifest["notes"])


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["shortcuts.features={words: text}"], "'words' is a feature already"),
        (["shortcuts.features={mine: text.nonsense()}"], "neither module:function nor a polars expression"),
        (["shortcuts.features={mine: '3'}"], "is a int, not a polars expression"),
        (["shortcuts.features={mine: 'no_such_module:f'}"], "names no function"),
        (["shortcuts.features={mine: 'text'}"], "does not work on texts"),
        (["balance.features=[wrods]"], "there is no feature 'wrods'; there are characters, words"),
        (
            ["strength.balanced=[length]"],
            "strength.balanced: detectors count no feature 'length'; they count characters",
        ),
        (["balance.match=[length]"], "balance.match: there is no feature 'length'"),
    ],
)
def test_features_that_are_none_are_refused_before_any_work(sets: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_features(load(None, ["a.jsonl"], None, sets))


def test_balancing_without_measuring_is_refused() -> None:
    with pytest.raises(UserError, match=r"weights needs shortcuts\.find"):
        load(None, ["a.jsonl"], None, ["shortcuts.find=false", "balance.output=weights"])


def test_pairs_and_ties_are_added_to_training_alone(run: Run) -> None:
    before, _, _ = run("balance.output=off")
    others = {split: published(before, "preference_soft", split) for split in ("validation", "test")}
    out, manifest, said = run("balance.output=augment", "balance.added=0.5", "balance.features=[characters, words]")
    added = said["balance"]["added"]
    assert 300 < added <= 450
    ledger = pl.read_parquet(out / "ledger.parquet").filter(pl.col("reasons").list.contains("augmented"))
    assert ledger.height == added == manifest["reasons"]["augmented"] == manifest["counts"]["derived_rows"]
    assert ledger["split"].unique().to_list() == ["train"]
    assert ledger["counterpart"].null_count() == 0
    for split, frame in others.items():
        assert published(out, "preference_soft", split).equals(frame)
    frame = published(out, "preference_soft", "train")
    made = frame.filter(pl.col("source").str.ends_with("+augmented"))
    assert made.height == added
    ties = made.filter(pl.col("soft_label") == 0.5)
    assert ties.height == said["balance"]["added_ties"] >= 0.2 * added
    sided = frame.filter(pl.col("soft_label") > 0.5)
    rate = longer(sided).mean()
    assert rate < longer(frame.filter(~pl.col("source").str.ends_with("+augmented"))).mean() - 0.1
    assert feature(said, "characters")["share_after"] == pytest.approx(rate, abs=0.01)
    # Each is of a prompt, one of its responses, and one to another prompt; what it was made of stands in its block.
    parents = pl.concat([pl.read_parquet(path) for path in sorted(out.glob("work/shortcuts-*/blocks/*.parquet"))])[
        "parents"
    ]
    assert (parents.list.n_unique() == 2).all()
    assert whole(manifest)
    assert run_validate(str(out), json=False) == 0
