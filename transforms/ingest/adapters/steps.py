"""Stepwise rows: a response cut into steps, and what was said of each step."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.ingest.canonical import judgement, judgements, normalise, scale_of
from transforms.ingest.dialogue import response_turn
from transforms.ingest.listed import Places
from transforms.lists import of_counts, side_by_side

#: Marks a place in a text while it is cut: no text holds these controls in this order.
_HERE = "\x1e\x1f"
#: The dimension of what is said of steps.
CORRECTNESS = "correctness"


def step_rows(
    steps: pl.Series, items: Places, values: pl.Series, scale: tuple[float, float], **fields: pl.Series
) -> pl.DataFrame:
    """Steps, the response that they make up, and a judgement for each step that was judged.

    Args:
        steps: a list of texts a row.
        items: the places of their steps.
        values: of each step, on the scale; null where nobody judged it.
        scale: minimum and maximum, higher is better.
        fields: more of the judgements, one value a step: rater, timestamp.
    """
    frame = pl.DataFrame({"value": values, "step": items.places, **fields})
    more = {name: pl.col(name) for name in fields}
    made = judgement(pl.col("value"), dimension=CORRECTNESS, step=pl.col("step"),
                     normalised=normalise(pl.col("value"), *scale), **more)  # fmt: skip
    each = judgements(frame, [made])
    counts = items.lists(each.list.len()).list.sum().fill_null(0).to_numpy()
    return pl.DataFrame(
        {
            "responses": side_by_side([response_turn(steps.list.join("\n"))]),
            "steps": steps,
            "judgements": of_counts(each.explode(empty_as_null=False, keep_nulls=False), counts),
            "scales": scale_of(len(steps), [(CORRECTNESS, *scale, True)]),
        }
    ).with_columns(kind=pl.lit("stepwise"))


def until_first_wrong(items: Places, first_wrong: pl.Series) -> pl.Series:
    """How right each step is where the first wrong one is known: 1 before it, 0 there, null behind it.

    Args:
        items: the places of all rows' steps.
        first_wrong: 0-based place of each row's first wrong step; the number of its steps where none is wrong; null
            where nobody judged.
    """
    at = pl.DataFrame({"at": first_wrong.gather(items.owners), "place": items.places})
    before, there = pl.col("place") < pl.col("at"), pl.col("place") == pl.col("at")
    return at.select(value=pl.when(before).then(1.0).when(there).then(0.0))["value"]


def cut(texts: pl.Series, mark: str) -> tuple[pl.Series, pl.DataFrame]:
    """Texts of a question and steps, with a mark after each step, as questions and steps.

    The first step begins with `Step 1:`, or else after the last question mark before its mark. A mark that stands
    before `Step 1:` is the question's and no step's.

    Args:
        texts: null counts as empty.
        mark: what ends a step.

    Returns:
        The questions, null where there is no telling where the steps begin; and one line a step, in order: `row`,
        `text`, `nth` (0-based place of its mark among the text's), `offset` (characters before its mark, each earlier
        mark counted as one), both null for a step without a mark.
    """
    parts = texts.fill_null("").str.split(mark).to_frame("text").with_row_index("row")
    flat = parts.explode("text").with_columns(nth=pl.int_range(pl.len()).over("row"), parts=pl.len().over("row"))
    flat = flat.with_columns(offset=pl.col("text").str.len_chars().cast(pl.Int64).cum_sum().over("row") + pl.col("nth"))
    opened = flat.filter(pl.col("nth") < 2).group_by("row", maintain_order=True).agg(
        first=pl.col("text").first(),
        late=(pl.col("text").str.contains(r"(?i)^\s*step 1:") & (pl.col("nth") == 1)).any(),
    )  # fmt: skip
    # A regular expression that begins with anything is slow, so what it would match is marked and split.
    at_one = pl.col("first").str.replace(r"(?i)\bstep 1:", f"{_HERE}$0").str.splitn(_HERE, 2).struct
    step = at_one.field("field_1")
    unclear = pl.when(step.is_null() & ~pl.col("late")).then("first")
    before = pl.when(step.is_not_null()).then(at_one.field("field_0")).when("late").then("first")
    asked = before.otherwise(unclear.str.extract(r"(?s)^(.*\?)", 1))
    begun = pl.coalesce(step, unclear.str.extract(r"(?s)^.*\?(.*)$", 1))
    opened = opened.select("row", question=asked.str.strip_chars(), begun=begun)
    last = pl.col("nth") == pl.col("parts") - 1
    steps = (
        flat.join(opened.select("row", "begun"), on="row", how="left", maintain_order="left")
        .with_columns(text=pl.when(pl.col("nth") == 0).then("begun").otherwise("text").str.strip_chars())
        # Behind the last mark there is mostly nothing.
        .filter(pl.col("text").is_not_null() & ~(last & (pl.col("text") == "")))
        .with_columns(pl.when(~last).then(name).alias(name) for name in ("nth", "offset"))
    )
    return opened["question"], steps.select("row", "text", "nth", "offset")


def counted(steps: pl.DataFrame, rows: int) -> Places:
    """The places of `cut`'s steps in their rows."""
    counts = np.bincount(steps["row"].to_numpy(), minlength=rows)
    return Places(counts)
