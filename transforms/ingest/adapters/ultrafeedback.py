"""UltraFeedback: four answers to an instruction, each rated on four aspects and as a whole by GPT-4, with reasons.

    {"source": "sharegpt", "instruction": "…", "models": ["falcon-40b", …], "correct_answers": ["None"], "completions":
     [{"model": "falcon-40b", "principle": "helpfulness", "custom_system_prompt": "…", "response": "…", "critique": "…",
       "overall_score": 7.5, "fine-grained_score": 4.25, "annotations": {"honesty": {"Rating": "3", "Rationale": "…"},
       "helpfulness": {"Rating": "N/A", "Type": ["1"], "Rationale": "…", "Rationale For Rating": "…"}, …}}, …]}

Aspects are rated 1 to 5, the whole 1 to 10; "N/A" is no judgement. Each answer was written under a system prompt of its
own, so it is no part of the prompt.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest, without
from transforms.ingest.adapters.parts import as_responses
from transforms.ingest.canonical import judgement, normalise, scale_of
from transforms.ingest.dialogue import prompt_turns
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records

_ASPECTS = ("instruction_following", "honesty", "truthfulness", "helpfulness")
_SCALES = {"overall": 10.0, **dict.fromkeys(_ASPECTS, 5.0)}
_REASONS = ("Rationale", "Rationale For Rating")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One ranking a record; a rating where there is but one answer."""
    answers = Listed(records, "completions")
    columns = {"overall": answers.column("overall_score", pl.Float64, required=False)}
    columns["overall_reason"] = answers.column("critique", pl.String, required=False)
    for aspect in _ASPECTS:
        said = answers.column(f"annotations.{aspect}.Rating", pl.String, required=False).replace("N/A", None)
        columns[aspect] = said.cast(pl.Float64, strict=False)
        strange = answers.lists(said.is_not_null() & columns[aspect].is_null()).list.any()
        records.reject(strange, "unknown_label", f"a rating of {aspect!r} is neither a number nor 'N/A'")
        reasons = [answers.column(f"annotations.{aspect}.{name}", pl.String, required=False) for name in _REASONS]
        both = pl.concat_str(reasons, separator="\n", ignore_nulls=True)
        columns[f"{aspect}_reason"] = pl.select(pl.when(both != "").then(both)).to_series()
    parts = [
        judgement(
            pl.col(name),
            dimension=name,
            rater="gpt-4",
            normalised=normalise(pl.col(name), 1, maximum),
            response=pl.col("response"),
            reason=pl.col(f"{name}_reason"),
        )
        for name, maximum in _SCALES.items()
    ]
    read = ("response", "model", "overall_score", "critique", "Rating", *_REASONS)
    # What was said where there is no rating is in no judgement.
    unread = without(*read, unless=lambda part: part.get("Rating") == "N/A")
    alone = pl.Series(answers.counts) == 1
    return pl.DataFrame(
        {
            "kind": alone.replace_strict({True: "rating", False: "ranking"}, return_dtype=pl.String),
            "prompt": prompt_turns(records.column("instruction", pl.String)),
            "responses": as_responses(answers, answers.column("response", pl.String)),
            "judgements": answers.judgements(pl.DataFrame(columns), parts),
            "scales": scale_of(len(records), [(name, 1.0, maximum, True) for name, maximum in _SCALES.items()]),
            "generators": answers.lists(answers.column("model", pl.String, required=False)),
            "metadata": rest(records, ("instruction",), {"completions": unread}),
        }
    )


def _answer(model: str, score: float, rating: str) -> dict[str, Any]:
    """A completion as published."""
    why = {"Rating": rating, "Rationale": "It says so."}
    typed = {"Type": ["1"], **why, "Rationale For Rating": "Mostly right."}
    return {
        "annotations": {"instruction_following": why, "honesty": why, "truthfulness": typed, "helpfulness": typed},
        "custom_system_prompt": "Be kind.", "model": model, "principle": "helpfulness", "response": f"Hi from {model}.",
        "critique": "Short and kind.", "overall_score": score, "fine-grained_score": 3.0,
    }  # fmt: skip


ADAPTER = Adapter(
    name="ultrafeedback",
    kinds=("ranking", "rating"),
    about="UltraFeedback (openbmb/UltraFeedback): answers of several models, rated on four aspects by GPT-4.",
    keeps="ratings with their reasons and scales, models; system prompts, principles and the rest as metadata",
    unknown="how sure the judge was; ratings are of one model, not of people",
    fields=("instruction", "completions"),
    rows=rows,
    example={
        "source": "sharegpt", "instruction": "Say hi.", "models": ["m1", "m2"],
        "completions": [_answer("m1", 7.5, "4"), _answer("m2", 3.0, "N/A")],
        "correct_answers": ["None"], "incorrect_answers": ["None"],
    },
)  # fmt: skip
