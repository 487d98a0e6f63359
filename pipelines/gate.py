"""The gate: Great Expectations judges a run's metrics and every published file.

Great Expectations takes seconds to import, so that is done when something is to be judged and not before.
"""

from __future__ import annotations

import difflib
import logging
import math
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipelines.errors import SystemFault, UserError
from pipelines.required import asked_of
from pipelines.results import Results
from schemas import expectations as known
from schemas.config import Expectation, Gate
from schemas.expectations import UNFIT, Check, Expected, Status, Verdict
from transforms.gate import Tally, empty, view

#: Arguments that name columns.
_COLUMNS = ("column", "column_A", "column_B", "column_list")

__all__ = ["Check", "Verdict", "check_expectations", "run_gate"]


def run_gate(
    dataset: str,
    metrics: dict[str, float],
    gate: Gate,
    configurations: list[str],
    splits: dict[str, float],
    results: Results | None = None,
) -> Verdict:
    """Judge a run.

    Args:
        dataset: the published folder, of `CONFIGURATION/SPLIT-0000x-of-0000N.parquet`.
        metrics: figures of the run (`schemas.expectations.RUN_METRICS`, and `share_SPLIT` of the kept rows).
        gate: limits, and the user's own expectations.
        configurations: what is published.
        splits: fraction of each split.
        results: what the run comes to, for the figures that the user requires.

    Raises:
        UserError: an expectation of the user's cannot be asked.
        SystemFault: one could not be computed, a metric is missing, or a file cannot be read.
    """
    started = time.perf_counter()
    check_expectations(gate, configurations)
    missing = sorted(set(known.RUN_METRICS) - set(metrics))
    if missing:
        raise SystemFault(f"the gate was not given the metrics {', '.join(missing)}")
    # A split that has rows and no fraction should have none. In whichever order fractions are said, checks have one.
    there = {name.removeprefix("share_"): 0.0 for name in metrics if name.startswith("share_")}
    splits = there | dict(sorted(splits.items()))
    judge, tally = _Judge(), Tally(configurations, list(splits))
    on_files: list[Check] = []
    for name in configurations:
        try:
            on_files += _configuration(dataset, name, gate, judge, tally)
        except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
            raise SystemFault(f"the published files of {name} in {dataset} cannot be read: {error}") from error
    figures = _figures(metrics | tally.metrics(), splits, gate.split_tolerance)
    required = asked_of(gate.require, figures, results or Results())
    frame = pl.DataFrame({name: [float(value)] for name, value in (required.found | figures).items()})
    asked, skipped = _can_be_asked(known.on_metrics(configurations, splits, gate.max_dead_letters), metrics)
    checks = judge(frame, [*asked, *_own(gate, "metrics", list(figures)), *required.asked], "metrics")
    checks += skipped + required.missing + on_files
    passed = not any(check.amiss for check in checks if check.severity == "critical")
    return Verdict(passed, checks, time.perf_counter() - started)


def _can_be_asked(every: list[Expected], metrics: dict[str, float]) -> tuple[list[Expected], list[Check]]:
    """The expectations of which something can be said, and the checks that stand for the others."""
    asked, skipped = [], []
    for one in every:
        metric, why = known.NEEDS.get(one.name, ("", ""))
        if metric and not metrics[metric]:
            skipped.append(Check(one.name, one.type, "metrics", one.severity, "skipped", why, _plain(one.kwargs)))
        else:
            asked.append(one)
    return asked, skipped


def _figures(figures: dict[str, float], splits: dict[str, float], tolerance: float) -> dict[str, float]:
    """The run's metrics with those that follow from them."""
    out = {f"share_{split}": 0.0 for split in splits} | figures
    out["records_unaccounted"] = out["records_in"] - out["rows_in"] - out["merged_records"] - out["dead_letters"]
    out["rows_unaccounted"] = out["rows_in"] + out["derived_rows"] - out["kept"] - out["dropped"] - out["review"]
    out["splits_without_files"] = sum(out[f"share_{split}"] > 0 and not out[f"rows_in_{split}"] for split in splits)
    allowed = max(tolerance, out["largest_group_share"]) + out["settled_share"]
    for split, fraction in splits.items():
        off = abs(out[f"share_{split}"] - fraction) - allowed if out["kept"] else 0.0  # of no rows there are no shares
        out[f"split_off_{split}"] = round(max(0.0, off), 4)  # the largest group's share comes rounded
    return out


def _configuration(dataset: str, name: str, gate: Gate, judge: _Judge, tally: Tally) -> list[Check]:
    """Checks on each file of a configuration, and the user's on all of its rows."""
    checks, views, layouts = [], [], []
    optional = known.OPTIONAL.get(name, {})
    asked_of_all = any(expectation.on == name for expectation in gate.expectations)
    for shard, rows in tally.read(dataset, name):
        seen = pl.concat([view(batch) for batch in rows])
        layout = tally.layouts[shard.name]
        titles = [f"{column}: {what}" for column, what in layout.items() if optional.get(column) != what]
        first = judge(pl.DataFrame(schema=dict.fromkeys(titles, pl.String)), [known.on_layout(name)], shard.name)
        asked = known.on_file(name)
        # What a file does not have is not asked about: the check of its columns has failed, or it is optional.
        gone = {c for one in asked for c in _columns(one.kwargs) if c not in seen.columns}
        if first[0].status == "passed":
            gone &= set(optional)
        checks += first + judge(seen, [one for one in asked if gone.isdisjoint(_columns(one.kwargs))], shard.name)
        layouts.append(layout)
        if asked_of_all:
            views.append(seen)
    if not asked_of_all:
        return checks
    if any(layout != layouts[0] for layout in layouts):
        why = "its files have different columns"
        return checks + [
            Check(_title(one), one.type, name, one.severity, "error", why, one.kwargs)
            for one in gate.expectations
            if one.on == name
        ]
    whole = pl.concat(views, how="vertical_relaxed") if views else _blank(name)
    return checks + judge(whole, _own(gate, name, whole.columns), name)


def _blank(configuration: str) -> pl.DataFrame:
    """The view of a configuration without rows, with all columns that it may have."""
    return view(empty(known.COLUMNS[configuration] | known.OPTIONAL.get(configuration, {})))


class _Judge:
    """Great Expectations in memory: no project, no files, no progress bars, nothing sent anywhere."""

    def __init__(self) -> None:
        gx = _library()
        from great_expectations.data_context.types import base

        with _quiet():
            # The defaults would make a folder for HTML pages.
            stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
            project = base.DataContextConfig(
                store_backend_defaults=stores,
                analytics_enabled=False,
                progress_bars=base.ProgressBarsConfig(globally=False, metric_calculations=False),
            )
            context = gx.get_context(mode="ephemeral", project_config=project)
            asset = context.data_sources.add_pandas("published").add_dataframe_asset("frame")
            self._whole = asset.add_batch_definition_whole_dataframe("whole")

    def __call__(self, frame: pl.DataFrame, asked: Sequence[Expected], on: str) -> list[Check]:
        """The outcome of each expectation on a frame, in their order."""
        if not asked:
            return []
        gx, types = _library(), expectation_types()
        suite = gx.ExpectationSuite(name="gate")
        for place, one in enumerate(asked):
            suite.add_expectation(types[one.type](**one.kwargs, severity=one.severity, meta={"place": place}))
        with _quiet():
            batch = self._whole.get_batch({"dataframe": frame.to_pandas()})
            try:
                found = batch.validate(suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": 3})
            except gx.exceptions.GreatExpectationsError as error:
                raise SystemFault(f"Great Expectations could not judge {on}: {error}") from error
        # Results come in any order, each with the meta of its expectation.
        results = {result.expectation_config.meta["place"]: result for result in found.results}
        return [_check(one, results[place], frame, on) for place, one in enumerate(asked)]


def _check(one: Expected, result: Any, frame: pl.DataFrame, on: str) -> Check:
    info = result.exception_info or {}
    if info.get("raised_exception") is not False:  # `success` is False then too, but the data are not what failed
        parts = [part for part in info.values() if isinstance(part, dict)] or [info]
        why = "; ".join(sorted({str(part.get("exception_message")) for part in parts}))
        raise SystemFault(f"the expectation {one.name!r} ({one.type}) on {on} could not be computed: {why}")
    status: Status = "passed" if result.success else "failed"
    return Check(one.name, one.type, on, one.severity, status, _observed(result.result, frame), _plain(one.kwargs))


def _observed(result: dict[str, Any], frame: pl.DataFrame) -> Any:
    if "unexpected_count" not in result or "element_count" not in result:
        return _plain(result.get("observed_value"))
    out = {"unexpected": result["unexpected_count"], "rows": result["element_count"]}
    if out["unexpected"]:
        out["examples"] = result.get("partial_unexpected_list", [])
        places = result.get("partial_unexpected_index_list") or []
        if "id" in frame.columns:
            out["ids"] = frame["id"].gather(list(places)).to_list()
    return _plain(out)


def _plain(value: Any) -> Any:
    """A value as JSON knows it; Great Expectations leaves numpy's scalars, and sets."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def check_expectations(gate: Gate, configurations: Sequence[str]) -> None:
    """See that the user's expectations can be asked; raises UserError naming the value and what is allowed."""
    types = expectation_types() if gate.expectations else {}
    for place, one in enumerate(gate.expectations):
        where = f"gate.expectations.{place}"
        if one.type in UNFIT:
            raise UserError(f"{where}.type: {one.type!r} cannot be asked here: {UNFIT[one.type]}")
        if one.type not in types:
            raise UserError(f"{where}.type: there is no expectation {one.type!r}{_allowed(one.type, sorted(types))}")
        if one.on not in ("metrics", *configurations):
            raise UserError(f"{where}.on: {one.on!r} is not published{_allowed(one.on, ['metrics', *configurations])}")
        _check_kwargs(where, one, types[one.type])
        if one.on == "metrics":  # splits have names of the user's own: whether one is there is seen when it is asked
            of_splits = [name for name in _columns(one.kwargs) if name.startswith(known.SPLIT_METRICS)]
            _check_columns(where, one, known.metric_names(configurations, []) + of_splits)
        else:
            _check_columns(where, one, _blank(one.on).columns)


def _check_kwargs(where: str, one: Expectation, asked: Any) -> None:
    from great_expectations.compatibility.pydantic import ValidationError
    from great_expectations.expectations.expectation import Expectation as Base

    fields = sorted(set(asked.__fields__) - set(Base.__fields__) - {"batch_id"})
    for name in one.kwargs:
        if name not in fields:
            raise UserError(f"{where}.kwargs: {one.type} has no argument {name!r}{_allowed(name, fields)}")
    try:
        asked(**one.kwargs)
    except ValidationError as error:
        wrong = sorted({str(part["loc"][0]) for part in error.errors()})
        given = ", ".join(
            f"{name} is {one.kwargs[name]!r}" if name in one.kwargs else f"{name} is missing" for name in wrong
        )
        why = "; ".join(dict.fromkeys(part["msg"] for part in error.errors()))
        raise UserError(f"{where}.kwargs: {one.type}: {given}: {why}{_allowed('', fields)}") from error


def _check_columns(where: str, one: Expectation, columns: Sequence[str]) -> None:
    if one.type.startswith("expect_table_") or one.type == "expect_column_to_exist":
        return  # these ask what the columns are
    for name in _columns(one.kwargs):
        if name not in columns:
            raise UserError(f"{where}.kwargs: {one.on} has no column {name!r}{_allowed(name, columns)}")


def _own(gate: Gate, on: str, columns: Sequence[str]) -> list[Expected]:
    """The user's expectations on this, which in this run has these columns."""
    mine = [(place, one) for place, one in enumerate(gate.expectations) if one.on == on]
    for place, one in mine:
        _check_columns(f"in this run, gate.expectations.{place}", one, columns)
    return [Expected(_title(one), one.type, one.kwargs, one.severity) for _, one in mine]


def _title(one: Expectation) -> str:
    return f"{one.type.replace('_', ' ')} ({', '.join(_columns(one.kwargs))})".removesuffix(" ()")


def _columns(kwargs: dict[str, Any]) -> list[str]:
    given = [kwargs[name] for name in _COLUMNS if name in kwargs]
    return [name for value in given for name in ([value] if isinstance(value, str) else value)]


def _allowed(value: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(value, names, n=1)
    return (f"; did you mean {close[0]}?" if close else ";") + f" allowed are {', '.join(names)}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's warnings and log lines: what goes wrong is in its results."""
    logger = logging.getLogger("great_expectations")
    propagate, mute = logger.propagate, logging.NullHandler()
    # Loggers below have levels of their own, so that theirs is no use; what they say is stopped on its way up.
    logger.propagate = False
    logger.addHandler(mute)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.propagate = propagate
        logger.removeHandler(mute)


@cache
def _library() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read when the library is imported, by versions that send usage
    with _quiet():
        import great_expectations as gx
    return gx


@cache
def expectation_types() -> dict[str, Any]:
    """The expectations there are, by their names in snake case."""
    _library()
    import great_expectations.expectations as classes

    every = [getattr(classes, name) for name in dir(classes) if name.startswith("Expect") and name != "Expectation"]
    # Some that are no longer there have left a class without a name.
    return {one.expectation_type: one for one in every if one.expectation_type and one.expectation_type not in UNFIT}
