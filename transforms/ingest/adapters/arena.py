"""Chatbot Arena and MT-Bench's human judgements: one person's vote between two models' conversations.

    {"question_id": "…", "model_a": "…", "model_b": "…", "winner": "tie (bothbad)", "judge": "arena_user_1", "turn": 1,
     "conversation_a": [messages], "conversation_b": [messages], "anony": true, "language": "English", "tstamp": 168…}
    {"id": "…", "model_a": "…", "model_b": "…", "winner": "both_bad", "evaluation_session_id": "…", "conversation_a":
     [{"role": "user", "content": [{"type": "text", "text": "…", "image": null, "mimeType": null}]}, …], …}

The user talks to both models at once, so the conversations share their first question at least; a response is all that
follows the last message they share. `turn` is the last turn that was judged: later ones are left out. "Both bad" is a
tie with that reason.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import choice, generators, times
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.dialogue import dialogues, split_prompt
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_SIDES = ("conversation_a", "conversation_b")
_MODELS = ("model_a", "model_b")
_WINNERS = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5, "both_bad": 0.5}
_BAD = ("tie (bothbad)", "both_bad")


def _until(dialogue: pl.Series, turn: pl.Series) -> pl.Series:
    """Dialogues up to a turn, after which questions and answers alternate; whole where no turn is given."""
    talk = pl.col(dialogue.name)
    answers = talk.list.eval(pl.element().struct.field("role") == "assistant").list.sum().cast(pl.Int64)
    later = (answers - pl.lit(turn)).clip(0).fill_null(0)
    return dialogue.to_frame().select(talk.list.head(talk.list.len().cast(pl.Int64) - 2 * later)).to_series()


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, model_a first."""
    turn = records.column("turn", pl.Int64, required=False)
    judged = pl.DataFrame({side: _until(dialogues(records, side, role="assistant"), turn) for side in _SIDES})
    for side in judged.get_columns():
        last = side.list.last().struct.field("role").ne_missing("assistant")
        records.reject(last, "no_assistant_turn", f"{side.name!r} does not end with an assistant's turn")
    prompt, responses = split_prompt(judged.get_columns())
    records.reject(prompt.list.len() == 0, "prompt_mismatch", "the conversations do not share their first message")
    who = "judge_hash" if records.has("judge_hash") else "judge"
    when = "timestamp" if records.has("timestamp") else "tstamp"
    votes = pl.DataFrame(
        {
            "value": choice(records, "winner", _WINNERS, required=False),
            "winner": records.column("winner", pl.String, required=False),
            "rater": records.column(who, pl.String, required=False),
            "time": times(records, when),
        }
    )
    reason = pl.when(pl.col("winner").is_in(_BAD)).then(pl.lit("both bad"))
    made = judgement(pl.col("value"), rater=pl.col("rater"), reason=reason, timestamp=pl.col("time"))
    return pl.DataFrame(
        {
            "prompt": prompt,
            "responses": side_by_side(responses),
            "judgements": judgements(votes, [made]),
            "generators": generators(records, _MODELS),
            "language": records.column("language", pl.String, required=False),
            "timestamp": votes["time"],
            "metadata": rest(records, (*_SIDES, *_MODELS, "winner", who, when, "language")),
        }
    ).with_columns(kind=pl.lit("pair"))


def _talk(answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": "Say hi."}, {"role": "assistant", "content": answer}]


def _parts(answer: str) -> list[dict[str, Any]]:
    empty = {"type": "text", "image": None, "mimeType": None}
    return [{"role": m["role"], "content": [{**empty, "text": m["content"]}]} for m in _talk(answer)]


ADAPTER = Adapter(
    name="arena",
    kinds=("pair",),
    about="Chatbot Arena's conversations and votes (lmsys, lmarena-ai), MT-Bench's human judgements.",
    keeps="all turns, models, voters, ties, both bad as reason, language, time; moderation and tags as metadata",
    unknown="which side was shown where, later votes of a session (its id is in the metadata)",
    fields=("model_a", "model_b", "winner", *_SIDES),
    rows=rows,
    example={
        "question_id": "q1", "model_a": "m1", "model_b": "m2", "winner": "model_a", "judge": "arena_user_1",
        "conversation_a": _talk("Hi."), "conversation_b": _talk("No."), "turn": 1, "anony": True,
        "language": "English", "tstamp": 1682351591.1322,
        "openai_moderation": {"categories": {"hate": False}, "category_scores": {"hate": 1e-6}, "flagged": False},
        "toxic_chat_tag": {"roberta-large": {"flagged": False, "probability": 0.01}},
    },
    variants=(
        {
            "id": "v1", "model_a": "m1", "model_b": "m2", "winner": "both_bad", "evaluation_session_id": "s1",
            "evaluation_order": 1, "conversation_a": _parts("Hi."), "conversation_b": _parts("No."),
            "full_conversation": [], "conv_metadata": {"sum_assistant_a_tokens": 2}, "language": "en",
            "category_tag": {"math_v0.1": {"math": False}}, "is_code": False, "timestamp": "2025-06-01T12:00:00",
        },
    ),
)  # fmt: skip
