"""Axolotl's preference layouts beyond TRL's: DPO, reward models, KTO, and steps.

    {"system": "…", "question": "…", "chosen": "…", "rejected": "…"}              (chatml.intel; `input`: chatml.icr)
    {"system": "…", "instruction": "…", "chosen_response": "…", "rejected_response": "…"}          (chatml.argilla)
    {"system": "…", "prompt": "…", "chosen": "…", "rejected": "…"}               (chatml.prompt_pairs, chatml.ultra)
    {"messages": [messages], "chosen": {message}, "rejected": {message}}                    (chat_template.default)
    {"prompt": "…", "completion": "…", "label": true}                                (kto; also TRL's unpaired data)
    {"prompt": "…", "completions": ["…", "…"], "labels": [true, false]}  (stepwise_supervised; also TRL's PRM data)

`system` may be absent in the first two.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, nearest, rest
from transforms.ingest.adapters.parts import chosen_rejected, first_wins, texts
from transforms.ingest.adapters.single import desirable
from transforms.ingest.adapters.steps import step_rows
from transforms.ingest.dialogue import dialogues, with_system
from transforms.ingest.listed import Places
from transforms.ingest.records import Records
from transforms.lists import side_by_side

#: Fields of each layout, and fields that it does not have: what else has those is another format.
_LAYOUTS = {
    "steps": (("prompt", "completions", "labels"), ()),
    "kto": (("prompt", "completion", "label"), ("chosen", "rejected")),
    "messages": (("messages", "chosen", "rejected"), ("prompt",)),
    "argilla": (("instruction", "chosen_response", "rejected_response"), ("prompt",)),
    "intel": (("question", "chosen", "rejected"), ("prompt", "instruction", "messages")),
    "icr": (("input", "chosen", "rejected"), ("prompt", "instruction", "messages", "question")),
    "pairs": (("system", "prompt", "chosen", "rejected"), ()),
}


def layout(records: Records) -> str | None:
    """Which of the layouts the records have."""
    for name, (fields, others) in _LAYOUTS.items():
        if all(map(records.has, fields)) and not any(map(records.has, others)):
            return name
    return None


def rows(records: Records, options: Options) -> pl.DataFrame:
    """A pair (chosen first), a rating of a single response, or a stepwise row a record."""
    name = layout(records) or nearest(records, {known: fields for known, (fields, _) in _LAYOUTS.items()})
    system = records.column("system", pl.String, required=False)
    if name in ("steps", "kto"):
        made = _steps(records) if name == "steps" else _single(records)
    else:
        prompt, better, worse = _LAYOUTS[name][0][-3:]
        if not records.has(prompt):  # in a batch that is bad altogether
            records.column(prompt, pl.String)
        made = pl.DataFrame(
            {
                **chosen_rejected(records, (better, worse), prompt),
                "judgements": first_wins(len(records)),
                "metadata": rest(records, (prompt, better, worse, "system")),
            }
        ).with_columns(kind=pl.lit("pair"))
    return made.with_columns(with_system(made["prompt"], system).alias("prompt"))


def _single(records: Records) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "prompt": dialogues(records, "prompt", role="user"),
            "responses": side_by_side([dialogues(records, "completion", role="assistant")]),
            **desirable(records, "label"),
            "metadata": rest(records, ("prompt", "completion", "label", "system")),
        }
    )


def _steps(records: Records) -> pl.DataFrame:
    steps = texts(records, "completions")
    labels = [value if isinstance(value, list) else [] for value in records.values("labels")]
    items = Places(steps.list.len().to_numpy())
    for index, (said, count) in enumerate(zip(labels, items.counts.tolist(), strict=True)):
        if len(said) != count or not all(isinstance(one, bool | int | float) and 0 <= one <= 1 for one in said):
            message = "'labels' does not hold true, false or a number from 0 to 1 for each of 'completions'"
            records.problem(
                index, "missing_field" if records.values("labels")[index] is None else "wrong_type", message
            )
            labels[index] = [None] * count
    flat = pl.Series([None if one is None else float(one) for said in labels for one in said], dtype=pl.Float64)
    made = step_rows(steps, items, flat, (0.0, 1.0))
    prompt = dialogues(records, "prompt", role="user")
    return made.with_columns(prompt.alias("prompt"), rest(records, ("prompt", "completions", "labels", "system")))


ADAPTER = Adapter(
    name="axolotl",
    kinds=("pair", "rating", "stepwise"),
    about="Axolotl's preference layouts beyond TRL's (chatml.*, chat_template, kto, stepwise_supervised).",
    keeps="system prompts, all turns, labels of steps; the rest as metadata",
    unknown="who judged, which model wrote what",
    fields=(),
    rows=rows,
    fits=lambda records: layout(records) is not None,
    generic=True,
    example={"system": "Be kind.", "question": "Say hi.", "chosen": "Hi.", "rejected": "No."},
    variants=(
        {"system": "Be kind.", "instruction": "Say hi.", "chosen_response": "Hi.", "rejected_response": "No."},
        {"input": "Say hi.", "chosen": "Hi.", "rejected": "No."},
        {"system": "Be kind.", "prompt": "Say hi.", "chosen": "Hi.", "rejected": "No."},
        {"messages": [{"role": "user", "content": "Say hi."}], "chosen": {"role": "assistant", "content": "Hi."},
         "rejected": {"role": "assistant", "content": "No."}},
        {"prompt": "Say hi.", "completion": "Hi.", "label": True},
        {"prompt": "What is 1 + 1?", "completions": ["It is 2.", "So 3."], "labels": [True, False]},
    ),
)  # fmt: skip
