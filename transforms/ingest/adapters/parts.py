"""What several formats have in common: labels, strengths, ranks, times, and records with a better and a worse side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from schemas.arrow import DIALOGUE, SCALE
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.dialogue import dialogues, prompt_turns, response_turn, split_prompt
from transforms.ingest.listed import Places
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_LATEST = 253_402_300_799  # the end of the year 9999


def choice(
    records: Records, name: str, known: Mapping[str, float] | Mapping[int, float], *, required: bool = True
) -> pl.Series:
    """A field that names the better response, as preference for the first; another value makes a dead letter."""
    said = records.column(name, pl.String if isinstance(next(iter(known)), str) else pl.Int64, required=required)
    value = said.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Float64)
    allowed = ", ".join(map(repr, known))
    for index in (said.is_not_null() & value.is_null()).arg_true().to_list():
        records.problem(index, "unknown_label", f"{name!r} is {said[index]!r}; allowed are {allowed}")
    return value


def two_texts(records: Records, prompt: str, sides: Sequence[str]) -> dict[str, pl.Series]:
    """Prompt and responses of records that hold the three as texts; an empty prompt is no message."""
    return {
        "prompt": prompt_turns(records.column(prompt, pl.String)),
        "responses": side_by_side([response_turn(records.column(side, pl.String)) for side in sides]),
    }


def texts(records: Records, name: str) -> pl.Series:
    """A field that lists texts; a list with something else in it makes a dead letter."""
    lists = records.column(name, pl.List(pl.String))
    holes = lists.list.eval(pl.element().is_null()).list.any()
    records.reject(holes, "wrong_type", f"field {name!r} holds null where a text is expected")
    return lists.fill_null(pl.Series([[]], dtype=lists.dtype))


def as_responses(items: Places, content: pl.Series) -> pl.Series:
    """The texts of listed items as responses."""
    return items.lists(response_turn(content))


def generators(records: Records, names: Sequence[str]) -> pl.Series:
    """The fields that name each response's writer; null where none of them is named."""
    listed = side_by_side([records.column(name, pl.String, required=False) for name in names])
    return listed.to_frame("g").select(pl.when(pl.col("g").list.drop_nulls().list.len() > 0).then("g")).to_series()


def first_wins(rows: int) -> pl.Series:
    """For pairs whose better side comes first: one judgement a row that says so, by nobody in particular."""
    return judgements(pl.DataFrame({"value": pl.repeat(1.0, rows, eager=True)}), [judgement(pl.col("value"))])


def towards_first(gap: pl.Expr) -> pl.Expr:
    """A signed gap as a preference: 1 where it is positive, 0.5 where there is none, 0 where it is negative."""
    return pl.when(gap > 0).then(1.0).when(gap == 0).then(0.5).when(gap < 0).then(0.0)


def ranked(
    items: Places,
    rank: pl.Series,
    *,
    best: int = 1,
    worst: pl.Series | None = None,
    dimension: str = "overall",
    rater: pl.Series | str | None = None,
) -> dict[str, pl.Series]:
    """Ranks of listed items, lower is better, as the columns `judgements` and `scales`.

    Args:
        items: what was ranked.
        rank: of each item; null where it has none.
        best: the lowest rank there is.
        worst: the highest rank there is, for each record; that of the last item when absent.
        dimension: what was ranked for.
        rater: who ranked, for each record or all.
    """
    last = pl.Series(items.counts) + (best - 1) if worst is None else worst
    last = pl.select(pl.max_horizontal(last.cast(pl.Float64).fill_null(best), pl.lit(float(best)))).to_series()
    frame = pl.DataFrame({"rank": rank.cast(pl.Float64), "last": last[items.owners]})
    spread = pl.col("last") - best
    # A response alone, or one ranked beyond the end, which the rules reject.
    normalised = pl.when(spread > 0).then(((pl.col("last") - pl.col("rank")) / spread).clip(0, 1)).otherwise(1.0)
    made = judgement(
        pl.col("rank"),
        dimension=dimension,
        rater=pl.lit(rater[items.owners]) if isinstance(rater, pl.Series) else rater,
        normalised=normalised,
        response=pl.col("response"),
    )
    scale = pl.struct(
        dimension=pl.lit(dimension),
        minimum=pl.lit(float(best)),
        maximum=pl.max_horizontal(pl.lit(last), pl.lit(best + 1.0)),
        higher_is_better=pl.lit(False),
    )
    scales = side_by_side([pl.select(scale.cast(SCALE)).to_series()])
    return {"judgements": items.judgements(frame, [made]), "scales": scales}


def times(records: Records, name: str) -> pl.Series:
    """A field of times as texts: seconds since 1970 and dates of columnar files in ISO 8601, texts as they are."""
    column = records.frame[name] if records.frame is not None and name in records.frame.columns else None
    if column is not None and column.dtype.is_temporal():
        return column.cast(pl.Datetime("ms")).dt.to_string("iso:strict")
    if all(isinstance(value, str | None) for value in records.values(name)):
        return records.column(name, pl.String, required=False)
    seconds = records.column(name, pl.Float64, required=False)
    beyond = ~seconds.is_between(0, _LATEST)
    records.reject(beyond, "wrong_type", f"{name!r} is not a time in seconds since 1970")
    moments = pl.when(~beyond).then((seconds * 1000).round().cast(pl.Int64, strict=False)).cast(pl.Datetime("ms"))
    return pl.select(moments.dt.to_string("%Y-%m-%dT%H:%M:%S%.3fZ").alias(name)).to_series()


def chosen_rejected(
    records: Records,
    sides: Sequence[str] = ("chosen", "rejected"),
    prompt: str = "prompt",
    *,
    required: bool = False,
) -> dict[str, pl.Series]:
    """Prompt and responses of records with a better and a worse side, in this order.

    Args:
        records: the batch.
        sides: their fields: texts or lists of messages.
        prompt: its field. Without one the prompt is the longest run of messages that both sides start with, and so it
            is where both start with the prompt's first message: they are whole conversations.
        required: whether there must be such a field.
    """
    names = list(sides)
    frame = pl.DataFrame({name: dialogues(records, name, role="assistant") for name in names})
    if not required and not records.has(prompt):
        frame = frame.with_columns(prompt=pl.lit([], dtype=DIALOGUE))
        whole = pl.repeat(True, len(records), dtype=pl.Boolean, eager=True)
    else:
        frame = frame.with_columns(dialogues(records, prompt, role="user").alias("prompt"))
        texts_alone = any(records.texts_only(name) for name in names)
        whole = pl.Series([False]) if texts_alone else _whole(frame, names)
    if whole.any():
        head, rest = split_prompt(frame.select(names).get_columns())
        parts = {"prompt": head} | dict(zip(names, rest, strict=True))
        frame = (
            pl.DataFrame(parts)
            if whole.all()
            else frame.select(
                pl.when(whole).then(part).otherwise(pl.col(name)).alias(name) for name, part in parts.items()
            )
        )
    for name in names:
        records.reject(frame[name].list.len() == 0, "no_message", f"{name!r} holds no message of its own")
    return {"prompt": frame["prompt"], "responses": side_by_side([frame[name] for name in names])}


def _whole(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Whether all sides start with the prompt's first message."""
    first = frame.select(pl.col("prompt", *names).list.get(0, null_on_oob=True))
    return first.select(
        pl.all_horizontal(
            pl.col("prompt").struct.field(part) == pl.col(name).struct.field(part)
            for name in names
            for part in ("role", "content")
        ).fill_null(False)
    ).to_series()
