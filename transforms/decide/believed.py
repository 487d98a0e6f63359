"""What trusted judgements mean for a row: the label is theirs, and doubts about the old one are at rest."""

from __future__ import annotations

import polars as pl

#: Where somebody trusted judged; where their side is the other one, and where they took none.
SETTLED = pl.col("trusted").is_not_null()
_BEFORE, _NOW = (pl.col(name).fill_null(0.5) - 0.5 for name in ("settled_from", "trusted"))
TURNED = SETTLED & (_BEFORE * _NOW < 0)
EVENED = SETTLED & (_NOW == 0) & (_BEFORE != 0)


def settle(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose labels are the trusted ones where there are any.

    `settled_from` is what the row's label would have been without (as a preference for `responses[0]`), null where
    nobody trusted judged. Where who was asked cannot tell the sides apart, nobody can: the row is as ambiguous as can
    be.

    Args:
        rows: with `trusted`, `unsure`, labels and the signals that speak against labels.
    """
    sure = SETTLED
    value = pl.col("trusted")
    side = pl.when(value > 0.5).then(0).when(value < 0.5).then(1).cast(pl.Int64)
    # Where all votes were left out, what they said was the label that somebody recorded.
    before = pl.coalesce("soft_label", "mean_label")
    against = (value - 0.5).sign() != (before - 0.5).sign()
    nothing = pl.lit(None, dtype=pl.Float64)
    return rows.with_columns(
        settled_from=pl.when(sure).then(before),
        soft_label=pl.when(sure).then(value).otherwise("soft_label"),
        label=pl.when(sure).then(side).otherwise("label"),
        # How far apart the sides were is known of the other label only.
        margin=pl.when(sure & against & pl.col("margin").is_not_null()).then(0.0).otherwise("margin"),
        judged=pl.col("judged") | sure,
        conflict=pl.col("conflict") & ~sure,
        near_against=pl.when(~sure).then("near_against"),
        reversal=pl.col("reversal") & ~sure,
        concluded=pl.col("concluded") & ~sure,
        left_out=pl.when(sure).then(0).otherwise("left_out"),
        consensus_label=pl.when(sure).then(nothing).otherwise("consensus_label"),
        p_error=pl.when(sure).then(nothing).otherwise("p_error"),
        p_ambiguous=pl.when(sure)
        .then(nothing)
        .when(pl.col("unsure").fill_null(False))
        .then(1.0)
        .otherwise("p_ambiguous"),
    )
