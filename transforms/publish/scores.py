"""What ratings come to in the published shapes: the raters' mean as recorded, or made comparable and weighed."""

from __future__ import annotations

import polars as pl

#: The least normal number of float16: a score nearer to nought would be read with fewer digits, or as nought.
LEAST = 2.0**-14


def scores(rows: pl.DataFrame, dimension: str | None = None, *, harmonised: bool = False) -> pl.DataFrame:
    """One line for each row, response and dimension: score, normalised score, raters.

    Args:
        rows: responses, judgements; with `harmonised` also scales and `ratings` (`transforms.ratings.stage.SIGNALS`).
        dimension: the only one; all when None.
        harmonised: whether the score is the one that the ratings stage found, on its scale; the columns `recorded` (the
            mean, which stands for it where the stage has none) and `stderr` are beside it then.
    """
    alone = pl.col("responses").list.len() == 1
    flat = (
        rows.select("judgements", alone=alone).with_row_index("row")
        .explode("judgements", empty_as_null=False, keep_nulls=False).unnest("judgements")
        # A judgement need not say which response it speaks of where there is only one.
        .with_columns(response=pl.when("alone").then(0).otherwise("response"))
    )  # fmt: skip
    if dimension is not None:
        flat = flat.filter(pl.col("dimension") == dimension)
    count = pl.col("count")
    placed = count.filter(pl.col("normalised").is_not_null()).sum()
    means = flat.group_by("row", "response", "dimension", maintain_order=True).agg(
        score=((pl.col("value") * count).sum() / count.sum()).round(5),
        # The sum of nothing is 0, which is not what a value without a scale says.
        normalised=half(pl.when(placed > 0).then((pl.col("normalised") * count).sum() / placed).round(5)),
        raters=count.sum(),
    )
    return _made_comparable(rows, means) if harmonised else means


def scales(rows: pl.DataFrame) -> pl.DataFrame:
    """Each row's dimensions: row, dimension, minimum, maximum, higher_is_better."""
    flat = rows.select("scales").with_row_index("row").explode("scales", empty_as_null=False, keep_nulls=False)
    return flat.unnest("scales").unique(["row", "dimension"])


def half(score: pl.Expr) -> pl.Expr:
    """Scores that float16 holds to its own resolution: one nearer to nought than its least normal number is nought."""
    return pl.when(score.abs() >= LEAST).then(score).otherwise(score * 0.0)


def _made_comparable(rows: pl.DataFrame, means: pl.DataFrame) -> pl.DataFrame:
    """The same with the stage's score in place of the mean; what lies past an end of the scale is that end."""
    found = (
        rows.select("ratings").with_row_index("row")
        .explode("ratings", empty_as_null=False, keep_nulls=False).unnest("ratings")
        .select("row", "dimension", "stderr", found="score")
    )  # fmt: skip
    low, high = pl.col("minimum"), pl.col("maximum")
    inside = pl.when(low.is_null()).then("found").otherwise(pl.col("found").clip(low, high)).round(5)
    share = (inside - low) / (high - low)
    turned = half(pl.when("higher_is_better").then(share).otherwise(1 - share).round(5))
    return (
        means.join(found, on=["row", "dimension"], how="left", maintain_order="left")
        .join(scales(rows), on=["row", "dimension"], how="left", maintain_order="left")
        .with_columns(
            score=pl.coalesce(inside, "score"),
            normalised=pl.coalesce(turned, "normalised"),
            recorded="score",
        )
        .select(*means.columns, "recorded", "stderr")
    )
