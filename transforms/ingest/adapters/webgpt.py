"""WebGPT's comparisons: two answers with quotes from the web, and how much one was preferred.

    {"question": {"dataset": "eli5", "id": "…", "full_text": "…"}, "quotes_0": {"title": ["…"], "extract": ["…"]},
     "answer_0": "…", "tokens_0": {"prefix": [1, …], "completion": [2, …]}, "score_0": 0.5, "quotes_1": …,
     "answer_1": "…", "tokens_1": …, "score_1": -0.5}

Scores are -1 to 1 and sum to 0; the answer with the positive one is preferred, 0 is a tie.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest, without
from transforms.ingest.adapters.parts import towards_first, two_texts
from transforms.ingest.canonical import judgement, judgements, outside
from transforms.ingest.records import Records

_ANSWERS = ("answer_0", "answer_1")
_SCORES = ("score_0", "score_1")
_DUST = 1e-6


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, answer_0 first."""
    scores = [records.column(name, pl.Float64) for name in _SCORES]
    for score in scores:
        records.reject(outside(score, -1, 1), "value_out_of_range", f"{score.name!r} is not in [-1, 1]")
    records.reject((scores[0] + scores[1]).abs() > _DUST, "value_out_of_range", "the scores do not sum to 0")
    first = pl.col("score_0")
    made = judgement(towards_first(first), strength=first.abs())
    return pl.DataFrame(
        {
            **two_texts(records, "question.full_text", _ANSWERS),
            "judgements": judgements(scores[0].to_frame(), [made]),
            "metadata": rest(records, (*_ANSWERS, *_SCORES), {"question": without("full_text")}),
        }
    ).with_columns(kind=pl.lit("pair"))


def _quotes(title: str) -> dict[str, list[str]]:
    return {"title": [title], "extract": ["Hi is a greeting."]}


ADAPTER = Adapter(
    name="webgpt",
    kinds=("pair",),
    about="WebGPT comparisons (openai/webgpt_comparisons): answers written with a browser, compared by people.",
    keeps="ties, the score as strength; quotes, tokens, the question's set and id as metadata",
    unknown="who judged, which model or person wrote what",
    fields=("question", *_ANSWERS, *_SCORES),
    rows=rows,
    example={
        "question": {"dataset": "eli5", "id": "q1", "full_text": "How do I say hi?"},
        "quotes_0": _quotes("Greetings"),
        "answer_0": "Say hi [1].",
        "tokens_0": {"prefix": [1, 2], "completion": [3]},
        "score_0": 0.5,
        "quotes_1": _quotes("Farewells"),
        "answer_1": "Say no [1].",
        "tokens_1": {"prefix": [1, 2], "completion": [4]},
        "score_1": -0.5,
    },
)
