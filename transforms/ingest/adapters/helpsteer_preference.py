"""HelpSteer2's preference file and HelpSteer3: two responses compared by several annotators, with reasons.

    {"split": "train", "prompt": "…", "response_1": "…", "response_2": "…", "preference_strength": 1,
     "preference_statement": "…", "preference_elaboration": "…", "three_most_similar_preferences":
     [{"statement": "…", "elaboration": "…", "strength": 1}, …], "all_preferences_unprocessed": [{"strength": 1, …}, …]}
    {"domain": "code", "language": "python", "context": [messages], "response1": "…", "response2": "…",
     "overall_preference": -2, "individual_preference": [{"score": -2, "reasoning": "…", "feedback1": "…", …}, …]}

From -3, the first is much better, over 0, a tie, to 3. The judgements are those of the annotators whom the authors
counted. What the authors concluded is in the metadata, and is the judgement where no annotator's is given. In the
domain `code` the language is a programming language.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, fits_one, nearest, rest, without
from transforms.ingest.adapters.helpsteer import MARK
from transforms.ingest.adapters.parts import towards_first
from transforms.ingest.canonical import judgement, judgements, outside
from transforms.ingest.dialogue import dialogues, marked_turns, response_turn
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_LAYOUTS = {
    "2": ("prompt", "response_1", "response_2", "preference_strength"),
    "3": ("context", "response1", "response2", "overall_preference"),
}
#: Where each layout has its annotators, and of each annotator the strength and the words.
_EACH = {
    "2": ("three_most_similar_preferences", "strength", ("statement", "elaboration")),
    "3": ("individual_preference", "score", ("reasoning",)),
}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, the first response first."""
    layout = nearest(records, _LAYOUTS)
    prompt, first, second, concluded = _LAYOUTS[layout]
    annotators, strength, words = _EACH[layout]
    each = Listed(records, annotators, required=False)
    counted, said = each.column(strength, pl.Float64), records.column(concluded, pl.Float64, required=False)
    for name, value in ((annotators, each.most(counted.abs())), (concluded, said)):
        records.reject(outside(value, -3, 3), "value_out_of_range", f"a strength in {name!r} is not in [-3, 3]")
    gap = pl.col("gap")
    made = judgement(towards_first(-gap), strength=gap.abs(), reason=pl.col("reason"))
    reasons = [each.column(name, pl.String, required=False) for name in words]
    reason = pl.select(pl.concat_str(reasons, separator=" ", ignore_nulls=True)).to_series()
    theirs = each.judgements(pl.DataFrame({"gap": counted, "reason": reason}), [made])
    alone = judgements(said.to_frame("gap").with_columns(reason=pl.lit(None, dtype=pl.String)), [made])
    domain = records.column("domain", pl.String, required=False)
    language = records.column("language", pl.String, required=False)
    return pl.DataFrame(
        {
            "prompt": marked_turns(records.column(prompt, pl.String), MARK, opening="User")
            if layout == "2"
            else dialogues(records, prompt, role="user"),
            "responses": side_by_side([response_turn(records.column(name, pl.String)) for name in (first, second)]),
            "judgements": theirs.zip_with(theirs.list.len() > 0, alone),
            "language": language.zip_with(domain.ne_missing("code"), language.clear(len(language))),
            "metadata": rest(records, (prompt, first, second), {annotators: without(strength, *words)}),
        }
    ).with_columns(kind=pl.lit("pair"))


def _each(strength: int) -> dict[str, Any]:
    return {"statement": "@Response 2 is better.", "elaboration": "It is kind.", "strength": strength}


ADAPTER = Adapter(
    name="helpsteer_preference",
    kinds=("pair",),
    about="HelpSteer2's preference.jsonl.gz and HelpSteer3 (nvidia): two responses compared by several annotators.",
    keeps="each counted annotator's strength and reason, ties, all turns, language; feedback and the rest as metadata",
    unknown="who the annotators are, which models wrote the responses",
    fields=(),
    rows=rows,
    fits=fits_one(_LAYOUTS),
    example={
        "split": "train", "prompt": "Say hi.", "response_1": "No.", "response_2": "Hi.", "preference_strength": 2,
        "preference_statement": "@Response 2 is better.", "preference_elaboration": "It is kind.",
        "three_most_similar_preferences": [_each(2), _each(1), _each(2)],
        "all_preferences_unprocessed": [{"strength": -100, "justification": "Neither is valid."}],
    },
    variants=(
        {
            "domain": "general", "language": "english", "context": [{"role": "user", "content": "Say hi."}],
            "response1": "Hi.", "response2": "No.", "overall_preference": -1,
            "individual_preference": [
                {"score": -2, "reasoning": "Kind.", "feedback1": "Short.", "feedback2": "Rude."},
                {"score": 0, "reasoning": "Both are short.", "feedback1": "Short.", "feedback2": "Short."},
            ],
        },
    ),
)  # fmt: skip
