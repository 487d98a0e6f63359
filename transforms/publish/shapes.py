"""Published shapes: the one place where a label becomes chosen and rejected.

A shape is a function from kept rows to a frame, and what it can and cannot say. Inside, values speak of `responses[0]`;
here the winner is the side with soft_label > 0.5, and published soft labels are 0.5 or more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from schemas.arrow import DIALOGUE
from schemas.published import COLUMNS
from transforms.lists import of_counts, side_by_side
from transforms.texts import plain

#: What a row is called in every shape.
_NAMED = ("id", "source")
#: Message fields that are published only where the dataset has them.
OPTIONAL_FIELDS = ("name", "tool_calls", "tool_call_id", "reasoning", "images")
#: Actions after which a row is in the dataset.
KEPT = ("keep", "flip", "soften")
#: What COMET would read as a missing text, and then as the word "nan": pandas, which reads its CSV, takes these so.
_MISSING = (
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
#: The range of MetricX labels; lower is better.
METRICX_WORST = 25.0


@dataclass(frozen=True)
class Facts:
    """What must be the same on every row of a configuration, and so is found out before any is written.

    Attributes:
        message_fields: optional message fields that occur in the dataset.
        tools: whether any row has tools.
        margins: whether every kept pair has a margin: trainers take it on all rows or on none.
        dimension: the dimension of single-score shapes; the mean of all when None.
    """

    message_fields: tuple[str, ...] = ()
    tools: bool = False
    margins: bool = False
    dimension: str | None = None


@dataclass(frozen=True)
class ShapeKind:
    """A published shape.

    Attributes:
        name: of the dataset configuration.
        kinds: kinds of rows it takes.
        ties: whether it can say that two responses are equally good.
        weights: whether its trainers read a weight.
        about: who reads it.
        build: from kept rows and the dataset's facts to the published frame.
        columns: what it publishes, with a line on each.
        needs: a column of `transforms.decide.labels.LABELS` that must hold for a row to be in it.
    """

    name: str
    kinds: tuple[str, ...]
    ties: bool
    weights: bool
    about: str
    build: Callable[[pl.DataFrame, Facts], pl.DataFrame]
    columns: dict[str, str]
    needs: str = "judged"


def messages(dialogue: pl.Expr, facts: Facts) -> pl.Expr:
    """Dialogues with role and content, and the optional fields that the dataset has, as chat templates read them."""
    return dialogue.list.eval(_message(facts))


def _message(facts: Facts) -> pl.Expr:
    field = pl.element().struct.field
    out = {"role": field("role"), "content": field("content").fill_null("")}
    for name in facts.message_fields:
        out[name] = _calls(field(name)) if name == "tool_calls" else field(name)
    return pl.struct(value.alias(name) for name, value in out.items())


def _calls(calls: pl.Expr) -> pl.Expr:
    """Tool calls in the layout that chat templates know: {id, type, function: {name, arguments}}."""
    field = pl.element().struct.field
    function = pl.struct(name=field("name"), arguments=field("arguments"))
    return calls.list.eval(pl.struct(id=field("id"), type=pl.lit("function"), function=function))


def join_dialogues(first: pl.Series, second: pl.Series) -> pl.Series:
    """Two dialogues of each row end to end."""
    frame = pl.DataFrame({"a": first, "b": second}).with_row_index("row")
    flat = pl.concat(
        [
            frame.select("row", side=pl.lit(i), m=pl.col(name)).explode("m", empty_as_null=False, keep_nulls=False)
            for i, name in enumerate("ab")
        ]
    )
    counts = frame.select(pl.col("a").list.len() + pl.col("b").list.len()).to_series()
    ordered = flat.with_row_index("place").sort("row", "side", "place")
    return of_counts(ordered["m"], counts.to_numpy()).cast(DIALOGUE)


def _side(winner: bool) -> pl.Expr:
    """The winning (losing) response; the first (second) of a tie."""
    first = pl.col("soft_label") >= 0.5
    return pl.col("responses").list.get(pl.when(first if winner else ~first).then(0).otherwise(1))


def _tools(facts: Facts) -> list[pl.Expr]:
    return [pl.col("tools")] if facts.tools else []


def _preference(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    return rows.select(
        *_NAMED,
        prompt=messages(pl.col("prompt"), facts),
        chosen=messages(_side(True), facts),
        rejected=messages(_side(False), facts),
    ).hstack(rows.select(_tools(facts)))


def _preference_full(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    sides = rows.select(_side(True).alias("chosen"), _side(False).alias("rejected"))
    whole = [join_dialogues(rows["prompt"], sides[name]).alias(name) for name in ("chosen", "rejected")]
    return (
        rows.select(*_NAMED, *_tools(facts)).hstack(whole)
        .select(*_NAMED, messages(pl.col("chosen"), facts), messages(pl.col("rejected"), facts), *_tools(facts))
    )  # fmt: skip


def _preference_soft(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    soft = pl.col("soft_label")
    said = rows.select(
        soft_label=pl.when(soft < 0.5).then(1 - soft).otherwise(soft).round(5),
        **{"margin": pl.col("margin")} if facts.margins else {},
        weight="weight",
    )
    return _preference(rows, facts).hstack(said)


def _kto(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    sides = [
        rows.with_row_index("row").select(
            "row",
            *_NAMED,
            *_tools(facts),
            prompt=messages(pl.col("prompt"), facts),
            completion=messages(_side(wins), facts),
            label=pl.lit(wins),
        )
        for wins in (True, False)
    ]
    return pl.concat(sides).sort("row", "label", descending=[False, True]).drop("row")


def _listwise(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    scored = _scores(rows, facts).group_by("row", "response").agg(score=pl.col("normalised").mean().round(5))
    listed = (
        rows.select(n=pl.col("responses").list.len()).with_row_index("row")
        .with_columns(response=pl.int_ranges(pl.col("n"), dtype=pl.Int64)).explode("response")
        .join(scored, on=["row", "response"], how="left", maintain_order="left")
        .group_by("row", maintain_order=True).agg("score")
    )  # fmt: skip
    each = pl.col("responses").list.eval(pl.element().list.eval(_message(facts)))
    return rows.select(*_NAMED, prompt=messages(pl.col("prompt"), facts), responses=each).with_columns(
        scores=listed["score"]
    )


def _scores(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """One line for each row, response and dimension: mean value, mean normalised value, raters."""
    alone = pl.col("responses").list.len() == 1
    flat = (
        rows.select("judgements", alone=alone).with_row_index("row")
        .explode("judgements", empty_as_null=False, keep_nulls=False).unnest("judgements")
        # A judgement need not say which response it speaks of where there is only one.
        .with_columns(response=pl.when("alone").then(0).otherwise("response"))
    )  # fmt: skip
    if facts.dimension is not None:
        flat = flat.filter(pl.col("dimension") == facts.dimension)
    count = pl.col("count")
    placed = count.filter(pl.col("normalised").is_not_null()).sum()
    return flat.group_by("row", "response", "dimension", maintain_order=True).agg(
        score=((pl.col("value") * count).sum() / count.sum()).round(5),
        # The sum of nothing is 0, which is not what a value without a scale says.
        normalised=pl.when(placed > 0).then((pl.col("normalised") * count).sum() / placed).round(5),
        raters=count.sum(),
    )


def _ratings(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    scores = _scores(rows, Facts()).sort("row", "dimension").drop("response")
    scales = (
        rows.select("scales").with_row_index("row")
        .explode("scales", empty_as_null=False, keep_nulls=False).unnest("scales").unique(["row", "dimension"])
    )  # fmt: skip
    texts = rows.with_row_index("row").select(
        "row",
        *_NAMED,
        prompt=messages(pl.col("prompt"), facts),
        response=messages(pl.col("responses").list.first(), facts),
        references=pl.col("references"),
    )
    whole = scores.join(texts, on="row", how="left", maintain_order="left")
    whole = whole.join(scales, on=["row", "dimension"], how="left", maintain_order="left")
    return whole.select(
        *_NAMED, "prompt", "response", "references", "dimension", "score", "normalised", "raters", "minimum", "maximum",
        "higher_is_better",
    )  # fmt: skip


def _one_score(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Source, translation, first reference and one normalised score for each row that has one."""
    scores = _scores(rows, facts).group_by("row", maintain_order=True).agg(pl.col("normalised").mean().round(5))
    texts = rows.with_row_index("row").select(
        "row",
        *_NAMED,
        source_text=pl.col("prompt").list.last().struct.field("content").fill_null(""),
        response=plain(pl.col("responses").list.first()),
        reference=pl.col("references").list.first(),
    )
    return texts.join(scores, on="row", how="inner", maintain_order="left").filter(pl.col("normalised").is_not_null())


def _comet(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    texts = {"src": pl.col("source_text"), "mt": pl.col("response"), "ref": pl.col("reference").fill_null("")}
    # A space behind them, which its tokenizers leave out, makes them texts.
    read = {name: pl.when(text.is_in(_MISSING)).then(text + " ").otherwise(text) for name, text in texts.items()}
    return _one_score(rows, facts).select(*_NAMED, **read, score="normalised")


def _metricx(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    label = (METRICX_WORST * (1 - pl.col("normalised"))).round(5)
    reference = pl.col("reference").fill_null("")
    return _one_score(rows, facts).rename({"source": "from"}).select(
        "id", pl.col("source_text").alias("source"), hypothesis="response", reference=reference, label=label
    )  # fmt: skip


def _stepwise(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    # A step is right when more than half of its raters say so, whether "wrong" is 0 or -1.
    value, count = pl.coalesce("normalised", "value"), pl.col("count")
    flat = (
        rows.select("judgements").with_row_index("row")
        .explode("judgements", empty_as_null=False, keep_nulls=False).unnest("judgements")
        .filter(pl.col("step").is_not_null())
        .group_by("row", "step").agg(value=(value * count).sum() / count.sum()).sort("row", "step")
        .group_by("row", maintain_order=True).agg(labels=pl.col("value") > 0.5, last=pl.col("step").max())
    )  # fmt: skip
    texts = rows.with_row_index("row").select("row", *_NAMED, prompt=plain(pl.col("prompt")), completions="steps")
    # Steps after the last one that was judged have no label, so they are not published.
    return (
        texts.join(flat, on="row", how="inner", maintain_order="left")
        .with_columns(completions=pl.col("completions").list.head(pl.col("last") + 1))
        .filter(pl.col("completions").list.len() == pl.col("labels").list.len())
        .select(*_NAMED, "prompt", "completions", "labels")
    )


def _columns(name: str) -> dict[str, str]:
    return {column: made.meaning for column, made in COLUMNS[name].items()}


SHAPES: tuple[ShapeKind, ...] = (
    ShapeKind(
        name="preference",
        kinds=("pair",),
        ties=False,
        weights=False,
        about="TRL RewardTrainer and DPOTrainer, OpenRLHF, LLaMA-Factory, Axolotl",
        build=_preference,
        columns=_columns("preference"),
    ),
    ShapeKind(
        name="preference_full",
        kinds=("pair",),
        ties=False,
        weights=False,
        about="RewardBench: whole conversations on both sides",
        build=_preference_full,
        columns=_columns("preference_full"),
    ),
    ShapeKind(
        name="preference_soft",
        kinds=("pair",),
        ties=True,
        weights=True,
        about="trainers that read soft labels, margins or weights",
        build=_preference_soft,
        columns=_columns("preference_soft"),
    ),
    ShapeKind(
        name="listwise",
        kinds=("ranking",),
        ties=True,
        weights=False,
        about="listwise and best-of-n training",
        build=_listwise,
        needs="scored",
        columns=_columns("listwise"),
    ),
    ShapeKind(
        name="kto",
        kinds=("pair",),
        ties=False,
        weights=False,
        about="TRL KTOTrainer: one line a response",
        build=_kto,
        columns=_columns("kto"),
    ),
    ShapeKind(
        name="ratings",
        kinds=("rating",),
        ties=True,
        weights=False,
        about="metric and regression training: one line a row and dimension",
        build=_ratings,
        columns=_columns("ratings"),
    ),
    ShapeKind(
        name="comet",
        kinds=("rating",),
        ties=True,
        weights=False,
        about="COMET",
        build=_comet,
        needs="scored",
        columns=_columns("comet"),
    ),
    ShapeKind(
        name="metricx",
        kinds=("rating",),
        ties=True,
        weights=False,
        about="MetricX",
        build=_metricx,
        needs="scored",
        columns=_columns("metricx"),
    ),
    ShapeKind(
        name="stepwise",
        kinds=("stepwise",),
        ties=True,
        weights=False,
        about="process reward models, in the layout of TRL's PRMTrainer",
        build=_stepwise,
        needs="stepped",
        columns=_columns("stepwise"),
    ),
)

#: Shapes that are written when the configuration leaves the choice to the kinds of rows.
AUTO = {
    "pair": ("preference", "preference_soft"),
    "rating": ("ratings",),
    "ranking": ("listwise",),
    "stepwise": ("stepwise",),
}


def shape(name: str) -> ShapeKind:
    """The shape of this name."""
    return next(known for known in SHAPES if known.name == name)


def resolve(configurations: Sequence[str] | str, kinds: Sequence[str]) -> list[str]:
    """The configurations to write: those named, or those that the kinds of rows allow."""
    if not isinstance(configurations, str):
        return list(configurations)
    return [name for kind, names in AUTO.items() if kind in kinds for name in names]


def published_in(rows: pl.DataFrame, configurations: Sequence[str]) -> pl.Series:
    """The configurations that each row goes into, as a list; empty where it is not kept.

    Args:
        rows: kind, action and what is concluded from its judgements.
        configurations: shapes to be written.
    """
    tie = (pl.col("kind") == "pair") & pl.col("label").is_null()
    goes = {
        known.name: pl.col("action").is_in(KEPT)
        & pl.col("kind").is_in(known.kinds)
        & (known.ties | ~tie)
        & pl.col(known.needs)
        for known in map(shape, configurations)
    }
    if not goes:
        return pl.Series("published_in", [[]], dtype=pl.List(pl.String)).new_from_index(0, rows.height)
    present = rows.select(**goes)
    names = [pl.Series([name]).new_from_index(0, rows.height) for name in goes]
    return side_by_side(names, present.get_columns()).alias("published_in")
