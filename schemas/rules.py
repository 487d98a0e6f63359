"""The constraints of `schemas.row` as expressions over a batch, so that no row is checked one at a time.

A rule's expression is true where a row breaks it. Rows that break one become dead letters with the first code that
applies. `fill_null(False)` matters: a comparison with null is null, and a null must not let a row slip through or fall.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from schemas.row import KINDS, ROLES


@dataclass(frozen=True)
class Rule:
    """One constraint: the dead letter's code and words, and where a row of the canonical schema breaks it."""

    code: str
    message: str
    broken: pl.Expr


_kind = pl.col("kind")
_n = pl.col("responses").list.len()
_steps = pl.col("steps").list.len().fill_null(0)


def _any(lists: str, condition: pl.Expr) -> pl.Expr:
    return pl.col(lists).list.eval(condition.fill_null(False)).list.any()


def _any_role(dialogue: pl.Expr) -> pl.Expr:
    return dialogue.list.eval(~pl.element().struct.field("role").is_in(ROLES).fill_null(False)).list.any()


def _off_scale(rows: pl.Series) -> pl.Series:
    """Where a judgement's value is not on a scale declared for its dimension."""
    frame = rows.struct.unnest().with_row_index("row")
    scaled = frame.filter((pl.col("kind") != "pair") & (pl.col("scales").list.len() > 0))
    judged, scales = (
        scaled.select("row", name).explode(name, empty_as_null=False, keep_nulls=False).unnest(name)
        for name in ("judgements", "scales")
    )
    value = judged.select("row", "dimension", "value").join(scales, on=["row", "dimension"])
    off = value.filter((pl.col("value") < pl.col("minimum")) | (pl.col("value") > pl.col("maximum")))
    return frame["row"].is_in(off["row"].implode())


def _reaches(index: str, count: pl.Expr) -> pl.Expr:
    """Where an index of a judgement is negative or not below a count."""

    def beyond(rows: pl.Series) -> pl.Series:
        frame = rows.struct.unnest().with_row_index("row")
        judged = frame.explode("judgements", empty_as_null=False, keep_nulls=False)
        at = pl.col("judgements").struct.field(index)
        # Few judgements speak of a part of their row.
        bad = judged.filter(judged.select(at.is_not_null()).to_series()).filter((at < 0) | (at >= pl.col("count")))
        return frame["row"].is_in(bad["row"].implode())

    return pl.struct("judgements", count=count.cast(pl.Int64)).map_batches(beyond, return_dtype=pl.Boolean)


_field = pl.element().struct.field
_value, _normalised, _strength = _field("value"), _field("normalised"), _field("strength")
_minimum, _maximum = _field("minimum"), _field("maximum")

#: In the order in which the model checks them.
RULES: tuple[Rule, ...] = (
    Rule("missing_field", "the row has no kind, or one that is not known", ~_kind.is_in(KINDS) | _kind.is_null()),
    Rule(
        "missing_field",
        "the row has no prompt, responses or judgements",
        pl.any_horizontal(pl.col(name).is_null() for name in ("prompt", "responses", "judgements")),
    ),
    Rule(
        "missing_field",
        "the row has no id, source, file or line",
        pl.any_horizontal(pl.col(name).is_null() for name in ("row_id", "content_id", "source", "file", "line"))
        | (pl.col("line") < 1),
    ),
    Rule(
        "missing_field",
        "a judgement or a scale has no dimension",
        _any("judgements", _field("dimension").is_null()) | _any("scales", _field("dimension").is_null()),
    ),
    Rule(
        "wrong_type",
        "a step, a reference or a parent is null",
        pl.any_horizontal(_any(name, pl.element().is_null()) for name in ("steps", "references", "parents")),
    ),
    Rule(
        "unknown_role",
        f"a message's role is not one of {', '.join(ROLES)}",
        _any_role(pl.col("prompt")) | pl.col("responses").list.eval(_any_role(pl.element())).list.any(),
    ),
    Rule(
        "wrong_response_count",
        "a pair has 2 responses, a rating or a stepwise row 1, a ranking 2 or more",
        ((_kind == "pair") & (_n != 2))
        | (_kind.is_in(["rating", "stepwise"]) & (_n != 1))
        | ((_kind == "ranking") & (_n < 2)),
    ),
    Rule("no_steps", "a stepwise row has at least one step", (_kind == "stepwise") & (_steps == 0)),
    Rule(
        "no_message",
        "each response has at least one message",
        _any("responses", pl.element().list.len().fill_null(0) == 0),
    ),
    Rule(
        "wrong_generator_count",
        "generators are named for some responses and not for others",
        pl.col("generators").list.len() != _n,
    ),
    Rule(
        "value_out_of_range",
        "a judgement's value is not a finite number, or normalised it is not in [0, 1]",
        _any("judgements", ~_value.is_finite().fill_null(False) | ~_normalised.fill_null(0).is_between(0, 1)),
    ),
    Rule(
        "value_out_of_range",
        "a judgement's strength is negative or no number, or it counts less than once",
        _any("judgements", (_strength < 0) | _strength.is_nan() | (_field("count").fill_null(0) < 1)),
    ),
    Rule(
        "value_out_of_range",
        "a scale's minimum is not below its maximum, or it does not say which end is better",
        _any(
            "scales",
            # Comparisons put NaN above all numbers; `fill_nan` makes it fail them as it does in Python.
            ~(_minimum.fill_nan(None) < _maximum.fill_nan(None)).fill_null(False)
            | _field("higher_is_better").is_null(),
        ),
    ),
    Rule(
        "value_out_of_range",
        "a pair's value is a preference in [0, 1]",
        (_kind == "pair") & _any("judgements", (_value < 0) | (_value > 1)),
    ),
    Rule(
        "value_out_of_range",
        "a judgement's value is outside its dimension's scale",
        pl.struct("kind", "judgements", "scales").map_batches(_off_scale, return_dtype=pl.Boolean),
    ),
    Rule(
        "no_such_response",
        "a judgement speaks of a response that the row does not have",
        _reaches("response", _n),
    ),
    Rule(
        "no_such_step",
        "a judgement speaks of a step that the row does not have",
        _reaches("step", _steps),
    ),
)


def first_broken(rows: pl.DataFrame) -> pl.Series:
    """For each row, the index in `RULES` of the first rule it breaks; null where it breaks none."""
    first = pl.coalesce(pl.when(rule.broken.fill_null(False)).then(pl.lit(i)) for i, rule in enumerate(RULES))
    return rows.select(rule=first)["rule"]
