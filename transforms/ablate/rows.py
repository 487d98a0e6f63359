"""All pairs of a run in one place: what a head is given of each, and whose features a copy goes by."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.ablate.freeze import EVALUATE, TRAIN
from transforms.arrays import write_array
from transforms.blocks import read_frame
from transforms.hashing import as_nodes, as_number, digest
from transforms.markers import Stats
from transforms.strength.folds import sample
from transforms.strength.heads import fit_heads
from transforms.strength.inputs import read_pairs
from transforms.strength.pairs import Pairs, measure_scaling

#: Fewer pairs to train or to evaluate on, or groups of either, and what would be said would be chance.
PAIRS, HELD, GROUPS = 400, 100, 20
#: Folds by which the penalty is found.
_FOLDS = 5


def write_rows(task: dict[str, Any], folder: str) -> Stats:
    """Write `rows.parquet`, one line a pair, copies too, in the order of row ids, and `features.npy`, copies left out.

    A line has `place`, that of its own or of its original's features (null past the ceiling), and `turned`: whether its
    sides are the other way round there. `report.json` has the penalty with the least loss on the rows to train on, with
    labels as recorded, out of fold: it suits the raw arm best.

    Args:
        task: `blocks` (path and name of each), `identity`, `groups`, `frozen`, `inputs`, `texts`, `strength` (folders;
            the last two None where they did not run), `ceiling`, `seed`.
        folder: to write to.
    """
    parts, lots, start = [], [], 0
    for block in task["blocks"]:
        lines = _lines(task, block)
        found = read_frame(f"{task['inputs']}/{block['name']}", ["row", "key", "label", "votes"])
        found = found.with_columns(place=pl.int_range(start, start + found.height, dtype=pl.Int64, eager=True))
        parts.append(lines.join(found, on="row", how="left", maintain_order="left"))
        lots.append(read_pairs(task["inputs"], task["texts"], block["name"]))
        start += found.height
    rows = pl.concat(parts).filter(pl.col("kind") == "pair").sort("row_id")
    pairs = Pairs.together(lots)
    kept = np.sort(sample(pairs.keys, task["ceiling"], salt=47))
    moved = np.full(len(pairs) + 1, -1)
    moved[kept] = np.arange(len(kept))
    pairs = pairs.at(kept)
    mine = rows["place"].fill_null(len(moved) - 1).to_numpy()
    rows = rows.with_columns(place=pl.Series(moved[mine]).replace(-1, None).cast(pl.Int64))
    originals = rows.filter(pl.col("copy_of").is_null()).select(
        copy_of="row_id", first=pl.col("response_ids").list.first(), _place="place"
    )
    rows = rows.join(originals, on="copy_of", how="left", maintain_order="left").with_columns(
        place=pl.coalesce("place", "_place"),
        turned=(pl.col("response_ids").list.first() != pl.col("first")).fill_null(False),
        of=pl.coalesce("copy_of", "row_id"),
        draw=pl.Series(as_nodes(digest(rows["row_id"]))),
    )
    rows = rows.select(
        "row_id", "of", "role", "group", "place", "turned", "draw", "label", "votes", "strength_mu"
    )  # fmt: skip
    once = rows.filter((pl.col("row_id") == pl.col("of")) & pl.col("place").is_not_null())
    train, held = _sided(once, TRAIN), _sided(once, EVALUATE)
    said: dict[str, Any] = {
        "train": train.height, "train_groups": train["group"].n_unique(),
        "evaluate": held.height, "evaluate_groups": held["group"].n_unique(),
        "ties_left_out": once.filter(pl.col("role") == EVALUATE).height - held.height,
        "embeddings": pairs.responses.shape[2], "ridge": None,
    }  # fmt: skip
    if enough(said):
        places = train["place"].to_numpy()
        x = measure_scaling(pairs.at(places)).views(pairs).whole
        heads, _ = fit_heads(
            x[places], train["label"].to_numpy(), train["group"].to_numpy(), members=1, folds=_FOLDS, seed=task["seed"]
        )
        said["ridge"] = heads.ridge
        write_array(x, f"{folder}/features.npy")
        write_array(pairs.surface[:, 0] - pairs.surface[:, 1], f"{folder}/surface.npy")
    blocks.write_frame(rows, f"{folder}/rows.parquet")
    blocks.write_json(said, f"{folder}/report.json")
    return {"rows": rows.height}


def enough(said: dict[str, Any]) -> bool:
    """Whether there are pairs enough to train and to evaluate on."""
    return bool(
        said["train"] >= PAIRS
        and said["evaluate"] >= HELD
        and min(said["train_groups"], said["evaluate_groups"]) >= GROUPS
    )


def evaluated(rows: pl.DataFrame) -> pl.DataFrame:
    """The pairs that arms are judged on: no copies, and with a preference."""
    return _sided(rows.filter((pl.col("row_id") == pl.col("of")) & pl.col("place").is_not_null()), EVALUATE)


def _sided(rows: pl.DataFrame, role: str) -> pl.DataFrame:
    label = pl.col("label")
    return rows.filter((pl.col("role") == role) & label.is_not_nan() & label.is_not_null() & (label != 0.5))


def _lines(task: dict[str, Any], block: dict[str, Any]) -> pl.DataFrame:
    """A block's rows, with what is known of copies, groups and strength."""
    name = block["name"]
    rows = read_frame(block["path"], ["row_id", "kind", "response_ids"]).hstack(
        read_frame(f"{task['identity']}/{name}", ["copy_of"])
    )
    strength = pl.DataFrame({"strength_mu": pl.Series([None] * rows.height, dtype=pl.Float64)})
    if task["strength"]:
        strength = read_frame(f"{task['strength']}/{name}", ["strength_mu"])
    return (
        rows.hstack(read_frame(f"{task['groups']}/{name}", ["group_id"]))
        .hstack(read_frame(f"{task['frozen']}/roles/{name}", ["role"]))
        .hstack(strength)
        .with_columns(group=as_number(pl.col("group_id")), row=pl.int_range(pl.len(), dtype=pl.Int64))
    )
