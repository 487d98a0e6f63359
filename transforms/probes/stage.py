"""Probes as tasks: one fits them on all ratings, the others apply them to a block's pairs each."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
import orjson
import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.decide.labels import labels
from transforms.embed.sidecars import read_texts
from transforms.hashing import as_number, uniform
from transforms.markers import Stats
from transforms.probes.outliers import Surroundings, fit_surroundings
from transforms.probes.ridge import Probe, fit_probe

#: Fewer ratings on a dimension, or groups, and it is not probed.
ROWS, GROUPS = 200, 30
_RATED = ("kind", "content_id", "prompt_id", "judgements")
_DIGITS = 5


def features(prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """What probes see of responses: their vectors, and how near they are to their prompts [rows, dimensions + 1].

    Args:
        prompts: vectors of the prompts [rows, dimensions].
        responses: of the responses [rows, dimensions].
    """
    near = np.einsum("rd,rd->r", prompts.astype(np.float32), responses.astype(np.float32))
    return np.column_stack([responses.astype(np.float32), near])


def fit_probes(task: dict[str, Any], folder: str) -> Stats:
    """Fit one probe a dimension, and where rated responses lie; writes `probes.npz` and `report.json`.

    Args:
        task: `blocks` (each with `path`, `name`, and the folders `identity`, `texts` and, for blocks of the run,
            `groups`), `dimensions` (None for all), `folds`, `seed`, `ceiling`, `device`.
        folder: to write to.
    """
    rated = _rated(task)
    report: dict[str, Any] = {"rows": rated["content_id"].n_unique(), "dimensions": {}, "left_out": {}}
    arrays: dict[str, np.ndarray] = {}
    if rated.height:
        vectors = _vectors(task, rated)
        for (name,), part in sorted(rated.partition_by("dimension", as_dict=True, maintain_order=True).items()):
            groups = part["group"].to_numpy()
            seen = {"rows": part.height, "groups": int(part["group"].n_unique())}
            if seen["rows"] < ROWS or seen["groups"] < GROUPS:
                report["left_out"][name] = seen
                continue
            found = fit_probe(vectors[part["place"]], part["rating"].to_numpy(), groups, task["folds"], task["seed"])
            place = len(report["dimensions"])
            report["dimensions"][name] = {
                **seen,
                "correlation": round(found.correlation, _DIGITS),
                "ridge": found.ridge,
            }
            arrays |= {f"{place}.{key}": getattr(found, key) for key in ("weights", "means", "levels", "cuts")}
        if report["dimensions"]:
            around = fit_surroundings(vectors[:, :-1], task["device"])
            arrays |= {f"around.{key}": np.asarray(value) for key, value in vars(around).items()}
    buffer = io.BytesIO()
    np.savez(buffer, report=np.frombuffer(orjson.dumps(report), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    blocks.write_bytes(buffer.getvalue(), f"{folder}/probes.npz")
    blocks.write_json(report, f"{folder}/report.json")
    return {"rows": rated.height}


def _rated(task: dict[str, Any]) -> pl.DataFrame:
    """Mean ratings, one line a response and dimension, in the order of their content; `place` is the response's."""
    parts, prompts = [], []
    for number, one in enumerate(task["blocks"]):
        rows = read_frame(one["path"], _RATED).with_row_index("row")
        known = read_frame(f"{one['identity']}/{one['name']}", ["copy_of", "judgements"])
        rows = rows.hstack(known.rename({"judgements": "merged"})).filter(pl.col("copy_of").is_null())
        if one["groups"]:
            group = read_frame(f"{one['groups']}/{one['name']}", ["group_id"])["group_id"]
            rows = rows.with_columns(group_id=group[rows["row"]])
            prompts.append(rows.select("prompt_id", "group_id").unique())
        else:
            rows = rows.with_columns(group_id=pl.lit(None, dtype=pl.String))
        said = (
            rows.filter(pl.col("kind") == "rating")
            .with_columns(judgements=pl.coalesce("merged", "judgements"))
            .select("row", "content_id", "prompt_id", "group_id", "judgements")
            .explode("judgements", empty_as_null=False, keep_nulls=False)
            .unnest("judgements")
            .filter(pl.col("normalised").is_not_null())
            .sort("row", "dimension", "normalised")
            .group_by("row", "content_id", "prompt_id", "group_id", "dimension", maintain_order=True)
            .agg(rating=(pl.col("normalised") * pl.col("count")).sum() / pl.col("count").sum())
        )
        parts.append(said.with_columns(block=pl.lit(number)))
    every = pl.concat(parts)
    if task["dimensions"] is not None:
        every = every.filter(pl.col("dimension").is_in(task["dimensions"]))
    # A prompt of another file that the run has too is of that group.
    if prompts:
        theirs = pl.concat(prompts).unique("prompt_id", keep="any").rename({"group_id": "_theirs"})
        every = every.join(theirs, on="prompt_id", how="left").with_columns(group_id=pl.coalesce("group_id", "_theirs"))
    every = every.with_columns(group=as_number(pl.coalesce("group_id", "prompt_id")))
    contents = every.select("content_id").unique()
    if contents.height > task["ceiling"]:
        drawn = contents.sort(uniform(pl.col("content_id"), 73), "content_id").head(task["ceiling"])
        every = every.join(drawn, on="content_id", how="semi")
    # The run and another file may both have a row: its rating is the mean.
    every = (
        every.sort("content_id", "dimension", "block", "row")
        .group_by("content_id", "dimension", maintain_order=True)
        .agg(pl.col("block", "row", "group").first(), pl.col("rating").sort().mean())
    )
    return every.with_columns(place=pl.col("content_id").rle_id().cast(pl.Int64))


def _vectors(task: dict[str, Any], rated: pl.DataFrame) -> np.ndarray:
    """Features of the rated responses, by their places."""
    once = rated.unique("place", keep="first", maintain_order=True)
    out: np.ndarray | None = None
    for (number,), part in once.partition_by("block", as_dict=True).items():
        one = task["blocks"][number]
        known = read_texts(one["texts"], one["name"])
        row = part["row"].to_numpy()
        made = features(known.prompts[row], known.responses[known.starts[row]])
        if out is None:
            out = np.zeros((once.height, made.shape[1]), dtype=np.float32)
        out[part["place"].to_numpy()] = made
    assert out is not None
    return out


@cache
def _fitted(path: str) -> tuple[dict[str, Probe], Surroundings | None, dict[str, Any]]:
    with np.load(io.BytesIO(blocks.read_bytes(path))) as kept:
        values = {name: kept[name] for name in kept.files}
    report = orjson.loads(values.pop("report").tobytes())
    probes = {}
    for place, (name, told) in enumerate(report["dimensions"].items()):
        arrays = {key: values[f"{place}.{key}"] for key in ("weights", "means", "levels", "cuts")}
        probes[name] = Probe(**arrays, ridge=told["ridge"], correlation=told["correlation"], rows=told["rows"])
    around = None
    if probes:
        parts = {key: values[f"around.{key}"] for key in ("mean", "whitener", "centroids", "quantiles")}
        around = Surroundings(**parts, rest=float(values["around.rest"]))
    return probes, around, report


def apply_probes(task: dict[str, Any], folder: str) -> Stats:
    """Write one block's `probe_delta_DIMENSION`, `probe_distance` and `probe_outlier`; null for rows that are no pairs.

    A delta is the first response's rating less the second's, by probes that never saw the pair's group, in units of the
    whole scale. The distance is that of the response which lies farther from all rated ones, the outlier score the
    share of the rated that lie nearer than it.

    Args:
        task: `path` and `name` of the block, the folders `identity`, `groups`, `texts` and `fitted`, `dimension` (of
            pairs' labels), `seed`.
        folder: to write to.
    """
    probes, around, _ = _fitted(f"{task['fitted']}/probes.npz")
    rows = read_frame(task["path"], ("kind", "judgements"))
    known = read_frame(f"{task['identity']}/{task['name']}", ["copy_of", "judgements"]).rename({"judgements": "merged"})
    place = ((rows["kind"] == "pair") & known["copy_of"].is_null()).arg_true()
    names = [*(f"probe_delta_{name}" for name in probes), "probe_distance", "probe_outlier"]
    values = np.full((rows.height, len(names)), np.nan)
    preferred = np.zeros(len(place))
    if len(place) and around is not None:
        row = place.to_numpy()
        vectors = read_texts(task["texts"], task["name"])
        sides = [vectors.responses[vectors.starts[row] + side] for side in (0, 1)]
        seen = [features(vectors.prompts[row], side) for side in sides]
        group = read_frame(f"{task['groups']}/{task['name']}", ["group_id"]).select(as_number(pl.col("group_id")))
        groups = group.to_series()[place].to_numpy()
        for column, probe in enumerate(probes.values()):
            first, second = (probe.ratings(side, groups, task["seed"]) for side in seen)
            values[row, column] = first - second
        far = np.maximum(*(around.distances(side) for side in sides))
        values[row, -2:] = np.column_stack([far, around.shares(far)])
        said = rows.with_columns(judgements=pl.coalesce(known["merged"], "judgements"))[place]
        label = labels(said["judgements"], said["kind"], task["dimension"])["soft_label"].fill_null(0.5)
        preferred = np.sign(label.to_numpy() - 0.5)
    made = pl.DataFrame({name: values[:, i] for i, name in enumerate(names)}).fill_nan(None)
    blocks.write_frame(made.select(pl.all().round(_DIGITS)), f"{folder}/{task['name']}")
    sided = preferred != 0
    deltas = values[place.to_numpy()][:, : len(probes)] * preferred[:, None]
    return {
        "rows": rows.height,
        "pairs": len(place),
        "sided": int(sided.sum()),
        "outliers": int((values[place.to_numpy(), -1] >= 0.95).sum()),
        "preferred_higher": {name: int((deltas[sided, i] > 0).sum()) for i, name in enumerate(probes)},
        "preferred_by": {name: float(deltas[sided, i].sum()) for i, name in enumerate(probes)},
    }
