"""BIG-Bench Mistake: chains of thought with the place of the first logical mistake.

    {"input": "[ { [", "target": "] } ]", "answer": "] ] ]", "steps": ["We take …", …], "mistake_index": 12}

`mistake_index` is 0 for the first step, and null where there is no mistake. Steps before the mistake are right, it is
wrong, and of those after it nobody said anything.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import texts
from transforms.ingest.adapters.steps import step_rows, until_first_wrong
from transforms.ingest.dialogue import prompt_turns
from transforms.ingest.listed import Places
from transforms.ingest.records import Records
from transforms.lists import side_by_side


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One stepwise row a trace, with a judgement for each step up to the first mistake."""
    steps = texts(records, "steps")
    count = steps.list.len().cast(pl.Int64)
    mistake = records.column("mistake_index", pl.Int64, required=False)
    off = ~mistake.is_between(0, count - 1)
    records.reject(off, "no_such_step", "'mistake_index' is no place in 'steps' (0 is the first)")
    items = Places(count.to_numpy())
    right = until_first_wrong(items, mistake.zip_with(mistake.is_not_null(), count))
    target = records.column("target", pl.String, required=False)
    return step_rows(steps, items, right, (0.0, 1.0)).with_columns(
        prompt_turns(records.column("input", pl.String)).alias("prompt"),
        side_by_side([target], [target.is_not_null()]).alias("references"),
        rest(records, ("input", "steps", "target", "mistake_index")),
    )


ADAPTER = Adapter(
    name="bigbench_mistake",
    kinds=("stepwise",),
    about="BIG-Bench Mistake (WHGTyen/BIG-Bench-Mistake): chains of thought with the first wrong step.",
    keeps="each step up to the first mistake, the right answer as reference; the answer given as metadata",
    unknown="who annotated; whether steps after the first mistake are right; the task (the file's name says it)",
    fields=("input", "steps", "target", "answer", "mistake_index"),
    rows=rows,
    example={"input": "1 + 1 + 1", "target": "3", "answer": "4", "steps": ["1 + 1 = 2.", "2 + 1 = 4.", "So 4."],
             "mistake_index": 1},
)  # fmt: skip
