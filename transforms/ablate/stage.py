"""Arms as tasks: one makes an arm's training lines by the run's own policy, one trains and judges a head on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from schemas.config import Policy
from transforms import blocks
from transforms.ablate.arms import Arm
from transforms.ablate.head import fit_head, given, used
from transforms.ablate.lines import dropped, flipped, lines_of, same
from transforms.ablate.proxies import proxies
from transforms.ablate.rows import evaluated
from transforms.arrays import read_array, write_array
from transforms.blocks import read_frame
from transforms.decide.stage import verdicts
from transforms.markers import Stats
from transforms.meta.preference import credit
from transforms.spurious.stage import balance_all

_VERDICT = ("action", "soft_label", "weight", "margin")


def make_arm(task: dict[str, Any], folder: str) -> Stats:
    """Decide with an arm's stages alone, balance if that is one, and write `NAME.parquet` of its training lines.

    Args:
        task: `arm` (as `Arm`), `blocks` (index, path, name and rows of each), `rows` (folder of `write_rows`),
            `frozen`, `facts` (folders by name), `policy`, `balancing` (the task of `balance_all`, without what is
            decided), and the rest of what `verdicts` takes.
        folder: to write to.
    """
    arm = Arm(**{**task["arm"], "on": tuple(task["arm"]["on"])})
    copies = "dedup" not in arm.on
    facts = arm.facts(task["facts"]) | {"identity": f"{task['frozen']}/apart" if copies else task["frozen"]}
    policy = arm.policy(Policy.model_validate(task["policy"])).model_dump()
    common = {**task["deciding"], **facts, "policy": policy, "balance": None}
    decided = f"{folder}/{arm.file}/decided"
    for block in task["blocks"]:
        verdicts({**common, "path": block["path"], "name": block["name"]}, decided)
    balanced = None
    if "balance" in arm.on:
        told = {**task["balancing"], "blocks": task["blocks"], "decided": decided, "identity": task["frozen"]}
        balanced = balance_all(told, f"{folder}/{arm.file}/balance")
        if balanced:
            decided = f"{folder}/{arm.file}/balanced"
            for block in task["blocks"]:
                again = {**common, "balance": f"{folder}/{arm.file}/balance"}
                verdicts({**again, "path": block["path"], "name": block["name"]}, decided)
    found = [
        read_frame(block["path"], ["row_id"]).hstack(read_frame(f"{decided}/{block['name']}", _VERDICT))
        for block in task["blocks"]
    ]
    rows = read_frame(f"{task['rows']}/rows.parquet")
    lines = lines_of(rows, pl.concat(found), copies)
    blocks.write_frame(lines, f"{folder}/{arm.file}.parquet")
    return {"lines": lines.height, "same": same(lines), "balanced": bool(balanced)}


def train(task: dict[str, Any], folder: str) -> Stats:
    """Train one head on one arm and judge it on the frozen rows; writes what it got right, `NAME-SEED.npy`.

    Args:
        task: `arm`, `file` (what to call it), `lines` (the folder of arms), `size` (how many lines a size-matched
            control has, or how many labels another turns round), `rows` (folder of `write_rows`), `ridge`, `seed`.
        folder: to write to.
    """
    arm = Arm(**{**task["arm"], "on": tuple(task["arm"]["on"])})
    seed = task["seed"]
    rows = read_frame(f"{task['rows']}/rows.parquet")
    raw = read_frame(f"{task['lines']}/raw.parquet")
    draw = raw.join(rows.select("row_id", "draw"), on="row_id", how="left", maintain_order="left")["draw"]
    if arm.control == "drop":
        lines = dropped(raw, draw, task["size"], seed)
    elif arm.control == "flips":
        lines = flipped(raw, draw, task["size"], seed)
    else:
        lines = read_frame(f"{task['lines']}/{arm.file}.parquet")
    group = lines.join(rows.select("row_id", "group"), on="row_id", how="left", maintain_order="left")["group"]
    held = evaluated(rows)
    features = read_array(f"{task['rows']}/features.npy")
    with threadpool_limits(1):  # so that sums do not depend on how many threads there are
        mine = np.flatnonzero(given(group.to_numpy(), seed))
        columns = np.flatnonzero(used(features.shape[1], seed))
        x = np.ascontiguousarray(features[lines["place"].to_numpy()[mine]][:, columns])
        weights = fit_head(x, lines["label"].to_numpy()[mine], lines["weight"].to_numpy()[mine], task["ridge"])
        margins = features[held["place"].to_numpy()][:, columns] @ weights.astype(np.float32)
        told = proxies(lines, rows, read_array(f"{task['rows']}/surface.npy"), raw.height)
    write_array(credit(margins, held["label"].to_numpy()), f"{folder}/{arm.file}-{seed}.npy")
    return {"lines": lines.height, "proxies": told}
