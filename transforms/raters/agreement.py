"""How far raters agree: Krippendorff's alpha for any number of them with gaps; per cent and Cohen's kappa for two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["none", "linear", "quadratic"]

#: Comparisons of two raters that are made at most; where there are more, units are sampled by their hash.
COMPARISONS = 20_000_000


def alpha(values: pl.DataFrame, level: Level, by: Sequence[str] = ()) -> pl.DataFrame:
    """Krippendorff's alpha: 1 - observed disagreement / disagreement expected by chance.

    D_o = 1/n sum_u sum_{a != b} d(a, b) / (m_u - 1) over the pairs of values of a unit, D_e = 1/(n (n - 1)) sum d(a, b)
    over the pairs of all values of units with two or more (Krippendorff, Content Analysis, 2004, chapter 11). With
    d = (a - b)^2 both follow from sums and sums of squares; the ordinal metric is the same on mid-ranks, and the
    nominal one needs counts only. No matrix of values is made, so thousands of different ones cost nothing.

    Args:
        values: `unit` and `value`, one line a value; `count`, how often it was given, where there is such a column.
        level: nominal (same or not), ordinal (how many values lie between), interval (the squared difference).
        by: columns whose values are looked at apart.

    Returns:
        One line for each group in `by`, sorted: units and values that could be compared, and alpha: 1 when all agree,
        0 by chance; null where nothing was judged twice or all values are the same.
    """
    keys = list(by)
    n = pl.col("count") if "count" in values.columns else pl.lit(1)
    flat = values.select(*keys, "unit", "value", n=n.cast(pl.Float64)).filter(pl.col("value").is_not_null())
    flat = flat.group_by(*keys, "unit", "value").agg(pl.col("n").sum()).sort(*keys, "unit", "value")
    whole = pl.col("n").sum()
    flat = flat.with_columns(m=whole.over(*keys, "unit")).filter(pl.col("m") > 1)
    if not keys:
        flat, keys = flat.with_columns(_all=0), ["_all"]
    total = whole.over(keys)
    if level == "nominal":
        marginal = (
            flat.group_by(*keys, "value").agg(pl.col("n").sum()).group_by(keys).agg(same=(pl.col("n") ** 2).sum())
        )
        inside = flat.group_by(*keys, "unit", maintain_order=True).agg(
            observed=(pl.col("m").first() ** 2 - (pl.col("n") ** 2).sum()) / (pl.col("m").first() - 1),
            m=pl.col("m").first(),
        )
        found = (
            inside.group_by(keys)
            .agg(units=pl.len(), n=pl.col("m").sum(), observed=pl.col("observed").sum())
            .join(marginal, on=keys)
            .with_columns(expected=pl.col("n") ** 2 - pl.col("same"))
        )
    else:
        if level == "ordinal":
            # The values at or between two ranks, less half of each end, are the difference of their mid-ranks.
            counted = flat.group_by(*keys, "value").agg(pl.col("n").sum()).sort(*keys, "value")
            ranks = counted.select(*keys, "value", rank=pl.col("n").cum_sum().over(keys) - pl.col("n") / 2)
            flat = flat.join(ranks, on=[*keys, "value"], how="left").with_columns(value=pl.col("rank"))
        n, x = pl.col("n"), pl.col("value")
        flat = flat.with_columns(
            value=x - (n * x).sum().over(keys) / total
        )  # sums of squares of large numbers lose digits
        inside = flat.group_by(*keys, "unit", maintain_order=True).agg(
            s=(n * x).sum(), q=(n * x**2).sum(), m=pl.col("m").first()
        )
        found = inside.group_by(keys).agg(
            units=pl.len(),
            n=pl.col("m").sum(),
            observed=(2 * (pl.col("m") * pl.col("q") - pl.col("s") ** 2) / (pl.col("m") - 1)).sum(),
            expected=2 * (pl.col("m").sum() * pl.col("q").sum() - pl.col("s").sum() ** 2),
        )
    chance = pl.col("expected") > 1e-12 * pl.col("n") ** 2
    out = found.sort(keys).select(
        *keys,
        units=pl.col("units").cast(pl.Int64),
        values=pl.col("n").cast(pl.Int64),
        alpha=pl.when(chance).then(1 - (pl.col("n") - 1) * pl.col("observed") / pl.col("expected")),
    )
    return out.drop("_all", strict=False)


def kappa(first: np.ndarray, second: np.ndarray, weights: Weights = "none") -> float:
    """Cohen's kappa of two raters' values for the same units.

    Args:
        first: values of one rater, numbers.
        second: the other's, for the same units.
        weights: how far apart two values are: differing or not, by their difference, or by its square.

    Returns:
        1 when they agree, 0 by chance; NaN where chance alone leaves no disagreement.

    Raises:
        ValueError: the two are not of one length, or empty.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"kappa: {len(first)} values against {len(second)}; each unit needs one of both raters")
    levels, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    a, b = codes[: len(first)], codes[len(first) :]
    shares = [np.bincount(side, minlength=len(levels)) / len(first) for side in (a, b)]
    apart = np.abs(levels[:, None] - levels[None, :])
    cost = {"none": (apart > 0).astype(float), "linear": apart, "quadratic": apart**2}[weights]
    expected = float(shares[0] @ cost @ shares[1])
    return 1 - float(cost[a, b].mean()) / expected if expected > 0 else float("nan")


def rater_pairs(values: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """How every two raters who judged the same units agree.

    Args:
        values: `unit`, `rater`, `value` and `answer` (one line a rater and unit), and the columns of `by`.
        by: columns whose values are looked at apart.

    Returns:
        The columns of `by`, rater_a and rater_b (in alphabetical order), shared (units), agreement (share of equal
        answers), kappa (Cohen's, weighted by squared differences, which needs no list of values: the expected squared
        difference of two raters is var a + var b + (mean a - mean b)^2).
    """
    keys = list(by)
    flat = _within(values.select(*keys, "unit", "rater", "value", "answer"), [*keys, "unit"])
    both = flat.join(flat, on=[*keys, "unit"], suffix="_b", nulls_equal=True).filter(
        pl.col("rater") < pl.col("rater_b")
    )
    a, b = pl.col("value"), pl.col("value_b")
    met = ((a - b) ** 2).mean()
    chance = a.var(ddof=0) + b.var(ddof=0) + (a.mean() - b.mean()) ** 2
    return (
        both.sort(*keys, "rater", "rater_b", "unit")
        .group_by(*keys, "rater", "rater_b", maintain_order=True)
        .agg(
            shared=pl.len().cast(pl.Int64),
            agreement=(pl.col("answer") == pl.col("answer_b")).mean(),
            kappa=pl.when(chance > 1e-12).then(1 - met / chance),
        )
        .rename({"rater": "rater_a"})
    )


def _within(flat: pl.DataFrame, unit: list[str]) -> pl.DataFrame:
    """The values, or those of as many units as make `COMPARISONS`, lowest hash first."""
    sizes = (
        flat.group_by(unit)
        .agg(made=pl.len().cast(pl.Int64))
        .with_columns(made=pl.col("made") * (pl.col("made") - 1) // 2)
    )
    if sizes["made"].sum() <= COMPARISONS:
        return flat
    few = sizes.sort("unit", *unit).filter(pl.col("made").cum_sum() <= COMPARISONS)
    return flat.join(few.select(unit), on=unit, how="semi")
