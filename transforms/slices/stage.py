"""Slices as tasks: one finds them on a bounded sample, the others say of each block's rows which they are in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import Block, gather, read_frame
from transforms.keywords import keywords
from transforms.lists import of_counts
from transforms.markers import Stats
from transforms.signals import pii
from transforms.slices.find import Rows, Settings, find
from transforms.slices.rates import over_represented, rate
from transforms.slices.regions import Region, from_arrays, to_arrays
from transforms.slices.scan import Found
from transforms.slices.signals import COLUMNS, SIGNALS
from transforms.slices.views import views_of
from transforms.spurious.features import of_rows, surface
from transforms.strength.folds import sample
from transforms.texts import prompt_texts, response_texts

#: The signals that slices are found by: what is tested, and what the rate is of.
_KINDS = {"error": ("residual", "error"), "disagreement": ("disagreement", "disagreement")}
#: Fewer rows with a signal, or groups, and nothing is looked for.
ROWS, GROUPS = 400, 50
#: Rows whose texts are read to say what a slice is: of all, and of each slice. Letters of a text that are shown.
_EXPLAINED, _OF_SLICE, _SHOWN = 10_000, 1_000, 300
_TEXTS = ("row_id", "source", "prompt", "responses")


def find_all(task: dict[str, Any], folder: str) -> Stats:
    """Find slices; writes `slices.json` and `regions.npz`.

    Args:
        task: `blocks` (index, path, rows of each), `signals` and `texts` (folders), `settings`, `ceiling` (rows), and
            `mask` (whether personal data in texts that are shown is hidden).
        folder: to write to.
    """
    every = [Block(**one) for one in task["blocks"]]
    settings = Settings(**{**task["settings"], "resolutions": tuple(task["settings"]["resolutions"])})
    signals = [read_frame(f"{task['signals']}/{one.sidecar}").with_columns(block=pl.lit(one.index)) for one in every]
    frame = pl.concat([pl.DataFrame(schema={**COLUMNS, "block": pl.Int32}), *signals])
    told: list[dict[str, Any]] = []
    looked: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for kind, (tested, shown) in _KINDS.items():
        some = frame.filter(pl.col(tested).is_not_null())
        groups = some["group"].n_unique()
        looked[kind] = {"rows": some.height, "groups": groups}
        if some.height < ROWS or groups < GROUPS or some[tested].n_unique() < 2:
            continue
        chosen = some[sample(some["key"].to_numpy(), task["ceiling"], salt=23)]
        rows = _rows(task, every, chosen)
        if kind == "disagreement":
            rows.views.pop("differences", None)  # which there are none of without embeddings
        found, families = find(rows, chosen[tested].to_numpy().astype(np.float64), settings)
        values, hashes = chosen[shown].to_numpy(), chosen["group"].to_numpy()
        looked[kind] |= {"sampled": chosen.height, "rate": round(float(values.mean()), 5)}
        known = _explained(task, every, chosen, found, values, rows)
        for one, about in zip(found, known, strict=True):
            number, family = len(told), families[one.family]
            inside, low, high = rate(values[one.rows], hashes[one.rows])
            told.append(
                {
                    "slice": number, "signal": kind, "view": family.view, "method": family.method,
                    "sampled": int(one.rows.sum()), "groups": len(np.unique(hashes[one.rows])),
                    "rate": round(inside, 5), "low": round(low, 5), "high": round(high, 5),
                    "elsewhere": round(float(values[~one.rows].mean()) if not one.rows.all() else inside, 5),
                    "z": round(one.z, 3), "p": round(one.p, 5),
                    "stability": None if np.isnan(one.stability) else round(one.stability, 3),
                    **about,
                }
            )  # fmt: skip
            arrays |= to_arrays(family.region(one.candidate), str(number))
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    blocks.write_bytes(buffer.getvalue(), f"{folder}/regions.npz")
    blocks.write_json({"looked_at": looked, "slices": told}, f"{folder}/slices.json")
    return {"rows": frame.height}


def _rows(task: dict[str, Any], every: Sequence[Block], chosen: pl.DataFrame) -> Rows:
    """The sample's vectors, in its order."""
    parts: dict[str, np.ndarray] = {}
    placed = chosen.with_row_index("place")
    for (index,), part in placed.partition_by("block", as_dict=True).items():
        for name, vectors in views_of(task["texts"], every[index].sidecar, part).items():
            whole = parts.setdefault(name, np.zeros((chosen.height, vectors.shape[1]), np.float32))
            whole[part["place"].to_numpy()] = vectors
    used = {name: vectors for name, vectors in parts.items() if vectors.any() or name == "prompts"}
    return Rows(chosen["key"].to_numpy(), chosen["group"].to_numpy(), used)


def _explained(
    task: dict[str, Any], every: Sequence[Block], chosen: pl.DataFrame, found: Sequence[Found], values: np.ndarray,
    rows: Rows,
) -> list[dict[str, Any]]:  # fmt: skip
    """What tells each slice apart, from the texts of some rows: its words, features, examples, and sources."""
    if not found:
        return []
    keys = rows.keys
    read = sample(keys, _EXPLAINED, salt=29)
    for one in found:
        mine = np.flatnonzero(one.rows)
        read = np.union1d(read, mine[sample(keys[mine], _OF_SLICE, salt=29)])
    texts = gather(every, chosen[read].select("block", "row"), _TEXTS)
    prompts = pii.mask(prompt_texts(texts)) if task["mask"] else prompt_texts(texts)
    features = _features(texts, prompts, chosen["side"].to_numpy()[read])
    out = []
    for one in found:
        inside = one.rows[read]
        once = pl.DataFrame({"prompt": prompts, "in": inside}).unique(maintain_order=True)
        out.append(
            {
                "keywords": keywords(once["prompt"], np.where(once["in"].to_numpy(), 0, -1))[0],
                "features": over_represented(features, inside, rows.groups[read]),
                "exemplars": _exemplars(one, values, rows, read, texts, prompts, task["mask"]),
                "sources": dict(
                    texts.filter(pl.Series(inside))["source"].value_counts(sort=True).sort("source").iter_rows()
                ),
            }
        )
    return out


def _features(texts: pl.DataFrame, prompts: pl.Series, side: np.ndarray) -> pl.DataFrame:
    """Surface features of each row's prompt and responses, and of pairs by how much the side that is taken has more."""
    asked = surface(prompts, pl.Series([""]).new_from_index(0, len(prompts)))
    asked = asked.drop("prompt_overlap", "prompt_copied", "sycophantic_opening")
    said = of_rows(texts).to_numpy()
    counts = texts["responses"].list.len().fill_null(0).to_numpy()
    starts = np.cumsum(counts) - counts
    totals = np.zeros((len(counts), said.shape[1]))
    np.add.at(totals, np.repeat(np.arange(len(counts)), counts), said)
    apart = np.zeros_like(totals)
    pairs = np.flatnonzero((counts == 2) & (side != 0))
    apart[pairs] = side[pairs][:, None] * (said[starts[pairs]] - said[starts[pairs] + 1])
    names = of_rows(texts.clear()).columns
    whole = {f"prompt.{name}": asked[name] for name in asked.columns}
    whole |= {f"responses.{name}": pl.Series(totals[:, i] / np.maximum(counts, 1)) for i, name in enumerate(names)}
    if len(pairs):
        whole |= {f"difference.{name}": pl.Series(apart[:, i]) for i, name in enumerate(names)}
    return pl.DataFrame(whole)


def _exemplars(
    one: Found, values: np.ndarray, rows: Rows, read: np.ndarray, texts: pl.DataFrame, prompts: pl.Series, mask: bool
) -> list[dict[str, Any]]:
    """Three of the slice's rows with most of the signal, of different groups, those nearest to the slice's middle."""
    mine = np.flatnonzero(one.rows[read])
    high = values[read[mine]]
    mine = mine[high >= np.quantile(high, 0.75)]
    vectors = rows.views["prompts"][read[mine]]
    near = (vectors @ vectors.mean(axis=0)).round(4)
    order = mine[np.lexsort((rows.keys[read[mine]], -near))]
    first = np.sort(np.unique(rows.groups[read[order]], return_index=True)[1])[:3]
    shown = texts[order[first]]
    responses, counts = response_texts(shown)
    cut = [prompts[order[first]], pii.mask(responses) if mask else responses]
    said = [text.fill_null("").str.slice(0, _SHOWN) for text in cut]
    listed = of_counts(said[1], counts)
    return [
        {"row_id": row_id, "source": source, "prompt": prompt, "responses": replies}
        for row_id, source, prompt, replies in zip(
            shown["row_id"].to_list(), shown["source"].to_list(), said[0].to_list(), listed.to_list(), strict=True
        )
    ]


@cache
def _found(folder: str) -> tuple[list[dict[str, Any]], list[Region]]:
    """What was found, read once a worker."""
    told = blocks.read_json(f"{folder}/slices.json")["slices"]
    with np.load(io.BytesIO(blocks.read_bytes(f"{folder}/regions.npz"))) as kept:
        arrays = {name: kept[name] for name in kept.files}
    return told, [from_arrays(arrays, str(one["slice"])) for one in told]


def assign(task: dict[str, Any], folder: str) -> Stats:
    """Write which slices a block's rows are in.

    Args:
        task: `name` and `rows` of the block, `signals`, `texts` and `found` (folders).
        folder: to write to.
    """
    told, regions = _found(task["found"])
    rows = read_frame(f"{task['signals']}/{task['name']}", ["row", "side", "error", "disagreement"])
    counts = np.zeros(task["rows"], dtype=np.int64)
    numbers = np.zeros(0, dtype=np.int64)
    stats: Stats = {"rows": task["rows"], "sizes": {}, "highs": {}}
    if told and rows.height:
        views = views_of(task["texts"], task["name"], rows)
        has = {name: rows[name].is_not_null().to_numpy() for name in ("error", "disagreement")}
        inside = np.stack(
            [
                region.contains(views[one["view"]]) & has[one["signal"]]
                for one, region in zip(told, regions, strict=True)
            ],
            axis=1,
        )
        counts[rows["row"].to_numpy()] = inside.sum(axis=1)
        numbers = np.nonzero(inside)[1]
        for one in told:
            mine = inside[:, one["slice"]]
            stats["sizes"][str(one["slice"])] = int(mine.sum())
            stats["highs"][str(one["slice"])] = round(float(rows[one["signal"]].filter(pl.Series(mine)).sum()), 5)
    lists = of_counts(pl.Series("slices", numbers, dtype=pl.Int64), counts)
    first = pl.col("slice_id")
    rates = {one["slice"]: one["rate"] for one in told}
    elsewhere = {one["slice"]: one["elsewhere"] for one in told}
    frame = lists.to_frame().with_columns(slice_id=pl.col("slices").list.first())
    frame = frame.with_columns(
        slice_rate=first.replace_strict(list(rates), list(rates.values()), default=None, return_dtype=pl.Float64),
        slice_elsewhere=first.replace_strict(
            list(elsewhere), list(elsewhere.values()), default=None, return_dtype=pl.Float64
        ),
    )
    blocks.write_frame(frame.cast(SIGNALS), f"{folder}/{task['name']}")
    return stats
