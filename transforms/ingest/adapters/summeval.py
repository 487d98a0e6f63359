"""SummEval: summaries of news rated by three experts and five crowd workers on four dimensions.

    {"id": "dm-test-…", "decoded": "…", "model_id": "M11", "references": ["…", …], "text": "…", "filepath": "…",
     "expert_annotations": [{"coherence": 2, "consistency": 1, "fluency": 4, "relevance": 2}, …],
     "turker_annotations": [{"coherence": 3, …}, …]}
    {"id": "…", "text": "…", "machine_summaries": ["…", …], "human_summaries": ["…", …], "coherence": [1.3, …], …}

Scores are 1 to 5, higher is better. The authors publish the annotations without the articles: either pair them with
`text` as they say, or name files with an id and a text under `options: {articles: [FILES]}`; else an article is a
message without content. The second layout (mteb/summeval) has the experts' means of all summaries of an article.
"""

from __future__ import annotations

import polars as pl
from pydantic import Field

from transforms.ingest.adapters.aspects import by_annotators
from transforms.ingest.adapters.base import Adapter, Options, Switches, fits_one, rest
from transforms.ingest.adapters.companions import articles, found
from transforms.ingest.adapters.parts import as_responses, texts
from transforms.ingest.canonical import judgement, normalise, outside, scale_of
from transforms.ingest.dialogue import named_turn, prompt_turns, response_turn
from transforms.ingest.listed import Places
from transforms.ingest.records import Records
from transforms.lists import end_to_end, side_by_side

_ASPECTS = ("coherence", "consistency", "fluency", "relevance")
_SCALE = (1.0, 5.0)
_LAYOUTS = {"annotations": ("id", "decoded", "expert_annotations", "turker_annotations"),
            "means": ("text", "machine_summaries", "human_summaries", "coherence")}  # fmt: skip


class Articles(Switches):
    """Where the articles are."""

    articles: list[str] = Field([], description="Files with the articles: any with an id and a text or article.")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a summary, with a judgement for each annotator and dimension; or one ranking an article."""
    scales = scale_of(len(records), [(name, *_SCALE, True) for name in _ASPECTS])
    made = _means(records) if records.has("machine_summaries") else _annotated(records, options)
    return made.with_columns(scales.alias("scales"))


def _annotated(records: Records, options: Options) -> pl.DataFrame:
    files = Articles.model_validate(options).articles
    ids = records.column("id", pl.String)
    article = records.column("text", pl.String, required=False)
    known = articles(files, ("id", "story_id"), ("text", "article", "document", "story"))
    both = [by_annotators(records, f"{who}_annotations", _ASPECTS, *_SCALE, who) for who in ("expert", "turker")]
    return pl.DataFrame(
        {
            "prompt": named_turn(article.fill_null(found(known, ids)), "user", ids),
            "responses": side_by_side([response_turn(records.column("decoded", pl.String))]),
            "judgements": end_to_end(both),
            "references": texts(records, "references") if records.has("references") else None,
            "generators": side_by_side([records.column("model_id", pl.String, required=False)]),
            "metadata": rest(records, ("decoded", "expert_annotations", "turker_annotations", "references", "model_id",
                                       "text")),
        }
    ).with_columns(kind=pl.lit("rating"))  # fmt: skip


def _means(records: Records) -> pl.DataFrame:
    summaries = texts(records, "machine_summaries")
    items = Places(summaries.list.len().to_numpy())
    columns = {}
    for name in _ASPECTS:
        mean = records.column(name, pl.List(pl.Float64))
        short = mean.list.len() != summaries.list.len()
        records.reject(short, "wrong_type", f"{name!r} does not hold one number for each of 'machine_summaries'")
        off = outside(mean.list.min(), *_SCALE) | outside(mean.list.max(), *_SCALE)
        records.reject(off, "value_out_of_range", f"{name!r} is not in [1, 5]")
        each = pl.DataFrame({"mean": mean[items.owners], "place": items.places})
        columns[name] = each.select(pl.col("mean").list.get(pl.col("place"), null_on_oob=True))["mean"]
    parts = [
        judgement(pl.col(name), dimension=name, response=pl.col("response"),
                  normalised=normalise(pl.col(name), *_SCALE))
        for name in _ASPECTS
    ]  # fmt: skip
    return pl.DataFrame(
        {
            "prompt": prompt_turns(records.column("text", pl.String)),
            "responses": as_responses(items, summaries.explode(empty_as_null=False, keep_nulls=False)),
            "judgements": items.judgements(pl.DataFrame(columns), parts),
            "references": texts(records, "human_summaries"),
            "metadata": rest(records, ("text", "machine_summaries", "human_summaries", *_ASPECTS)),
        }
    ).with_columns(kind=pl.lit("ranking"))


ADAPTER = Adapter(
    name="summeval",
    kinds=("rating", "ranking"),
    about="SummEval (model_annotations.aligned.jsonl, with or without articles; mteb/summeval): rated summaries.",
    keeps="each expert's and crowd worker's scores, references, models, ids",
    unknown="who the annotators are beyond their place; the articles, unless paired or named in `options.articles`",
    fields=("id",),
    rows=rows,
    fits=fits_one(_LAYOUTS),
    example={"id": "dm-1", "decoded": "A greets B.", "references": ["A says hi."], "model_id": "M1", "filepath": "f",
             "expert_annotations": [dict.fromkeys(_ASPECTS, score) for score in (5, 4, 5)],
             "turker_annotations": [dict.fromkeys(_ASPECTS, score) for score in (3, 4, 5, 5, 4)]},
    variants=({"id": "dm-1", "text": "Hi, said A.", "machine_summaries": ["A greets B.", "B."],
               "human_summaries": ["A says hi."], **{name: [4.5, 1.0] for name in _ASPECTS}},),
    options=Articles,
    companions=("articles",),
)  # fmt: skip
