"""A block's pairs as arrays on disk, and as what detectors take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.arrays import read_array, write_array
from transforms.blocks import read_frame
from transforms.decide.consensus import concluded, even
from transforms.decide.labels import labels
from transforms.embed.sidecars import read_texts
from transforms.markers import Stats
from transforms.relabel.trusted import SIGNALS, others
from transforms.spurious.counted import read_surface
from transforms.spurious.features import NAMES, scaled
from transforms.strength.likeness import likeness
from transforms.strength.pairs import Pairs
from transforms.strength.voices import voices
from transforms.texts import response_texts

_BLOCK = ("source", "kind", "content_id", "responses", "judgements")
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.Int64,
    "source": pl.String,
    "key": pl.UInt64,
    "group": pl.UInt64,
    "label": pl.Float64,
    "votes": pl.Array(pl.Float64, 2),
    "voices": pl.Array(pl.Float64, 2),
    "trusted": pl.Float64,
    "chance": pl.Float64,
    "likeness": pl.Float64,
    "counted": pl.Boolean,
}


def write_inputs(task: dict[str, Any], folder: str) -> Stats:
    """Write what detectors need of one block's pairs that are no copies: `NUMBER.parquet`, and `NUMBER.npy`.

    Args:
        task: `path` and `name` of the block, `identity` (its stage's folder), `groups` and `surface` (likewise),
            `consensus` (likewise; None where raters were not looked at), `judged` (that of what trusted raters said;
            None where there are none), `external` (likewise the margins of the user's own voices), `dimension`,
            `trusted` (raters), and `votes` (sources whose anonymous copies are votes).
        folder: to write to.
    """
    rows = read_frame(task["path"], _BLOCK).with_row_index("row")
    known = read_frame(f"{task['identity']}/{task['name']}", ["copy_of", "judgements"]).rename({"judgements": "merged"})
    groups = read_frame(f"{task['groups']}/{task['name']}", ["group_id"])
    judged = pl.DataFrame(schema=SIGNALS).clear(rows.height)
    if task["judged"]:
        judged = read_frame(f"{task['judged']}/{task['name']}")
    rows = rows.hstack(known).hstack(groups).hstack(judged).with_columns(judgements=pl.coalesce("merged", "judgements"))
    weighed = None
    if task["consensus"]:
        weighed = read_frame(f"{task['consensus']}/{task['name']}", ["consensus"])["consensus"]
    rows = rows.with_columns(label=_labels(rows, weighed, task["dimension"], task["trusted"]))
    rows = rows.filter((pl.col("kind") == "pair") & pl.col("copy_of").is_null())
    said = voices(rows["judgements"], task["dimension"], task["trusted"])
    texts, _ = response_texts(rows)
    first, second = texts.gather_every(2), texts.gather_every(2, 1)
    sides = read_surface(task["surface"], task["name"], rows["row"].to_numpy(), list(NAMES)).reshape(-1, len(NAMES))
    counted = scaled(pl.DataFrame(sides, schema=list(NAMES))).to_numpy()
    write_array(counted.reshape(rows.height, 2, len(NAMES)), f"{folder}/{task['name'].removesuffix('.parquet')}.npy")
    frame = rows.select(
        "row",
        "source",
        key=_number(pl.col("content_id")),
        group=_number(pl.col("group_id")),
        label="label",
        votes=said["votes"],
        voices=said["voices"],
        trusted=pl.col("trusted").fill_null(float("nan")),
        chance=pl.col("chance").fill_null(float("nan")),
        likeness=likeness(first, second),
        counted=~_collapsed(task["votes"]),
    )
    margins = np.zeros((rows.height, 0))
    if task["external"]:
        own = read_frame(f"{task['external']}/{task['name']}")[rows["row"]]
        margins = own.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    write_array(margins, f"{folder}/{_external(task['name'])}")
    blocks.write_frame(frame.cast(_COLUMNS), f"{folder}/{task['name']}")  # type: ignore[arg-type]
    return {"rows": rows.height}


def _collapsed(votes: Sequence[str]) -> pl.Expr:
    """Whether equal anonymous judgements of a row's copies were taken for one, so that only the others show."""
    nameless = pl.col("merged").list.eval(pl.element().struct.field("rater").is_null()).list.any()
    return nameless.fill_null(False) & ~pl.col("source").is_in(list(votes))


def _labels(
    rows: pl.DataFrame, consensus: pl.Series | None, dimension: str | None, trusted: Sequence[str]
) -> pl.Series:
    """Preferences for the first response that the policy goes by: the raters' consensus, or else what they said.

    Whom the configuration trusts is the measure of labels, so where they judged it is the mean of the others.
    """
    rest = others(rows["judgements"], trusted)
    mean = labels(rest, rows["kind"], dimension)["soft_label"]
    if consensus is None:
        return mean.fill_null(float("nan"))
    soft, tied = pl.col("consensus_label"), pl.col("consensus_tied").fill_null(0)
    found = concluded(consensus, dimension).with_columns(
        mean=mean, apart=rest.list.len() < rows["judgements"].list.len()
    )
    told = pl.when(even(soft, tied)).then(0.5).otherwise(soft)
    label = pl.when(pl.col("concluded") & ~pl.col("apart").fill_null(False)).then(told).otherwise("mean")
    return found.select(label.fill_null(float("nan")).alias("label"))["label"]


def _external(name: str) -> str:
    """The file with a block's margins of the user's own voices."""
    return f"external/{name.removesuffix('.parquet')}.npy"


def _number(hashes: pl.Expr) -> pl.Expr:
    """The first 60 bits of hexadecimal hashes."""
    return hashes.str.slice(0, 15).str.to_integer(base=16, dtype=pl.Int64).cast(pl.UInt64)


def read_frames(inputs: str, names: list[str]) -> pl.DataFrame:
    """What was written of all blocks' pairs, but for the arrays, one block under the other."""
    return pl.concat([pl.DataFrame(schema=_COLUMNS), *(read_frame(f"{inputs}/{name}") for name in names)])


def read_pairs(inputs: str, texts: str | None, name: str, places: np.ndarray | None = None) -> Pairs:
    """One block's pairs.

    Args:
        inputs: the folder that `write_inputs` wrote to.
        texts: that of the vectors; None without embeddings.
        name: of the block's sidecars.
        places: only the pairs at these places; all when None.
    """
    frame = read_frame(f"{inputs}/{name}")
    places = np.arange(frame.height) if places is None else places
    frame = frame[places]
    counted = read_array(f"{inputs}/{name.removesuffix('.parquet')}.npy")[places]
    prompts, responses = np.zeros((frame.height, 0), np.float32), np.zeros((frame.height, 2, 0), np.float32)
    if texts is not None:
        vectors = read_texts(texts, name)
        row = frame["row"].to_numpy()
        first = (np.cumsum(vectors.counts) - vectors.counts)[row]
        prompts = vectors.prompts[row].astype(np.float32)
        responses = np.stack([vectors.responses[first], vectors.responses[first + 1]], axis=1).astype(np.float32)
    return Pairs(
        keys=frame["key"].to_numpy(),
        groups=frame["group"].to_numpy(),
        labels=frame["label"].to_numpy(),
        votes=frame["votes"].to_numpy(),
        voices=frame["voices"].to_numpy(),
        trusted=frame["trusted"].to_numpy(),
        surface=np.asarray(counted, dtype=np.float32),
        prompts=prompts,
        responses=responses,
        likeness=frame["likeness"].to_numpy(),
        external=np.asarray(read_array(f"{inputs}/{_external(name)}")[places]),
        counted=frame["counted"].to_numpy(),
    )
