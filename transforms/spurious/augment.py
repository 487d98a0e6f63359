"""Pairs and ties of responses to different prompts, after RRM (Liu et al. 2024), chosen to weigh against shortcuts.

Either response to a prompt is better there than one to another prompt, and of two responses to another prompt neither
is. So a short answer that is to the point can stand beside a long one that is not: of the four such pairs of two rows
the one is made that the balancing weights would count most, until the sum of those weights' logarithms is that of no
bias. Whatever else may be added is ties.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from schemas.arrow import JUDGEMENT, ROW_SCHEMA
from schemas.verdict import DETAIL
from transforms import blocks
from transforms.blocks import Block, gather, read_frame
from transforms.decide.stage import DECIDED
from transforms.identity.copies import SIGNALS
from transforms.identity.keys import identify
from transforms.ingest.canonical import judgement
from transforms.lists import of_counts, side_by_side
from transforms.publish.shapes import published_in
from transforms.spurious.balance import Balanced, draws
from transforms.spurious.counted import read_surface
from transforms.spurious.extra import PLACES, extras
from transforms.spurious.features import COUNTS, of_rows
from transforms.spurious.given import Sides, numbered

#: Rows that are looked at for each that is made; the share of those made that are ties at least.
_LOOKED_AT, _TIES = 4, 0.25
#: How far along in the order of hashes a row's partner is: the first that is of another group.
_PARTNERS = (1, 2, 5, 17, 71)
_ROWS = 8192
_TEXTS = ("row_id", "source", "file", "line", "prompt", "responses", "tools", "generators", "language", "licence")
#: What is made: places of the row whose prompt it is and of its partner among the training pairs, which of their
#: responses (`side` null for a tie of the partner's two), and by how much it counters the bias.
PLAN = pl.Schema({"place": pl.Int64, "partner": pl.Int64, "side": pl.Int64, "other": pl.Int64, "gain": pl.Float64})


def plan(task: dict[str, Any], train: Sides, found: Balanced, count: int, seed: int) -> pl.DataFrame:
    """Which rows to make: frame of `PLAN`, in the order of the first row's hash.

    Args:
        task: as for `read_sides`.
        train: training pairs.
        found: what balances them.
        count: rows at most.
        seed: of the order.
    """
    usable = np.flatnonzero(train.sides != 0)
    order = usable[np.lexsort((train.keys[usable], draws(train.keys[usable], seed + 1)))]
    looked = order[: _LOOKED_AT * count]
    partner = np.full(len(looked), -1)
    for step in _PARTNERS:
        other = np.roll(order, -step)[: len(looked)]
        fits = (partner < 0) & (train.groups[other] != train.groups[looked])
        partner = np.where(fits, other, partner)
    looked, partner = looked[partner >= 0], partner[partner >= 0]
    gains = _gains(task, train, found, looked, partner)
    best = gains.argmax(axis=1)
    gain = gains[np.arange(len(looked)), best]
    want = -float((train.weights * _logs(train, found)).sum())
    ranked = np.argsort(-gain, kind="stable")[: int(count * (1 - _TIES))]
    enough = int(np.searchsorted(np.cumsum(gain[ranked]), want)) + 1 if want > 0 else 0
    pairs = ranked[:enough][gain[ranked[:enough]] > 0]
    rest = np.setdiff1d(np.arange(len(looked)), pairs)[: count - len(pairs)]
    made = pl.DataFrame(
        {
            "place": looked[[*pairs, *rest]],
            "partner": partner[[*pairs, *rest]],
            "side": [*(best[pairs] // 2).tolist(), *[None] * len(rest)],
            "other": [*(best[pairs] % 2).tolist(), *[None] * len(rest)],
            "gain": [*gain[pairs].round(5).tolist(), *[0.0] * len(rest)],
        },
        schema=PLAN,
    )
    return made.sort("place")


def _logs(train: Sides, found: Balanced) -> np.ndarray:
    """lambda . f of each pair: the logarithm of what balancing would weigh it by."""
    size, coefficients = found.together()
    width = len(found.columns)
    out = np.zeros(len(train))
    for place, j in enumerate(found.columns):
        out += coefficients[place] / size[place] * train.sides * train.scaled[:, j]
        out += coefficients[width + place] / size[width + place] * train.sides * np.sign(train.raw[:, j])
    return out


def _gains(task: dict[str, Any], train: Sides, found: Balanced, looked: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """What each of the four pairs would be weighed by, as logarithms [rows, 4]; prompts are the partner's."""
    names = [task["features"][j] for j in found.columns if task["features"][j] not in PLACES]
    text = [place for place, j in enumerate(found.columns) if task["features"][j] not in PLACES]
    both = np.empty((len(train), 2, len(names)), dtype=np.float32)
    wanted = np.unique(np.concatenate([looked, partner]))
    where = {block["index"]: block["name"] for block in task["blocks"]}
    for index in np.unique(train.block[wanted]):
        mine = wanted[train.block[wanted] == index]
        both[mine] = read_surface(task["surface"], where[int(index)], train.row[mine], names)
    logs = np.array([name in COUNTS for name in names], dtype=bool)
    both[:, :, logs] = np.log1p(both[:, :, logs])
    size, coefficients = found.together()
    width = len(found.columns)
    slope = (coefficients[:width] / size[:width])[text]
    step = (coefficients[width:] / size[width:])[text]
    out = np.empty((len(looked), 4))
    for k in range(4):
        difference = both[looked, k // 2] - both[partner, k % 2]
        out[:, k] = difference @ slope + np.sign(difference) @ step
    return out


def make(task: dict[str, Any], train: Sides, planned: pl.DataFrame, folder: str) -> tuple[list[dict[str, Any]], Sides]:
    """Write the rows as blocks, with what publication reads beside them, and give them as pairs to measure.

    Args:
        task: as for `read_sides`, with `configurations` and `dimension`.
        train: training pairs.
        planned: frame of `PLAN`.
        folder: to write `blocks`, `identity` and `decided` to.

    Returns:
        The blocks as a stage counts them, and the rows as pairs whose verdict's weight is 0: they are no part of what
        was there before.
    """
    written, pairs = [], []
    for number, part in enumerate(_slices(planned)):
        rows, decided = _rows(task, train, part)
        name = f"{number:06d}.parquet"
        blocks.write_frame(rows, f"{folder}/blocks/{name}")
        quiet = {name: SIGNALS[name] for name in ("judgements", "scales")}
        none = pl.DataFrame(schema=quiet).clear(rows.height)
        blocks.write_frame(none, f"{folder}/identity/{name}")
        blocks.write_frame(decided, f"{folder}/decided/{name}")
        written.append({"name": name, "rows": rows.height})
        pairs.append(_as_sides(task, train, part, rows, decided))
    return written, Sides.together(pairs)


def _slices(planned: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for first in range(0, planned.height, _ROWS):
        yield planned.slice(first, _ROWS)


def _rows(task: dict[str, Any], train: Sides, part: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Canonical rows and their verdicts."""
    every = [Block(block["index"], block["path"], block["rows"]) for block in task["blocks"]]
    by_index = {block.index: block for block in every}
    lying = [by_index.get(index, Block(index, "", 0)) for index in range(max(by_index) + 1)]
    places = [part[name].to_numpy() for name in ("place", "partner")]
    mine, theirs = (
        gather(lying, pl.DataFrame({"block": train.block[at], "row": train.row[at]}), _TEXTS) for at in places
    )
    tie = part["side"].is_null().to_numpy()
    side, other = (part[name].fill_null(0).to_numpy() for name in ("side", "other"))
    first = _taken(theirs, mine, tie, np.where(tie, 0, side))
    second = _taken(theirs, theirs, tie, np.where(tie, 1, other))
    # Which of them stands first is a hash's doing, so that it tells nothing.
    turned = draws(train.keys[places[0]], 5) < 0.5
    responses = side_by_side([_either(second, first, turned, "text"), _either(first, second, turned, "text")])
    generators = side_by_side([_either(second, first, turned, "by"), _either(first, second, turned, "by")])
    value = np.where(tie, 0.5, np.where(turned, 0.0, 1.0))
    said = pl.DataFrame({"v": value}).select(
        judgement(pl.col("v"), dimension=task["dimension"] or "overall").alias("j")
    )
    rows = mine.select("source", "file", "line", "prompt", "tools", "language", "licence").with_columns(
        row_id=pl.concat_str(mine["row_id"], pl.lit("~"), theirs["row_id"]),
        source=pl.concat_str("source", pl.lit("+augmented")),
        content_id=pl.lit(""),
        kind=pl.lit("pair"),
        responses=responses,
        generators=generators,
        judgements=of_counts(said["j"], np.ones(part.height, dtype=np.int64)).cast(pl.List(JUDGEMENT)),
        parents=side_by_side([mine["row_id"], theirs["row_id"]]),
    )
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in ROW_SCHEMA.items() if name not in rows.columns]
    rows = identify(rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in ROW_SCHEMA.items()))
    groups = _groups(task, train, places[0])
    detail = pl.DataFrame({"score": part["gain"], "counterpart": theirs["row_id"]}).select(
        d=pl.struct(reason=pl.lit("augmented"), score="score", threshold=pl.lit(0.0), counterpart="counterpart").cast(
            DETAIL
        )
    )
    decided = pl.DataFrame({"soft_label": value, "kind": rows["kind"]}).with_columns(
        groups,
        action=pl.lit("keep"),
        label=pl.when(pl.col("soft_label") > 0.5).then(0).when(pl.col("soft_label") < 0.5).then(1),
        margin=pl.lit(None),
        weight=pl.Series(train.weights[places[0]]),
        masked=pl.lit(False),
        judged=pl.lit(True),
        # What shapes of other kinds ask.
        scored=pl.lit(False),
        stepped=pl.lit(False),
        settled=pl.lit(task["train"]),
        details=of_counts(detail["d"], np.ones(part.height, dtype=np.int64)),
        reasons=pl.concat_list(pl.lit("augmented")),
    )
    decided = decided.with_columns(published_in(decided, task["configurations"]))
    same = rows.select(pl.col("response_ids").list.first() == pl.col("response_ids").list.last()).to_series()
    decided = decided.select(pl.col(name).cast(dtype) for name, dtype in DECIDED.items())
    return rows.filter(~same), decided.filter(~same)


def _taken(ties: pl.DataFrame, pairs: pl.DataFrame, tie: np.ndarray, side: np.ndarray) -> pl.DataFrame:
    """One response of each row and who wrote it: of `ties` where it is to be one of a tie, else of `pairs`."""
    yes, no = (
        rows.with_columns(side=pl.Series(side)).select(
            text=pl.col("responses").list.get(pl.col("side")),
            by=pl.col("generators").list.get(pl.col("side"), null_on_oob=True),
        )
        for rows in (ties, pairs)
    )
    return pl.DataFrame([_either(yes, no, tie, name) for name in ("text", "by")])


def _either(yes: pl.DataFrame, no: pl.DataFrame, where: np.ndarray, name: str) -> pl.Series:
    both = pl.DataFrame({"w": where, "yes": yes[name], "no": no[name]})
    return both.select(pl.when("w").then("yes").otherwise("no").alias(name)).to_series()


def _groups(task: dict[str, Any], train: Sides, places: np.ndarray) -> pl.Series:
    """The groups of rows, as they are named."""
    where = {block["index"]: block["name"] for block in task["blocks"]}
    out = pl.Series("group_id", [None], dtype=pl.String).new_from_index(0, len(places))
    for index in np.unique(train.block[places]):
        mine = np.flatnonzero(train.block[places] == index)
        named = read_frame(f"{task['decided']}/{where[int(index)]}", ["group_id"])["group_id"]
        out = out.scatter(pl.Series(mine), named[train.row[places[mine]]])
    return out.alias("group_id")


def _as_sides(
    task: dict[str, Any], train: Sides, part: pl.DataFrame, rows: pl.DataFrame, decided: pl.DataFrame
) -> Sides:
    """Rows that were made, with features counted as those of others are."""
    names = [name for name in task["features"] if name not in PLACES]
    counted = of_rows(rows, extras(task["extra"])).select(names).to_numpy().reshape(rows.height, 2, len(names))
    logs = np.array([name in COUNTS for name in names])
    models = counted.copy()
    models[:, :, logs] = np.log1p(models[:, :, logs])
    nothing = np.zeros((rows.height, len(PLACES)), dtype=np.float32)
    return Sides(
        keys=rows.select(numbered(pl.col("content_id"))).to_series().to_numpy(),
        groups=decided.select(numbered(pl.col("group_id"))).to_series().to_numpy(),
        block=np.full(rows.height, -1, dtype=np.int64),
        row=np.zeros(rows.height, dtype=np.int64),
        held=np.zeros(rows.height, dtype=bool),
        sides=2 * decided["soft_label"].to_numpy() - 1,
        weights=np.zeros(rows.height),
        raw=np.hstack([counted[:, 0] - counted[:, 1], nothing]).astype(np.float32),
        scaled=np.hstack([models[:, 0] - models[:, 1], nothing]).astype(np.float32),
        generators=np.full((rows.height, 2), -1),
        within=np.full(rows.height, "", dtype=object),
        scores=np.full((rows.height, train.scores.shape[1]), np.nan),
    )
