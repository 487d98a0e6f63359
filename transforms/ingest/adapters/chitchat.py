"""The Chit-Chat Challenge: conversations of two people on a topic, rated by one of them.

    {"messages": [[{"text": "Hello", "sender": "720840be", "timestamp": "…"}], [{"text": "hi", "sender": "549cc1d1"}]],
     "prompt": "What do you do for fun?", "ratings": {"witty": 7, "upbeat": 7, "interesting": 8}, "start": "…"}

The topic is the prompt (a system message), the conversation is the response: the first speaker's turns are the user's,
the other's the assistant's. The three scores are 1 to 10. Which participant gave them is not recorded, so the rater is
anonymous. Unrated conversations stay, without a judgement.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from schemas.arrow import DIALOGUE
from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.canonical import judgement, judgements, normalise, outside, scale_of
from transforms.ingest.dialogue import message, turn
from transforms.ingest.records import Records
from transforms.lists import of_counts, side_by_side

DIMENSIONS = ("interesting", "upbeat", "witty")
_MINIMUM, _MAXIMUM = 1.0, 10.0
_MESSAGES = pl.List(pl.List(pl.Struct({"text": pl.String, "sender": pl.String})))


def _conversation(messages: pl.Series) -> pl.Series:
    """Turns of one or more texts each, as dialogues whose first speaker is the user."""
    frame = (
        messages.to_frame("m")
        .with_row_index("row")
        .select("row", "m", opener=pl.col("m").list.first().list.first().struct.field("sender"))
    )
    flat = frame.explode("m", empty_as_null=False, keep_nulls=False).select(
        "row",
        text=pl.col("m").list.eval(pl.element().struct.field("text")).list.join("\n"),
        user=pl.col("m").list.first().struct.field("sender") == pl.col("opener"),
    )
    role = pl.when(pl.col("user")).then(pl.lit("user")).otherwise(pl.lit("assistant"))
    turns = flat.select(m=message(pl.col("text"), "").struct.with_fields(role.alias("role")))["m"]
    return of_counts(turns, messages.list.len().fill_null(0).to_numpy()).cast(DIALOGUE)


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a conversation, with a judgement for each dimension that was rated."""
    messages = records.column("messages", _MESSAGES)
    records.reject(messages.list.len() == 0, "missing_field", "'messages' holds no turn")
    topic = records.column("prompt", pl.String, required=False)
    scores = pl.DataFrame({name: records.column(f"ratings.{name}", pl.Float64, required=False) for name in DIMENSIONS})
    for name in DIMENSIONS:
        records.reject(outside(scores[name], _MINIMUM, _MAXIMUM), "value_out_of_range", f"'{name}' is not in [1, 10]")
    parts: list[Any] = [
        judgement(pl.col(name), dimension=name, normalised=normalise(pl.col(name), _MINIMUM, _MAXIMUM))
        for name in DIMENSIONS
    ]
    absent = pl.lit([], dtype=DIALOGUE)
    prompt = topic.to_frame("t").select(
        p=pl.when(pl.col("t").is_null()).then(absent).otherwise(turn(pl.col("t"), "system"))
    )
    return pl.DataFrame(
        {
            "prompt": prompt["p"],
            "responses": side_by_side([_conversation(messages)]),
            "judgements": judgements(scores, parts),
            "scales": scale_of(len(records), [(name, _MINIMUM, _MAXIMUM, True) for name in DIMENSIONS]),
            "timestamp": records.column("start", pl.String, required=False),
            "metadata": rest(records, ("messages", "prompt", "ratings", "start")),
        }
    ).with_columns(kind=pl.lit("rating"))


ADAPTER = Adapter(
    name="chitchat",
    kinds=("rating",),
    about="The Chit-Chat Challenge dataset (package chitchat-dataset): rated conversations of two people on a topic.",
    keeps="three dimensions with their scale, all turns, the starting time",
    unknown="which participant gave the ratings",
    fields=("messages", "start"),
    rows=rows,
    fits=lambda records: (
        isinstance(next(iter(records.values("messages")), None), list)
        and isinstance(next(iter(records.values("messages.0")), None), list)
    ),
    example={
        "messages": [[{"text": "Hello", "sender": "a"}], [{"text": "hi", "sender": "b"}]],
        "prompt": "What do you do for fun?",
        "ratings": {"witty": 7, "upbeat": 7, "interesting": 8},
        "start": "2018-05-02T19:38:15Z",
    },
)
