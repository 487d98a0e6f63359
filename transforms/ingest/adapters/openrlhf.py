r"""OpenRLHF's data: preferences with scores, single responses that are good or bad, and steps with rewards.

    {"chosen": [messages], "rejected": [messages], "chosen_score": 4.5, "rejected_score": 2.0, "margin": 2.5}
    {"instruction": "…", "response": "…", "score": 1}                             (KTO: 1 is desirable, 0 is not)
    {"input": "What is 1 + 1? Step 1: It is 2. ки\nStep 2: … ки", "value": ["+", "-"]}              (process rewards)

Preferences without scores are read as `trl`. A step ends with `ки`, or with what `options: {placeholder: …}` says; its
value is + or -, or a number from 0 to 1.
"""

from __future__ import annotations

import polars as pl
from pydantic import Field

from transforms.ingest.adapters.base import Adapter, Options, Switches, fits_one, nearest, rest
from transforms.ingest.adapters.parts import chosen_rejected
from transforms.ingest.adapters.single import desirable
from transforms.ingest.adapters.steps import counted, cut, step_rows
from transforms.ingest.canonical import judgement, judgements, outside
from transforms.ingest.dialogue import dialogues, prompt_turns
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_LAYOUTS = {"scored": ("chosen", "rejected", "chosen_score", "rejected_score"),
            "single": ("instruction", "response", "score"), "process": ("input", "value")}  # fmt: skip
_SIGNS = {"+": 1.0, "-": 0.0}


class Placeholder(Switches):
    """What ends a step."""

    placeholder: str = Field("ки", min_length=1, description="What ends a step in the layout with process rewards.")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """A pair (chosen first), a rating, or a stepwise row a record."""
    said = Placeholder.model_validate(options)
    return {"scored": _scored, "single": _single, "process": _process}[nearest(records, _LAYOUTS)](records, said)


def _scored(records: Records, said: Placeholder) -> pl.DataFrame:
    better, worse, margin = (
        records.column(name, pl.Float64, required=False) for name in ("chosen_score", "rejected_score", "margin")
    )
    # Whatever the scores say, the authors chose this side.
    strength = pl.select(s=pl.coalesce(margin, better - worse).clip(0))
    return pl.DataFrame(
        {
            **chosen_rejected(records),
            "judgements": judgements(strength, [judgement(pl.repeat(1.0, pl.len()), strength=pl.col("s"))]),
            "metadata": rest(records, ("prompt", "chosen", "rejected")),
        }
    ).with_columns(kind=pl.lit("pair"))


def _single(records: Records, said: Placeholder) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "prompt": prompt_turns(records.column("instruction", pl.String)),
            "responses": side_by_side([dialogues(records, "response", role="assistant")]),
            **desirable(records, "score"),
            "metadata": rest(records, ("instruction", "response", "score")),
        }
    )


def _process(records: Records, said: Placeholder) -> pl.DataFrame:
    question, steps = cut(records.column("input", pl.String), said.placeholder)
    records.reject(question.is_null(), "no_steps", "'input' does not say where the steps begin ('Step 1:')")
    items = counted(steps, len(records))
    if any(isinstance(one, str) for value in records.values("value") if isinstance(value, list) for one in value):
        signs = records.column("value", pl.List(pl.String))
        strange = signs.list.eval(~pl.element().is_in(list(_SIGNS)).fill_null(False)).list.any()
        records.reject(strange, "unknown_label", "'value' holds something else than + and -")
        values = signs.list.eval(pl.element().replace_strict(_SIGNS, default=None, return_dtype=pl.Float64))
    else:
        values = records.column("value", pl.List(pl.Float64))
        off = outside(values.list.min(), 0, 1) | outside(values.list.max(), 0, 1)
        records.reject(off, "value_out_of_range", "'value' is not in [0, 1]")
    marks = items.lists(steps["nth"].is_not_null()).list.sum()
    records.reject(values.list.len() != marks, "wrong_type", f"'value' does not hold one for each {said.placeholder!r}")
    each = pl.DataFrame({"v": values[items.owners], "nth": steps["nth"]})
    made = each.select(pl.col("v").list.get(pl.col("nth"), null_on_oob=True))["v"]
    return step_rows(items.lists(steps["text"]), items, made, (0.0, 1.0)).with_columns(
        prompt_turns(question).alias("prompt"), rest(records, ("input", "value"))
    )


ADAPTER = Adapter(
    name="openrlhf",
    kinds=("pair", "rating", "stepwise"),
    about="OpenRLHF's layouts: preferences with scores, unpaired responses for KTO, process rewards.",
    keeps="all turns, the scores' gap or the margin as strength, each step's value; the rest as metadata",
    unknown="who judged, which model wrote what",
    fields=(),
    rows=rows,
    fits=lambda records: fits_one(_LAYOUTS)(records) and not records.has("label"),
    generic=True,
    example={"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi."}],
             "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No."}],
             "chosen_score": 4.5, "rejected_score": 2.0},
    variants=({"instruction": "Say hi.", "response": "Hi.", "score": 1},
              {"input": "What is 1 + 1? Step 1: It is 2. ки\nStep 2: So 3. ки", "value": ["+", "-"]}),
    options=Placeholder,
)  # fmt: skip
