"""PRM800K: solutions of mathematical problems, each step rated by a labeler.

    {"labeler": "340d89bc…", "timestamp": "2023-01-22T04:34:27", "generation": 9, "question": {"problem": "…",
     "ground_truth_solution": "…", "ground_truth_answer": "40", "pre_generated_steps": ["…"], …},
     "label": {"steps": [{"completions": [{"text": "…", "rating": -1, "flagged": null}, …], "human_completion": null,
     "chosen_completion": 0}, …], "total_time": 278270, "finish_reason": "found_error"}}

A rating is 1 (good), 0 (no progress) or -1 (wrong). The row has the steps that were gone on with, a labeler's own
counted as good, and where none was (the end of phase 2's traces) the one that the model wrote. The other steps are in
the metadata; with `options: {alternatives: true}` each is the end of one more row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from pydantic import Field

from transforms.ingest.adapters.base import Adapter, Options, Switches, rest, without
from transforms.ingest.adapters.steps import step_rows
from transforms.ingest.dialogue import prompt_turns
from transforms.ingest.listed import Places
from transforms.ingest.records import Records
from transforms.ingest.values import described
from transforms.lists import side_by_side

_RATINGS = (1, 0, -1, None)
_Step = tuple[str, int | None]


class Alternatives(Switches):
    """What becomes of steps that were not gone on with."""

    alternatives: bool = Field(False, description="A row for each of them, with the steps before it.")


class _Unusable(ValueError):
    """A label that is not as published: a dead letter's code and its words."""


def _step(completion: Any) -> _Step:
    text, rating = (completion.get("text"), completion.get("rating")) if isinstance(completion, dict) else (None, None)
    if not isinstance(text, str):
        raise _Unusable("wrong_type", f"a completion is {described(completion)}, not an object with a text")
    if isinstance(rating, bool) or rating not in _RATINGS:
        raise _Unusable("unknown_label", f"a rating is {rating!r}; allowed are 1, 0, -1 and null")
    return text, rating


def _traces(steps: Any, alternatives: bool) -> list[list[_Step]]:
    """The trace that was gone on with, and one for each step that was not; raises _Unusable."""
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise _Unusable("wrong_type", f"field 'label.steps' is {described(steps)}; a list of objects is expected")
    trace: list[_Step] = []
    others: list[list[_Step]] = []
    for step in steps:
        chosen, human = step.get("chosen_completion"), step.get("human_completion")
        rated = [_step(completion) for completion in step.get("completions") or []]
        if chosen is None and human is not None:
            text = human.get("text") if isinstance(human, dict) else human
            rated, chosen = [_step({"text": text, "rating": 1}), *rated], 0
        if not rated:
            break
        place = chosen if isinstance(chosen, int) and chosen in range(len(rated)) else 0
        others += [[*trace, other] for other in rated[:place] + rated[place + 1 :]]
        trace.append(rated[place])
    return [trace, *others] if alternatives else [trace]


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One stepwise row a record, or more with alternatives."""
    alternatives = Alternatives.model_validate(options).alternatives
    found: list[list[_Step]] = []
    owners: list[int] = []
    for index, value in enumerate(records.values("label.steps")):
        traces: list[list[_Step]] = [[]]
        try:
            if value is None:
                raise _Unusable("missing_field", "field 'label.steps' is missing or null")
            traces = _traces(value, alternatives)
        except _Unusable as error:
            records.problem(index, *error.args)
        found += traces
        owners += [index] * len(traces)
    items = Places(np.array([len(trace) for trace in found], np.int64))
    flat = [step for trace in found for step in trace]
    owner = pl.Series(owners, dtype=pl.Int64)
    labeler, time = (records.column(name, pl.String, required=False) for name in ("labeler", "timestamp"))
    each = owner[items.owners]
    texts = pl.Series([text for text, _ in flat], dtype=pl.String)
    ratings = pl.Series([rating for _, rating in flat], dtype=pl.Float64)
    solution = records.column("question.ground_truth_solution", pl.String, required=False)
    left = rest(records, ("labeler", "timestamp"), {"question": without("problem", "ground_truth_solution")})
    made = step_rows(items.lists(texts), items, ratings, (-1.0, 1.0), rater=labeler[each], timestamp=time[each])
    return made.with_columns(
        owner.alias("record"),
        prompt_turns(records.column("question.problem", pl.String))[owner].alias("prompt"),
        side_by_side([solution], [solution.is_not_null()])[owner].alias("references"),
        time[owner].alias("timestamp"),
        left[owner].alias("metadata"),
    )


def _example(generation: int | None, chosen: int | None, **question: Any) -> dict[str, Any]:
    completions = [{"text": "1 + 1 = 3.", "rating": -1, "flagged": False}, {"text": "1 + 1 = 2.", "rating": 1}]
    step = {"completions": completions, "human_completion": None, "chosen_completion": chosen}
    return {"labeler": "340d89bc", "timestamp": "2023-01-22T04:34:27", "generation": generation,
            "is_quality_control_question": False, "is_initial_screening_question": False,
            "question": {"problem": "What is 1 + 1?", "ground_truth_answer": "2", **question},
            "label": {"steps": [step], "total_time": 278270, "finish_reason": "found_error"}}  # fmt: skip


ADAPTER = Adapter(
    name="prm800k",
    kinds=("stepwise",),
    about="PRM800K (openai/prm800k), both phases: solutions of MATH problems whose steps people rated.",
    keeps="ratings, labelers, times, the true solution as reference; all completions and flags as metadata",
    unknown="which model wrote which step",
    fields=("labeler", "question", "label"),
    rows=rows,
    example=_example(9, None, ground_truth_solution="It is 2.", pre_generated_steps=["1 + 1 = 3."]),
    variants=(_example(None, 1),),
    options=Alternatives,
)
