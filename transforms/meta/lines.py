"""What is judged of a block's rows: pairs with their labels, and responses with their ratings.

A line is what a scorer can be right or wrong about. Scores go towards better here, whatever the scale's direction.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.decide.labels import labels
from transforms.hashing import as_number, digest
from transforms.steps.rows import judged
from transforms.strength.folds import uniform

#: A pair's label, a preference for the first response: what was concluded (`dimension` null), or on one dimension of
#: several. `group` is the prompt's hash, `key` the row's.
PAIRS = pl.Schema(
    {
        "row": pl.Int64,
        "dimension": pl.String,
        "label": pl.Float64,
        "group": pl.UInt64,
        "key": pl.UInt64,
    }
)
#: A response's rating on one dimension, the mean over raters: `human` in the source's units, `normalised` in [0, 1],
#: higher is better in both. `segment` is what systems are compared on, `unit` what responses are compared within: the
#: same, but in rankings the row, since another's ranks are another scale.
RATED = pl.Schema(
    {
        "row": pl.Int64,
        "response": pl.Int64,
        "kind": pl.String,
        "dimension": pl.String,
        "human": pl.Float64,
        "normalised": pl.Float64,
        "raters": pl.Int64,
        "system": pl.String,
        "segment": pl.UInt64,
        "unit": pl.UInt64,
        "key": pl.UInt64,
    }
)
#: A solution in steps: of each judged step its place among the row's `steps`, its label (1 right, 0 wrong, 0.5
#: neither), its characters and a draw; and whether every step was judged.
STEPS = pl.Schema(
    {
        "row": pl.Int64(),
        "steps": pl.Int64(),
        "places": pl.List(pl.Int64),
        "labels": pl.List(pl.Float64),
        "characters": pl.List(pl.Float64),
        "draws": pl.List(pl.Float64),
        "whole": pl.Boolean(),
        "group": pl.UInt64(),
        "key": pl.UInt64(),
    }
)
_STEP_SALT = 79
#: Digits to which human scores are the same: a mean of three is not the same bits in every order.
DIGITS = 12


def pair_lines(rows: pl.DataFrame, recorded: bool, dimension: str | None) -> pl.DataFrame:
    """The pairs of a block.

    Args:
        rows: `row`, `kind`, `content_id`, `prompt_id`, `judgements`, and the concluded `soft_label`.
        recorded: take the judgements' label in place of the concluded one.
        dimension: of the label, with `recorded`; the mean of all when None.

    Returns:
        Frame of `PAIRS`. Where a row has judgements on several dimensions there is a line for each of them, too.
    """
    rows = rows.filter(pl.col("kind") == "pair")
    label = labels(rows["judgements"], rows["kind"], dimension)["soft_label"] if recorded else rows["soft_label"]
    named = rows.select(
        "row", "judgements", "kind", group=as_number(pl.col("prompt_id")), key=as_number(pl.col("content_id"))
    ).with_columns(label=label)
    names = pl.col("judgements").list.eval(pl.element().struct.field("dimension")).list.unique()
    several = named.filter(names.list.len() > 1)
    every = several.select(names.explode(empty_as_null=False).unique()).to_series().sort().to_list()
    parts = [named.with_columns(dimension=pl.lit(None))]
    for name in every:
        own = labels(several["judgements"], several["kind"], name)["soft_label"]
        parts.append(several.with_columns(label=own, dimension=pl.lit(name)))
    lines = pl.concat([part.select(pl.col(name).cast(dtype) for name, dtype in PAIRS.items()) for part in parts])
    return lines.filter(pl.col("label").is_not_null())


def rated_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """The ratings and rankings of a block.

    Args:
        rows: `row`, `kind`, `content_id`, `prompt_id`, `generators`, `judgements`, `scales`, and `segment` (text, or
            null for the prompt).

    Returns:
        Frame of `RATED`.
    """
    rows = rows.filter(pl.col("kind").is_in(["rating", "ranking"]))
    rows = rows.with_columns(digest(rows["segment"]))
    lower = (
        rows.select("row", "scales").explode("scales", empty_as_null=False, keep_nulls=False).unnest("scales")
        .filter(~pl.col("higher_is_better")).select("row", "dimension", sign=pl.lit(-1.0)).unique()
    )  # fmt: skip
    flat = (
        rows.select("row", "kind", "judgements").explode("judgements", empty_as_null=False, keep_nulls=False)
        .unnest("judgements").join(lower, on=["row", "dimension"], how="left", maintain_order="left")
        # A rating need not say which response it speaks of.
        .with_columns(response=pl.when(pl.col("kind") == "rating").then(0).otherwise("response"),
                      value=pl.col("value") * pl.col("sign").fill_null(1.0))
        .filter(pl.col("response").is_not_null())
    )  # fmt: skip
    count = pl.col("count")
    placed = count.filter(pl.col("normalised").is_not_null()).sum()
    means = flat.group_by("row", "response", "kind", "dimension", maintain_order=True).agg(
        human=((pl.col("value") * count).sum() / count.sum()).round(DIGITS),
        normalised=pl.when(placed > 0).then((pl.col("normalised") * count).sum() / placed).round(DIGITS),
        raters=count.sum(),
    )
    prompt = as_number(pl.col("prompt_id"))
    named = rows.select(
        "row",
        "generators",
        key=as_number(pl.col("content_id")),
        segment=pl.coalesce(as_number(pl.col("segment")), prompt),
        ranking=pl.col("kind") == "ranking",
    ).with_columns(unit=pl.when("ranking").then("key").otherwise("segment"))
    whole = means.join(named, on="row", how="left", maintain_order="left").with_columns(
        system=pl.col("generators").list.get(pl.col("response"), null_on_oob=True)
    )
    return whole.select(pl.col(name).cast(dtype) for name, dtype in RATED.items())


def step_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """The solutions in steps of a block, of which somebody judged a step.

    Args:
        rows: `row`, `kind`, `content_id`, `prompt_id`, `steps`, `judgements`.

    Returns:
        Frame of `STEPS`. What raters are divided about, or call neutral, is neither right nor wrong.
    """
    named = rows.filter(pl.col("kind") == "stepwise").select(
        "row", "kind", "judgements", sizes=pl.col("steps").list.eval(pl.element().str.len_chars().cast(pl.Float64)),
        steps=pl.col("steps").list.len().cast(pl.Int64), group=as_number(pl.col("prompt_id")),
        key=as_number(pl.col("content_id")),
    )  # fmt: skip
    found = judged(named).join(named.select("row", "sizes", "key"), on="row", how="left", maintain_order="left")
    place = found["step"].to_numpy()
    # Each place's own hash, so that two steps of a solution have two draws.
    draws = uniform(found["key"].to_numpy() ^ _hashed(place), _STEP_SALT)
    each = found.with_columns(
        draw=pl.Series(draws, dtype=pl.Float64), size=pl.col("sizes").list.get(pl.col("step"), null_on_oob=True)
    )
    lists = each.group_by("row", maintain_order=True).agg(
        places="step", labels=((pl.col("value") - 0.5).sign() / 2 + 0.5), characters="size", draws="draw"
    )
    whole = lists.join(named, on="row", how="left", maintain_order="left").with_columns(
        whole=pl.col("places").list.len() == pl.col("steps")
    )
    return whole.select(pl.col(name).cast(dtype) for name, dtype in STEPS.items())


def _hashed(places: np.ndarray) -> np.ndarray:
    """A hash of each number."""
    return (uniform(places.astype(np.uint64), _STEP_SALT) * 2.0**53).astype(np.uint64)


def rank_kinds(metadata: pl.Series) -> pl.DataFrame:
    """What RewardBench says of each row in its metadata: `subset`, `version` (tied or ref) and `prompt` of Ties."""
    name = pl.col("metadata").str.json_path_match("$['id']")
    parts = name.str.splitn(":", 2).struct
    return metadata.alias("metadata").to_frame().select(
        subset=pl.col("metadata").str.json_path_match("$['subset']"),
        version=pl.when(parts.field("field_1").is_not_null()).then(parts.field("field_0")),
        prompt=parts.field("field_1"),
    )  # fmt: skip
