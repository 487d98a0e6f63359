"""Shortcuts as a task: all pairs in one place, measured, balanced and measured again; signals beside each block."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from schemas.config import Balance
from transforms import blocks
from transforms.markers import Stats
from transforms.spurious import report
from transforms.spurious.augment import make, plan
from transforms.spurious.balance import Balanced, balance, draws, keep_shares, matched
from transforms.spurious.entropy import effective
from transforms.spurious.extra import PLACES
from transforms.spurious.given import Sides, read_ratings, read_sides, scorers_of
from transforms.spurious.heads import embedded, halves, margins, views
from transforms.spurious.measure import rounded
from transforms.spurious.signals import SIGNALS

#: Pairs that heads are fitted on at most.
_HEADED = 20_000
_DIGITS = 5


def measure_all(task: dict[str, Any], folder: str) -> Stats:
    """Measure shortcuts, balance, and measure again; writes `report.json` and, where it balanced, each block's signals.

    Args:
        task: as for `read_sides`, and `identity`, `texts` (folders; the latter None without embeddings), `balance` (the
            section), `ceiling`, `shortcut_seed`.
        folder: to write to.
    """
    with threadpool_limits(1):  # so that sums do not depend on how many threads there are
        said, written = _all(task, Balance.model_validate(task["balance"]), folder)
    blocks.write_json(said, f"{folder}/report.json")
    return {"rows": said["pairs"]["rows"] if said["pairs"] else 0, "blocks": written}


def _all(task: dict[str, Any], asked: Balance, folder: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    names, seed = task["features"], task["shortcut_seed"]
    # Matching counts rows against rows, so it needs them all.
    pairs = read_sides(task, 2**62 if asked.output == "match" else task["ceiling"])
    ratings = read_ratings(task, task["ceiling"])
    said: dict[str, Any] = {"balance": None, "pairs": None}
    written: list[dict[str, Any]] = []
    said["ratings"] = report.ratings(ratings, [name for name in names if name not in PLACES], seed)
    if len(pairs):
        said["pairs"] = _counted(pairs)
    if len(pairs) and not (why := report.enough(pairs)):
        after = None
        if asked.output != "off":
            found = _fitted(task, asked, pairs)
            if asked.output == "augment":
                pairs, written = _augmented(task, asked, pairs, found, folder)
            after, said["balance"] = _balanced(task, asked, pairs, found, folder)
        said["pairs"] |= _measured(task, pairs, after)
        if said["balance"]:
            _told_apart(said, names)
    elif len(pairs):
        said["pairs"] |= {"measured": False, "why": why}
    if asked.output != "off" and said["balance"] is None:
        _write(task, folder, pl.DataFrame(schema={"block": pl.Int64, "row": pl.Int64, **SIGNALS}))
    return said, written


def balance_all(task: dict[str, Any], folder: str) -> dict[str, Any] | None:
    """Balance and measure nothing: writes each block's signals, and gives what is said of it; None with too few pairs.

    Args:
        task: as for `measure_all`.
        folder: to write to.
    """
    asked = Balance.model_validate(task["balance"])
    with threadpool_limits(1):
        pairs = read_sides(task, 2**62 if asked.output == "match" else task["ceiling"])
        if report.enough(pairs):
            return None
        return _balanced(task, asked, pairs, _fitted(task, asked, pairs), folder)[1]


def _fitted(task: dict[str, Any], asked: Balance, pairs: Sides) -> Balanced:
    names = task["features"]
    wanted = asked.features or [name for name in names if name not in PLACES]
    return balance(pairs.at(np.flatnonzero(~pairs.held)), [names.index(name) for name in wanted], asked)


def _augmented(
    task: dict[str, Any], asked: Balance, pairs: Sides, found: Balanced, folder: str
) -> tuple[Sides, list[dict[str, Any]]]:
    """The pairs with those that were made behind them, and the blocks these are in."""
    train = pairs.at(np.flatnonzero(~pairs.held))
    planned = plan(task, train, found, round(asked.added * len(train)), task["shortcut_seed"])
    if planned.is_empty():
        return pairs, []
    written, made = make(task, train, planned, folder)
    return Sides.together([pairs, made]), written


def _counted(pairs: Sides) -> dict[str, Any]:
    train = ~pairs.held
    return {
        "rows": int(train.sum()),
        "sided": int((train & (pairs.sides != 0)).sum()),
        "groups": len(np.unique(pairs.groups[train])),
        "held_out": int(pairs.held.sum()),
        "measured": True,
        "why": None,
    }


def _measured(task: dict[str, Any], pairs: Sides, after: np.ndarray | None) -> dict[str, Any]:
    """Everything that is measured of pairs."""
    names, seed = task["features"], task["shortcut_seed"]
    heads = None
    scorers = {name: pairs.scores[:, i] for i, name in enumerate(scorers_of(task))}
    # A head that does not see the prompt cannot tell what was made across prompts.
    if after is not None and task["balance"]["output"] != "augment":
        train = np.flatnonzero(~pairs.held)
        places = train[report.sampled(pairs.keys[train], _HEADED)]
        mine = pairs.at(places)
        where = {block["index"]: block["name"] for block in task["blocks"]}
        x = views(mine.scaled[:, : -len(PLACES)], embedded(task["texts"], where, mine))
        heads = {}
        for name, weights in (("raw", mine.weights), ("balanced", after[places])):
            found = margins(x, mine, weights, seed)
            heads[name] = halves(found, mine, names.index("characters"))
            scorers[f"{name}_heads"] = np.full(len(pairs), np.nan)
            scorers[f"{name}_heads"][places] = found
    return {
        "features": report.features(pairs, names, after),
        "rulers": report.ruled(pairs, names, after, seed),
        "position": report.position(pairs, after),
        "generators": report.generators(pairs, seed),
        "bias": report.biases(pairs, names, scorers, seed),
        "heads": heads,
    }


def _balanced(
    task: dict[str, Any], asked: Balance, pairs: Sides, found: Balanced, folder: str
) -> tuple[np.ndarray, dict[str, Any]]:
    """Write the signals: weights of all pairs once balanced, and what is said of it."""
    names = task["features"]
    places = np.flatnonzero(~pairs.held)
    train = pairs.at(places)
    made = pairs.block < 0
    weights = found.weigh(pairs)
    share, draw = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    most = 1.0
    if asked.output == "subsample":
        share[places], most = keep_shares(weights[places], asked.loss)
        draw[places] = draws(train.keys, task["shortcut_seed"])
    elif asked.output == "match":
        wanted = [names.index(name) for name in asked.match]
        share[places], draw[places] = matched(train, wanted, task["shortcut_seed"])
    share, draw = np.round(share, _DIGITS), np.floor(draw * 10**_DIGITS) / 10**_DIGITS
    after = weights
    if asked.output != "weights":
        held = weights if asked.output == "subsample" else pairs.weights
        after = np.where(pairs.held, held, pairs.weights * ~(draw >= share))
        after[made] = pairs.weights[~made & ~pairs.held].mean()
    signals = [_signals(pairs, weights if asked.output == "weights" else None, share, draw)]
    if len(pairs) == task["ceiling"] and asked.output in ("weights", "subsample"):
        signals += _beyond(task, asked, found, pairs, most)
    _write(task, folder, pl.concat(signals))
    kept, rows = after[places] > 0, len(places) - int(made.sum())
    count = effective(after[places][kept]) * kept.sum() / rows
    return after, {
        "output": asked.output,
        "within": task["within"],
        "rows": rows,
        "kept": int(kept.sum()) - int(made.sum()),
        "added": int(made.sum()),
        "added_ties": int((pairs.sides[made] == 0).sum()),
        "ess": rounded(count),
        "ess_floor": asked.ess_floor,
        "cap": asked.cap,
        "largest": rounded(float(max((one.solution.weights.max() for one in found.strata), default=1.0))),
        "strata": _strata(found, names),
        "why": {names[j]: why for j, why in found.why.items()},
        "columns": [names[j] for j in found.columns],
        "notes": _notes(found, names, asked, count),
    }


def _signals(pairs: Sides, weights: np.ndarray | None, share: np.ndarray, draw: np.ndarray) -> pl.DataFrame:
    """The signals of the training pairs among these, with where they lie."""
    nothing = np.full(len(pairs), np.nan)
    told = pl.DataFrame(
        {
            "block": pairs.block,
            "row": pairs.row,
            "balance_weight": nothing if weights is None else weights.round(_DIGITS),
            "balance_share": share,
            "balance_draw": draw,
        }
    )
    return told.filter(pl.Series(~pairs.held & (pairs.block >= 0))).with_columns(
        pl.col(name).fill_nan(None) for name in SIGNALS
    )


def _beyond(task: dict[str, Any], asked: Balance, found: Balanced, pairs: Sides, most: float) -> list[pl.DataFrame]:
    """The signals of the pairs past the ceiling, block by block, by what was fitted on the others."""
    out = []
    for block in task["blocks"]:
        theirs = read_sides({**task, "blocks": [block]}, 2**62)
        mine = theirs.at(np.flatnonzero(~np.isin(theirs.row, pairs.row[pairs.block == block["index"]])))
        weights = found.weigh(mine)
        nothing = np.full(len(mine), np.nan)
        if asked.output == "weights":
            out.append(_signals(mine, weights, nothing, nothing))
        elif asked.output == "subsample":
            draw = np.floor(draws(mine.keys, task["shortcut_seed"]) * 10**_DIGITS) / 10**_DIGITS
            out.append(_signals(mine, None, np.minimum(1.0, weights / most).round(_DIGITS), draw))
    return out


def _strata(found: Balanced, names: list[str]) -> list[dict[str, Any]]:
    width = len(found.columns)
    return [
        {
            "value": one.value,
            "rows": one.rows,
            "ess": rounded(effective(one.solution.weights)),
            "met": not one.left,
            "left": [names[found.columns[place]] for place in one.left],
            "least_cap": one.cap,
            "lambda": {
                names[j]: [rounded(one.solution.coefficients[place]), rounded(one.solution.coefficients[width + place])]
                for place, j in enumerate(found.columns)
            },
        }
        for one in found.strata
    ]


def _notes(found: Balanced, names: list[str], asked: Balance, ess: float) -> list[str]:
    """What could not be done, and what to do about it."""
    out = []
    for one in found.strata:
        if one.left:
            where = f" of {one.value}" if one.value else ""
            left = ", ".join(names[found.columns[place]] for place in one.left[:5])
            more = f" and {len(one.left) - 5} more" if len(one.left) > 5 else ""
            does = f"a cap of {one.cap:g} would do" if one.cap else "no higher cap that was tried does either"
            out.append(
                f"With no weight above balance.cap = {asked.cap:g} mean weights the pairs{where} could not be "
                f"balanced: {left}{more} still tell them apart; {does}."
            )
    if ess < asked.ess_floor:
        out.append(
            f"After balancing the training pairs count as {ess:.0%} of their number, and balance.ess_floor is "
            f"{asked.ess_floor:.0%}: name fewer features in balance.features, lower balance.cap, raise "
            "balance.penalty, or add pairs with output: augment."
        )
    return out


def _told_apart(said: dict[str, Any], names: list[str]) -> None:
    """Say of each feature whether it was balanced, and why not."""
    balanced = said["balance"]
    why, columns = balanced.pop("why"), balanced.pop("columns")
    alone = balanced["strata"][0]["lambda"] if len(balanced["strata"]) == 1 else {}
    for one in said["pairs"]["features"]:
        name = one["feature"]
        one["balanced"] = name in columns
        one["why"] = None if name in columns else why.get(name, "not_asked")
        one["lambda"] = alone.get(name)
    for stratum in balanced["strata"]:
        del stratum["lambda"]


def _write(task: dict[str, Any], folder: str, signals: pl.DataFrame) -> None:
    """One sidecar a block."""
    lots = signals.partition_by("block", as_dict=True)
    for block in task["blocks"]:
        rows = pl.DataFrame({"row": pl.int_range(block["rows"], dtype=pl.Int64, eager=True)})
        mine = lots.get((block["index"],), signals.clear())
        whole = rows.join(mine.cast({"row": pl.Int64}), on="row", how="left", maintain_order="left")
        blocks.write_frame(
            whole.select(pl.col(name).cast(dtype) for name, dtype in SIGNALS.items()), f"{folder}/{block['name']}"
        )
