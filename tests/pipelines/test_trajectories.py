"""Runs on trajectories: groups, what is too near, what time and value contradict, and value-order correlation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from pipelines.evaluate import EvaluateRequest, run_evaluate
from tests.pipelines.test_end_to_end import balanced
from transforms.strength.folds import cuts, fold_of

COUNT, FRAMES = 24, 12
FEW = ("embed.model=off", "duplicates.near=false", "strength.members=2", "strength.folds=3", "gate.split_tolerance=0.5")


def walk(number: int, rng: np.random.Generator) -> dict[str, Any]:
    """Progress that rises, but for the fifth frame; a scorer that is right, and one that says the opposite."""
    values = np.round(np.linspace(0, 1, FRAMES) + rng.normal(scale=0.002, size=FRAMES), 4)
    values[5] = values[3] - 0.01
    return {
        "trajectory_id": f"t{number}", "instruction": f"task {number // 2}", "progress": values.tolist(),
        "frames": [{"uri": f"{number}-{n}.png"} for n in range(FRAMES)], "at": [n / 10 for n in range(FRAMES)],
        "good": [n * n for n in range(FRAMES)], "bad": [-n for n in range(FRAMES)],
    }  # fmt: skip


def run(folder: Path, out: str, walks: list[dict[str, Any]], *sets: str, against: Path | None = None) -> Path:
    (folder / f"{out}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in walks))
    options = {"expert": True, "seconds": "at", "scores": ["good", "bad"], "pairs_per_frame": 2}
    config = {
        "sources": [{"name": "w", "input": [str(folder / f"{out}.jsonl")], "format": "trajectory", "options": options}],
        "external": {"scores": [{"name": name, "fields": f"scores.{name}"} for name in ("good", "bad")]},
    }
    (folder / f"{out}.yaml").write_text(json.dumps(config))
    before = [str(against)] if against else []
    request = Request(str(folder / f"{out}.yaml"), str(folder / out), sets=[*FEW, *sets], against=before)
    assert run_curate(request) in (0, 1)  # additions to a small run are far off their fractions
    return folder / out


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    walks = [walk(number, rng) for number in range(COUNT)]
    # The last is met twice, under two instructions; two others show one image.
    walks.append(walks[-1] | {"instruction": "another way to say task"})
    for one in (20, 21):
        walks[one]["instruction"] += f" by {one}"
        walks[one]["frames"][4] = {"uri": f"other-{one}.png", "sha256": "ab" * 32}
    return run(
        tmp_path_factory.mktemp("walks"), "o", walks, "policy.minimum_seconds=0.15", "policy.frames_too_near=drop"
    )


def ledger(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "ledger.parquet")


def test_pairs_of_near_frames_and_contradicted_ones_have_their_reasons(out: Path) -> None:
    manifest = balanced(out)
    told = manifest["trajectories"]
    per_walk = (FRAMES - 1) + (FRAMES - 2)
    assert (told["pairs"], told["valued"]) == ((COUNT + 1) * per_walk,) * 2
    # Frame 5 lies below 3 and 4: it is later than both.
    assert told["contradicted"] == 2 * (COUNT + 1) == manifest["reasons"]["time_contradicted"]
    details = ledger(out).explode("details").select(pl.col("details").struct.unnest(), "action").drop_nulls("reason")
    near = details.filter(reason="frames_too_near")
    assert near.height == (COUNT + 1) * (FRAMES - 1)
    assert set(near.select("score", "threshold", "action").unique().rows()) == {(0.1, 0.15, "drop")}
    against = details.filter(reason="time_contradicted")
    assert (against["score"] > against["threshold"]).all()
    assert set(against["action"]) == {"drop"}
    one, two = told["later_is_higher"]
    assert (one["frames"], two["frames"]) == (1, 2)
    assert one["share"] == pytest.approx(10 / 11, abs=1e-5)
    assert two["share"] == pytest.approx(9 / 10, abs=1e-5)


def test_one_trajectory_and_one_image_are_one_group(out: Path) -> None:
    lines = ledger(out)
    line = lines.select("line", "group_id", "split", "action")
    groups = {number: set(part["group_id"]) for (number,), part in line.partition_by("line", as_dict=True).items()}
    assert groups[COUNT] == groups[COUNT + 1]  # the same trajectory under two instructions
    assert groups[21] == groups[22]  # one image
    assert all(len(one) == 1 for one in groups.values())
    kept = lines.filter(pl.col("action").is_in(["keep", "soften", "flip"]))
    assert kept.group_by("group_id").agg(pl.col("split").n_unique())["split"].max() == 1
    assert kept["split"].n_unique() > 1
    told = json.loads((out / "manifest.json").read_text())["belonging"]
    assert told["links"] == {"trajectory": 1, "image": 12 + 1}  # the trajectory's own frames are images as well
    assert told["common_images"] == 0


def test_folds_keep_a_trajectory_together(out: Path) -> None:
    pairs, frames = (
        pl.concat([pl.read_parquet(path) for path in sorted(out.glob(f"work/{stage}-*/0*.parquet"))])
        for stage in ("pairs", "trajectories")
    )
    groups = pairs["group"].to_numpy()
    fold = fold_of(groups, cuts(groups, 3, 0), 0)
    named = frames.with_row_index("row").join(pairs.with_columns(pl.Series("fold", fold)), on="row", how="inner")
    assert named.group_by("trajectory").agg(pl.col("fold").n_unique())["fold"].max() == 1
    assert set(fold.tolist()) == {0, 1, 2}


def test_value_order_of_values_labels_and_scorers(out: Path) -> None:
    told = json.loads((out / "manifest.json").read_text())["trajectories"]["value_order"]
    assert {one["trajectories"] for one in told.values()} == {COUNT}  # which one that is met twice is once
    assert told["external_good"]["mean"] == 1
    assert told["external_bad"]["mean"] == -1
    assert 0.9 < told["value"]["mean"] < 1
    table = pl.read_parquet(out / "trajectories.parquet")
    assert table.height == 5 * COUNT
    assert table["why"].null_count() == table.height
    card = (out / "dataset" / "README.md").read_text()
    assert "Value-order correlation of the frames' values" in card


def test_an_image_that_very_many_prompts_have_joins_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    walks = [walk(number, rng) | {"instruction": f"task {number}"} for number in range(COUNT)]
    for one in walks:
        one["frames"][0] = {"uri": "blank.png", "sha256": "00" * 32}
    made = run(tmp_path, "blank", walks)
    manifest = balanced(made)
    assert manifest["belonging"]["common_images"] == 1
    assert manifest["belonging"]["commonest"] == [{"name": f"sha256:{'00' * 32}", "nodes": COUNT}]
    assert ledger(made)["group_id"].n_unique() == COUNT
    assert any("puts no rows into one group" in note for note in manifest["notes"])
    # Without it they would be; and turned off, nothing is linked.
    off = run(tmp_path, "off", walks, "images.group=false", "trajectories.find=false")
    assert balanced(off)["belonging"] is None
    assert balanced(off)["trajectories"] is None


def test_additions_go_where_their_trajectory_or_image_is(out: Path, tmp_path: Path) -> None:
    """Other frames of known trajectories, and others that show one image of a known one; no text is the same."""
    rng = np.random.default_rng(1)
    more = [walk(number, rng) | {"instruction": f"more of {number}"} for number in range(2 * COUNT)]
    for number, one in enumerate(more):
        one["frames"] = [{"uri": f"new-{number}-{n}.png"} for n in range(FRAMES)]
        if number >= COUNT:
            one["trajectory_id"] = f"new {number}"
            one["frames"][3] = {"uri": f"{number - COUNT}-7.png"}
    added = run(tmp_path, "added", more, "external.scores=[]", "strength.find=false", against=out)
    shown = pl.read_parquet(out / "belongings.parquet")
    assert set(shown["what"]) == {"image", "trajectory"}
    assert shown.filter(what="trajectory")["name"].to_list() == sorted(f"w: t{number}" for number in range(COUNT))

    def splits(folder: Path) -> dict[int, set[str]]:
        kept = ledger(folder).filter(pl.col("split").is_not_null())
        return {int(line): set(split) for line, split in kept.group_by("line").agg(pl.col("split")).iter_rows()}

    old, new = splits(out), splits(added)
    assert len(set.union(*old.values())) > 1
    for number in range(COUNT):
        assert new[number + 1] == new[COUNT + number + 1] == old[number + 1]
    (out / "belongings.parquet").rename(tmp_path / "away.parquet")
    try:
        lost = run(tmp_path, "lost", more, "external.scores=[]", "strength.find=false", against=out)
    finally:
        (tmp_path / "away.parquet").rename(out / "belongings.parquet")
    assert any("no belongings.parquet" in note for note in json.loads((lost / "manifest.json").read_text())["notes"])
    assert any(split != old[number] for number, split in splits(lost).items() if number <= COUNT)


def test_evaluate_says_how_well_a_scorer_follows_time(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pl.concat([pl.read_parquet(path) for path in sorted(out.glob("work/ingest-*/blocks/*.parquet"))])
    frame = pl.col("metadata").str.json_path_match("$.frame").cast(pl.Float64)
    earlier = pl.col("metadata").str.json_path_match("$.earlier_frame").cast(pl.Float64)
    scored = rows.select("row_id", scores=pl.concat_list(frame.pow(3), earlier.pow(3)))
    scored.write_ndjson(tmp_path / "scores.jsonl")
    file = f"file:{tmp_path}/scores.jsonl"
    asked = EvaluateRequest(str(out), [f"rm={file}", f"against={file}:lower"], out=str(tmp_path), resamples=100,
                            rows="all", require=["pairs/value_order/scorers/rm/voc>=1"])  # fmt: skip
    assert run_evaluate(asked) == 0
    told = json.loads((tmp_path / "evaluation.json").read_text())["pairs"]["value_order"]
    assert (told["trajectories"], told["left_out"]) == (COUNT, 0)
    scorers, labels = told["scorers"], told["labels"]
    assert (scorers["rm"]["voc"], scorers["against"]["voc"]) == (1, -1)
    assert abs(scorers["chance"]["voc"]) < 0.5
    assert scorers["all ties"]["voc"] is None
    assert scorers["all ties"]["constant"] == COUNT
    of_run = json.loads((out / "manifest.json").read_text())["trajectories"]["value_order"]
    assert labels["value"]["voc"] == pytest.approx(of_run["value"]["mean"], abs=1e-5)
    assert labels["labels"]["voc"] == pytest.approx(of_run["recorded"]["mean"], abs=1e-5)
    assert labels["time"]["voc"] == 1
    assert set(labels) == {"labels", "progress", "time", "value"}
    printed = capsys.readouterr().out
    assert f"value-order correlation on {COUNT} trajectories, by {told['rows']:,} pairs of frames" in printed
    assert "(time)" in printed
