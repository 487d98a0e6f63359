"""Sections on what stages say of ratings, steps, probes, voices, attributes and scorers, from a run made by hand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import lxml.html
import orjson
import pytest

from pipelines.finished import Finished
from pipelines.report.evaluation import evaluation
from pipelines.report.fate import fates
from pipelines.report.findings import findings
from pipelines.report.images import images
from pipelines.report.page import render
from pipelines.report.parts import Link, Section
from pipelines.report.ratings import divided, rated
from pipelines.results import Results
from tests.pipelines.report.hostile import EVENT, SCRIPT
from tests.pipelines.report.made import made, sections
from tests.pipelines.report.test_page import harmless


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return made(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def by(run: Finished) -> dict[str, Section]:
    return {section.key: section for section in sections(run)}


def rows_of(section: Section) -> dict[str, tuple[int, list[int]]]:
    return {sample.key: (sample.total, list(sample.places)) for sample in section.samples}


def test_ratings(by: dict[str, Section]) -> None:
    made = by["ratings"]
    assert "1 is probably wrong (rating_error from 0.9 on)" in made.lead
    assert "2 rows of 5 with several raters divide them" in made.words[-1]
    assert rows_of(made) == {"ratings-wrong": (2, [0, 1]), "ratings-divided": (2, [0, 1])}
    assert made.tables[0].lines[0][6:9] == ["by mean and spread", "0.250", "0.500"]
    systems = next(chart for chart in made.charts if "each system" in chart.caption)
    assert "lower is better" in systems.caption
    assert "alert(1)" not in systems.svg  # a mean of too few rows


def test_steps(by: dict[str, Section]) -> None:
    made = by["steps"]
    assert made.lead.startswith("2 of 6 solutions in steps (33.3")
    assert rows_of(made) == {"steps-contradicted": (2, [2, 3])}
    assert made.tables[0].lines[-1] == ["log-odds", "0.500", "–"]
    agreement, first = made.charts[1].svg, made.charts[2].svg
    assert "50%" in agreement
    assert ">12 or later<" in first
    assert ">3<" not in first.split("solutions")[0]


def test_probes(by: dict[str, Section]) -> None:
    made = by["probes"]
    assert made.lead.startswith("The preferred side is rated higher on kind in 75.0%")
    assert f"Too few ratings to learn from: {EVENT} (3 ratings in 2 groups)." in made.words
    kind = made.samples[0]
    assert (kind.total, list(kind.places)) == (5, [1, 5, 3, 2, 0])
    assert kind.about[1] == "kind: response 2 is rated higher, by 0.900 of the scale."
    assert rows_of(made)["probe-outliers"] == (1, [0])


def test_voices_are_held_against_labels(by: dict[str, Section]) -> None:
    made = by["external"]
    # Labels are for the first, first, first, second, none, first; even margins are half right.
    assert [line[3:5] for line in made.tables[0].lines] == [["0.500", 5], ["0.400", 5]]
    assert rows_of(made) == {"external-against": (2, [1, 3])}
    # The two take the same side in three of five pairs, and each with itself in all.
    assert "60%" in made.charts[1].svg
    assert "100%" in made.charts[1].svg


def test_attributes(by: dict[str, Section]) -> None:
    made = by["attributes"]
    assert "1 difference is more than chance" in made.lead
    assert "4 rows count as 4." in made.words[-1]
    assert {(total, tuple(places)) for total, places in rows_of(made).values()} == {
        (4, (0, 1, 3, 5)),
        (6, (0, 1, 2, 3, 5)),
    }
    assert made.tables[0].lines[0][0] == Link(EVENT, made.samples[0].key)
    assert made.tables[-1].lines == [[EVENT, "25.0\u202f%", "50.0\u202f%", "45.0\u202f%"]]


def test_trajectories(by: dict[str, Section]) -> None:
    made = by["trajectories"]
    assert made.lead == (
        "5 rows show frames of 2 trajectories, 5 of them pairs; in 2 of 4 pairs with values (50.0\u202f%) the later "
        "frame has the lower one."
    )
    gaps, vocs, worst = made.tables
    # Of one frame one rises and one falls; of two it falls, and of three nothing is gained; of eight nobody knows.
    assert [line[:4] + line[5:6] for line in gaps.lines] == [
        ["1 frame", 2, 1, 0, 2], ["2–3 frames", 2, 0, 1, 2], ["8–15 frames", 1, 0, 0, 0],
    ]  # fmt: skip
    assert vocs.lines[1] == [EVENT, "voices of your own", 2, 0, 1, 1, "–", "–"]
    assert [(line[0].text, line[3:]) for line in worst.lines] == [("two", ["-0.250", "–"]), (SCRIPT, ["0.750", "–"])]
    rows = rows_of(made)
    assert rows["time-contradicted"] == (2, [3, 1])
    assert rows[gaps.lines[0][4].to] == (1, [3])
    total, places = rows[worst.lines[1][0].to]
    assert (total, places[0], set(places)) == (3, 1, {0, 1, 2})  # first what contradicts time
    assert len(made.charts) == 4


def test_images(by: dict[str, Section]) -> None:
    made = by["images"]
    assert made.mood == "failed"
    assert made.lead.startswith("4 distinct images were opened; 3 look like another, in 1 set of near-copies; 1 could")
    assert made.words[-1].startswith("By their vectors alone (images.cosine), 2 look like another")
    lost, sets, common = made.tables
    assert lost.lines == [[EVENT, 0]]
    assert sets.lines[0][:3] == ["a", f"b, uri:x:{SCRIPT}", 3]
    assert rows_of(made) == {sets.lines[0][3].to: (6, [0, 1, 2])}
    assert common.lines == [[SCRIPT, 30]]


def test_images_that_nobody_opened_are_said_to_be_that(run: Finished) -> None:
    manifest = run.manifest | {"images": None}
    made = images(Finished(run.out, manifest))
    assert made is not None
    assert made.lead.startswith("Images were not opened (images.near)")
    assert not made.charts
    unlinked = manifest | {"belonging": {"links": {"image": 0}, "common_images": 0, "commonest": []}}
    assert images(Finished(run.out, unlinked)) is None


def test_evaluation(by: dict[str, Section]) -> None:
    made_ = by["evaluation"]
    assert made_.mood == "failed"
    assert made_.lead == (
        f"On pairs, the best scorer: {SCRIPT} (accuracy 0.700); the best baseline: chance (accuracy 0.500)."
    )
    assert made_.words[-1] == f"Not met: {SCRIPT}>=1; it is 0.7."
    order = made_.tables[-1]
    assert order.title == "Value-order correlation on 2 trajectories, by 5 pairs of frames"
    assert [line[:4] for line in order.lines] == [
        [SCRIPT, "a scorer", "0.500", "0.250 to 0.750"], ["chance", "a baseline", "–", "– to –"],
        ["recorded", "a source of labels", "1.000", "0.250 to 0.750"],
    ]  # fmt: skip
    assert "rises throughout" in made_.charts[-1].caption


def test_an_evaluation_of_solutions_in_steps() -> None:
    finder = {"cluster": 1, "f1": 0.5, "low": 0.4, "high": 0.6, "error_accuracy": 0.4, "right_accuracy": 0.6}
    whole = {"cluster": None, "solutions": {"own": 0.8}}
    sliced = {"value": "1. up to 9", "solutions": 7, "scorers": {"length": {"f1": 0.25}}}
    steps = {
        "scorers": {"length": {**finder, "solutions": {"mean": 0.7}}, "rm": whole},
        "silent": [],
        "slices": {"length": {"slices": [sliced], "left_out": 0}},
    }
    told = {"pairs": None, "ratings": {}, "rankings": {}, "steps": steps, "baselines": ["length"], "requirements": [],
            "rows": "kept", "split": None}  # fmt: skip
    made = evaluation(Results(evaluation=told))
    assert made is not None
    assert made.lead == (
        "On solutions in steps, the best scorer: none has a score for each step; the best baseline: length (F1 0.500)."
    )
    assert len(made.charts) == 1
    assert [table.lines for table in made.tables] == [
        [["length", 1, "0.500", "0.400", "0.600"], ["rm", "–", "–", "–", "–"]],
        [["length", "0.700", "–"], ["rm", "–", "0.800"]],
        [["1. up to 9", 7, "0.250"]],
    ]


def test_systems_of_several_languages_have_soft_pairwise_accuracies_in_each() -> None:
    def part(value: str, compared: int, segments: int, figure: float) -> dict[str, Any]:
        scorers = {"rm": {"acc_eq_calibrated": 0.5, "soft_pairwise_accuracy": figure}}
        systems = {"compared": compared, "segments": segments, "segments_left_out": 1, "left_out": []}
        return {"value": value, "ratings": 30, "scorers": scorers, "systems": systems}

    languages = [part("de", 3, 9, 0.75), part("zh", 2, 9, 0.625)]
    rated = {
        "ranked_by": "acc_eq_calibrated",
        "scorers": {"rm": {"cluster": 1, "acc_eq_calibrated": 0.5}},
        "silent": [],
        "systems": {"segments": 0, "segments_left_out": 20, "left_out": [], "means": []},
        "slices": {"language": {"slices": languages, "left_out": 0},
                   "length": {"slices": [part("up to 9", 2, 1, 1.0)], "left_out": 0}},
    }  # fmt: skip
    told = {"pairs": None, "ratings": {"da": rated}, "rankings": {}, "steps": None, "baselines": [], "requirements": [],
            "rows": "all", "split": None}  # fmt: skip
    made = evaluation(Results(evaluation=told))
    assert made is not None
    assert "Systems are not compared on ratings of da: no segment has all of them." in made.words
    by_system = {table.title: table.lines for table in made.tables if table.title.startswith("soft")}
    assert by_system == {
        "soft pairwise accuracy on ratings of da by language": [["de", 30, "0.750"], ["zh", 30, "0.625"]]
    }


def test_reports_of_another_run_are_named_and_not_shown(tmp_path: Path) -> None:
    other = made(tmp_path)
    other.manifest["stages"] = [{**one, "lineage": f"{one['lineage']} of another"} for one in other.manifest["stages"]]
    told = {section.key: section for section in sections(other)}
    for key in ("evaluation", "ablation"):
        assert f"The {key}.json in this folder is of another run" in told[key].lead
        assert not told[key].tables
        assert not told[key].charts


def test_ablation(by: dict[str, Section]) -> None:
    made = by["ablation"]
    assert made.mood == "passed"
    assert "is better than one on the raw pairs: +0.0200 (+0.0100 to +0.0300)" in made.lead
    assert made.tables[0].lines[1][:3] == ["all", 90, "0.7200"]


def test_what_did_not_run_has_no_section(tmp_path: Path) -> None:
    stages = ("ratings", "steps", "trajectories", "images", "belonging", "probes", "external", "attributes")
    nothing = dict.fromkeys(stages)
    assert sections(Finished(str(tmp_path), nothing), Results()) == []


def test_names_in_these_sections_are_text(run: Finished, by: dict[str, Section]) -> None:
    tree = lxml.html.fromstring(render(run, list(by.values()), SCRIPT, EVENT))
    harmless(tree)
    targets, places = {href[1:] for href in tree.xpath("//a/@href")}, tree.xpath("//@id")
    assert targets <= set(places)
    assert len(places) == len(set(places))
    assert tree.text_content().count(EVENT) > 10


def test_without_working_files_figures_stay(tmp_path: Path) -> None:
    bare = made(tmp_path)
    shutil.rmtree(tmp_path / "work")
    told = {section.key: section for section in sections(bare)}
    assert len(told) == 9
    assert not any(section.samples for section in told.values())
    assert told["ratings"].tables[0].lines[0][7] == "0.250"


def test_dividing_raters_are_held_against_chance(run: Finished) -> None:
    count, usual, least = divided(rated(run), 0.8)
    assert (count, usual) == (2, pytest.approx(1.0))
    assert least == pytest.approx(1 + 3 * 0.8**0.5)


def test_an_audit_finds_raters_who_say_nothing_and_steps_that_contradict(run: Finished) -> None:
    found = {one.name: one for one in findings(run, fates(run))}
    # Two that divide raters are not too many.
    assert list(found) == ["ratings of 1 rater are noise", "images that cannot be opened", "steps contradict"]
    noise, lost, steps = found.values()
    assert (lost.rows, lost.whole, lost.to, lost.weight) == (1, 5, "images", pytest.approx(0.6))
    assert (noise.rows, noise.whole, noise.weight) == (40, 100, pytest.approx(1.6))
    # Both have a plainly wrong step, so it is a matter of how steps are put together and comes last.
    assert (steps.rows, steps.whole, steps.to) == (2, 6, "steps-contradicted")
    assert steps.weight < 0.1 < noise.weight
    assert "In 2 of them a step is wrong" in next(one for one in sections(run) if one.key == "steps").words[1]


def test_an_audit_names_shortcuts_once_by_the_strongest(tmp_path: Path) -> None:
    run = made(tmp_path)
    features = [
        {"feature": name, "n": 900, "share_before": share, "flagged": flagged}
        for name, share, flagged in (("words", 0.7, True), ("commas", 0.1, True), ("hash", 0.0, False))
    ]
    (tmp_path / "spurious.json").write_bytes(
        orjson.dumps({"pairs": {"measured": True, "rows": 1000, "features": features}})
    )
    (found,) = (one for one in findings(run, fates(run)) if one.name.startswith("shortcut"))
    assert found.name == "shortcut: lower commas wins (and 1 other)"
    assert (found.rows, found.whole, found.weight) == (810, 900, pytest.approx(4 * 0.8 * 0.9))
