"""What trusted raters said of a block's pairs: answers that were imported, and raters the configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.decide.labels import labels
from transforms.lists import of_counts
from transforms.markers import Stats
from transforms.strength.voices import voices

#: `trusted` is their preference for `responses[0]`, null where they took no side and called it no tie; `unsure` says
#: that all who were asked could not tell; `chance` with what chance the row was drawn, null where it was not drawn.
SIGNALS = pl.Schema({"trusted": pl.Float64(), "unsure": pl.Boolean(), "chance": pl.Float64()})
_BLOCK = ("kind", "content_id", "response_ids", "judgements")


def trusted(rows: pl.DataFrame, answers: pl.DataFrame, dimension: str | None, raters: Sequence[str]) -> pl.DataFrame:
    """Who is trusted, of each row: the mean of the answers, else of the trusted raters' judgements.

    Args:
        rows: kind, content_id, response_ids and judgements (merged), one line a row.
        answers: frame of `transforms.relabel.answers.ANSWERED`.
        dimension: that labels are on; answers to others are not used.
        raters: whom the configuration trusts.

    Returns:
        Frame of `SIGNALS`, in the order of `rows`.
    """
    ids = pl.col("response_ids").list
    least, greatest = (ids.get(place, null_on_oob=True) for place in (0, 1))
    mine = answers.filter(pl.col("dimension").eq_missing(pl.lit(dimension, dtype=pl.String)))
    asked = (
        rows.select("content_id", "kind", first_id=least, second_id=greatest)
        .with_row_index("row")
        .filter((pl.col("kind") == "pair") & (pl.col("first_id") != pl.col("second_id")))
        .join(mine, on="content_id", how="inner")
        .with_columns(value=pl.when(pl.col("first") == pl.col("first_id")).then("value").otherwise(1 - pl.col("value")))
        .group_by("row")
        .agg(
            trusted=pl.col("value").drop_nulls().sort().mean().round(5),
            unsure=pl.col("value").is_null().all(),
            chance=pl.col("chance").max(),
        )
    )
    known = voices(rows["judgements"], dimension, raters)["trusted"] if raters else np.full(rows.height, np.nan)
    theirs = pl.Series("named", known).fill_nan(None).round(5)
    whole = rows.select("kind").with_row_index("row").join(asked, on="row", how="left", maintain_order="left")
    return whole.with_columns(theirs).select(
        trusted=pl.coalesce("trusted", pl.when(pl.col("kind") == "pair").then("named")),
        unsure=pl.col("unsure").fill_null(False),
        chance=pl.col("chance"),
    )


def others(judgements: pl.Series, raters: Sequence[str]) -> pl.Series:
    """Judgements without those of some raters."""
    if not raters:
        return judgements
    frame = judgements.alias("j").to_frame().with_row_index("row")
    flat = frame.explode("j", empty_as_null=False, keep_nulls=False)
    left = flat.filter(~pl.col("j").struct.field("rater").is_in(list(raters)).fill_null(False))
    return of_counts(left["j"], np.bincount(left["row"].to_numpy(), minlength=frame.height)).alias(judgements.name)


def write_trusted(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's sidecar; counts rows by what became of the label that everybody else gave them.

    Args:
        task: `path` and `name` of the block, `identity` (its stage's folder), `answers` (a Parquet file of kept
            answers), `dimension` and `raters`.
        folder: to write to.
    """
    rows = read_frame(task["path"], _BLOCK)
    known = read_frame(f"{task['identity']}/{task['name']}", ["copy_of", "judgements"]).rename({"judgements": "merged"})
    rows = rows.hstack(known).with_columns(judgements=pl.coalesce("merged", "judgements"))
    said = trusted(rows, read_frame(task["answers"]), task["dimension"], task["raters"])
    said = said.with_columns(
        trusted=pl.when(rows["copy_of"].is_null()).then("trusted"), unsure=pl.col("unsure") & rows["copy_of"].is_null()
    )
    blocks.write_frame(said.select(SIGNALS.names()), f"{folder}/{task['name']}")
    given = labels(others(rows["judgements"], task["raters"]), rows["kind"], task["dimension"])["soft_label"]
    now, before = (np.sign(side.fill_null(0.5).to_numpy() - 0.5) for side in (said["trusted"], given))
    judged = said["trusted"].is_not_null().to_numpy()
    return {
        "rows": rows.height,
        "judged": int(judged.sum()),
        "confirmed": int((judged & (now == before)).sum()),
        "turned": int((judged & (now * before < 0)).sum()),
        "tied": int((judged & (now == 0) & (before != 0)).sum()),
        "settled": int((judged & (now != 0) & (before == 0)).sum()),
        "unsure": int(said["unsure"].sum()),
    }
