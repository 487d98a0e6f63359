"""Evaluation as tasks: what is judged of each block, laid beside it; then all scorers on all of it, in one place.

The second task holds a number a scorer and line: some 100 bytes each, so a few GiB for 10 million pairs and a few
scorers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from transforms import blocks
from transforms.blocks import read_frame
from transforms.hashing import as_number
from transforms.lists import of_counts
from transforms.markers import Stats
from transforms.meta import judge_pairs, judge_rankings, judge_ratings, judge_steps, named, value_order
from transforms.meta.lines import DIGITS, PAIRS, RATED, pair_lines, rank_kinds, rated_lines, step_lines
from transforms.meta.scope import Settings
from transforms.publish.shapes import KEPT
from transforms.strength.folds import uniform

#: Baselines beside every table: a draw, the number of characters, and the same for all.
CHANCE, LENGTH, TIES = "chance", "length", "all ties"
BASELINES = (CHANCE, LENGTH, TIES)
_CHANCE_SALT = 73
_BLOCK = (
    "row_id",
    "content_id",
    "prompt_id",
    "response_ids",
    "judgements",
    "scales",
    "steps",
    *named.BLOCK,
    "metadata",
)
#: Slices that every evaluation has.
_SOURCE, _LANGUAGE, _LENGTH, _LONGER, _DIMENSION = "source", "language", "length", "better side", "dimension"
#: What people say, beside scorers that are judged by it.
_LABELS = "labels"


def find_lines(task: dict[str, Any], folder: str) -> Stats:
    """Write what is judged of one block: `NUMBER.parquet`, a line a row, and in `pairs/`, `rated/` and `steps/`.

    Args:
        task: `path` and `name` of the block, `first` (its first line in the ledger), `ledger`, the folders `identity`,
            `signals` and `decided`, `rows` (kept or all), `split`, `dimension` (of recorded labels), `by` (columns as
            `Named` dictionaries) and `segment` (likewise; none for the prompt).
        folder: to write to.
    """
    name = task["name"]
    rows = read_frame(task["path"], _BLOCK)
    identity = read_frame(f"{task['identity']}/{name}", ["copy_of", "judgements", "scales"])
    identity = identity.rename({"judgements": "merged", "scales": "merged_scales"})
    signals = read_frame(f"{task['signals']}/{name}", ["language", "characters"]).rename({"language": "found"})
    decided = read_frame(f"{task['decided']}/{name}", ["soft_label"])
    ledger = read_frame(task["ledger"], ["row_id", *named.LEDGER]).slice(task["first"], rows.height)
    if not ledger["row_id"].equals(rows["row_id"]):
        raise ValueError(f"the ledger and the block {task['path']} do not have the same rows: the run is not whole")
    asked = {one["name"]: named.values(named.from_dict(one), rows, ledger, name) for one in task["by"]}
    parts = [named.values(named.from_dict(one), rows, ledger, name).cast(pl.String) for one in task["segment"]]
    rows = rows.hstack(identity).hstack(signals).hstack(decided).with_columns(
        own="judgements",
        own_scales="scales",
        judgements=pl.coalesce("merged", "judgements"),
        scales=pl.coalesce("merged_scales", "scales"),
        language=pl.coalesce("language", "found"),
        segment=pl.concat_str(parts, separator="\x1f") if parts else pl.lit(None, dtype=pl.String),
        chance=_chance(rows),
    )  # fmt: skip
    kept = task["rows"] == "kept"
    wanted = ledger["action"].is_in(KEPT) if kept else rows["copy_of"].is_null()
    if task["split"] is not None:
        wanted &= (ledger["split"] == task["split"]).fill_null(False)
    facts = rows.select(
        "source", "language", "chance", length=pl.col("characters").cast(pl.List(pl.Float64))
    ).hstack(rank_kinds(rows["metadata"])).hstack([one.alias(f"by {key}") for key, one in asked.items()])  # fmt: skip
    blocks.write_frame(facts, f"{folder}/{name}")
    mine = rows.with_row_index("row").filter(wanted)
    pairs = pair_lines(mine, not kept, task["dimension"])
    # Two systems may say the same: in a table of systems each has what its own raters said.
    each = mine if kept else rows.with_row_index("row").with_columns(judgements="own", scales="own_scales")
    rated = rated_lines(each)
    blocks.write_frame(pairs, f"{folder}/pairs/{name}")
    solutions = step_lines(mine)
    blocks.write_frame(rated, f"{folder}/rated/{name}")
    blocks.write_frame(solutions, f"{folder}/steps/{name}")
    judged = {"pairs": pairs.height, "rated": rated.height, "steps": solutions.height}
    dimensions = dict(rated["dimension"].value_counts().sort("dimension").iter_rows())
    segmented = rows["segment"].count()
    return {"rows": rows.height, "wanted": mine.height, "dimensions": dimensions, "segmented": segmented, **judged}


def _chance(rows: pl.DataFrame) -> pl.Series:
    """A number in [0, 1) for each response, by the hashes of the row and of the response."""
    counts = rows["response_ids"].list.len().to_numpy()
    flat = rows["response_ids"].explode(empty_as_null=False, keep_nulls=False).to_frame("id")
    own = flat.select(as_number(pl.col("id"))).to_series().to_numpy()
    row = rows.select(as_number(pl.col("content_id"))).to_series().to_numpy()
    return of_counts(pl.Series(uniform(own ^ np.repeat(row, counts), _CHANCE_SALT)), counts)


class _Loader:
    """Lines of all blocks with the scores of all scorers.

    Args:
        task: `names` (of the blocks' sidecars), `lines` (the folder that `find_lines` wrote to), `scores` (folder of
            each scorer, by name), `lower` (names of those whose lower scores are better), `frames` (the folder that
            says which frames rows show; None without).
    """

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task

    def read(self, kind: str, schema: pl.Schema) -> tuple[pl.DataFrame, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Lines beside their rows' facts; each scorer's score of the line; and its scores of a pair's second side."""
        parts: list[pl.DataFrame] = []
        first: dict[str, list[np.ndarray]] = {}
        second: dict[str, list[np.ndarray]] = {}
        for name in self.task["names"]:
            lines = read_frame(f"{self.task['lines']}/{kind}/{name}")
            if not lines.height:
                continue
            facts = read_frame(f"{self.task['lines']}/{name}")
            if self.task["frames"]:
                facts = facts.hstack(read_frame(f"{self.task['frames']}/{name}", value_order.FRAMES))
            at = lines["row"].to_numpy()
            beside = facts[lines["row"]]
            own = lines["response"].to_numpy() if "response" in schema else np.zeros(len(at), dtype=np.int64)
            scores = {who: read_frame(f"{folder}/{name}")["score"] for who, folder in self.task["scores"].items()}
            zero = facts.select(pl.col("length").list.eval(pl.element() * 0.0)).to_series()
            scores |= {CHANCE: facts["chance"], LENGTH: facts["length"], TIES: zero}
            for who, lists in scores.items():
                sign = -1.0 if who in self.task["lower"] else 1.0
                first.setdefault(who, []).append(sign * _pick(lists, at, own))
                if kind == "pairs":
                    second.setdefault(who, []).append(sign * _pick(lists, at, own + 1))
            parts.append(lines.hstack(beside.drop("chance")))
        if not parts:
            return pl.DataFrame(schema=schema), {}, {}
        return (
            pl.concat(parts, how="vertical_relaxed"),
            {who: np.concatenate(found) for who, found in first.items()},
            {who: np.concatenate(found) for who, found in second.items()},
        )

    def read_steps(self) -> tuple[pl.DataFrame, judge_steps.Steps] | None:
        """Solutions beside their rows' facts, and all scores of them in the same order; None without any.

        A scorer with a list for any solution scores steps; others score the response.
        """
        whole = [
            (name, lines)
            for name in self.task["names"]
            if (lines := read_frame(f"{self.task['lines']}/steps/{name}")).height
        ]
        if not whole:
            return None
        parts, by_step, alone = [], dict[str, list[np.ndarray]](), dict[str, list[np.ndarray]]()
        longest = dict[str, int]()
        for name, lines in whole:
            facts = read_frame(f"{self.task['lines']}/{name}")
            at, counts = lines["row"].to_numpy(), lines["places"].list.len().to_numpy().astype(np.int64)
            flat = lines.select(pl.col("places", "characters", "draws").explode(empty_as_null=False))
            beside = facts[lines["row"]]
            length, zero = flat["characters"].to_numpy(), np.zeros(len(flat))
            for who, steps, mine in (
                (CHANCE, flat["draws"].to_numpy(), facts["chance"]),
                (LENGTH, length, facts["length"]),
                (TIES, zero, facts["length"].list.eval(pl.element() * 0.0)),
            ):
                by_step.setdefault(who, []).append(steps)
                alone.setdefault(who, []).append(_pick(mine, at, np.zeros(len(at), dtype=np.int64)))
                longest[who] = 2
            for who, folder in self.task["scores"].items():
                lists = read_frame(f"{folder}/{name}")["score"]
                sign = -1.0 if who in self.task["lower"] else 1.0
                by_step.setdefault(who, []).append(
                    sign * _pick(lists, np.repeat(at, counts), flat["places"].to_numpy())
                )
                alone.setdefault(who, []).append(sign * _pick(lists, at, np.zeros(len(at), dtype=np.int64)))
                most = lists[lines["row"]].list.len().fill_null(0).to_numpy().max()
                longest[who] = max(longest.get(who, 0), int(most))
            parts.append(lines.hstack(beside.drop("chance")))
        return _solutions(pl.concat(parts, how="vertical_relaxed"), by_step, alone, longest)


def _solutions(
    lines: pl.DataFrame,
    by_step: dict[str, list[np.ndarray]],
    alone: dict[str, list[np.ndarray]],
    longest: dict[str, int],
) -> tuple[pl.DataFrame, judge_steps.Steps]:
    """Lines and scores in the order of the lines' keys."""
    order = lines["key"].arg_sort()
    counts = lines["places"].list.len().to_numpy().astype(np.int64)
    rank = np.empty(len(counts), dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(counts))
    places = np.argsort(np.repeat(rank, counts), kind="stable")
    labels = lines["labels"].explode(empty_as_null=False).to_numpy()
    lines = lines[order]
    return lines, judge_steps.Steps(
        lines["places"].list.len().to_numpy().astype(np.int64),
        labels[places],
        lines["whole"].to_numpy(),
        lines["group"].to_numpy(),
        {who: np.concatenate(one)[places] for who, one in by_step.items() if longest[who] > 1},
        {who: np.concatenate(one)[order.to_numpy()] for who, one in alone.items() if longest[who] == 1},
    )


def _pick(lists: pl.Series, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The number at a place of a row's list; NaN where the list is absent or shorter, or the number null."""
    counts = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
    flat = lists.explode(empty_as_null=False, keep_nulls=False).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    starts = np.cumsum(counts) - counts
    there = places < counts[rows]
    out = np.full(len(rows), np.nan)
    out[there] = flat[(starts[rows] + places)[there]]
    return out


def judge_all(task: dict[str, Any], folder: str) -> Stats:
    """Judge all scorers on all lines and write `evaluation.json`.

    Args:
        task: as for the loader, and `by` (names of columns), `dimension` (of ratings; all when None) and `settings`.
        folder: to write to.
    """
    settings = Settings(**task["settings"])
    loader = _Loader(task)
    report = {
        "pairs": _pairs(task, loader, settings),
        **_rated(task, loader, settings),
        "steps": _steps(task, loader, settings),
    }
    blocks.write_json(_without_nan(report), f"{folder}/evaluation.json")
    return {"rows": sum(part["pairs"] for part in [report["pairs"]] if part)}


def _pairs(task: dict[str, Any], loader: _Loader, settings: Settings) -> dict[str, Any] | None:
    lines, first, second = loader.read("pairs", PAIRS)
    if not lines.height:
        return None
    order = lines["key"].arg_sort().to_numpy()
    lines = lines[order]
    margins = {name: (first[name] - second[name])[order] for name in first}
    whole = lines["dimension"].is_null()
    some = whole.to_numpy()
    main = judge_pairs.Pairs(
        lines["label"].filter(whole).to_numpy(),
        lines["group"].filter(whole).to_numpy(),
        {name: one[some] for name, one in margins.items()},
    )
    rows = lines.filter(whole)
    longer = rows.select(
        pl.when(pl.col("label") == 0.5).then(None)
        .when(pl.col("length").list.first() == pl.col("length").list.last()).then(pl.lit("as long"))
        .when((pl.col("length").list.first() > pl.col("length").list.last()) == (pl.col("label") > 0.5))
        .then(pl.lit("longer")).otherwise(pl.lit("shorter"))
    ).to_series()  # fmt: skip
    sliced = _slices(task["by"], rows) | {_LONGER: named.slices(longer)}
    out = judge_pairs.judge(main, settings, sliced, rows["subset"].to_list(), rows["language"].to_list())
    if (~some).any():
        apart = judge_pairs.Pairs(
            lines["label"].to_numpy()[~some],
            lines["group"].to_numpy()[~some],
            {name: one[~some] for name, one in margins.items()},
        )
        by = named.slices(lines["dimension"].filter(~whole))
        out["slices"][_DIMENSION] = judge_pairs.judge(apart, settings, {_DIMENSION: by})["slices"][_DIMENSION]
    out["value_order"] = _order_of_pairs(rows, main, lines.filter(~whole), settings) if task["frames"] else None
    return out


def _order_of_pairs(
    rows: pl.DataFrame, pairs: judge_pairs.Pairs, apart: pl.DataFrame, settings: Settings
) -> dict[str, Any] | None:
    """Value-order correlation of scorers, of labels, and of labels on each dimension of several."""
    said = {_LABELS: pairs.labels}
    for name in apart["dimension"].unique().sort().to_list():
        own = apart.filter(dimension=name).select("key", own="label").unique("key")
        beside = rows.select("key").join(own, on="key", how="left", maintain_order="left")
        said[name] = beside["own"].fill_null(np.nan).to_numpy()
    return value_order.of_pairs(rows, pairs.margins, said, settings)


def _rated(task: dict[str, Any], loader: _Loader, settings: Settings) -> dict[str, Any]:
    """Ratings and rankings, dimension by dimension."""
    lines, scores, _ = loader.read("rated", RATED)
    out: dict[str, Any] = {"ratings": {}, "rankings": {}}
    if not lines.height:
        return out
    order = lines.select(pl.arg_sort_by("key", "response", "dimension", "human", "system")).to_series().to_numpy()
    lines, order = _once(lines[order], order)
    scores = {name: one[order] for name, one in scores.items()}
    for kind, key in (("rating", "ratings"), ("ranking", "rankings")):
        for dimension in lines.filter(kind=kind)["dimension"].unique().sort().to_list():
            if task["dimension"] not in (None, dimension):
                continue
            some = ((lines["kind"] == kind) & (lines["dimension"] == dimension)).to_numpy()
            mine, theirs = lines.filter(some), {name: one[some] for name, one in scores.items()}
            out[key][dimension] = _one(task, mine, theirs, settings)
            if kind == "rating" and task["frames"]:
                said = {_LABELS: mine["human"].to_numpy()}
                out[key][dimension]["value_order"] = value_order.of_frames(mine, theirs, said, settings)
            if kind == "ranking":
                ranked = mine.with_columns(ranking=pl.struct("unit", "row").rank("dense"), prompt="prompt")
                out[key][dimension]["first"] = judge_rankings.judge(ranked, theirs, settings)
    return out


def _steps(task: dict[str, Any], loader: _Loader, settings: Settings) -> dict[str, Any] | None:
    """Solutions in steps."""
    found = loader.read_steps()
    return None if found is None else judge_steps.judge(found[1], settings, _slices(task["by"], found[0]))


def _once(lines: pl.DataFrame, order: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
    """Lines of copies by one system as one, the mean of all their raters; and the places of those that are left."""
    same = ["key", "response", "dimension", "system", "segment"]
    twice = lines.select(same).is_duplicated()
    if not twice.any():
        return lines, order
    raters = pl.col("raters")
    means = lines.with_columns(
        ((pl.col(name) * raters).sum() / raters.sum()).over(same).round(DIGITS) for name in ("human", "normalised")
    )
    first = lines.select(pl.struct(same).is_first_distinct()).to_series()
    return means.filter(first), order[first.to_numpy()]


def _one(
    task: dict[str, Any], lines: pl.DataFrame, scores: dict[str, np.ndarray], settings: Settings
) -> dict[str, Any]:
    """One dimension; scores of several sources are on several scales, so there the normalised ones are taken."""
    several = lines["source"].n_unique() > 1 and lines["normalised"].null_count() == 0
    rated = judge_ratings.Rated(
        lines["normalised" if several else "human"].to_numpy(),
        lines["segment"].to_numpy(),
        lines["unit"].to_numpy(),
        lines["system"].fill_null("").to_numpy().astype(str),
        scores,
    )
    return {"normalised": several, **judge_ratings.judge(rated, settings, _slices(task["by"], lines))}


def _slices(by: Sequence[str], lines: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The slices of every evaluation, and those asked for."""
    length = lines["length"].list.max() if "response" not in lines.columns else _own_length(lines)
    out = {
        _SOURCE: named.slices(lines["source"]),
        _LANGUAGE: named.slices(lines["language"]),
        _LENGTH: named.slices(named.binned(length)),
    }
    out = {name: found for name, found in out.items() if name == _LENGTH or found["value"].n_unique() > 1}
    return out | {name: named.slices(_as_numbers(lines[f"by {name}"])) for name in by}


def _own_length(lines: pl.DataFrame) -> pl.Series:
    return lines.select(pl.col("length").list.get(pl.col("response"), null_on_oob=True)).to_series()


def _as_numbers(column: pl.Series) -> pl.Series:
    """Texts that are all numbers, as those of metadata may be, as numbers."""
    if column.dtype != pl.String:
        return column
    cast = column.cast(pl.Float64, strict=False)
    return cast if cast.null_count() == column.null_count() and cast.n_unique() > named.BINS else column


def _without_nan(value: Any) -> Any:
    """What JSON can say: what is no number is null, and the rest has ten digits."""
    if isinstance(value, dict):
        return {str(key): _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return round(float(value), 10) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
