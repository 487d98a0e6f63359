"""Decision as tasks: a block's signals side by side, verdicts beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from schemas.config import Policy
from schemas.signals import CONSENSUS, FRAMES, PUBLISHED, SEMANTIC
from transforms import blocks
from transforms.attributes.signals import MIXTURE
from transforms.blocks import read_frame
from transforms.contamination.stage import SIGNALS as CONTAMINATION
from transforms.decide.contested import contested
from transforms.decide.policy import VERDICTS, decide
from transforms.decide.split import Cut, assign
from transforms.duplicates.representatives import SIGNALS as NEAR
from transforms.identity.keys import response_ids
from transforms.lists import of_counts
from transforms.markers import Stats, counts
from transforms.publish.shapes import KEPT
from transforms.relabel.trusted import SIGNALS as TRUSTED
from transforms.signals.masking import MASKED, mask_rows
from transforms.slices.signals import SIGNALS as SLICES
from transforms.spurious.signals import SIGNALS as BALANCE

_BLOCK = ("row_id", "source", "kind", "response_ids", "judgements", "parents")
#: Stages that may not run, and what policy reads of each.
_BESIDE = {
    "known": PUBLISHED,
    "near": NEAR,
    "contamination": CONTAMINATION,
    "semantic": SEMANTIC,
    "consensus": pl.Schema({"consensus": pl.List(CONSENSUS)}),
    "trajectories": pl.Schema(
        {name: FRAMES[name] for name in ("frame_gap", "seconds_gap", "value_gap", "contradicted_by")}
    ),
    "steps": pl.Schema({"steps_ambiguous": pl.Float64()}),
    "trusted": pl.Schema({name: TRUSTED[name] for name in ("trusted", "unsure")}),
    "ratings": pl.Schema({"rating_error": pl.Float64()}),
    "strength": pl.Schema(
        dict.fromkeys(("strength_mu", "strength_limit", "p_error", "p_ambiguous", "counterexample"), pl.Float64())
    ),
    "slices": SLICES,
    "balance": BALANCE,
    "mixture": MIXTURE,
}
#: All stages whose sidecars `load` reads, as its task names them.
FACTS = ("identity", "signals", "groups", *_BESIDE)
#: Where copies or near-copies name another side.
_CONTESTED = pl.col("conflict") | (pl.col("near_against") > 0).fill_null(False)
#: A sidecar's columns: the verdict, the row's group, the split that it is in already, and kind.
DECIDED = pl.Schema({**VERDICTS, "group_id": pl.String(), "settled": pl.String(), "kind": pl.String()})


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
    ids = pl.col("response_ids").list
    rows = rows.with_columns(identical_responses=(pl.col("kind") == "pair") & (ids.first() == ids.last()))
    beside = [_beside(task, name, schema, rows.height) for name, schema in _BESIDE.items()]
    groups = read_frame(f"{task['groups']}/{task['name']}", ["group_id", "settled"])
    whole = pl.concat([rows, identity, signals, *beside, groups], how="horizontal").with_columns(
        judgements=pl.coalesce("merged", "judgements"),
        p_ambiguous=pl.max_horizontal("p_ambiguous", "steps_ambiguous"),
    )
    found = [Cut(**cut) for cut in task["cuts"]]
    split = assign(pl.col("group_id"), found, task["seed"], "settled") if found else pl.lit(None, dtype=pl.String)
    return whole.with_columns(split=split)


def _beside(task: dict[str, Any], name: str, schema: pl.Schema, rows: int) -> pl.DataFrame:
    """A stage's sidecar; nulls where the stage did not run."""
    if not task[name]:
        return pl.DataFrame(schema=schema).clear(rows)
    return read_frame(f"{task[name]}/{task['name']}", schema.names())


def as_masked(rows: pl.DataFrame, texts: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """Rows whose sides are told apart as they will be once their personal data is masked.

    Args:
        rows: with `kind`, `identical_responses` and `pii`.
        texts: gives what masking reads (`MASKED`) of the rows at these places.
    """
    found = (rows["pii"].list.len() > 0).fill_null(False).arg_true()
    if found.is_empty():
        return rows
    hidden = mask_rows(texts(found))
    sides = response_ids(hidden["responses"].explode(empty_as_null=False, keep_nulls=False))
    same = of_counts(sides, hidden["responses"].list.len().to_numpy()).list.n_unique() == 1
    return rows.with_columns(
        rows["identical_responses"].scatter(found, same & (rows["kind"][found] == "pair")),
    )


def verdicts(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's verdicts; returns counts of actions, reasons, kinds, and of what shapes must know.

    With cuts, rows are in splits, and policies that hold in some of them do.
    """
    policy = Policy.model_validate(task["policy"])
    rows = contested(load(task), policy.dimension)
    if policy.pii == "mask":
        rows = as_masked(rows, lambda found: read_frame(task["path"], MASKED)[found])
    decided = decide(rows, policy, task["configurations"], task["thresholds"])
    decided = decided.with_columns(rows["kind"], rows["group_id"], rows["settled"])
    blocks.write_frame(decided.select(DECIDED.names()), f"{folder}/{task['name']}")
    kept = decided.filter(pl.col("action").is_in(KEPT))
    pairs = kept.filter(pl.col("kind") == "pair")
    derived = rows["parents"].list.len().fill_null(0) > 0
    said = rows["consensus"].explode(empty_as_null=False, keep_nulls=False).struct.unnest()
    return {
        "rows": rows.height,
        "derived": int((derived & (decided["action"] != "merged")).sum()),
        "merged_derived": int((derived & (decided["action"] == "merged")).sum()),
        "actions": counts(decided["action"]),
        "reasons": counts(decided["reasons"].list.unique().explode(empty_as_null=False, keep_nulls=False)),
        "kept_kinds": counts(kept["kind"]),
        "kept_sources": counts(rows["source"].filter(decided["action"].is_in(KEPT))),
        "published": counts(kept["published_in"].explode(empty_as_null=False, keep_nulls=False)),
        "ties": int(pairs["label"].null_count()),
        "pairs": pairs.height,
        "margins": int(pairs["margin"].count()),
        "conflicts": rows.filter(_CONTESTED & pl.col("copy_of").is_null()).height,
        "opposed": int(said["opposed"].sum()),
        "on_cycles": int((said["component"] > 0).sum()),
        "reversals": int(said["reversal"].sum()),
    }
