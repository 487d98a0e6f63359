"""Training lines of arms: whose features, which label, what weight; and the controls made of the raw ones."""

from __future__ import annotations

import polars as pl

from transforms.ablate.freeze import TRAIN
from transforms.hashing import digest_json
from transforms.publish.shapes import KEPT
from transforms.strength.folds import uniform

#: A line's columns: labels are for the first side of the features at `place`.
LINES = pl.Schema(
    {"row_id": pl.String, "place": pl.Int64, "label": pl.Float64, "weight": pl.Float64, "margin": pl.Float64}
)


def lines_of(rows: pl.DataFrame, decided: pl.DataFrame, copies: bool) -> pl.DataFrame:
    """What verdicts leave to train on.

    With copies, these fare as their originals do, since nothing but labels is known of them by themselves: they are
    dropped with them, their own label is turned where the original's is, and softened to be as sure as it.

    Args:
        rows: as `write_rows` wrote them.
        decided: `row_id` and a verdict's `action`, `soft_label`, `weight` and `margin`.
        copies: whether copies are rows of their own.

    Returns:
        Frame of `LINES`, in the order of `rows`.
    """
    original = decided.select(of="row_id", fate="action", sure="soft_label", counts="weight")
    whole = (
        rows.filter((pl.col("role") == TRAIN) & pl.col("place").is_not_null())
        .join(decided, on="row_id", how="inner", maintain_order="left")
        .join(original, on="of", how="inner", maintain_order="left")
    )
    copy = pl.col("row_id") != pl.col("of")
    if not copies:
        whole = whole.filter(~copy)
    soft, sure = pl.col("soft_label"), pl.max_horizontal("sure", 1 - pl.col("sure"))
    fared = (
        pl.when(pl.col("fate") == "flip").then(1 - soft)
        .when((pl.col("fate") == "soften") & (soft != 0.5)).then(pl.when(soft > 0.5).then(sure).otherwise(1 - sure))
        .otherwise(soft)
    )  # fmt: skip
    label = pl.when(copy).then(fared).otherwise(soft)
    return (
        whole.with_columns(label=pl.when("turned").then(1 - label).otherwise(label), weight="counts")
        .filter(pl.col("fate").is_in(KEPT) & pl.col("label").is_not_null() & (pl.col("weight") > 0))
        .select(pl.col(name).cast(dtype) for name, dtype in LINES.items())
    )


def touched(raw: pl.DataFrame, arm: pl.DataFrame) -> int:
    """How many of the raw lines an arm has not, or has with another label."""
    both = raw.join(arm.select("row_id", other="label"), on="row_id", how="left", maintain_order="left")
    return both.filter(pl.col("other").is_null() | ((pl.col("other") - pl.col("label")).abs() > 1e-9)).height


def dropped(raw: pl.DataFrame, draw: pl.Series, keep: int, seed: int) -> pl.DataFrame:
    """As many of the raw lines as an arm has, drawn by hash; `draw` is a hash of each line's row."""
    return _drawn(raw, draw, seed).sort("_drawn", "row_id").head(keep).sort("row_id").select(LINES.names())


def flipped(raw: pl.DataFrame, draw: pl.Series, count: int, seed: int) -> pl.DataFrame:
    """The raw lines with so many labels turned round, drawn by hash; a tie cannot be."""
    place = pl.when(pl.col("label") != 0.5).then("_drawn").rank("ordinal")
    label = pl.when(place <= count).then(1 - pl.col("label")).otherwise("label")
    return _drawn(raw, draw, seed).with_columns(label=label).select(LINES.names())


def _drawn(raw: pl.DataFrame, draw: pl.Series, seed: int) -> pl.DataFrame:
    return raw.with_columns(_drawn=pl.Series(uniform(draw.to_numpy(), seed + 6007)))


def same(lines: pl.DataFrame) -> str:
    """A hash of what a head is given: arms with the same one are the same."""
    told = lines.select("place", pl.col("label").round(5), pl.col("weight").round(5)).sort("place", "label", "weight")
    return digest_json([told[name].to_list() for name in told.columns])
