"""HelpSteer and HelpSteer2: five attributes of a response, concluded or of each annotator.

    {"prompt": "…", "response": "…", "helpfulness": 3, "correctness": 4, "coherence": 4, "complexity": 2, …}
    {"prompt": "…", "response": "…", "helpfulness": [3, 3, 4], "correctness": [3, 4, 4], …}  (disagreements.jsonl.gz)

Attributes are 0 to 4, and the authors say that more is better of each. In a prompt of several turns, marks say who
speaks: `<extra_id_1>Assistant`. Nobody knows whether the annotators of two records are the same, so they have no names.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.canonical import judgement, judgements, normalise, outside, scale_of
from transforms.ingest.dialogue import marked_turns, response_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

#: The marks before each turn but the first, which is the user's.
MARK = r"\n?<extra_id_1>(User|Assistant)\n?"
_ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
_MAXIMUM = 4.0


def _scores(records: Records, name: str) -> pl.Series:
    """An attribute as a list of annotators' values, of one where it is a number."""
    values = records.values(name)
    if not any(type(value) is list for value in values):
        return side_by_side([records.column(name, pl.Float64, required=False)])
    items = [{name: [value] if type(value) in (int, float) else value} for value in values]
    return Records(records.lines, items=items, problems=records.problems).column(
        name, pl.List(pl.Float64), required=False
    )


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a record, with a judgement for each attribute and annotator."""
    scores = {name: _scores(records, name) for name in _ATTRIBUTES}
    for name, values in scores.items():
        beyond = outside(values.list.min(), 0, _MAXIMUM) | outside(values.list.max(), 0, _MAXIMUM)
        records.reject(beyond, "value_out_of_range", f"{name!r} is not in [0, 4]")
    most = max(max(values.list.len().drop_nulls().to_list(), default=0) for values in scores.values())
    columns = {
        f"{name} {i}": values.list.get(i, null_on_oob=True) for i in range(most) for name, values in scores.items()
    }
    parts = [
        judgement(pl.col(name), dimension=name.split()[0], normalised=normalise(pl.col(name), 0, _MAXIMUM))
        for name in columns
    ]
    return pl.DataFrame(
        {
            "prompt": marked_turns(records.column("prompt", pl.String), MARK, opening="User"),
            "responses": side_by_side([response_turn(records.column("response", pl.String))]),
            "judgements": judgements(pl.DataFrame(columns), parts),
            "scales": scale_of(len(records), [(name, 0.0, _MAXIMUM, True) for name in _ATTRIBUTES]),
            "metadata": rest(records, ("prompt", "response", *_ATTRIBUTES)),
        }
    ).with_columns(kind=pl.lit("rating"))


_RATED = {"helpfulness": 3, "correctness": 4, "coherence": 4, "complexity": 2, "verbosity": 1}

ADAPTER = Adapter(
    name="helpsteer",
    kinds=("rating",),
    about="HelpSteer and HelpSteer2 (nvidia): responses rated on five attributes; also HelpSteer2's disagreements.",
    keeps="all turns, five attributes with their scale, each annotator's values where given",
    unknown="who the annotators are, which model wrote the response",
    fields=("prompt", "response", *_ATTRIBUTES),
    rows=rows,
    example={"prompt": "Hi.\n<extra_id_1>Assistant\nHello.\n<extra_id_1>User\nSay hi.", "response": "Hi.", **_RATED},
    variants=({"prompt": "Say hi.", "response": "Hi.", **{name: [v, v, v - 1] for name, v in _RATED.items()}},),
)
