"""RewardBench 2: one right answer among four, or, in the subset Ties, several right ones.

    {"id": "12", "prompt": "Name a colour of the rainbow.", "chosen": ["Red", "Blue"], "rejected": ["Brown"],
     "num_correct": 2, "num_incorrect": 1, "total_completions": 3, "models": ["…"], "subset": "Ties",
     "additional_metadata": {"category": "…"}}

A right answer has the value 1, a wrong one 0: right answers are tied, and so are wrong ones.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import as_responses, texts
from transforms.ingest.canonical import judgement, scale_of
from transforms.ingest.dialogue import dialogues
from transforms.ingest.listed import Places
from transforms.ingest.records import Records

_COUNTS = ("num_correct", "num_incorrect", "total_completions")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One ranking a record, the right answers first."""
    right, wrong = texts(records, "chosen"), texts(records, "rejected")
    found = {"num_correct": right.list.len(), "num_incorrect": wrong.list.len()}
    found["total_completions"] = found["num_correct"] + found["num_incorrect"]
    for name, count in found.items():
        said = records.column(name, pl.Int64, required=False)
        records.reject(said != count, "wrong_response_count", f"there are not as many answers as {name!r} says")
    answers = Places(found["total_completions"].to_numpy())
    flat = pl.DataFrame({"a": right, "b": wrong}).select(pl.concat_list("a", "b").explode(empty_as_null=False))
    correct = answers.places < right.list.len().to_numpy()[answers.owners]
    models = records.column("models", pl.List(pl.String), required=False)
    value = pl.col("correct").cast(pl.Float64)
    return pl.DataFrame(
        {
            "prompt": dialogues(records, "prompt", role="user"),
            "responses": as_responses(answers, flat.to_series()),
            "judgements": answers.judgements(
                pl.DataFrame({"correct": correct}), [judgement(value, normalised=value, response=pl.col("response"))]
            ),
            "scales": scale_of(len(records), [("overall", 0.0, 1.0, True)]),
            # Where models are not named for each answer, nobody knows whose is whose.
            "generators": pl.select(pl.when(models.list.len() == found["total_completions"]).then(models)).to_series(),
            "metadata": rest(records, ("prompt", "chosen", "rejected", *_COUNTS)),
        }
    ).with_columns(kind=pl.lit("ranking"))


ADAPTER = Adapter(
    name="rewardbench2",
    kinds=("ranking",),
    about="RewardBench 2 (allenai/reward-bench-2): right and wrong answers, one right of four or several (Ties).",
    keeps="ties among right answers, models where each answer has one; models, subset and the rest as metadata",
    unknown="how right answers compare with each other",
    fields=("prompt", "chosen", "rejected", "num_correct", "subset"),
    rows=rows,
    example={
        "id": "12",
        "prompt": "Name a colour of the rainbow.",
        "chosen": ["Red.", "Blue."],
        "rejected": ["Brown."],
        "num_correct": 2,
        "num_incorrect": 1,
        "total_completions": 3,
        "models": ["m1", "m2", "m3"],
        "subset": "Ties",
        "additional_metadata": {"category": "colours", "method": None},
    },
)
