"""UKPConvArg1: pairs of arguments on one side of a debate; crowd workers say which is more convincing, and why (XML).

    <annotatedArgumentPair><id>803_794</id>
      <arg1><author>…</author><voteUpCount>0</voteUpCount><stance>Evolution</stance><text>…</text><id>803</id></arg1>
      <arg2>…</arg2>
      <debateMetaData><title>Evolution vs. Creation</title><description>…</description><url>…</url></debateMetaData>
      <mTurkAssignments><mTurkAssignment><turkID>A365…</turkID><value>a2</value><reason>A2 goes deeper.</reason>
        <assignmentSubmitTime>…</assignmentSubmitTime><turkCompetence>0.99</turkCompetence>…</mTurkAssignment>…
      <goldLabel>a2</goldLabel></annotatedArgumentPair>

    #id      label  a1  a2                 (the Strict files: called CSV, tabs between the fields, <br/> for line ends)
    803_794  a2     …   …

The votes are the judgements. The gold label, which the authors concluded from them, is in the metadata; in the Strict
files, which have nothing else, it is the judgement.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, fits_one, rest, without
from transforms.ingest.adapters.parts import choice
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.dialogue import prompt_turns, response_turn
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_VALUES = {"a1": 1.0, "a2": 0.0, "equal": 0.5}
_LAYOUTS = {"full": ("arg1", "arg2", "debateMetaData", "mTurkAssignments"), "strict": ("#id", "label", "a1", "a2")}
_VOTES = "mTurkAssignments.mTurkAssignment"
_VOTED = {"turkID": "rater", "reason": "reason", "assignmentSubmitTime": "timestamp"}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, the first argument first."""
    return (_strict if records.has("label") else _full)(records).with_columns(kind=pl.lit("pair"))


def _full(records: Records) -> pl.DataFrame:
    votes = Listed(records, _VOTES, required=False, alone=True)
    said = votes.column("value", pl.String)
    value = said.replace_strict(_VALUES, default=None, return_dtype=pl.Float64)
    strange = votes.lists(said.is_not_null() & value.is_null()).list.any()
    records.reject(strange, "unknown_label", f"the value of a vote is not one of {', '.join(_VALUES)}")
    fields = {to: votes.column(name, pl.String, required=False) for name, to in _VOTED.items()}
    made = judgement(pl.col("value"), **{name: pl.col(name) for name in fields})
    topic = [
        records.column(f"debateMetaData.{name}", pl.String, required=name == "title")
        for name in ("title", "description")
    ]
    topic.append(records.column("arg1.stance", pl.String, required=False))
    side = without("text", "author")
    left = {"arg1": side, "arg2": side, "debateMetaData": without("title", "description"),
            "mTurkAssignments": without("value", *_VOTED)}  # fmt: skip
    return pl.DataFrame(
        {
            "prompt": prompt_turns(pl.select(pl.concat_str(topic, separator="\n", ignore_nulls=True)).to_series()),
            "responses": side_by_side(
                [response_turn(records.column(f"{name}.text", pl.String)) for name in ("arg1", "arg2")]
            ),
            "judgements": votes.judgements(pl.DataFrame({"value": value, **fields}), [made]),
            "generators": side_by_side(
                [records.column(f"{name}.author", pl.String, required=False) for name in ("arg1", "arg2")]
            ),
            "metadata": rest(records, (), left),
        }
    )


def _strict(records: Records) -> pl.DataFrame:
    label = choice(records, "label", _VALUES)
    texts = [records.column(name, pl.String).str.replace_all(r"\s*<br/>\s*", "\n") for name in ("a1", "a2")]
    return pl.DataFrame(
        {
            "prompt": prompt_turns(pl.Series([None], dtype=pl.String).new_from_index(0, len(records))),
            "responses": side_by_side([response_turn(text) for text in texts]),
            "judgements": judgements(label.to_frame(), [judgement(pl.col("label"))]),
            "metadata": rest(records, ("label", "a1", "a2")),
        }
    )


def _vote(worker: str, value: str) -> dict[str, str]:
    return {"turkID": worker, "value": value, "reason": "It goes deeper.", "turkCompetence": "0.99",
            "assignmentSubmitTime": "2016-02-22 21:46:33.0 UTC"}  # fmt: skip


_ARGUMENT = {"author": "http://a", "voteUpCount": "0", "stance": "Evolution", "text": "Moths did change.", "id": "803"}

ADAPTER = Adapter(
    name="ukp_convarg",
    kinds=("pair",),
    about="UKPConvArg1 (full XML, or the Strict files): which of two arguments is more convincing.",
    keeps="each worker's vote, reason and time, authors; gold label, competences, up and down votes as metadata",
    unknown="in the Strict files the topic (the file's name says it) and who voted",
    fields=(),
    rows=rows,
    fits=fits_one(_LAYOUTS),
    example={"id": "803_794", "arg1": _ARGUMENT, "arg2": {**_ARGUMENT, "text": "Flies do change.", "id": "794"},
             "debateMetaData": {"title": "Evolution vs. Creation", "url": "http://d"},
             "mTurkAssignments": {"mTurkAssignment": [_vote("A365", "a2"), _vote("A1LN", "equal")]}, "goldLabel": "a2"},
    variants=({"#id": "803_794", "label": "a2", "a1": "Moths.<br/>They change.", "a2": "Flies."},),
)  # fmt: skip
