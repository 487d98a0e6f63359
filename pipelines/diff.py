"""`trenchcoat diff`: rows whose fate is another in a second run, by what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl
import polars_hash  # noqa: F401 - brings the name space `nchash` to expressions

from pipelines.errors import DONE
from pipelines.finished import Finished

#: Rows that are shown for each change, and changes that are told in words.
EXAMPLES, TOLD = 3, 40
_LONG = 160
#: Settings that change what is published and no row's fate.
_UNSEEN = {"policy.score": "published scores differ with policy.score, which is no row's action or reason"}
#: What rows of one change have in common: what they were and are, and reasons that went, came and stayed.
_CHANGE = ("before", "after", "gone", "come", "stay")


@dataclass(frozen=True)
class Compared:
    """Two ledgers side by side.

    Attributes:
        rows: how many rows are in both, and in the first and the second alone.
        same: how many of the common ones have the same fate.
        moved: how many have the same fate and are in another split.
        changes: one line a change: actions before and after, reasons that went, came and stayed, how many rows,
            examples.
    """

    rows: dict[str, int]
    same: int
    moved: int
    changes: list[dict[str, Any]]


def run_diff(first: str, second: str, json: bool) -> int:
    """Compare two runs and say what became of rows that it did not before."""
    from pipelines.answer import answer

    return answer(lambda: _diff(first, second, json), json)


def _diff(first: str, second: str, json: bool) -> int:
    runs = Finished.at(first), Finished.at(second)
    with runs[0].understood(), runs[1].understood():
        found = compare(*(run.ledger() for run in runs))
        with_texts = [{**change, "examples": _shown(change["examples"], *runs)} for change in found.changes]
        settings = apart(*(run.manifest["config"] for run in runs))
    if json:
        print(orjson.dumps({**vars(found), "changes": with_texts, "settings": settings}).decode())
    else:
        print(words(found, with_texts, runs[0].out, runs[1].out, settings))
    return DONE


def apart(first: Any, second: Any, at: str = "") -> dict[str, list[Any]]:
    """The keys of two configurations, dotted, whose values differ, with both values; None where one has no such key."""
    if isinstance(first, dict) and isinstance(second, dict):
        keys = dict.fromkeys((*first, *second))
        parts = [apart(first.get(key), second.get(key), f"{at}.{key}" if at else key) for key in keys]
        return {key: values for part in parts for key, values in part.items()}
    return {} if first == second else {at: [first, second]}


def compare(first: pl.LazyFrame, second: pl.LazyFrame) -> Compared:
    """Compare two ledgers row by row, by the rows' names.

    A fate is an action with its reasons. A row that only one of them has is `absent` in the other.
    """
    sides = [
        ledger.select(
            "row_id",
            pl.col("action"),
            pl.col("reasons").list.unique().list.sort(),
            pl.col("split"),
            here=pl.lit(True),
        )
        for ledger in (first, second)
    ]
    both = sides[0].join(sides[1], on="row_id", how="full", coalesce=True, suffix="_now").collect(engine="streaming")
    both = both.with_columns(pl.col("here", "here_now").fill_null(False))
    common = both.filter("here", "here_now")
    alike = (pl.col("action") == pl.col("action_now")) & (pl.col("reasons") == pl.col("reasons_now"))
    same = common.filter(alike)
    absent = pl.lit("absent")
    changed = both.filter(~(pl.col("here") & pl.col("here_now") & alike).fill_null(False)).with_columns(
        before=pl.when("here").then("action").otherwise(absent),
        after=pl.when("here_now").then("action_now").otherwise(absent),
        gone=_without("reasons", "reasons_now"),
        come=_without("reasons_now", "reasons"),
        stay=pl.when("here", "here_now").then(_shared()).otherwise(pl.lit("")),
        chance=pl.col("row_id").nchash.xxh3_64(),  # type: ignore[attr-defined]
    )
    changes = (
        changed.group_by(*_CHANGE)
        .agg(rows=pl.len(), examples=pl.col("row_id").sort_by("chance").head(EXAMPLES))
        .sort("rows", *_CHANGE, descending=[True, *(False for _ in _CHANGE)])
    )
    listed = [
        {**one, **{name: one[name].split(",") if one[name] else [] for name in ("gone", "come", "stay")}}
        for one in changes.to_dicts()
    ]
    rows = {
        "common": common.height,
        "first_only": both.filter(~pl.col("here_now")).height,
        "second_only": both.filter(~pl.col("here")).height,
    }
    moved = same.filter(pl.col("split").ne_missing(pl.col("split_now"))).height
    return Compared(rows, same.height, moved, listed)


def _without(reasons: str, others: str) -> pl.Expr:
    """The reasons of a row that are not among its others, in one text."""
    none = pl.lit([], dtype=pl.List(pl.String))
    left = pl.col(reasons).fill_null(none).list.set_difference(pl.col(others).fill_null(none))
    return left.list.sort().list.join(",")


def _shared() -> pl.Expr:
    return pl.col("reasons").list.set_intersection("reasons_now").list.sort().list.join(",")


def _shown(names: list[str], *runs: Finished) -> list[dict[str, str]]:
    """Rows with the beginning of their texts, from the run that has them."""
    from transforms.texts import prompt_texts, response_texts

    texts: dict[str, str] = {}
    for run in runs:
        places = run.find([name for name in names if name not in texts])
        rows = run.rows(list(places.values()), ("row_id", "prompt", "responses"))
        if rows.height:
            sides, counts = response_texts(rows)
            first = sides[(counts.cumsum() - counts).tolist()]
            for name, asked, said in zip(rows["row_id"], prompt_texts(rows), first, strict=True):
                texts[name] = " ".join(f"{asked} → {said}"[: 4 * _LONG].split())[:_LONG]
    return [{"row_id": name, "text": texts.get(name, "")} for name in names]


def words(
    found: Compared,
    changes: list[dict[str, Any]],
    first: str,
    second: str,
    settings: dict[str, list[Any]] | None = None,
) -> str:
    """The comparison as lines for a terminal."""
    from pipelines.report.texts import visible

    rows = found.rows
    lines = [
        f"{rows['common']:,} rows are in both, {rows['first_only']:,} in {first} alone, "
        f"{rows['second_only']:,} in {second} alone",
        f"{found.same:,} of those in both have the same fate; {found.moved:,} of these are in another split",
    ]
    if rows["common"] < max(rows["first_only"], rows["second_only"]):
        lines.append("note: rows are compared by their names, which are made of source, file and line")
    if settings:
        lines.append("settings that differ: " + "; ".join(f"{key} {_set(*both)}" for key, both in settings.items()))
        lines += [f"note: {why}" for key, why in _UNSEEN.items() if any(name.startswith(key) for name in settings)]
    for one in changes[:TOLD]:
        lines += ["", f"{one['rows']:,}  {one['before']} → {one['after']}{_why(one)}"]
        lines += [f"    {example['row_id']}   {example['text']}".rstrip() for example in one["examples"]]
    if len(changes) > TOLD:
        left = sum(one["rows"] for one in changes[TOLD:])
        lines += ["", f"{len(changes) - TOLD:,} more changes, of {left:,} rows; --json has all"]
    return visible("\n".join(lines))


def _set(before: Any, after: Any) -> str:
    said = [orjson.dumps(value).decode() if not isinstance(value, str) else value for value in (before, after)]
    return " → ".join(text if len(text) <= _LONG else f"{text[: _LONG - 1]}…" for text in said)


def _why(one: dict[str, Any]) -> str:
    parts = [f"+{reason}" for reason in one["come"]] + [f"-{reason}" for reason in one["gone"]] + one["stay"]
    return f"   {' '.join(parts)}" if parts else ""
