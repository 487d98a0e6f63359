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


def _any_role(dialogue: pl.Expr) -> pl.Expr:
    return dialogue.list.eval(~pl.element().struct.field("role").is_in(ROLES)).list.any()


def _any_judgement(condition: pl.Expr) -> pl.Expr:
    return pl.col("judgements").list.eval(condition.fill_null(False)).list.any()


_value = pl.element().struct.field("value")
_normalised = pl.element().struct.field("normalised")

#: In the order in which the model checks them.
RULES: tuple[Rule, ...] = (
    Rule("missing_field", "the row has no kind, or one that is not known", ~_kind.is_in(KINDS) | _kind.is_null()),
    Rule(
        "missing_field",
        "the row has no prompt, responses or judgements",
        pl.any_horizontal(pl.col(name).is_null() for name in ("prompt", "responses", "judgements")),
    ),
    Rule(
        "unknown_role",
        f"a message's role is not one of {', '.join(ROLES)}",
        _any_role(pl.col("prompt")) | pl.col("responses").list.eval(_any_role(pl.element())).list.any(),
    ),
    Rule(
        "wrong_response_count",
        "a pair has 2 responses, a rating or a stepwise row 1, a ranking 2 or more",
        ((_kind == "pair") & (_n != 2)) | (_kind.is_in(["rating", "stepwise"]) & (_n != 1)) | ((_kind == "ranking") & (_n < 2)),
    ),
    Rule("no_steps", "a stepwise row has at least one step", (_kind == "stepwise") & (_steps == 0)),
    Rule(
        "no_message",
        "each response has at least one message",
        pl.col("responses").list.eval(pl.element().list.len() == 0).list.any(),
    ),
    Rule(
        "wrong_generator_count",
        "generators are named for some responses and not for others",
        pl.col("generators").list.len() != _n,
    ),
    Rule(
        "value_out_of_range",
        "a judgement's value is not a finite number, or normalised it is not in [0, 1]",
        _any_judgement(~_value.is_finite() | _value.is_null() | (_normalised < 0) | (_normalised > 1) | _normalised.is_nan()),
    ),
    Rule(
        "value_out_of_range",
        "a pair's value is a preference in [0, 1]",
        (_kind == "pair") & _any_judgement((_value < 0) | (_value > 1)),
    ),
    Rule(
        "no_such_response",
        "a judgement speaks of a response that the row does not have",
        pl.col("judgements").list.eval(pl.element().struct.field("response")).list.max().fill_null(-1) >= _n,
    ),
    Rule(
        "no_such_step",
        "a judgement speaks of a step that the row does not have",
        pl.col("judgements").list.eval(pl.element().struct.field("step")).list.max().fill_null(-1) >= _steps,
    ),
)


def first_broken(rows: pl.DataFrame) -> pl.Series:
    """For each row, the index in `RULES` of the first rule it breaks; null where it breaks none."""
    first = pl.coalesce(pl.when(rule.broken.fill_null(False)).then(pl.lit(i)) for i, rule in enumerate(RULES))
    return rows.select(rule=first)["rule"]
