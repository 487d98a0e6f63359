"""Verdicts: what the policy makes of the signals, with a number for every reason."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from schemas.config import Policy
from schemas.verdict import MERGED
from transforms.decide.labels import labels
from transforms.lists import side_by_side

VERDICTS = pl.Schema(
    {
        "action": pl.String,
        "label": pl.Int64,
        "soft_label": pl.Float64,
        "margin": pl.Float64,
        "weight": pl.Float64,
        "masked": pl.Boolean,
        "reasons": pl.List(pl.String),
        "details": pl.List(
            pl.Struct({"reason": pl.String, "score": pl.Float64, "threshold": pl.Float64, "counterpart": pl.String})
        ),
    }
)


@dataclass(frozen=True)
class Clause:
    """One line of policy: where it holds, what then happens, and the number it rests on.

    Attributes:
        reason: its code.
        holds: where.
        action: what happens; the strongest action of a row's clauses wins.
        score: the measured number.
        threshold: what it was held against.
        counterpart: the other row, where there is one.
    """

    reason: str
    holds: pl.Expr
    action: str
    score: pl.Expr
    threshold: float
    counterpart: pl.Expr = pl.lit(None, dtype=pl.String)  # noqa: RUF009 - an expression is immutable


#: Strongest first.
_STRENGTH = (MERGED, "drop", "review", "flip", "soften", "keep")


def clauses(policy: Policy) -> list[Clause]:
    """The policy as clauses, in the order in which their reasons are given."""
    copied = pl.col("copy_kind")
    soft = pl.col("soft_label")
    count = pl.col("copies").cast(pl.Float64)
    out = [
        Clause("merged_judgement", copied == "merged_judgement", MERGED, count, 1, pl.col("copy_of")),
        Clause("exact_duplicate", copied == "exact_duplicate", "drop", count, 1, pl.col("copy_of")),
        Clause("empty_response", pl.col("empty_response"), policy.empty_response, pl.col("characters").list.min().cast(pl.Float64), 1),
        Clause("identical_responses", pl.col("identical_responses"), policy.identical_responses, pl.lit(1.0), 1),
        Clause("no_judgement", ~pl.col("judged"), "drop", pl.lit(0.0), 1),
        Clause("conflict", pl.col("conflict"), policy.conflict, soft, 0.5),
    ]
    if policy.pii != "mask":
        action = "drop" if policy.pii == "drop" else "keep"
        out.append(Clause("pii", pl.col("pii").list.len() > 0, action, pl.col("pii").list.len().cast(pl.Float64), 1))
    out.append(
        Clause("too_long", pl.col("too_long"), policy.too_long, pl.col("tokens").list.max().cast(pl.Float64), 0)
    )
    out.append(Clause("identical_after_truncation", pl.col("identical_after_truncation"), policy.too_long, pl.lit(1.0), 1))
    return [clause for clause in out if clause.action != "keep"]


def decide(rows: pl.DataFrame, policy: Policy, max_tokens: int | None = None) -> pl.DataFrame:
    """Verdicts of rows from their signals.

    Args:
        rows: kind, judgements (merged) and all signals of the rows, one line a row.
        policy: what to do about what.
        max_tokens: the threshold of `too_long`, for the ledger.

    Returns:
        Frame of `VERDICTS`, one line a row, in the order of `rows`.
    """
    rows = pl.concat([rows, labels(rows["judgements"], rows["kind"], policy.dimension)], how="horizontal")
    rows = rows.with_columns(pl.col("identical_responses", "conflict", "empty_response", "too_long", "identical_after_truncation").fill_null(False))
    found = clauses(policy)
    details = [
        pl.when(clause.holds.fill_null(False)).then(
            pl.struct(
                reason=pl.lit(clause.reason),
                score=clause.score.round(5),
                threshold=pl.lit(float(max_tokens or 0) if clause.reason == "too_long" else float(clause.threshold)),
                counterpart=clause.counterpart,
            )
        )
        for clause in found
    ]
    rank = {action: place for place, action in enumerate(_STRENGTH)}
    strongest = pl.min_horizontal(
        *(pl.when(clause.holds.fill_null(False)).then(rank[clause.action]) for clause in found), pl.lit(rank["keep"])
    )
    masked = pl.lit(policy.pii == "mask") & (pl.col("pii").list.len() > 0).fill_null(False)
    out = rows.select(
        action=strongest.replace_strict(list(rank.values()), list(rank), return_dtype=pl.String),
        label="label",
        soft_label="soft_label",
        margin="margin",
        weight=pl.lit(1.0),
        masked=masked,
        details=_present(rows, details),
    )
    # A row that goes for being a copy has no other reasons: what else is wrong is said of its representative.
    gone = pl.col("details").list.first().struct.field("reason").is_in(["merged_judgement", "exact_duplicate"])
    out = out.with_columns(details=pl.when(gone).then(pl.col("details").list.head(1)).otherwise("details"))
    reasons = pl.col("details").list.eval(pl.element().struct.field("reason"))
    return out.with_columns(reasons=reasons).select(pl.col(name).cast(dtype) for name, dtype in VERDICTS.items())


def _present(rows: pl.DataFrame, details: list[pl.Expr]) -> pl.Series:
    columns = rows.select(detail.alias(str(i)) for i, detail in enumerate(details)).get_columns()
    return side_by_side(columns, [column.struct.field("reason").is_not_null() for column in columns])
