"""DialSummEval: summaries of dialogues rated by three annotators on four dimensions.

    {"id": "13611791", "dialogue": "| Elena: Happy birthday! | Dorothea: Thx!", "summary": "…", "model_id": "A",
     "annotations": [{"consistency": 5, "relevance": 4, "fluency": 4, "coherence": 4}, …]}

Scores are 1 to 5, higher is better. The annotators have no names; an annotator is known by the place in the list.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.aspects import by_annotators
from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.canonical import scale_of
from transforms.ingest.dialogue import prompt_turns, response_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_ASPECTS = ("coherence", "consistency", "fluency", "relevance")
_SCALE = (1.0, 5.0)


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a summary, with a judgement for each annotator and dimension."""
    return pl.DataFrame(
        {
            "prompt": prompt_turns(records.column("dialogue", pl.String)),
            "responses": side_by_side([response_turn(records.column("summary", pl.String))]),
            "judgements": by_annotators(records, "annotations", _ASPECTS, *_SCALE, "annotator"),
            "scales": scale_of(len(records), [(name, *_SCALE, True) for name in _ASPECTS]),
            "generators": side_by_side([records.column("model_id", pl.String, required=False)]),
            "metadata": rest(records, ("dialogue", "summary", "annotations", "model_id")),
        }
    ).with_columns(kind=pl.lit("rating"))


ADAPTER = Adapter(
    name="dialsummeval",
    kinds=("rating",),
    about="DialSummEval (human_judgment.jsonl): summaries of dialogues, three annotators on four dimensions.",
    keeps="each annotator's scores, the models, the ids",
    unknown="who the annotators are beyond their place in the list",
    fields=("dialogue", "summary", "annotations"),
    rows=rows,
    example={"id": "1", "dialogue": "| A: Hi! | B: Hi.", "summary": "A greets B.", "model_id": "A",
             "annotations": [dict.fromkeys(_ASPECTS, score) for score in (5, 4, 5)]},
)  # fmt: skip
