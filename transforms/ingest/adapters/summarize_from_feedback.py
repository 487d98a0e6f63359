"""OpenAI's summaries: two of them compared by a worker, or one rated on several axes.

    {"info": {"id": "t3_2vwp1w", "post": "…", "title": "…", "subreddit": "legaladvice", "site": null, "article": null},
     "summaries": [{"text": "…", "policy": "sup4", "note": "…"}, {…}], "choice": 1, "worker": "…", "batch": "batch9",
     "split": "train", "extra": {"confidence": 8}}
    {"info": {"id": "…", "site": "dailymail", "title": "…", "article": "…"}, "summary": {"text": "…", "policy": "ref",
     "note": "…", "axes": {"overall": 3, "accuracy": 5, "coverage": 4, "coherence": 2}}, "worker": "…", …}

The prompt is a Reddit post as the authors' models were given it, or a news article with its title. Axes are 1 to 7.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, fits_one, nearest, rest, without
from transforms.ingest.adapters.parts import as_responses, choice
from transforms.ingest.canonical import judgement, judgements, normalise, outside, scale_of
from transforms.ingest.dialogue import prompt_turns, response_turn
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_LAYOUTS = {"pair": ("info", "summaries", "choice"), "rating": ("info", "summary")}
_AXES = ("overall", "accuracy", "coverage", "coherence")
_MAXIMUM = 7.0
_TOLD = ("subreddit", "title", "post", "article")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair or one rating a record."""
    told = {name: records.column(f"info.{name}", pl.String, required=False) for name in _TOLD}
    records.reject(told["post"].is_null() & told["article"].is_null(), "missing_field", "'info' has no post or article")
    head = [pl.col(name).fill_null("") for name in ("subreddit", "title")]
    post = pl.format("SUBREDDIT: r/{}\n\nTITLE: {}\n\nPOST: {}\n\nTL;DR:", *head, "post")
    asked = pl.coalesce(post, pl.format("{}\n\n{}\n\nTL;DR:", head[1], "article"))
    read = without("text", "policy", *_AXES)
    taken = ("choice", "worker")
    return pl.DataFrame(
        {
            "prompt": prompt_turns(pl.DataFrame(told).select(asked).to_series()),
            **(_pair if nearest(records, _LAYOUTS) == "pair" else _rating)(records),
            "metadata": rest(records, taken, {"info": without(*_TOLD[1:]), "summaries": read, "summary": read}),
        }
    )


def _pair(records: Records) -> dict[str, pl.Series]:
    summaries = Listed(records, "summaries")
    votes = pl.DataFrame({"value": choice(records, "choice", {0: 1.0, 1: 0.0}), "worker": _worker(records)})
    return {
        "kind": pl.Series(["pair"]).new_from_index(0, len(records)),
        "responses": as_responses(summaries, summaries.column("text", pl.String)),
        "judgements": judgements(votes, [judgement(pl.col("value"), rater=pl.col("worker"))]),
        "generators": summaries.lists(summaries.column("policy", pl.String, required=False)),
    }


def _rating(records: Records) -> dict[str, pl.Series]:
    scores = {axis: records.column(f"summary.axes.{axis}", pl.Float64, required=False) for axis in _AXES}
    for axis, score in scores.items():
        records.reject(outside(score, 1, _MAXIMUM), "value_out_of_range", f"{axis!r} is not in [1, 7]")
    parts = [
        judgement(pl.col(axis), dimension=axis, rater=pl.col("worker"), normalised=normalise(pl.col(axis), 1, _MAXIMUM))
        for axis in _AXES
    ]
    return {
        "kind": pl.Series(["rating"]).new_from_index(0, len(records)),
        "responses": side_by_side([response_turn(records.column("summary.text", pl.String))]),
        "judgements": judgements(pl.DataFrame(scores | {"worker": _worker(records)}), parts),
        "scales": scale_of(len(records), [(axis, 1.0, _MAXIMUM, True) for axis in _AXES]),
        "generators": side_by_side([records.column("summary.policy", pl.String, required=False)]),
    }


def _worker(records: Records) -> pl.Series:
    return records.column("worker", pl.String, required=False)


ADAPTER = Adapter(
    name="summarize_from_feedback",
    kinds=("pair", "rating"),
    about="OpenAI's summarize_from_feedback: summaries compared by workers, or rated on axes (axis_evals).",
    keeps="workers, policies, axes with their scale; notes, confidence, batch, split and the rest as metadata",
    unknown="how sure workers were where they gave no confidence",
    fields=("info", "worker"),
    rows=rows,
    fits=fits_one(_LAYOUTS),
    example={
        "info": {"id": "t3_1", "post": "I met someone.", "title": "Greetings", "subreddit": "advice"},
        "summaries": [
            {"text": " Met one.", "policy": "sup4", "note": "Who?"},
            {"text": " Hi.", "policy": "ref", "note": None},
        ],
        "choice": 1, "worker": "w1", "batch": "batch9", "split": "train", "extra": {"confidence": 8},
    },
    variants=(
        {
            "info": {"id": "n1", "site": "dailymail", "title": "Greetings", "article": "People met."},
            "split": "test", "worker": "w2", "batch": "cnndm1",
            "summary": {"text": "They met.", "policy": "ref", "note": "Who?",
                        "axes": {"overall": 3, "accuracy": 5, "coverage": 4, "coherence": 7}},
        },
    ),
)  # fmt: skip
