r"""Math-Shepherd: solutions in steps, each labelled by whether it can lead to the right answer.

    {"input": "Janet has 3 … how many? Step 1: She has 3. ки\nStep 2: … The answer is: 4 ки",
     "label": "Janet has 3 … how many? Step 1: She has 3. +\nStep 2: … The answer is: 4 -", "task": "GSM8K"}

`ки` ends each step; in its place the label has + or -.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.steps import counted, cut, step_rows
from transforms.ingest.dialogue import prompt_turns
from transforms.ingest.records import Records

MARK = "ки"


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One stepwise row a record."""
    label = records.column("label", pl.String)
    question, steps = cut(records.column("input", pl.String), MARK)
    records.reject(question.is_null(), "no_steps", "'input' does not say where the steps begin ('Step 1:')")
    items = counted(steps, len(records))
    said = steps.with_columns(label=label[items.owners]).select(
        at=pl.col("label").str.slice(pl.col("offset"), 1), marked=pl.col("nth").is_not_null()
    )
    strange = items.lists(said["marked"] & ~said["at"].is_in(["+", "-"]).fill_null(False)).list.any()
    records.reject(strange, "unknown_label", f"'label' does not have + or - where 'input' has {MARK!r}")
    right = said["at"].replace_strict({"+": 1.0, "-": 0.0}, default=None, return_dtype=pl.Float64)
    return step_rows(items.lists(steps["text"]), items, right, (0.0, 1.0)).with_columns(
        prompt_turns(question).alias("prompt"), rest(records, ("input", "label"))
    )


ADAPTER = Adapter(
    name="math_shepherd",
    kinds=("stepwise",),
    about="Math-Shepherd (peiyi9979/Math-Shepherd): solutions whose steps are labelled automatically.",
    keeps="each step's label; the task as metadata",
    unknown="which model wrote the solution, what the right answer is",
    fields=("input", "label", "task"),
    rows=rows,
    example={"input": f"What is 1 + 1? Step 1: It is 2. {MARK}\nStep 2: The answer is: 3 {MARK}",
             "label": "What is 1 + 1? Step 1: It is 2. +\nStep 2: The answer is: 3 -", "task": "GSM8K"},
)  # fmt: skip
