"""AlpacaEval annotations: two outputs for an instruction, judged by a model.

    {"instruction": "…", "output_1": "…", "generator_1": "text_davinci_003", "output_2": "…", "generator_2": "gpt4",
     "annotator": "alpaca_eval_gpt4", "preference": 2.0, "dataset": "helpful_base"}

`preference` is 1 for output_1, 2 for output_2, anything between for a judge's probability, 0 or 1.5 for a draw, and
null where the judge gave no answer: such a row stays, without a judgement.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import two_texts
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_TAKEN = ("instruction", "output_1", "output_2", "generator_1", "generator_2", "annotator")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, output_1 first; the preference as recorded stays in the metadata."""
    preference = records.column("preference", pl.Float64, required=False)
    known = preference.is_between(1, 2) | (preference == 0)
    records.reject(~known, "unknown_label", "'preference' is neither 0 (draw), between 1 and 2, nor null")
    frame = pl.DataFrame(
        {"preference": preference, "annotator": records.column("annotator", pl.String, required=False)}
    )
    draw = pl.col("preference") == 0
    value = pl.when(draw).then(0.5).otherwise(2 - pl.col("preference"))
    generators = [records.column(name, pl.String, required=False) for name in ("generator_1", "generator_2")]
    return pl.DataFrame(
        {
            **two_texts(records, "instruction", ("output_1", "output_2")),
            "judgements": judgements(frame, [judgement(value, rater=pl.col("annotator"))]),
            "generators": side_by_side(generators),
            "metadata": rest(records, _TAKEN),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="alpaca_eval",
    kinds=("pair",),
    about="AlpacaEval's annotations.json: two outputs for an instruction, judged by a model.",
    keeps="both generators, the judge as rater, probabilities of weighted judges; other fields as metadata",
    unknown="which side the judge saw first",
    fields=("instruction", "output_1", "output_2", "preference"),
    rows=rows,
    example={"instruction": "Say hi.", "output_1": "Hi.", "output_2": "No.", "preference": 1.0, "annotator": "gpt4"},
)
