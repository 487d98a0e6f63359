"""All judgements to what is known of each rater, and to a model of them that labels can be made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.config import Raters
from transforms.raters.agreement import alpha, rater_pairs
from transforms.raters.behaviour import always_one_place, consistency, copies, lines, places
from transforms.raters.normalise import moments, normalise, spreads
from transforms.raters.pairs import MODEL, Rated, rate

GROUP = ["source", "kind", "dimension"]
_RATER = [*GROUP, "rater"]

#: One line a rater and dimension; `rater` is null for those without a name, together.
RATERS = pl.Schema(
    {
        "source": pl.String,
        "kind": pl.String,
        "dimension": pl.String,
        "rater": pl.String,
        "votes": pl.Int64,
        "shared": pl.Int64,
        "agreement": pl.Float64,
        "reliability": pl.Float64,
        "side_reliability": pl.Float64,
        "worse_than_chance": pl.Boolean,
        "first_share": pl.Float64,
        "position_bias": pl.Float64,
        "always_one_place": pl.Boolean,
        "modal_share": pl.Float64,
        "straight_lines": pl.Float64,
        "repeats": pl.Int64,
        "consistency": pl.Float64,
        "mean": pl.Float64,
        "sd": pl.Float64,
        "copy_of": pl.String,
        "copied": pl.Int64,
        "care": pl.Float64,
        "pull_of_place": pl.Float64,
        "liking_for_ties": pl.Float64,
    }
)
COPIES = pl.Schema(
    {
        "source": pl.String,
        "kind": pl.String,
        "dimension": pl.String,
        "batch": pl.UInt64,
        "rater": pl.String,
        "copy_of": pl.String,
        "shared": pl.Int64,
    }
)


@dataclass(frozen=True)
class Measured:
    """What was found out.

    Attributes:
        raters: frame of `RATERS`.
        pairs: every two raters who judged the same things, by source, kind and dimension, as `rater_pairs` says.
        copies: frame of `COPIES`.
        model: frame of `MODEL`.
        figures: one a source, kind and dimension: how many judgements and raters there are, and how well they agree.
    """

    raters: pl.DataFrame
    pairs: pl.DataFrame
    copies: pl.DataFrame
    model: pl.DataFrame
    figures: list[dict[str, Any]]


def measure(judgements: pl.DataFrame, config: Raters) -> Measured:
    """Measure raters by their judgements.

    Args:
        judgements: frame of `JUDGEMENTS` of all blocks, in any order.
        config: which consensus is asked for, and when a rater is known.
    """
    # The order of lines is the order of sums, and so must not depend on where rows came from.
    lined = judgements.sort(*GROUP, "unit", "rater", "value", "act", "place", nulls_last=True)
    # What two say of a pair is the same where they take the same side, however strongly.
    side = (pl.col("value") - 0.5).sign()
    answer = pl.when(pl.col("kind") == "pair").then(side).otherwise("value")
    lined = lined.with_columns(answer=answer)
    acts = lined.filter(pl.col("rater").is_not_null())
    # One voice a rater and thing: what somebody says twice is their mean.
    said = acts.group_by(*_RATER, "unit", maintain_order=True).agg(
        pl.col("a", "b", "group", "batch").first(), pl.col("value").unique(maintain_order=True).mean().round(12)
    )
    said = said.with_columns(answer=answer)
    nobody = lined.filter(pl.col("rater").is_null() & pl.col("unit").is_not_null())
    met = rater_pairs(said, GROUP)
    copied = copies(said, GROUP).select(pl.col(name).cast(dtype) for name, dtype in COPIES.items())
    own = without_copies(said, copied, GROUP)
    keys = lined.filter(pl.col("kind") == "pair").select("source", "dimension").unique()
    rated = rate(keys, without_copies(acts, copied, GROUP), own, nobody, config)
    z = normalise(own, moments(own))
    return Measured(
        _table(lined, acts, said, nobody, copied, z, rated),
        met,
        copied,
        pl.concat([one.model for one in rated] or [pl.DataFrame(schema=MODEL)]),
        _figures(lined, own, nobody, met, copied, z, rated),
    )


def without_copies(values: pl.DataFrame, copied: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Values less those that are another rater's, filed again.

    Args:
        values: the columns of `by`, rater and batch.
        copied: of `COPIES`.
        by: by which raters are told apart.
    """
    for part, key in (
        (copied.filter(pl.col("batch").is_null()), [*by, "rater"]),
        (copied.filter(pl.col("batch").is_not_null()), [*by, "rater", "batch"]),
    ):
        values = values.join(part.select(key), on=key, how="anti", maintain_order="left")
    return values


def _table(
    lined: pl.DataFrame,
    acts: pl.DataFrame,
    said: pl.DataFrame,
    nobody: pl.DataFrame,
    copied: pl.DataFrame,
    z: pl.DataFrame,
    rated: list[Rated],
) -> pl.DataFrame:
    """Frame of `RATERS`."""
    everyone = (
        lined.group_by(_RATER)
        # Of a named rater things are counted, of the others judgements.
        .agg(
            votes=pl.when(pl.col("rater").first().is_null())
            .then(pl.col("count").sum())
            .otherwise(pl.col("unit").n_unique())
        )
    )
    expected = pl.concat([one.expected for one in rated]) if rated else None
    seen = acts.filter(pl.col("kind") == "pair")
    if expected is not None:
        seen = seen.join(expected, on=[*GROUP, "rater", "unit"], how="left", maintain_order="left")
    else:
        seen = seen.with_columns(expected=pl.lit(None, dtype=pl.Float64))
    parts = [
        _beside(said, nobody),
        pl.concat([*(one.raters for one in rated), _with_others(z)], how="diagonal"),
        places(seen).with_columns(kind=pl.lit("pair")),
        lines(lined),
        consistency(acts),
        spreads(moments(said.filter(pl.col("kind") != "pair"))).drop("n"),
        copied.group_by(_RATER).agg(
            copy_of=pl.col("copy_of").sort_by("shared", "copy_of").last(), copied=pl.col("shared").sum()
        ),
    ]
    for part in parts:
        on = [name for name in _RATER if name in part.columns]
        everyone = everyone.join(part, on=on, how="left", nulls_equal=True)
    everyone = everyone.with_columns(always_one_place=always_one_place(pl.col("first_share"), pl.col("sided")))
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in RATERS.items() if name not in everyone.columns]
    return (
        everyone.with_columns(absent)
        .with_columns(pl.col("shared", "repeats", "copied").fill_null(0))
        .sort(_RATER, nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in RATERS.items())
    )


def _beside(said: pl.DataFrame, nobody: pl.DataFrame) -> pl.DataFrame:
    """Things that others judged too, and the share of the others' answers that are the rater's."""
    unit = [*GROUP, "unit"]
    every = pl.concat(
        [said.select(*unit, "answer", n=pl.lit(1, dtype=pl.Int64)), nobody.select(*unit, "answer", n=pl.col("count"))]
    )
    all_of = every.group_by(unit).agg(all=pl.col("n").sum())
    equal = every.group_by(*unit, "answer").agg(equal=pl.col("n").sum())
    beside = pl.col("all") - 1
    return (
        said.join(all_of, on=unit, how="left", maintain_order="left")
        .join(equal, on=[*unit, "answer"], how="left", maintain_order="left")
        .filter(beside > 0)
        .group_by(_RATER, maintain_order=True)
        .agg(shared=pl.len(), agreement=((pl.col("equal") - 1) / beside).mean())
    )


def _with_others(z: pl.DataFrame) -> pl.DataFrame:
    """Raters of other kinds than pairs: how their z-scores go with the mean of the others'.

    Worse than chance is a correlation below 0 by 2.33 standard errors of Fisher's transformation (1 in 100).
    """
    unit = [*GROUP, "unit"]
    own = pl.col("value")
    both = (
        z.filter(pl.col("kind") != "pair")
        .with_columns(n=pl.len().over(unit), whole=own.sum().over(unit))
        .filter(pl.col("n") > 1)
    )
    both = both.with_columns(others=(pl.col("whole") - own) / (pl.col("n") - 1))
    n, r = pl.col("things"), pl.col("reliability")
    return (
        both.group_by(_RATER, maintain_order=True)
        .agg(things=pl.len(), reliability=pl.corr("value", "others").fill_nan(None))
        .select(
            *_RATER,
            "reliability",
            worse_than_chance=(n > 3) & (r.clip(-0.999999, 0.999999).arctanh() + 2.33 / (n - 3).sqrt() < 0),
        )
    )


def _figures(
    lined: pl.DataFrame,
    own: pl.DataFrame,
    nobody: pl.DataFrame,
    met: pl.DataFrame,
    copied: pl.DataFrame,
    z: pl.DataFrame,
    rated: list[Rated],
) -> list[dict[str, Any]]:
    """How many, and how well they agree, by source, kind and dimension."""
    every = pl.concat(
        [
            own.select(*GROUP, "unit", "value", "answer", count=pl.lit(1, dtype=pl.Int64)),
            nobody.select(*GROUP, "unit", "value", "answer", "count"),
        ]
    )
    # Alpha before is of the judgements that alpha after is of: raters without spread, and nobody's, have no z-score.
    before = own.join(z.select(*_RATER, "unit"), on=[*_RATER, "unit"], how="semi")
    weight = pl.col("shared")
    counted = lined.group_by(GROUP).agg(
        judgements=pl.col("count").filter(pl.col("rater").is_null()).sum() + pl.col("rater").count(),
        anonymous=pl.col("count").filter(pl.col("rater").is_null()).sum(),
        raters=pl.col("rater").drop_nulls().n_unique(),
    )
    parts = [
        alpha(every.with_columns(value=pl.col("answer")), "nominal", GROUP).select(
            *GROUP, shared="units", alpha_nominal="alpha"
        ),
        alpha(every, "ordinal", GROUP).select(*GROUP, alpha_ordinal="alpha"),
        alpha(every, "interval", GROUP).select(*GROUP, alpha_interval="alpha"),
        alpha(before, "interval", GROUP).select(*GROUP, alpha_before="alpha"),
        alpha(z, "interval", GROUP).select(*GROUP, alpha_normalised="alpha"),
        met.group_by(GROUP, maintain_order=True).agg(
            agreement=(pl.col("agreement") * weight).sum() / weight.sum(),
            kappa=(pl.col("kappa") * weight).sum() / weight.filter(pl.col("kappa").is_not_null()).sum(),
        ),
        copied.group_by(GROUP).agg(copied=pl.col("shared").sum()),
    ]
    for part in parts:
        counted = counted.join(part, on=GROUP, how="left")
    methods = {tuple(one.key): one for one in rated}
    out = []
    pair = pl.col("kind") == "pair"
    for line in (
        counted.with_columns(
            pl.col("shared", "copied").fill_null(0),
            # Which of two sides comes first is chance: a z-score of preferences means nothing.
            pl.when(~pair).then(pl.col("alpha_before", "alpha_normalised")),
        )
        .sort(GROUP)
        .iter_rows(named=True)
    ):
        one = methods.get((line["source"], line["dimension"])) if line["kind"] == "pair" else None
        rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in line.items()}
        out.append(rounded | ({"consensus": one.method, "left_out": one.left_out} if one else {}))
    return out
