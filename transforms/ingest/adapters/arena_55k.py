"""LMSYS's 55k Arena votes, as in the Kaggle competition: texts of JSON lists, a turn an entry.

    id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie
    30192,gpt-4,llama-2,"[""Say hi."",""Again.""]","[""Hi."",""Hi.""]","[""No."",null]",1,0,0

As in `arena`, a response is all that follows the last message that both conversations share.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import orjson
import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import generators
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.dialogue import message, split_prompt
from transforms.ingest.records import Records
from transforms.ingest.values import excerpt
from transforms.lists import of_counts, side_by_side

_TEXTS = ("prompt", "response_a", "response_b")
_MODELS = ("model_a", "model_b")
_WINNERS = {"winner_model_a": 1.0, "winner_model_b": 0.0, "winner_tie": 0.5}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, model_a first."""
    asked, *answers = [_listed(records, name) for name in _TEXTS]
    for index, turns in enumerate(zip(asked, *answers, strict=True)):
        if len(set(map(len, turns))) > 1 or not turns[0]:
            said = f"{len(turns[0])} questions, {len(turns[1])} and {len(turns[2])} answers"
            records.problem(index, "wrong_response_count", f"the conversations do not have a turn each: {said}")
    prompt, responses = split_prompt([_talk(asked, texts) for texts in answers])
    marks = pl.DataFrame({name: records.column(name, pl.Int64) for name in _WINNERS})
    records.reject(marks.sum_horizontal() != 1, "unknown_label", "not exactly one of the three winners is 1")
    value = pl.coalesce(pl.when(pl.col(name) == 1).then(value) for name, value in _WINNERS.items())
    return pl.DataFrame(
        {
            "prompt": prompt,
            "responses": side_by_side(responses),
            "judgements": judgements(marks, [judgement(value)]),
            "generators": generators(records, _MODELS),
            "metadata": rest(records, (*_TEXTS, *_MODELS, *_WINNERS)),
        }
    ).with_columns(kind=pl.lit("pair"))


def _listed(records: Records, name: str) -> list[list[Any]]:
    """A text that is a JSON list of texts, for each record; empty where it is not, which makes a dead letter."""
    out: list[list[Any]] = []
    for index, text in enumerate(records.column(name, pl.String)):
        try:
            value = orjson.loads(text or "[]")
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, list) or not set(map(type, value)) <= {str, type(None)}:
            records.problem(index, "wrong_type", f"field {name!r} is no JSON list of texts: {excerpt(text)}")
            value = []
        out.append(value)
    return out


def _talk(asked: list[list[Any]], answered: list[list[Any]]) -> pl.Series:
    """Questions and answers by turns, as dialogues."""
    turns = [list(zip(*pair, strict=False)) for pair in zip(asked, answered, strict=True)]
    texts = pl.Series("text", list(chain.from_iterable(chain.from_iterable(turns))), dtype=pl.String)
    role = pl.Series("role", ["user", "assistant"] * (len(texts) // 2), dtype=pl.String)
    messages = pl.DataFrame([texts, role]).select(message(pl.col("text"), pl.col("role"))).to_series()
    return of_counts(messages, 2 * np.fromiter(map(len, turns), np.int64, len(turns)))


ADAPTER = Adapter(
    name="arena_55k",
    kinds=("pair",),
    about="lmsys-arena-human-preference-55k and its Kaggle competition (CSV): Arena votes as JSON lists of turns.",
    keeps="all turns, models, ties; the id as metadata",
    unknown="who voted and when, whether a tie was both good or both bad",
    fields=(*_MODELS, *_TEXTS, *_WINNERS),
    rows=rows,
    example={
        "id": 30192, "model_a": "m1", "model_b": "m2", "prompt": '["Say hi.","Again."]', "response_a": '["Hi.","Hi!"]',
        "response_b": '["Hi.",null]', "winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0,
    },
)  # fmt: skip
