r"""Nectar: seven answers to a conversation, ranked by GPT-4.

    {"prompt": "\n\nHuman: Say hi.\n\nAssistant: ", "answers": [{"answer": "Hi.", "model": "gpt-4", "rank": 1}, …],
     "turns": 1, "num_responses": 7, "source": ["ultrafeedback"], "good_natured": true}

Rank 1 is the best; equal ranks are ties. `num_responses` says how many answers there must be.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest, without
from transforms.ingest.adapters.hh import MARK
from transforms.ingest.adapters.parts import as_responses, ranked
from transforms.ingest.dialogue import marked_turns
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records


def _asked(prompts: pl.Series) -> pl.Series:
    """Marked-up prompts as dialogues, without the empty assistant's turn that the answer is to fill."""
    talk = marked_turns(prompts, MARK)
    last = pl.col("talk").list.last().struct
    empty = (last.field("role") == "assistant") & (last.field("content").str.strip_chars() == "")
    turns = pl.col("talk").list.len().cast(pl.Int64) - empty.fill_null(False).cast(pl.Int64)
    return talk.to_frame("talk").select(pl.col("talk").list.head(turns)).to_series()


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One ranking a record."""
    answers = Listed(records, "answers")
    found = pl.Series(answers.counts)
    expected = records.column("num_responses", pl.Int64, required=False)
    for index in (found != expected).fill_null(False).arg_true().to_list():
        said = f"'answers' holds {found[index]} answers where 'num_responses' says {expected[index]}"
        records.problem(index, "wrong_response_count", said)
    return pl.DataFrame(
        {
            "prompt": _asked(records.column("prompt", pl.String)),
            "responses": as_responses(answers, answers.column("answer", pl.String)),
            **ranked(answers, answers.column("rank", pl.Float64), rater="gpt-4"),
            "generators": answers.lists(answers.column("model", pl.String, required=False)),
            "metadata": rest(records, ("prompt",), {"answers": without("answer", "model", "rank")}),
        }
    ).with_columns(kind=pl.lit("ranking"))


ADAPTER = Adapter(
    name="nectar",
    kinds=("ranking",),
    about="Nectar (berkeley-nest/Nectar): seven models' answers to a conversation, ranked by GPT-4.",
    keeps="all turns, ranks and ties, models; sources and the rest as metadata",
    unknown="why one was ranked above another",
    fields=("prompt", "answers"),
    rows=rows,
    fits=lambda records: any(isinstance(rank, int | float) for rank in records.values("answers.0.rank")),
    example={
        "prompt": "\n\nHuman: Say hi.\n\nAssistant: ",
        "answers": [{"answer": f"Hi {n}.", "model": f"m{n}", "rank": n} for n in (1, 2, 2, 4, 5, 6, 7)],
        "turns": 1,
        "num_responses": 7,
        "source": ["ultrafeedback"],
        "good_natured": True,
    },
)
