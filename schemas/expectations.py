"""What must hold before a dataset may be published, on a run's metrics and on its files, and what came of it.

Plain data. `transforms.gate` computes what is judged, and `pipelines.gate` lets Great Expectations judge it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning"]
#: `skipped`: there was nothing to ask it of, which is no reassurance.
Status = Literal["passed", "failed", "error", "skipped"]
#: The order in which outcomes are told: what failed is first.
LAST = {"skipped": 1, "passed": 2}
#: Expectations that Great Expectations has and the gate does not offer, and why.
UNFIT = {
    "expect_column_quantile_values_to_be_between": "its result cannot be written down",
    "expect_column_kl_divergence_to_be_less_than": "its result cannot be written down",
    "expect_column_values_to_match_like_pattern": "it needs a database; there is ..._match_regex",
    "expect_column_values_to_match_like_pattern_list": "it needs a database; there is ..._match_regex_list",
    "expect_column_values_to_not_match_like_pattern": "it needs a database; there is ..._not_match_regex",
    "expect_column_values_to_not_match_like_pattern_list": "it needs a database; there is ..._not_match_regex_list",
    "expect_multicolumn_values_to_be_unique": "its name is expect_select_column_values_to_be_unique_within_record now",
    "expect_query_results_to_match_comparison": "it needs a database",
    "expect_table_row_count_to_equal_other_table": "it needs another table",
}


@dataclass(frozen=True)
class Expected:
    """One expectation.

    Attributes:
        name: what it means, in words, said so that it is true when the expectation holds.
        type: its Great Expectations name in snake case.
        kwargs: its arguments.
        severity: a failed critical one fails the gate; a warning is only told.
    """

    name: str
    type: str
    kwargs: dict[str, Any]
    severity: Severity = "critical"


#: Columns of each published configuration and what each holds, in their order.
COLUMNS: dict[str, dict[str, str]] = {
    "preference": {"id": "text", "source": "text", "prompt": "messages", "chosen": "messages", "rejected": "messages"},
    "preference_full": {"id": "text", "source": "text", "chosen": "messages", "rejected": "messages"},
    "preference_soft": {
        "id": "text", "source": "text", "prompt": "messages", "chosen": "messages", "rejected": "messages",
        "soft_label": "number", "weight": "number",
    },
    "listwise": {
        "id": "text", "source": "text", "prompt": "messages", "responses": "lists of messages", "scores": "numbers",
    },
    "kto": {"id": "text", "source": "text", "prompt": "messages", "completion": "messages", "label": "boolean"},
    "ratings": {
        "id": "text", "source": "text", "prompt": "messages", "response": "messages", "references": "texts",
        "dimension": "text", "score": "number", "normalised": "number", "raters": "number", "minimum": "number",
        "maximum": "number", "higher_is_better": "boolean",
    },
    "comet": {"id": "text", "source": "text", "src": "text", "mt": "text", "ref": "text", "score": "number"},
    "metricx": {"id": "text", "source": "text", "hypothesis": "text", "reference": "text", "label": "number"},
    "stepwise": {"id": "text", "source": "text", "prompt": "text", "completions": "texts", "labels": "booleans"},
}  # fmt: skip
#: Columns that stand between or behind the others only where the dataset has something to put there.
OPTIONAL: dict[str, dict[str, str]] = {
    "preference": {"tools": "text"},
    "preference_full": {"tools": "text"},
    "preference_soft": {"tools": "text", "margin": "number"},
    "kto": {"tools": "text"},
    "ratings": {"recorded": "number", "stderr": "number"},
}
#: Figures that the caller of the gate counts in a run.
RUN_METRICS = (
    "records_in", "merged_records", "dead_letters", "rows_in", "derived_rows", "kept", "dropped", "review",
    "dead_letter_share", "largest_group_share", "published_rows", "unexplained_verdicts", "contaminated_published",
    "groups_in_two_splits", "settled_share", "benchmarks",
)  # fmt: skip
#: Expectations of which nothing can be said where a metric is 0: that metric, and what there is to say.
_OVERLAP = "no row that overlaps with a benchmark is published"
NEEDS = {_OVERLAP: ("benchmarks", "no benchmark was named, so nothing was compared")}
#: Figures that the gate works out from those.
GATE_METRICS = ("records_unaccounted", "rows_unaccounted", "rows_in_files", "splits_without_files")
#: Metrics there is one of for each split.
SPLIT_METRICS = ("share", "split_off", "rows_in")
#: Metrics there is one of for each configuration that has sides (pairs) or a prompt, and for each at all.
SIDES = ("preference", "preference_full", "preference_soft")
CONFIGURATION_METRICS = ("rows", "files_amiss", "file_layouts", "prompts_in_two_splits")
#: What these publish of a prompt is one message, which two prompts that are told apart by the others may share.
ONE_MESSAGE = ("comet", "metricx")


def metric_names(configurations: Sequence[str], splits: Sequence[str]) -> list[str]:
    """Every metric that the gate has for these configurations and splits."""
    return [
        *RUN_METRICS,
        *GATE_METRICS,
        *(f"{metric}_{split}" for split in splits for metric in SPLIT_METRICS),
        *(f"{metric}_{name}" for name in configurations for metric in CONFIGURATION_METRICS),
        *(
            f"{metric}_{name}"
            for name in configurations
            if name in SIDES
            for metric in ("identical_sides", "empty_sides")
        ),
        *(["reversed_preference_soft", "margin_nulls"] if "preference_soft" in configurations else []),
    ]


def on_metrics(configurations: Sequence[str], splits: dict[str, float], max_dead_letters: float) -> list[Expected]:
    """Expectations on a run's metrics.

    Args:
        configurations: what is published.
        splits: fraction of each split.
        max_dead_letters: the largest share of records that may be unusable.
    """
    out = [
        _zero("every record is a row, merged into one, or a dead letter", "records_unaccounted"),
        _zero("every row is kept, dropped, or up for review", "rows_unaccounted"),
        _zero("every verdict other than keep has a reason with a number", "unexplained_verdicts"),
        _zero(_OVERLAP, "contaminated_published"),
        _zero("no group of rows stands in two splits", "groups_in_two_splits"),
        _metric("few enough records are dead letters", "dead_letter_share", max_value=max_dead_letters),
        _metric("rows are published", "published_rows", min_value=1),
        _metric("the published files hold rows", "rows_in_files", min_value=1),
        _zero("every split that rows were kept for has published files", "splits_without_files"),
    ]
    for split, fraction in splits.items():
        out.append(_zero(f"the split {split} has its share of the rows", f"split_off_{split}"))
        if fraction > 0:
            out.append(
                _metric(
                    f"the split {split} has rows", f"share_{split}", severity="warning", min_value=0, strict_min=True
                )
            )
    for name in configurations:
        what, severity = ("source text", "warning") if name in ONE_MESSAGE else ("prompt", "critical")
        metric = f"prompts_in_two_splits_{name}"
        out += [
            Expected(f"{name}: no {what} stands in two splits", **_zero_kwargs(metric), severity=severity),  # type: ignore[arg-type]
            _zero(f"{name}: all files of each split are there, and no others", f"files_amiss_{name}"),
            _metric(f"{name}: all files have the same columns and types", f"file_layouts_{name}", max_value=1),
        ]
        if name in SIDES:
            out.append(_zero(f"{name}: chosen and rejected differ", f"identical_sides_{name}"))
    return out


def on_layout(configuration: str) -> Expected:
    """The expectation on the columns of a published file (`name: what it holds`), optional ones set aside."""
    columns = [f"{name}: {kind}" for name, kind in COLUMNS[configuration].items()]
    return Expected(
        "the columns are those of the configuration, in order", "expect_table_columns_to_match_ordered_list",
        {"column_list": columns},
    )  # fmt: skip


def on_file(configuration: str) -> list[Expected]:
    """Expectations on the scalar view of a published file (`transforms.gate.view`)."""
    named = [_known("id"), *([] if configuration == "metricx" else [_known("source")])]
    return named + _FILES[configuration]


def _zero_kwargs(metric: str) -> dict[str, Any]:
    return {"type": "expect_column_max_to_be_between", "kwargs": {"column": metric, "min_value": 0, "max_value": 0}}


def _zero(name: str, metric: str) -> Expected:
    return Expected(name, **_zero_kwargs(metric))


def _metric(name: str, metric: str, severity: Severity = "critical", **bounds: Any) -> Expected:
    # A metric is a column of one value, and unlike a values' expectation one on the maximum says what that value was.
    return Expected(name, "expect_column_max_to_be_between", {"column": metric, **bounds}, severity)


def _known(column: str) -> Expected:
    return Expected(f"{column} is not null", "expect_column_values_to_not_be_null", {"column": column})


def _between(
    name: str, column: str, low: float | None, high: float | None = None, severity: Severity = "critical"
) -> Expected:
    bounds = {key: value for key, value in (("min_value", low), ("max_value", high)) if value is not None}
    return Expected(name, "expect_column_values_to_be_between", {"column": column, **bounds}, severity)


def _never(name: str, column: str, severity: Severity = "critical") -> Expected:
    return Expected(name, "expect_column_values_to_be_in_set", {"column": column, "value_set": [False]}, severity)


def _spoken(column: str) -> list[Expected]:
    """A response says something: text, a tool call, or an image."""
    return [
        _between(f"{column} has a message", f"{column}_messages", 1),
        _never(f"{column} says something", f"{column}_is_empty"),
    ]


def _same(name: str, first: str, second: str) -> Expected:
    return Expected(name, "expect_column_pair_values_to_be_equal", {"column_A": first, "column_B": second})


def _at_least(name: str, larger: str, smaller: str) -> Expected:
    kwargs = {"column_A": larger, "column_B": smaller, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
    return Expected(name, "expect_column_pair_values_a_to_be_greater_than_b", kwargs)


_PROMPT = _never("prompt is not null", "prompt_is_null")
_PAIR = [_PROMPT, *_spoken("chosen"), *_spoken("rejected")]
_FILES: dict[str, list[Expected]] = {
    "preference": _PAIR,
    "preference_full": _PAIR[1:],
    "preference_soft": [
        *_PAIR,
        _known("soft_label"),
        _between("soft_label is for chosen: 0.5 to 1", "soft_label", 0.5, 1),
        _known("weight"),
        _between("weight is not negative", "weight", 0),
        _known("margin"),
        _between("margin is not negative", "margin", 0),
    ],
    "listwise": [
        _PROMPT,
        _between("there are two responses or more", "responses_count", 2),
        _between("every response says something", "responses_empty", 0, 0),
        _same("there is a score for each response", "scores_count", "responses_count"),
        _between("no score is null", "scores_nulls", 0, 0, "warning"),
        _between("scores are 0 or more", "scores_minimum", 0),
        _between("scores are 1 or less", "scores_maximum", None, 1),
    ],
    "kto": [
        _PROMPT,
        *_spoken("completion"),
        _known("label"),
        Expected("label is true or false", "expect_column_values_to_be_of_type", {"column": "label", "type_": "bool"}),
    ],
    "ratings": [
        _PROMPT,
        *_spoken("response"),
        _known("dimension"),
        _known("score"),
        _between("normalised is in 0 to 1", "normalised", 0, 1),
        _between("at least one rater stands behind a score", "raters", 1),
        _at_least("score is not below its scale", "score", "minimum"),
        _at_least("score is not above its scale", "maximum", "score"),
    ],
    "comet": [
        _never("src is not null", "src_is_null"),
        _never("ref is not null", "ref_is_null"),
        _between("mt has text", "mt_characters", 1),
        _known("score"),
        _between("score is in 0 to 1", "score", 0, 1),
    ],
    "metricx": [
        _never("source is not null", "source_is_null"),
        _never("reference is not null", "reference_is_null"),
        _between("hypothesis has text", "hypothesis_characters", 1),
        _known("label"),
        _between("label is in 0 to 25", "label", 0, 25),
    ],
    "stepwise": [
        _never("prompt is not null", "prompt_is_null"),
        _between("there is a step", "completions_count", 1),
        _same("there is a label for each step", "labels_count", "completions_count"),
        _between("no label is null", "labels_nulls", 0, 0),
    ],
}


@dataclass(frozen=True)
class Check:
    """One expectation's outcome.

    Attributes:
        name: what should hold, in words.
        expectation: its Great Expectations name.
        on: `metrics`, a configuration, or a file of one.
        severity: critical or warning.
        status: passed, failed, or error where it could not be asked.
        observed: the value seen, or how many of the rows are otherwise, with examples and their ids.
        expected: the expectation's arguments.
    """

    name: str
    expectation: str
    on: str
    severity: str
    status: Status
    observed: Any
    expected: dict[str, Any]

    @property
    def amiss(self) -> bool:
        """Whether it does not hold, or could not be asked."""
        return self.status in ("failed", "error")

    def words(self) -> str:
        """The outcome as a line of text."""
        if self.status == "skipped":
            return f"{self.name}: {self.observed}"
        return f"{self.name}: {seen(self.observed)}, expected {wanted(self.expected)}"


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a run: passed when no critical check failed."""

    passed: bool
    checks: list[Check]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON-able values."""
        return asdict(self)

    def words(self) -> str:
        """A short report: the verdict, then failed critical checks, warnings, and what could not be checked."""
        failed = [check for check in self.checks if check.amiss]
        skipped = [check for check in self.checks if check.status == "skipped"]
        critical = [check for check in failed if check.severity == "critical"]
        warned = [check for check in failed if check.severity != "critical"]
        counts = (
            f"{len(self.checks) - len(skipped):,} checks, {len(critical):,} failed, {_many(len(warned), 'warning')}"
        )
        lines = [f"The gate {'passed' if self.passed else 'failed'}: {counts}."]
        for title, some in (("failed", critical), ("warning", warned), ("skipped", skipped)):
            told: dict[tuple[str, str], list[Check]] = {}
            for check in some:  # what is wrong in many files of a configuration is said once
                told.setdefault((check.name, check.on.split("/")[0]), []).append(check)
            for (_, _), alike in told.items():
                where = "" if alike[0].on == "metrics" else f"{alike[0].on}: "
                more = f" (and in {_many(len(alike) - 1, 'more file')})" if len(alike) > 1 else ""
                lines.append(f"  {title:<8} {where}{alike[0].words()}{more}")
        return "\n".join(lines)


def verdict_of(told: dict[str, Any]) -> Verdict:
    """A verdict that `to_dict` made values of."""
    return Verdict(told["passed"], [Check(**check) for check in told["checks"]], told["seconds"])


def seen(observed: Any) -> str:
    """What was observed, in words."""
    if isinstance(observed, str):
        return observed
    if not isinstance(observed, dict):
        return f"observed {_said(observed)}"
    examples = [example for example in observed.get("examples", []) if not isinstance(example, bool | None)]
    such = f" ({', '.join(map(_said, examples))})" if examples else ""
    ids = [one for one in observed.get("ids", []) if one is not None]
    where = f", ids {', '.join(ids)}" if ids else ""
    return f"{observed.get('unexpected', 0):,} of {observed.get('rows', 0):,} rows are otherwise{such}{where}"


def together(alike: Sequence[Check]) -> str:
    """What was observed in all files of a configuration, without what it was observed on."""
    counted = [check.observed for check in alike]
    if all(isinstance(one, dict) and "rows" in one for one in counted):
        rows, otherwise = (sum(one.get(name, 0) for one in counted) for name in ("rows", "unexpected"))
        return f"{otherwise:,} of {rows:,} rows are otherwise"
    return "; ".join(dict.fromkeys(seen(one) for one in counted))


def wanted(kwargs: dict[str, Any]) -> str:
    """What was expected, in words."""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if "column" in kwargs and set(kwargs) <= {"column", "min_value", "max_value", "strict_min", "strict_max"}:
        if low is not None and high is not None:
            return _said(low) if low == high else f"{_said(low)} to {_said(high)}"
        if low is not None or high is not None:
            least = "more than" if kwargs.get("strict_min") else "at least"
            most = "less than" if kwargs.get("strict_max") else "at most"
            return f"{least} {_said(low)}" if high is None else f"{most} {_said(high)}"
    if kwargs.get("value_set") == [False]:
        return "none"
    rest = {name: value for name, value in sorted(kwargs.items()) if name != "column"}
    return ", ".join(f"{name} {_said(value)}" for name, value in rest.items()) or "none"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
