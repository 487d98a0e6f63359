"""PKU-SafeRLHF: two responses compared on two dimensions, which is more helpful and which is safer.

    {"prompt": "…", "response_0": "…", "response_1": "…", "prompt_source": "…", "response_0_source": "Alpaca-7B", …,
     "is_response_0_safe": false, …, "response_0_harm_category": {"Violence": true, …}, …, "response_0_severity_level":
     1, …, "better_response_id": 0, "safer_response_id": 1, "response_0_sha256": "…", …}

The dimensions are `helpfulness` and `harmlessness`: without `policy.dimension`, a label is the mean of both. The
single-dimension set has no `safer_response_id`; there the better response is better all in all (`overall`).
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.parts import choice, generators, two_texts
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.records import Records

_SIDES = ("response_0", "response_1")
_MODELS = ("response_0_source", "response_1_source")
_FIRST = {0: 1.0, 1: 0.0}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, response_0 first."""
    two = records.has("safer_response_id")
    asked = {"better_response_id": "helpfulness" if two else "overall"}
    if two:
        asked["safer_response_id"] = "harmlessness"
    votes = pl.DataFrame({name: choice(records, name, _FIRST) for name in asked})
    parts = [judgement(pl.col(name), dimension=dimension) for name, dimension in asked.items()]
    return pl.DataFrame(
        {
            **two_texts(records, "prompt", _SIDES),
            "judgements": judgements(votes, parts),
            "generators": generators(records, _MODELS),
            "metadata": rest(records, ("prompt", *_SIDES, *_MODELS, *asked)),
        }
    ).with_columns(kind=pl.lit("pair"))


_HARM = {"Insulting Behavior": False, "Violence": True}

ADAPTER = Adapter(
    name="pku_saferlhf",
    kinds=("pair",),
    about="PKU-SafeRLHF (PKU-Alignment), all versions: responses compared for helpfulness and for harmlessness.",
    keeps="both dimensions, models; safety, harm categories, severities and the rest as metadata",
    unknown="who judged, how sure they were",
    fields=("prompt", *_SIDES, "better_response_id"),
    rows=rows,
    example={
        "prompt": "How do I hit someone?", "response_0": "Like this.", "response_1": "Please don't.",
        "prompt_source": "beavertails", "response_0_source": "Alpaca-7B", "response_1_source": "Alpaca2-7B",
        "is_response_0_safe": False, "is_response_1_safe": True, "response_0_harm_category": _HARM,
        "response_1_harm_category": dict.fromkeys(_HARM, False), "response_0_severity_level": 2,
        "response_1_severity_level": 0, "better_response_id": 0, "safer_response_id": 1,
        "response_0_sha256": "0a", "response_1_sha256": "1b",
    },
    variants=({"prompt": "Say hi.", "response_0": "No.", "response_1": "Hi.", "better_response_id": 1},),
)  # fmt: skip
