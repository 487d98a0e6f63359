"""Scores as tasks: a block's responses in, a sidecar with `score`, a list a row with a number a response, out."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.embed.model_handler import encoder_of
from transforms.embed.models import Model
from transforms.embed.sidecars import read_texts
from transforms.lists import of_counts, side_by_side
from transforms.markers import Stats
from transforms.meta.named import BLOCK, LEDGER, from_dict, numbers, values
from transforms.scorers.files import placed
from transforms.scorers.overlap import overlap
from transforms.spurious.features import of_rows
from transforms.texts import prompt_texts, reference_texts, response_texts

SCORES = pl.Schema({"score": pl.List(pl.Float64())})

_encoders: dict[Model, Any] = {}
_loading = Lock()


def _write(task: dict[str, Any], folder: str, scores: pl.Series) -> Stats:
    """Write a block's scores; what is not finite is null."""
    lists = scores.alias("score").cast(SCORES["score"])
    clean = lists.list.eval(pl.when(pl.element().is_finite()).then(pl.element()))
    blocks.write_frame(pl.DataFrame({"score": clean}), f"{folder}/{task['name']}")
    scored = clean.list.drop_nulls().list.len() > 0
    return {"rows": len(clean), "scored": int(scored.sum())}


def score_surface(task: dict[str, Any], folder: str) -> Stats:
    """A surface feature, `task["feature"]`."""
    rows = read_frame(task["path"], ["prompt", "responses"])
    counts = rows["responses"].list.len().fill_null(0).to_numpy()
    return _write(task, folder, of_counts(of_rows(rows)[task["feature"]].cast(pl.Float64), counts))


def score_overlap(task: dict[str, Any], folder: str) -> Stats:
    """A metric of words in common with the references, `task["metric"]`."""
    rows = read_frame(task["path"], ["responses", "references"])
    language = read_frame(f"{task['signals']}/{task['name']}", ["language"])
    return _write(task, folder, overlap(rows.hstack(language), task["metric"]))


def score_columns(task: dict[str, Any], folder: str) -> Stats:
    """One column of the data (numbers, or lists of them), or one for each response.

    Args:
        task: `path`, `name`, `columns` (as `Named` dictionaries), `ledger` (its path) and `first`, the place of the
            block's first line there.
        folder: to write to.
    """
    named = [from_dict(one) for one in task["columns"]]
    rows = read_frame(task["path"], [*BLOCK, "metadata", "responses", "steps"])
    counts = rows["responses"].list.len().fill_null(0)
    ledger = read_frame(task["ledger"], LEDGER).slice(task["first"], rows.height)
    found = [numbers(values(one, rows, ledger, task["name"])) for one in named]
    if len(found) > 1 or not isinstance(found[0].dtype, pl.List):
        # A number alone is a pair's margin for the first response.
        pair = (rows["kind"] == "pair") if len(found) == 1 else pl.Series([False]).new_from_index(0, rows.height)
        zero = found[-1] * 0.0
        always = pl.Series([True]).new_from_index(0, rows.height)
        lists = side_by_side([*found, zero], [*([always] * len(found)), pair])
    else:
        lists = found[0]
    # Of a solution in steps each step may have a number.
    right = (lists.list.len() == counts) | (lists.list.len() == rows["steps"].list.len()).fill_null(False)
    return _write(task, folder, pl.DataFrame({"l": lists, "r": right}).select(pl.when("r").then("l")).to_series())


def score_file(task: dict[str, Any], folder: str) -> Stats:
    """Scores of a file that was read before, `task["scores"]` (as `read_scores` gives them, in Parquet)."""
    rows = read_frame(task["path"], ["row_id", "content_id", "kind", "responses", "steps"])
    decided = read_frame(f"{task['decided']}/{task['name']}", ["soft_label"])
    steps = pl.col("steps").list.len()
    named = rows.select("row_id", "content_id", count=pl.col("responses").list.len(), steps=steps).hstack(decided)
    return _write(task, folder, placed(blocks.read_frame(task["scores"]), named))


def score_model(task: dict[str, Any], folder: str) -> Stats:
    """A reward model's scores, which lie with the vectors of embedding models in `task["answers"]`."""
    known = read_texts(task["answers"], task["name"])
    scores = known.responses[:, 0] if known.responses.shape[1] else np.full(len(known.responses), np.nan)
    return _write(task, folder, of_counts(pl.Series(scores.astype(np.float64)), known.counts))


def score_similarity(task: dict[str, Any], folder: str) -> Stats:
    """The cosine of a response and what it should be near: its best reference; without references, the prompt."""
    rows = read_frame(task["path"], ["prompt", "responses", "references"])
    encode = _encoder(Model(**task["model"]))
    texts, counts = response_texts(rows)
    responses = encode(texts)
    references, many = reference_texts(rows)
    against, owners = encode(references), np.repeat(np.arange(rows.height), many)
    best = np.full(len(texts), -np.inf)
    starts = np.cumsum(counts) - counts
    for nth in range(int(counts.max(initial=0))):
        has = counts[owners] > nth
        place = (starts[owners] + nth)[has]
        np.maximum.at(best, place, np.einsum("rd,rd->r", responses[place], against[has]))
    alone = np.repeat(many == 0, counts)
    if alone.any():
        prompts = encode(prompt_texts(rows))[np.repeat(np.arange(rows.height), counts)]
        best[alone] = np.einsum("rd,rd->r", responses[alone], prompts[alone])
    return _write(task, folder, of_counts(pl.Series(best.astype(np.float64)), counts))


def _encoder(model: Model) -> Callable[[pl.Series], np.ndarray]:
    """A model's vectors of texts, each distinct one encoded once; the model is loaded once a process."""

    def encode(texts: pl.Series) -> np.ndarray:
        with _loading:
            if model not in _encoders:
                _encoders[model] = encoder_of(model)
            distinct, where = np.unique(texts.fill_null("").str.strip_chars().to_numpy(), return_inverse=True)
            vectors: np.ndarray = _encoders[model].encode(distinct.tolist())
        return vectors[where]

    return encode
