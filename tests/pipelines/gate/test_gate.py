"""The gate on published folders: what passes, and that each expectation can fail."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.errors import SystemFault
from pipelines.gate import Check, Verdict, expectation_types, run_gate
from schemas.config import SHAPES, Gate
from schemas.expectations import on_file, on_layout, on_metrics
from tests.pipelines.gate.support import METRICS, SPLITS, bad, built, gate, named, own, publish, put, turn


@pytest.mark.parametrize("facts", [{}, {"tools": True, "margins": True, "message_fields": ("images", "tool_calls")}])
def test_what_shapes_publish_passes(tmp_path: Path, facts: dict[str, Any]) -> None:
    publish(tmp_path, *SHAPES, **facts)
    verdict = gate(tmp_path, *SHAPES)
    assert bad(verdict) == {}
    assert verdict.passed
    assert verdict.words() == f"The gate passed: {len(verdict.checks)} checks, 0 failed, 0 warnings."
    margins = "margin" in built("preference_soft", **facts).columns
    asked = sum(len(on_file(name)) + 1 for name in SHAPES) - (0 if margins else 2)
    assert len(verdict.checks) == len(on_metrics(SHAPES, SPLITS, 0.1)) + 2 * asked  # each file is asked everything
    assert json.loads(json.dumps(verdict.to_dict(), allow_nan=False)) == verdict.to_dict()


METRIC_DEFECTS: dict[str, tuple[dict[str, float], str, str]] = {
    "lost record": ({"records_in": 13}, "every record is a row, merged into one, or a dead letter", "critical"),
    "record twice": (
        {"rows_in": 11, "kept": 9},
        "every record is a row, merged into one, or a dead letter",
        "critical",
    ),
    "lost row": ({"dropped": 2}, "every row is kept, dropped, or up for review", "critical"),
    "row twice": ({"review": 2}, "every row is kept, dropped, or up for review", "critical"),
    "no reason": ({"unexplained_verdicts": 1}, "every verdict other than keep has a reason with a number", "critical"),
    "benchmark": ({"contaminated_published": 1}, "no row that overlaps with a benchmark is published", "critical"),
    "dead letters": ({"dead_letter_share": 0.11}, "few enough records are dead letters", "critical"),
    "no share": ({"dead_letter_share": float("nan")}, "few enough records are dead letters", "critical"),
    "nothing": ({"published_rows": 0}, "rows are published", "critical"),
    "split too large": ({"share_train": 0.52}, "the split train has its share of the rows", "critical"),
    "split too small": ({"share_test": 0.48}, "the split test has its share of the rows", "critical"),
}


@pytest.mark.parametrize("defect", METRIC_DEFECTS)
def test_each_metric_can_fail(tmp_path: Path, defect: str) -> None:
    metrics, name, severity = METRIC_DEFECTS[defect]
    publish(tmp_path, "preference")
    verdict = gate(tmp_path, "preference", metrics=metrics)
    assert bad(verdict) == {f"metrics: {name}": severity}
    assert not verdict.passed


def test_what_nothing_was_compared_with_is_no_reassurance(tmp_path: Path) -> None:
    publish(tmp_path, "preference")
    verdict = gate(tmp_path, "preference", metrics={"benchmarks": 0})
    (skipped,) = (check for check in verdict.checks if check.status == "skipped")
    assert skipped.name == "no row that overlaps with a benchmark is published"
    first, second = verdict.words().split("\n")
    assert first == f"The gate passed: {len(verdict.checks) - 1} checks, 0 failed, 0 warnings."
    assert second == f"  skipped  {skipped.name}: no benchmark was named, so nothing was compared"
    assert gate(tmp_path, "preference", metrics={"benchmarks": 0}, require=["kept>=1"]).passed
    required = gate(tmp_path, "preference", metrics={"benchmarks": 0}, require=["benchmarks>=1"])
    assert bad(required) == {"metrics: benchmarks>=1": "critical"}


def test_splits_may_be_off_by_the_tolerance_or_the_largest_group(tmp_path: Path) -> None:
    publish(tmp_path, "preference")
    off = {"share_train": 0.6, "share_test": 0.4}
    assert not gate(tmp_path, "preference", metrics=off).passed
    assert gate(tmp_path, "preference", metrics=off | {"largest_group_share": 0.1}).passed
    assert gate(tmp_path, "preference", metrics=off, split_tolerance=0.1).passed


def test_a_split_without_rows_is_a_warning_and_needs_no_file(tmp_path: Path) -> None:
    put(tmp_path, "preference/train", built("preference"))
    metrics = {name: value for name, value in METRICS.items() if name != "share_test"} | {"share_train": 1.0}
    verdict = run_gate(str(tmp_path), metrics, Gate(max_dead_letters=0.1, split_tolerance=0.5), ["preference"], SPLITS)
    assert bad(verdict) == {"metrics: the split test has rows": "warning"}
    assert verdict.passed
    assert "  warning  the split test has rows: observed 0, expected more than 0" in verdict.words()


def test_the_order_of_fractions_is_not_that_of_checks(tmp_path: Path) -> None:
    put(tmp_path, "preference/train", built("preference"))
    metrics = {name: value for name, value in METRICS.items() if not name.startswith("share_")} | {"share_train": 1.0}
    said = [{"train": 0.8, "test": 0.1, "dev": 0.1}, {"dev": 0.1, "test": 0.1, "train": 0.8}]
    one, other = (run_gate(str(tmp_path), metrics, Gate(), ["preference"], splits).checks for splits in said)
    assert one == other


def test_a_split_that_was_not_asked_for(tmp_path: Path) -> None:
    publish(tmp_path, "preference")
    put(tmp_path, "preference/dev", built("preference", "dev"))
    verdict = gate(tmp_path, "preference", metrics={"share_dev": 0.2})
    assert bad(verdict) == {"metrics: the split dev has its share of the rows": "critical"}


def test_missing_files(tmp_path: Path) -> None:
    publish(tmp_path, "preference")
    (tmp_path / "preference/test-00000-of-00001.parquet").unlink()
    put(tmp_path, "preference/train", built("preference", n=2), built("preference", n=2))
    lost = "metrics: every split that rows were kept for has published files"
    amiss = "metrics: preference: all files of each split are there, and no others"
    assert bad(gate(tmp_path, "preference")) == {lost: "critical", amiss: "critical"}  # 00000-of-00001 is an old file
    assert bad(gate(tmp_path / "nowhere", "preference")) == {
        lost: "critical",
        "metrics: the published files hold rows": "critical",
    }


@pytest.mark.parametrize("name", ["preference", "preference_full", "kto", "ratings", "listwise", "stepwise"])
def test_a_prompt_in_two_splits(tmp_path: Path, name: str) -> None:
    publish(tmp_path, name)
    put(tmp_path, f"{name}/test", pl.concat([built(name, "test", 3), built(name, "train", 1)]))
    verdict = gate(tmp_path, name)
    assert bad(verdict) == {f"metrics: {name}: no prompt stands in two splits": "critical"}
    assert f"  failed   {name}: no prompt stands in two splits: observed 1, expected 0" in verdict.words()


@pytest.mark.parametrize("name", ["comet", "metricx"])
def test_a_source_text_in_two_splits_is_a_warning(tmp_path: Path, name: str) -> None:
    publish(tmp_path, name)
    put(tmp_path, f"{name}/test", built(name, "train", 1))
    verdict = gate(tmp_path, name)
    assert bad(verdict) == {f"metrics: {name}: no source text stands in two splits": "warning"}
    assert verdict.passed


MESSAGES = pl.lit([], dtype=pl.List(pl.Struct({"role": pl.String, "content": pl.String})))
BLANK = pl.lit([turn(" \n")], dtype=pl.List(pl.Struct({"role": pl.String, "content": pl.String})))
LISTS = pl.List(pl.List(pl.Struct({"role": pl.String, "content": pl.String})))
NUMBER, TEXT = pl.lit(None, dtype=pl.Float64), pl.lit(None, dtype=pl.String)
FILE_DEFECTS: list[tuple[str, str, pl.Expr, set[str]]] = [
    ("preference", "id", TEXT, {"id is not null"}),
    ("preference", "source", TEXT, {"source is not null"}),
    ("preference", "prompt", pl.lit(None), {"prompt is not null"}),
    ("preference", "chosen", MESSAGES, {"chosen has a message", "chosen says something"}),
    ("preference", "chosen", BLANK, {"chosen says something"}),
    ("preference_full", "rejected", MESSAGES, {"rejected has a message", "rejected says something"}),
    ("preference_soft", "rejected", BLANK, {"rejected says something"}),
    ("preference_soft", "soft_label", pl.lit(0.49), {"soft_label is for chosen: 0.5 to 1"}),
    ("preference_soft", "soft_label", pl.lit(1.01), {"soft_label is for chosen: 0.5 to 1"}),
    ("preference_soft", "soft_label", NUMBER, {"soft_label is not null"}),
    ("preference_soft", "soft_label", pl.lit(float("nan")), {"soft_label is not null"}),
    ("preference_soft", "weight", pl.lit(-1.0), {"weight is not negative"}),
    ("preference_soft", "weight", NUMBER, {"weight is not null"}),
    ("preference_soft", "margin", NUMBER, {"margin is not null"}),
    ("preference_soft", "margin", pl.lit(-1.0), {"margin is not negative"}),
    ("kto", "completion", BLANK, {"completion says something"}),
    ("kto", "label", pl.lit(None, dtype=pl.Boolean), {"label is not null"}),
    ("ratings", "dimension", TEXT, {"dimension is not null"}),
    ("ratings", "score", NUMBER, {"score is not null"}),
    ("ratings", "score", pl.lit(0.9), {"score is not below its scale"}),
    ("ratings", "score", pl.lit(5.1), {"score is not above its scale"}),
    ("ratings", "normalised", pl.lit(1.1), {"normalised is in 0 to 1"}),
    ("ratings", "raters", pl.lit(0), {"at least one rater stands behind a score"}),
    ("ratings", "response", MESSAGES, {"response has a message", "response says something"}),
    ("comet", "src", TEXT, {"src is not null"}),
    ("comet", "ref", TEXT, {"ref is not null"}),
    ("comet", "mt", pl.lit(""), {"mt has text"}),
    ("comet", "score", pl.lit(-0.1), {"score is in 0 to 1"}),
    ("comet", "score", NUMBER, {"score is not null"}),
    ("metricx", "source", TEXT, {"source is not null"}),
    ("metricx", "reference", TEXT, {"reference is not null"}),
    ("metricx", "hypothesis", pl.lit(""), {"hypothesis has text"}),
    ("metricx", "label", pl.lit(25.1), {"label is in 0 to 25"}),
    ("metricx", "label", NUMBER, {"label is not null"}),
    ("listwise", "responses", pl.col("responses").list.head(1),
     {"there are two responses or more", "there is a score for each response"}),
    ("listwise", "responses", pl.lit([[turn(" ")], [turn("")]], dtype=LISTS), {"every response says something"}),
    ("listwise", "scores", pl.lit([0.5]), {"there is a score for each response"}),
    ("listwise", "scores", pl.lit([0.5, 1.5]), {"scores are 1 or less"}),
    ("listwise", "scores", pl.lit([-0.5, 0.5]), {"scores are 0 or more"}),
    ("listwise", "scores", pl.lit([0.5, None]), {"no score is null"}),
    ("stepwise", "completions", pl.lit(["one"]), {"there is a label for each step"}),
    ("stepwise", "completions", pl.lit([], dtype=pl.List(pl.String)),
     {"there is a step", "there is a label for each step"}),
    ("stepwise", "labels", pl.lit([True, None]), {"no label is null"}),
    ("stepwise", "prompt", TEXT, {"prompt is not null"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    publish(folder, *SHAPES, margins=True)
    return folder


@pytest.mark.parametrize(("name", "column", "value", "failed"), FILE_DEFECTS, ids=named)
def test_each_file_expectation_can_fail(
    published: Path, tmp_path: Path, name: str, column: str, value: pl.Expr, failed: set[str]
) -> None:
    good = built(name, margins=True)
    dtype = good.schema[column]
    first = pl.int_range(pl.len()) == 1
    put(
        tmp_path,
        f"{name}/train",
        good.with_columns(pl.when(first).then(value.cast(dtype)).otherwise(column).alias(column)),
    )
    test = f"{name}/test-00000-of-00001.parquet"
    (tmp_path / test).write_bytes((published / test).read_bytes())
    verdict = gate(tmp_path, name)
    assert set(bad(verdict)) == {f"{name}/train-00000-of-00001.parquet: {one}" for one in failed}
    severities = set(bad(verdict).values())
    assert severities == ({"warning"} if failed == {"no score is null"} else {"critical"})
    assert verdict.passed == (severities == {"warning"})
    for check in verdict.checks:
        if check.status == "failed" and column != "id":
            assert (check.observed["unexpected"], check.observed["rows"]) == (1, good.height)
            assert check.observed["ids"] == [good["id"][1]]


def test_every_file_expectation_is_seen_to_fail() -> None:
    # The type is seen to in the check of the columns, so label has another type only beside a failure there.
    typed = {"label is true or false"}
    spoken = {"rejected has a message", "chosen has a message", "completion has a message", "completion says something"}
    for name in SHAPES:
        planted = {one for shape_, _, _, failed in FILE_DEFECTS for one in failed}
        assert {one.name for one in on_file(name)} - planted - typed - spoken == set()


COLUMN_DEFECTS = {
    "missing": lambda frame: frame.drop("soft_label"),
    "more": lambda frame: frame.with_columns(extra=pl.lit(1)),
    "order": lambda frame: frame.select("source", pl.all().exclude("source")),
    "text for number": lambda frame: frame.with_columns(pl.col("soft_label").cast(pl.String)),
    "text for messages": lambda frame: frame.with_columns(chosen=pl.lit("text")),
    "number for text": lambda frame: frame.with_columns(id=pl.lit(1)),
    "optional of another type": lambda frame: frame.with_columns(margin=pl.lit("1")),
}


@pytest.mark.parametrize("defect", COLUMN_DEFECTS)
def test_wrong_columns_fail_and_what_needs_them_is_not_asked(tmp_path: Path, defect: str) -> None:
    for split in SPLITS:
        put(tmp_path, f"preference_soft/{split}", COLUMN_DEFECTS[defect](built("preference_soft", split, margins=True)))
    verdict = gate(tmp_path, "preference_soft")
    name = on_layout("preference_soft").name
    assert bad(verdict) == {f"preference_soft/{split}-00000-of-00001.parquet: {name}": "critical" for split in SPLITS}
    assert verdict.words().count(name) == 1
    assert "(and in 1 more file)" in verdict.words()


def test_files_of_different_columns(tmp_path: Path) -> None:
    publish(tmp_path, "preference_soft")
    put(tmp_path, "preference_soft/test", built("preference_soft", "test", margins=True))
    own = {
        "type": "expect_column_mean_to_be_between",
        "on": "preference_soft",
        "kwargs": {"column": "weight", "min_value": 0},
    }
    verdict = gate(tmp_path, "preference_soft", expectations=[own])
    assert bad(verdict) == {
        "metrics: preference_soft: all files have the same columns and types": "critical",
        "preference_soft: expect column mean to be between (weight)": "critical",
    }
    assert [check.status for check in verdict.checks].count("error") == 1


def test_identical_sides(tmp_path: Path) -> None:
    publish(tmp_path, "preference", "preference_soft")
    same = built("preference", "test").with_columns(rejected=pl.col("chosen"))
    put(tmp_path, "preference/test", same)
    verdict = gate(tmp_path, "preference", "preference_soft")
    assert bad(verdict) == {"metrics: preference: chosen and rejected differ": "critical"}


def test_an_expectation_that_cannot_be_computed_is_a_fault(tmp_path: Path) -> None:
    publish(tmp_path, "preference")
    mean = own("column_stdev_to_be_between", on="preference", column="id", min_value=0)
    with pytest.raises(
        SystemFault, match=r"\(expect_column_stdev_to_be_between\) on preference could not be computed: \S"
    ):
        gate(tmp_path, "preference", expectations=[mean])


def test_faults(tmp_path: Path) -> None:
    publish(tmp_path, "preference")
    with pytest.raises(SystemFault, match=r"not given the metrics kept, review$"):
        run_gate(str(tmp_path), {k: v for k, v in METRICS.items() if k not in ("review", "kept")}, Gate(), [], SPLITS)
    file = tmp_path / "preference/train-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(SystemFault, match=r"preference in .* cannot be read"):
        gate(tmp_path, "preference")


def test_words_say_the_verdict_first_then_what_failed_then_warnings() -> None:
    def check(name: str, severity: str, observed: Any, **expected: Any) -> Check:
        return Check(name, "expect_x", "metrics", severity, "failed", observed, expected)

    seen = {"unexpected": 2, "rows": 1000, "examples": [0.25, 0.375], "ids": ["a", "b"]}
    checks = [
        check("w", "warning", None, type_="bool"),
        check("c", "critical", seen, column="x", min_value=0.5, max_value=1),
        dataclasses.replace(check("p", "critical", 0), status="passed"),
    ]
    assert Verdict(False, checks, 0.0).words().splitlines() == [
        "The gate failed: 3 checks, 1 failed, 1 warning.",
        "  failed   c: 2 of 1,000 rows are otherwise (0.25, 0.375), ids a, b, expected 0.5 to 1",
        "  warning  w: observed None, expected type_ bool",
    ]


def test_every_expectation_offered_has_a_snake_case_name() -> None:
    assert len(expectation_types()) > 40
    assert all(name.startswith("expect_") and name == name.lower() for name in expectation_types())


def test_nothing_is_sent_written_or_printed(tmp_path: Path) -> None:
    publish(tmp_path / "dataset", "preference")
    for folder in ("home", "home/tmp"):
        (tmp_path / folder).mkdir()
    script = f"""
import socket, sys
def refuse(*a, **k): raise SystemExit("a socket was opened")
socket.socket.connect = refuse
import pipelines.gate as g
assert not any(m in sys.modules for m in ("great_expectations", "pandas", "apache_beam")), "imported too early"
from schemas.config import Gate
folder, settings = {str(tmp_path / "dataset")!r}, Gate(max_dead_letters=0.1)
assert g.run_gate(folder, {METRICS!r}, settings, ["preference"], {SPLITS!r}).passed
"""
    environment = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "home/tmp"),
        "PYTHONPATH": os.getcwd(),
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path / "home",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((tmp_path / "home").rglob("*")) == [tmp_path / "home/tmp"]
    assert sorted(path.name for path in (tmp_path / "dataset").rglob("*.*")) == [
        "test-00000-of-00001.parquet", "train-00000-of-00001.parquet",
    ]  # fmt: skip
