"""PandaLM's test set: two responses to an instruction, judged by three people.

    {"idx": 0, "cmp_key": "bloom-7b_llama-7b", "instruction": "…", "input": "…", "response1": "…", "response2": "…",
     "annotator1": 2, "annotator2": 2, "annotator3": 0}

An annotator says 1 or 2 for the better response, 0 for a tie.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.dialogue import prompt_turns, response_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_RATERS = ("annotator1", "annotator2", "annotator3")
_TAKEN = (*_RATERS, "instruction", "input", "response1", "response2", "cmp_key")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, response1 first, with a judgement for each annotator."""
    votes = pl.DataFrame({name: records.column(name, pl.Int64) for name in _RATERS})
    for name in _RATERS:
        records.reject(~votes[name].is_in([0, 1, 2]), "unknown_label", f"{name!r} is not 0 (tie), 1 or 2")
    value = {name: pl.col(name).replace_strict({0: 0.5, 1: 1.0, 2: 0.0}, default=None) for name in _RATERS}
    text = pl.DataFrame(
        {
            "instruction": records.column("instruction", pl.String),
            "input": records.column("input", pl.String, required=False),
        }
    )
    filled = (
        pl.when(pl.col("input").fill_null("") == "")
        .then("instruction")
        .otherwise(pl.concat_str("instruction", "input", separator="\n\n", ignore_nulls=True))
    )
    models = records.column("cmp_key", pl.String, required=False).str.split("_")
    two = pl.DataFrame({"models": models}).select(pl.when(pl.col("models").list.len() == 2).then("models"))
    return pl.DataFrame(
        {
            "prompt": prompt_turns(text.select(filled).to_series()),
            "responses": side_by_side([response_turn(records.column(f"response{i}", pl.String)) for i in (1, 2)]),
            "judgements": judgements(votes, [judgement(value[name], rater=name) for name in _RATERS]),
            "generators": two["models"],
            "metadata": rest(records, _TAKEN),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="pandalm",
    kinds=("pair",),
    about="PandaLM's test set: two responses to an instruction, judged by three people.",
    keeps="three raters, ties, the two models; other fields as metadata",
    unknown="who the annotators are beyond their column, which side they saw first",
    fields=("instruction", "response1", "response2", "annotator1"),
    rows=rows,
    example={
        "instruction": "Say hi.",
        "input": "",
        "response1": "Hi.",
        "response2": "No.",
        "annotator1": 1,
        "annotator2": 1,
        "annotator3": 0,
    },
)
