"""What shortcuts are measured on: a run's kept pairs and ratings as arrays, in the order of their hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import polars as pl

from transforms.blocks import read_frame
from transforms.decide.split import Cut, assign
from transforms.publish.shapes import KEPT
from transforms.spurious.counted import read_surface
from transforms.spurious.extra import PLACES
from transforms.spurious.features import COUNTS, NAMES
from transforms.strength.folds import uniform

_GENERATORS = pl.List(pl.String)


@dataclass(frozen=True)
class Sides:
    """Pairs; all arrays have one line a pair.

    Attributes:
        keys: uint64, a hash of the content.
        groups: uint64, a hash of the group.
        block: index of the pair's block.
        row: its place there.
        held: whether it is in another split than the training one.
        sides: the preference for the first response, from -1 to 1.
        weights: the verdict's.
        raw: float32 [rows, features], features of the first response less those of the second.
        scaled: the same as models take them, counts as logarithms.
        generators: a number for who wrote each response, -1 where that is not known [rows, 2].
        within: in which value of the column that pairs are balanced in; one in all without.
        scores: margins of the scorers at hand (`scorers_of`); NaN where one says nothing [rows, scorers].
    """

    keys: np.ndarray
    groups: np.ndarray
    block: np.ndarray
    row: np.ndarray
    held: np.ndarray
    sides: np.ndarray
    weights: np.ndarray
    raw: np.ndarray
    scaled: np.ndarray
    generators: np.ndarray
    within: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def at(self, places: np.ndarray) -> Sides:
        """Some of the pairs."""
        return Sides(**{field.name: getattr(self, field.name)[places] for field in fields(self)})

    @classmethod
    def together(cls, parts: Sequence[Sides]) -> Sides:
        """Several lots of pairs as one."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def scorers_of(task: dict[str, Any]) -> list[str]:
    """The names of the scorers whose margins are at hand: the run's own heads, and the user's."""
    return [*(["heads"] if task["strength"] else []), *(f"external: {name}" for name in task["voices"])]


def _scored(task: dict[str, Any]) -> list[tuple[str, str]]:
    """Folder and column of each scorer's margins."""
    own = [(task["strength"], "strength_mu")] if task["strength"] else []
    return [*own, *((task["external"], f"external_{name}") for name in task["voices"])]


def training_split(splits: Sequence[str]) -> str:
    """The split that is trained on: `train`, or else the first."""
    return "train" if "train" in splits else splits[0]


def read_sides(task: dict[str, Any], ceiling: int) -> Sides:
    """All kept pairs with a label, or the first `ceiling` of them by a hash of their content.

    Args:
        task: `blocks` (path, name and index of each), `decided`, `signals`, `surface`, `strength`, `external` (folders;
            the last two None where they did not run), `voices` (the user's scorers' names), `cuts`, `seed`, `train`,
            `features` (names), `within`.
        ceiling: rows at most.
    """
    parts = [_pairs(task, block) for block in task["blocks"]]
    found = pl.concat([part for part in parts if part.height] or parts[:1])
    draw = uniform(found["key"].to_numpy(), 23)
    found = found.with_columns(draw=draw).sort("draw", "key", "block", "row").head(ceiling)
    found = found.with_columns(place=pl.int_range(pl.len()))
    # How many responses each generator wrote, and a number for each, from the pairs that are here.
    wrote = found.select(pl.col("generators").explode(empty_as_null=False, keep_nulls=False).alias("name")).drop_nulls()
    known = wrote["name"].value_counts().sort("name").with_row_index("code")
    codes, counts = _generators(found["generators"], known)
    raw, scaled = _differences(task, found)
    scorers = len(scorers_of(task))
    raw[:, -2:] = np.stack([counts[:, 0] - counts[:, 1], np.ones(found.height)], axis=1)
    scaled[:, -2:] = raw[:, -2:]
    return Sides(
        keys=found["key"].to_numpy(),
        groups=found["group"].to_numpy(),
        block=found["block"].to_numpy(),
        row=found["row"].to_numpy(),
        held=found["held"].to_numpy(),
        sides=2 * found["soft_label"].to_numpy() - 1,
        weights=found["weight"].to_numpy(),
        raw=raw,
        scaled=scaled,
        generators=codes,
        within=found["within"].to_numpy(),
        scores=found.select(pl.col(f"score_{i}").fill_null(float("nan")) for i in range(scorers))
        .to_numpy()
        .reshape(found.height, scorers),
    )


def _alone(identity: str, name: str) -> pl.Series:
    """Which of a block's rows are no copies: where policy acts on nothing, copies are kept, too."""
    return read_frame(f"{identity}/{name}", ["copy_of"])["copy_of"].is_null()


def _pairs(task: dict[str, Any], block: dict[str, Any]) -> pl.DataFrame:
    """One block's kept pairs."""
    name = block["name"]
    decided = read_frame(
        f"{task['decided']}/{name}", ["action", "kind", "soft_label", "weight", "group_id", "settled"]
    ).with_row_index("row")
    split = assign(pl.col("group_id"), [Cut(**cut) for cut in task["cuts"]], task["seed"], "settled")
    decided = decided.with_columns(held=split != task["train"])
    kept = decided.filter(
        pl.col("action").is_in(KEPT)
        & (pl.col("kind") == "pair")
        & pl.col("soft_label").is_not_null()
        & _alone(task["identity"], name)
    )
    places = kept["row"]
    more = read_frame(block["path"], ["content_id", "source", "generators", "judgements"])[places]
    within = {
        None: pl.lit(""),
        "source": pl.col("source"),
        "language": pl.col("language").fill_null(""),
        "dimension": pl.col("judgements").list.eval(pl.element().struct.field("dimension")).list.unique().list.sort()
        .list.join(", "),
    }[task["within"]]  # fmt: skip
    if task["within"] == "language":
        more = more.hstack(read_frame(f"{task['signals']}/{name}", ["language"])[places])
    scores = [read_frame(f"{folder}/{name}", [column])[places][column] for folder, column in _scored(task)]
    return kept.hstack(more).select(
        key=numbered(pl.col("content_id")),
        group=numbered(pl.col("group_id")),
        block=pl.lit(block["index"], dtype=pl.Int64),
        row=pl.col("row").cast(pl.Int64),
        held="held",
        soft_label="soft_label",
        weight="weight",
        generators=pl.col("generators").cast(_GENERATORS),
        within=within.cast(pl.String),
        **{f"score_{i}": score.cast(pl.Float64) for i, score in enumerate(scores)},
    )


def numbered(hashes: pl.Expr) -> pl.Expr:
    """The first 60 bits of hexadecimal hashes."""
    return hashes.str.slice(0, 15).str.to_integer(base=16, dtype=pl.Int64).cast(pl.UInt64)


def _generators(named: pl.Series, known: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of both sides' generators, and the logarithms of how much those wrote; -1 and 0 where none is known."""
    sides = [
        pl.DataFrame({"name": named.list.get(side, null_on_oob=True)}).join(
            known, on="name", how="left", maintain_order="left"
        )
        for side in (0, 1)
    ]
    codes = [side["code"].cast(pl.Int64).fill_null(-1).to_numpy() for side in sides]
    counts = [np.log1p(side["count"].fill_null(0).to_numpy().astype(np.float64)) for side in sides]
    return np.stack(codes, axis=1), np.stack(counts, axis=1)


def _differences(task: dict[str, Any], found: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Differences of features as they are and as models take them, with room for those of places."""
    names = [name for name in task["features"] if name not in PLACES]
    logs = np.array([name in COUNTS for name in names])
    raw = np.zeros((found.height, len(names) + len(PLACES)), dtype=np.float32)
    scaled = np.zeros_like(raw)
    where = {block["index"]: block["name"] for block in task["blocks"]}
    for (index,), part in found.select("block", "row", "place").partition_by("block", as_dict=True).items():
        both = read_surface(task["surface"], where[index], part["row"].to_numpy(), names)
        place = part["place"].to_numpy()
        raw[place, : len(names)] = both[:, 0] - both[:, 1]
        both[:, :, logs] = np.log1p(both[:, :, logs])
        scaled[place, : len(names)] = both[:, 0] - both[:, 1]
    return raw, scaled


def read_ratings(task: dict[str, Any], ceiling: int) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Kept ratings by dimension: normalised scores, features [rows, features], and hashes of groups.

    Args:
        task: as for `read_sides`.
        ceiling: rows of a dimension at most, by a hash of their content.
    """
    names = [name for name in task["features"] if name not in PLACES]
    parts = [part for block in task["blocks"] if (part := _rated(task, block, names)).height]
    if not parts:
        return {}
    whole = pl.concat(parts)
    whole = whole.with_columns(draw=uniform(whole["key"].to_numpy(), 23)).sort("draw", "key", "dimension", "score")
    return {
        str(dimension): (part["score"].to_numpy(), part.select(names).to_numpy(), part["group"].to_numpy())
        for (dimension,), lot in whole.partition_by("dimension", as_dict=True).items()
        for part in [lot.head(ceiling)]
    }


def _rated(task: dict[str, Any], block: dict[str, Any], names: list[str]) -> pl.DataFrame:
    decided = read_frame(f"{task['decided']}/{block['name']}", ["action", "kind", "group_id"]).with_row_index("row")
    alone = _alone(task["identity"], block["name"])
    kept = decided.filter(pl.col("action").is_in(KEPT) & (pl.col("kind") == "rating") & alone)
    if kept.is_empty():
        return kept
    merged = read_frame(f"{task['identity']}/{block['name']}", ["judgements"])[kept["row"]].rename({"judgements": "m"})
    said = read_frame(block["path"], ["content_id", "judgements"])[kept["row"]].hstack(merged)
    values = (
        kept.hstack(said).select("row", "group_id", "content_id", j=pl.coalesce("m", "judgements"))
        .explode("j", empty_as_null=False, keep_nulls=False).unnest("j").filter(pl.col("normalised").is_not_null())
        .group_by("row", "group_id", "content_id", "dimension", maintain_order=True)
        .agg(score=(pl.col("normalised") * pl.col("count")).sum() / pl.col("count").sum())
    )  # fmt: skip
    rows = values["row"].to_numpy()
    features = read_surface(task["surface"], block["name"], rows, names)[:, 0]
    return values.select(
        "dimension", "score", key=numbered(pl.col("content_id")), group=numbered(pl.col("group_id"))
    ).hstack(pl.DataFrame(features, schema=names))


def names_of(extra: Sequence[str]) -> list[str]:
    """All features' names, in the order of the arrays."""
    return [*NAMES, *extra, *PLACES]
