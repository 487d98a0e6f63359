"""What of rows, prompts and responses travels: first to find candidates, then to verify them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import polars as pl

from schemas.row import KINDS
from transforms.duplicates.candidates import ENTRY
from transforms.duplicates.minhash import Bands, band_keys, of_unions, signatures
from transforms.duplicates.parts import Parts
from transforms.groups import group_nodes
from transforms.hashing import as_nodes
from transforms.lists import of_counts

Unit = Literal["row", "prompt", "response"]
UNITS: tuple[Unit, ...] = ("row", "prompt", "response")
#: What travels of a candidate: its parts' shingles; of a row also what it must have in common with a copy, its name,
#: and the group that it is in without any likeness.
SHINGLED = pl.Schema(
    {
        "node": pl.UInt64(),
        "form": pl.UInt32(),
        "row_id": pl.String(),
        "group": pl.UInt64(),
        "parts": pl.List(pl.List(pl.UInt32)),
    }
)


def forms(rows: pl.DataFrame) -> np.ndarray:
    """Kind and number of responses of each row as one number; only rows of one form can be copies of each other."""
    kinds = rows["kind"].replace_strict(list(KINDS), range(len(KINDS)), return_dtype=pl.UInt32)
    return (kinds + rows["responses"].list.len() * len(KINDS)).cast(pl.UInt32).to_numpy()


def bands_of(rows: pl.DataFrame, found: Parts, block: int, shapes: dict[Unit, Bands]) -> dict[Unit, pl.DataFrame]:
    """The bands in which each unit's texts meet.

    Args:
        rows: row (place in the block), quality, kind, content_id, responses.
        found: their parts.
        block: its index.
        shapes: how many bands of what length for each unit.

    Returns:
        A frame of `ENTRY` for each unit; a text without shingles is in none.
    """
    signed = signatures(found.sets)
    full = found.sets.counts > 0
    prompt = np.arange(len(full)) < found.prompts
    out: dict[Unit, pl.DataFrame] = {}
    texts: tuple[tuple[Unit, np.ndarray], ...] = (("prompt", prompt & full), ("response", ~prompt & full))
    for unit, mine in texts:
        nodes = {
            "node": found.nodes[mine],
            "quality": np.zeros(mine.sum(), dtype=np.uint16),
            "row": rows["row"].to_numpy()[found.row[mine]],
            "place": found.place[mine],
        }
        out[unit] = _entries(nodes, band_keys(signed[:, mine], shapes[unit]), block)
    starts = np.cumsum(found.counts) - found.counts
    mine = np.logical_or.reduceat(full[found.of_rows], starts) if rows.height else np.empty(0, dtype=bool)
    chosen = rows.filter(mine)
    nodes = {
        "node": as_nodes(chosen["content_id"]),
        "quality": chosen["quality"].to_numpy(),
        "row": chosen["row"].to_numpy(),
        "place": np.zeros(chosen.height, dtype=np.uint16),
    }
    whole = of_unions(signed[:, found.of_rows], found.counts)[:, mine]
    out["row"] = _entries(nodes, band_keys(whole, shapes["row"], forms(chosen)), block)
    return out


def _entries(nodes: dict[str, np.ndarray], keys: np.ndarray, block: int) -> pl.DataFrame:
    bands, size = keys.shape
    every = {name: np.tile(values, bands) for name, values in nodes.items()}
    columns: dict[str, Any] = {
        "band": np.repeat(np.arange(bands, dtype=np.uint8), size),
        "key": keys.ravel(),
        "block": np.full(bands * size, block, dtype=np.uint32),
        **every,
    }
    return pl.DataFrame({name: columns[name] for name in ENTRY}).cast(dict(ENTRY))  # type: ignore[arg-type]


def shingled(rows: pl.DataFrame, found: Parts, asked: pl.DataFrame, unit: Unit) -> pl.DataFrame:
    """The shingles of candidates.

    Args:
        rows: row (place in the block), row_id, kind, content_id, and `transforms.duplicates.parts.COLUMNS`.
        found: their parts.
        asked: `row` and `place` of the candidates, all of them rows, prompts or responses.
        unit: which.

    Returns:
        Frame of `SHINGLED`, in the order of `asked`.
    """
    at = np.searchsorted(rows["row"].to_numpy(), asked["row"].to_numpy())
    starts = (np.cumsum(found.counts) - found.counts)[at]
    if unit == "row":
        counts = found.counts[at]
        inner = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places = found.of_rows[np.repeat(starts, counts) + inner]
        mine = rows[at]
        named = {
            "node": as_nodes(mine["content_id"]), "form": forms(mine), "row_id": mine["row_id"],
            "group": group_nodes(mine),
        }  # fmt: skip
    else:
        counts = np.ones(len(at), dtype=np.int64)
        places = found.of_rows[starts + (1 + asked["place"].to_numpy() if unit == "response" else 0)]
        nodes = found.nodes[places]
        named = {
            "node": nodes, "form": np.zeros(len(at), dtype=np.uint32), "row_id": pl.repeat(None, len(at), eager=True),
            "group": nodes,
        }  # fmt: skip
    lists = of_counts(found.sets.take(places).lists(), counts)
    return pl.DataFrame({**named, "parts": lists}).cast(dict(SHINGLED))  # type: ignore[arg-type]
