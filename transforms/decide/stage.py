"""Decision as tasks: a block's signals side by side, verdicts beside them."""

from __future__ import annotations

from typing import Any

import polars as pl

from schemas.config import Policy
from transforms import blocks
from transforms.blocks import read_frame
from transforms.decide.policy import STRENGTH, VERDICTS, decide
from transforms.publish.shapes import KEPT
from transforms.tasks import Stats, counts

_BLOCK = ("row_id", "source", "kind", "content_id", "prompt_id", "response_ids", "judgements", "parents")
#: What policy reads of semantic likeness.
_SEMANTIC = ("semantic_of", "semantic_of_cosine")
#: A sidecar's columns: the verdict, the row's group and kind.
DECIDED = pl.Schema({**VERDICTS, "group_id": pl.String(), "kind": pl.String()})


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
    semantic = (
        read_frame(f"{task['semantic']}/{task['name']}", _SEMANTIC)
        if task["semantic"]
        else pl.DataFrame(schema=dict.fromkeys(_SEMANTIC, pl.Null)).clear(rows.height)
    )
    strength = (
        read_frame(f"{task['strength']}/{task['name']}", STRENGTH)
        if task["strength"]
        else pl.DataFrame(schema=dict.fromkeys(STRENGTH, pl.Float64)).clear(rows.height)
    )
    ids = pl.col("response_ids").list
    rows = rows.with_columns(identical_responses=(pl.col("kind") == "pair") & (ids.first() == ids.last()))
    return (
        rows.hstack(identity)
        .hstack(signals)
        .hstack(semantic)
        .hstack(strength)
        .with_columns(judgements=pl.coalesce("merged", "judgements"))
    )


def verdicts(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's verdicts; returns counts of actions, reasons, kinds, and of what shapes must know."""
    rows = load(task)
    policy = Policy.model_validate(task["policy"])
    decided = decide(rows, policy, task["configurations"], task["max_tokens"], task["semantic_threshold"])
    decided = decided.with_columns(
        rows["kind"],
        # Rows without a prompt have nothing in common but what they say.
        rows.select(
            pl.when(pl.col("prompt_id") == task["no_prompt"])
            .then("content_id")
            .otherwise("prompt_id")
            .alias("group_id")
        ).to_series(),
    )
    blocks.write_frame(decided.select(DECIDED.names()), f"{folder}/{task['name']}")
    kept = decided.filter(pl.col("action").is_in(KEPT))
    pairs = kept.filter(pl.col("kind") == "pair")
    derived = rows["parents"].list.len().fill_null(0) > 0
    return {
        "rows": rows.height,
        "derived": int((derived & (decided["action"] != "merged")).sum()),
        "merged_derived": int((derived & (decided["action"] == "merged")).sum()),
        "actions": counts(decided["action"]),
        "reasons": counts(decided["reasons"].explode(empty_as_null=False, keep_nulls=False)),
        "kept_kinds": counts(kept["kind"]),
        "kept_sources": counts(rows["source"].filter(decided["action"].is_in(KEPT))),
        "published": counts(kept["published_in"].explode(empty_as_null=False, keep_nulls=False)),
        "ties": int(pairs["label"].null_count()),
        "pairs": pairs.height,
        "margins": int(pairs["margin"].count()),
        "conflicts": int((rows["conflict"] & rows["copy_of"].is_null()).sum()),
    }
