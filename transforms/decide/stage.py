"""Decision as tasks: a block's signals side by side, verdicts beside them."""

from __future__ import annotations

from typing import Any

import polars as pl

from schemas.config import Policy
from transforms import blocks
from transforms.blocks import read_frame
from transforms.decide.policy import VERDICTS, decide
from transforms.publish.shapes import published_in
from transforms.tasks import Stats

_BLOCK = ("row_id", "source", "kind", "content_id", "prompt_id", "response_ids", "judgements", "parents")
#: A sidecar's columns: the verdict, the row's group, and where it is published.
DECIDED = pl.Schema({**VERDICTS, "group_id": pl.String, "published_in": pl.List(pl.String), "kind": pl.String})


def load(task: dict[str, Any]) -> pl.DataFrame:
    """A block's keys and all its signals, with merged judgements in place of its own."""
    rows = read_frame(task["path"], _BLOCK)
    identity = read_frame(f"{task['identity']}/{task['name']}").rename({"judgements": "merged"})
    signals = read_frame(f"{task['signals']}/{task['name']}").drop("language")
    if "tokens" not in signals.columns:
        signals = signals.with_columns(
            tokens=pl.lit(None, dtype=pl.List(pl.Int64)),
            too_long=pl.lit(False),
            identical_after_truncation=pl.lit(False),
        )
    return rows.hstack(identity).hstack(signals).with_columns(judgements=pl.coalesce("merged", "judgements"))


def verdicts(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's verdicts; returns counts of actions, reasons, kinds, and of what shapes must know."""
    rows = load(task)
    decided = decide(rows, Policy.model_validate(task["policy"]), task["max_tokens"])
    decided = decided.with_columns(
        rows["kind"],
        # Rows without a prompt have nothing in common but what they say.
        group_id=pl.Series(rows.select(pl.when(pl.col("prompt_id") == task["no_prompt"]).then("content_id").otherwise("prompt_id")).to_series()),
    )
    decided = decided.with_columns(published_in=published_in(task["configurations"]))
    decided = _unpublished(decided)
    blocks.write_frame(decided.select(DECIDED.names()), f"{folder}/{task['name']}")
    kept = decided.filter(pl.col("action").is_in(["keep", "flip", "soften"]))
    pairs = kept.filter(pl.col("kind") == "pair")
    derived = rows["parents"].list.len().fill_null(0) > 0
    return {
        "rows": rows.height,
        "derived": int((derived & (decided["action"] != "merged")).sum()),
        "merged_derived": int((derived & (decided["action"] == "merged")).sum()),
        "actions": _counts(decided["action"]),
        "reasons": _counts(decided["reasons"].explode(empty_as_null=False, keep_nulls=False)),
        "kept_kinds": _counts(kept["kind"]),
        "kept_sources": _counts(rows["source"].filter(decided["action"].is_in(["keep", "flip", "soften"]))),
        "published": _counts(kept["published_in"].explode(empty_as_null=False, keep_nulls=False)),
        "ties": int(pairs["label"].null_count()),
        "pairs": pairs.height,
        "margins": int(pairs["margin"].count()),
        "conflicts": int(rows["conflict"].sum()),
    }


def _unpublished(decided: pl.DataFrame) -> pl.DataFrame:
    """Say why a kept row is missing from shapes: a tie that some cannot express, or a kind that none takes."""
    kept = pl.col("action").is_in(["keep", "flip", "soften"])
    tie = kept & (pl.col("kind") == "pair") & pl.col("label").is_null()
    nowhere = kept & ~tie & (pl.col("published_in").list.len() == 0)
    reason = pl.when(tie).then(pl.lit("tie_not_expressible")).when(nowhere).then(pl.lit("kind_not_published"))
    detail = pl.struct(
        reason=reason,
        score=pl.when(tie).then("soft_label").otherwise(0.0),
        threshold=pl.when(tie).then(0.5).otherwise(1.0),
        counterpart=pl.lit(None, dtype=pl.String),
    )
    more = decided.filter(tie | nowhere)
    if more.is_empty():
        return decided
    return decided.with_columns(
        reasons=pl.when(tie | nowhere).then(pl.concat_list("reasons", reason)).otherwise("reasons"),
        details=pl.when(tie | nowhere)
        .then(pl.concat_list("details", detail.cast(DECIDED["details"].inner)))  # type: ignore[attr-defined]
        .otherwise("details"),
    )


def _counts(values: pl.Series) -> dict[str, int]:
    table = values.drop_nulls().value_counts(sort=True)
    names, counts = table.get_columns()
    return dict(zip(names.to_list(), counts.to_list(), strict=True))
