"""Attributes as tasks: one finds and assigns them for all prompts, one weighs rows for a target mixture."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.attributes.discover import Attributes, discover, opening_vectors, rename
from transforms.attributes.endpoint import Endpoint
from transforms.attributes.mixture import chances, weigh
from transforms.attributes.programme import assign
from transforms.attributes.signals import COLUMNS, MIXTURE
from transforms.blocks import read_frame
from transforms.decide.split import Cut
from transforms.decide.split import assign as split_of
from transforms.embed.sidecars import read_texts
from transforms.hashing import uniform
from transforms.markers import Stats
from transforms.publish.shapes import KEPT
from transforms.strength.folds import uniform as draws


def find_all(task: dict[str, Any], folder: str) -> Stats:
    """Find attributes and assign each distinct prompt to two of each kind; writes `assigned.parquet` and `found.json`.

    Args:
        task: `names` (of the blocks' sidecars), `prompts` and `texts` (folders), `domains` and `skills` (how many),
            `quotas` (`affinity` or `even`), `slack`, `seed`, `device`, `endpoint` (its fields; None for no endpoint).
        folder: to write to.
    """
    parts = [
        read_frame(f"{task['prompts']}/{name}").with_columns(block=pl.lit(place, dtype=pl.Int64))
        for place, name in enumerate(task["names"])
    ]
    frame = pl.concat([pl.DataFrame(schema={**COLUMNS, "block": pl.Int64()}), *parts])
    once = frame.unique("key", keep="first", maintain_order=True).sort("key")
    keys = once["key"].to_numpy()
    if once.height < 2:
        blocks.write_frame(
            pl.DataFrame(schema={"key": pl.UInt64(), "domains": pl.List(pl.String()), "skills": pl.List(pl.String())}),
            f"{folder}/assigned.parquet",
        )
        blocks.write_json({"prompts": once.height, "kinds": {}, "endpoint": None}, f"{folder}/found.json")
        return {"rows": frame.height}
    vectors = _vectors(task, once)
    endpoint = Endpoint(**task["endpoint"]) if task["endpoint"] else None
    out = once.select("key")
    told: dict[str, Any] = {}
    # Quotas are met in parts of the prompts, in an order that says nothing of them.
    order = np.argsort(draws(keys, 41), kind="stable")
    for kind, column in (("domain", "domains"), ("skill", "skills")):
        seen = vectors if kind == "domain" else opening_vectors(once["opening"], keys)
        found = discover(
            kind, seen, keys, once["shown" if kind == "domain" else "opening"], task[column], task["seed"],
            task["device"],
        )  # fmt: skip
        if endpoint:
            found = rename(found, once["shown"], keys, endpoint)
        each = min(2, len(found.names))
        quotas = found.affinity.mean(axis=0) if task["quotas"] == "affinity" else np.ones(len(found.names))
        quotas = quotas / quotas.sum()
        chosen = np.zeros(found.affinity.shape, dtype=bool)
        chosen[order] = assign(found.affinity[order], quotas, task["slack"], each)
        out = out.with_columns(_listed(found, chosen, each).alias(column))
        told[kind] = [
            {
                "name": name,
                "words": found.words[place],
                "prompts": int(chosen[:, place].sum()),
                "quota": round(float(quotas[place]), 5),
                "affinity": round(float(found.affinity[chosen[:, place], place].mean()), 3),
                "examples": once["shown"].gather(_best(found, keys, place)).to_list(),
            }
            for place, name in enumerate(found.names)
        ]
    blocks.write_frame(out, f"{folder}/assigned.parquet")
    spent = asdict(endpoint.spent) | {"cost": round(endpoint.cost, 6)} if endpoint else None
    blocks.write_json({"prompts": once.height, "kinds": told, "endpoint": spent}, f"{folder}/found.json")
    return {"rows": frame.height}


def _vectors(task: dict[str, Any], once: pl.DataFrame) -> np.ndarray:
    """The vectors of distinct prompts, of length 1 or 0."""
    out: np.ndarray | None = None
    placed = once.select("row", "block").with_row_index("place")
    for (block,), part in placed.partition_by("block", as_dict=True).items():
        found = read_texts(task["texts"], task["names"][block]).prompts[part["row"].to_numpy()].astype(np.float32)
        out = np.zeros((once.height, found.shape[1]), np.float32) if out is None else out
        out[part["place"].to_numpy()] = found
    assert out is not None
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.divide(out, length, out=np.zeros_like(out), where=length > 1e-3)


def _listed(found: Attributes, chosen: np.ndarray, each: int) -> pl.Series:
    """The names that each prompt was assigned, the greater affinity first."""
    order = np.argsort(np.where(chosen, -found.affinity, np.inf), axis=1, kind="stable")[:, :each]
    return pl.Series(np.array(found.names, dtype=object)[order].tolist(), dtype=pl.List(pl.String()))


def _best(found: Attributes, keys: np.ndarray, place: int) -> list[int]:
    """The three prompts with the greatest affinity."""
    best: list[int] = np.lexsort((keys, -found.affinity[:, place].round(4)))[:3].tolist()
    return best


def mix(task: dict[str, Any], folder: str) -> Stats:
    """Weigh, or draw, the kept rows of one split for a target mixture; a sidecar of `MIXTURE` for each block.

    Args:
        task: `blocks` (path and name of each), `decided` and `attributes` (folders), `cuts`, `split_seed`, `split`,
            `column` (domains or skills), `target` (share by name; the others keep theirs among each other), `by`
            (`weights` or `subsample`), `cap`, `least`, `seed`.
        folder: to write to.
    """
    found = [Cut(**cut) for cut in task["cuts"]]
    parts = []
    for place, block in enumerate(task["blocks"]):
        verdicts = read_frame(f"{task['decided']}/{block['name']}", ["action", "group_id", "settled", "weight"])
        told = read_frame(f"{task['attributes']}/{block['name']}", [task["column"]])
        content = read_frame(block["path"], ["content_id"])
        whole = verdicts.hstack(told).hstack(content).with_row_index("row").with_columns(block=pl.lit(place))
        parts.append(whole.with_columns(split=split_of(pl.col("group_id"), found, task["split_seed"], "settled")))
    rows = pl.concat(parts)
    sizes = rows.group_by("block").len().sort("block")["len"].to_list()
    mine = rows.filter(
        pl.col("action").is_in(KEPT) & (pl.col("split") == task["split"]) & (pl.col(task["column"]).list.len() > 0)
    ).sort("content_id", "block", "row")
    names = sorted(set(mine[task["column"]].explode(empty_as_null=False, keep_nulls=False).to_list()))
    listed = mine.select(pl.int_range(pl.len()).alias("line"), name=task["column"]).explode("name")
    parts_of = np.zeros((mine.height, len(names)))
    column = listed["name"].replace_strict(names, list(range(len(names))), return_dtype=pl.Int64).to_numpy()
    np.add.at(parts_of, (listed["line"].to_numpy(), column), 1.0)
    parts_of /= parts_of.sum(axis=1, keepdims=True)
    before = parts_of.mean(axis=0)
    target = _target(dict(zip(names, before.tolist(), strict=True)), task["target"])
    found_weights = weigh(parts_of, target, task["cap"])
    chance = chances(found_weights.weights, task["least"]) if task["by"] == "subsample" else None
    draw = mine.select(uniform(pl.col("content_id"), task["seed"])).to_series()
    drawn = mine.select("block", "row").with_columns(
        mixture_weight=pl.Series(found_weights.weights.round(5)) if chance is None else pl.lit(None, dtype=pl.Float64),
        mixture_chance=pl.Series(chance.round(5)) if chance is not None else pl.lit(None, dtype=pl.Float64),
        mixture_draw=draw if chance is not None else pl.lit(None, dtype=pl.Float64),
    )
    for number, (block, size) in enumerate(zip(task["blocks"], sizes, strict=True)):
        own = drawn.filter(pl.col("block") == number).drop("block")
        frame = (
            pl.DataFrame({"row": pl.int_range(size, dtype=pl.UInt32, eager=True)})
            .join(own.with_columns(pl.col("row").cast(pl.UInt32)), on="row", how="left", maintain_order="left")
            .select(MIXTURE.names())
        )
        blocks.write_frame(frame.cast(MIXTURE), f"{folder}/{block['name']}")
    kept = np.ones(mine.height) if chance is None else (draw.to_numpy() < chance.round(5)).astype(np.float64)
    after = (parts_of * (found_weights.weights if chance is None else kept)[:, None]).sum(axis=0)
    after /= max(after.sum(), 1e-12)
    report = {
        "split": task["split"], "by": task["by"], "rows": mine.height, "kept": int(kept.sum()),
        "effective": round(found_weights.effective, 1) if chance is None else int(kept.sum()),
        "shares": {
            name: {"before": round(float(b), 5), "target": round(float(t), 5), "after": round(float(a), 5)}
            for name, b, t, a in zip(names, before, target, after, strict=True)
        },
    }  # fmt: skip
    blocks.write_json(report, f"{folder}/mixture.json")
    return {"rows": mine.height}


def _target(before: dict[str, float], asked: dict[str, float]) -> np.ndarray:
    """All attributes' shares: those asked for, and what is left shared out among the others as it was."""
    left = 1 - sum(asked.values())
    others = sum(share for name, share in before.items() if name not in asked)
    return np.array([asked.get(name, left * share / others if others else 0.0) for name, share in before.items()])
