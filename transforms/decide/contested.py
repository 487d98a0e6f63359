"""Whether copies and near-copies of a row name another side, on the dimension that makes its label."""

from __future__ import annotations

import polars as pl

#: The share of a row and its near-copies that name the row's side.
AGREE = (1 + pl.col("near_agree")) / (1 + pl.col("near_agree") + pl.col("near_against"))


def contested(rows: pl.DataFrame, dimension: str | None) -> pl.DataFrame:
    """Rows with what speaks against their sides: `conflict`, and of near-copies how many agree, and one that does not.

    One rule for both: copies contradict each other where they name different sides on the dimension that makes the
    label, and on any where all do. Of several that near-copies speak of, the one on which fewest agree counts.

    Args:
        rows: with `conflict`, `conflict_on` (`transforms.identity.copies.SIGNALS`) and `near_sides`
            (`transforms.duplicates.representatives.SIGNALS`).
        dimension: only this one; any when None.

    Returns:
        `rows` with `conflict`, `near_agree`, `near_against` (null where no near-copy names a side) and `near_contrary`.
    """
    on = pl.col("conflict") if dimension is None else pl.col("conflict_on").list.contains(dimension)
    lines = rows.select("near_sides").with_row_index("line")
    flat = lines.explode("near_sides", empty_as_null=False, keep_nulls=False).unnest("near_sides")
    if dimension is not None:
        flat = flat.filter(pl.col("dimension") == dimension)
    named = flat.select("line", "dimension", near_agree="agree", near_against="against", near_contrary="contrary")
    worst = named.sort("line", AGREE, "dimension").unique("line", keep="first").drop("dimension")
    said = lines.select("line").join(worst, on="line", how="left", maintain_order="left").drop("line")
    return rows.with_columns(on.fill_null(False).alias("conflict"), *said.get_columns())
