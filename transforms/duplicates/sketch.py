"""What of rows, prompts and responses travels: first to find candidates, then to verify them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import polars as pl

from schemas.row import KINDS
from transforms.decide.labels import SIDE, sides
from transforms.duplicates.candidates import NODE
from transforms.duplicates.minhash import Bands, band_keys, of_unions, signatures
from transforms.duplicates.parts import Parts
from transforms.duplicates.shingles import mix
from transforms.groups import group_nodes
from transforms.hashing import as_nodes
from transforms.lists import of_counts

Unit = Literal["row", "prompt", "response"]
UNITS: tuple[Unit, ...] = ("row", "prompt", "response")
#: What travels of a candidate: its parts' shingles; of a row also what it must have in common with a copy, its name,
#: the group that it is in without any likeness, what a pair's judgements say of its sides, and the images that its
#: parts show, where it is known which look alike.
SHINGLED = pl.Schema(
    {
        "node": pl.UInt64(),
        "form": pl.UInt32(),
        "row_id": pl.String(),
        "group": pl.UInt64(),
        "sides": pl.List(SIDE),
        "shown": pl.List(pl.List(pl.Int32)),
        "parts": pl.List(pl.List(pl.UInt32)),
    }
)


def forms(rows: pl.DataFrame) -> np.ndarray:
    """Kind and number of responses of each row as one number; only rows of one form can be copies of each other."""
    kinds = rows["kind"].replace_strict(list(KINDS), range(len(KINDS)), return_dtype=pl.UInt32)
    return (kinds + rows["responses"].list.len() * len(KINDS)).cast(pl.UInt32).to_numpy()


def sketch(rows: pl.DataFrame, found: Parts, shapes: dict[Unit, Bands]) -> dict[Unit, pl.DataFrame]:
    """What each unit's texts meet by.

    Args:
        rows: row (place in the block), quality, kind, content_id, responses.
        found: their parts.
        shapes: how many bands of what length for each unit.

    Returns:
        For each unit a line a text that has shingles: the columns of `NODE` but the block, and a key for each band.
    """
    signed = signatures(found.sets)
    full = found.sets.counts > 0
    prompt = np.arange(len(full)) < found.prompts
    out: dict[Unit, pl.DataFrame] = {}
    texts: tuple[tuple[Unit, np.ndarray], ...] = (("prompt", prompt & full), ("response", ~prompt & full))
    for unit, mine in texts:
        row = rows["row"].to_numpy()[found.row[mine]]
        nodes = {"node": found.nodes[mine], "quality": 0, "row": row, "place": found.place[mine]}
        out[unit] = _keyed(nodes, band_keys(signed[:, mine], shapes[unit]))
    starts = np.cumsum(found.counts) - found.counts
    mine = np.logical_or.reduceat(full[found.of_rows], starts) if rows.height else np.empty(0, dtype=bool)
    chosen = rows.filter(mine)
    nodes = {"node": as_nodes(chosen["content_id"]), "quality": chosen["quality"], "row": chosen["row"], "place": 0}
    whole = of_unions(signed[:, found.of_rows], found.counts)[:, mine]
    keys = band_keys(whole, shapes["row"], forms(chosen))
    beside = _beside(found, starts)[mine] if rows.height else np.empty(0, dtype=np.uint32)
    keys[-1] = np.where(beside > 0, beside, keys[-1])
    out["row"] = _keyed(nodes, keys)
    return out


def _beside(found: Parts, starts: np.ndarray) -> np.ndarray:
    """A key for what responses hold beside text, in any order; 0 for rows whose hold nothing. uint32.

    Many rows that share a long prompt and differ in their images alone meet in most bands: only behind the best one of
    them. Those with the same images meet here.
    """
    salts = found.salts[found.of_rows].astype(np.uint64)
    salts[starts] = 0  # the prompt's
    held = np.where(salts > 0, mix(salts), 0).astype(np.uint64)
    return (mix(np.add.reduceat(held, starts)) >> np.uint64(32)).astype(np.uint32)


def key_column(band: int) -> str:
    """The name of a band's column in a sketch."""
    return f"key_{band:03d}"


def _keyed(nodes: dict[str, Any], keys: np.ndarray) -> pl.DataFrame:
    frame = pl.DataFrame({"node": nodes["node"]}).with_columns(
        **{name: pl.Series(values) if isinstance(values, np.ndarray) else values for name, values in nodes.items()}
    )
    columns = [pl.Series(key_column(band), key, dtype=pl.UInt32) for band, key in enumerate(keys)]
    return frame.select(pl.col(name).cast(dtype) for name, dtype in NODE.items() if name != "block").hstack(columns)


def shingled(rows: pl.DataFrame, found: Parts, asked: pl.DataFrame, unit: Unit) -> pl.DataFrame:
    """The shingles of candidates.

    Args:
        rows: row (place in the block), row_id, kind, content_id, judgements, `transforms.duplicates.parts.COLUMNS`,
            and `shown` where it is known which images look alike (`Member.rows`).
        found: their parts.
        asked: `row` and `place` of the candidates, all of them rows, prompts or responses.
        unit: which.

    Returns:
        Frame of `SHINGLED`, in the order of `asked`.
    """
    nothing = pl.Series([None], dtype=SHINGLED["shown"]).new_from_index(0, asked.height)
    at = np.searchsorted(rows["row"].to_numpy(), asked["row"].to_numpy())
    starts = (np.cumsum(found.counts) - found.counts)[at]
    if unit == "row":
        counts = found.counts[at]
        inner = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places = found.of_rows[np.repeat(starts, counts) + inner]
        mine = rows[at]
        named = {
            "node": as_nodes(mine["content_id"]), "form": forms(mine), "row_id": mine["row_id"],
            "group": group_nodes(mine), "sides": sides(mine["judgements"], mine["kind"]),
            "shown": mine["shown"] if "shown" in mine.columns else nothing,
        }  # fmt: skip
    else:
        counts = np.ones(len(at), dtype=np.int64)
        places = found.of_rows[starts + (1 + asked["place"].to_numpy() if unit == "response" else 0)]
        nodes = found.nodes[places]
        named = {
            "node": nodes, "form": np.zeros(len(at), dtype=np.uint32), "row_id": pl.repeat(None, len(at), eager=True),
            "group": nodes, "sides": None, "shown": nothing,
        }  # fmt: skip
    lists = of_counts(found.sets.take(places).lists(), counts)
    return pl.DataFrame({**named, "parts": lists}).cast(dict(SHINGLED))  # type: ignore[arg-type]
