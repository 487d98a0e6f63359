"""SEAHORSE: summaries in six languages, of which raters answered six questions (TSV).

    gem_id                         worker_lang  summary                  model    question1  …  question6
    xlsum_english-validation-6416  en-US        Schools in England are…  t5_base  Yes        …  No

The questions ask whether it can be understood, is free of repetition, is grammatical, is supported by the article, has
its main ideas, and is concise. An answer is 1 (Yes), 0 (No) or 0.5 (Unsure); after a No to the first there are no more.
Articles are named by their id in GEM: files with them can be named under `options: {articles: [FILES]}`, and are else a
message without content.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.companions import articles, found
from transforms.ingest.adapters.parts import choice
from transforms.ingest.adapters.summeval import Articles
from transforms.ingest.canonical import judgement, judgements, scale_of
from transforms.ingest.dialogue import named_turn, response_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_QUESTIONS = {"question1": "comprehensible", "question2": "repetition", "question3": "grammar",
              "question4": "attribution", "question5": "main_ideas", "question6": "conciseness"}  # fmt: skip
_ANSWERS = {"Yes": 1.0, "No": 0.0, "Unsure": 0.5}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a record, with a judgement for each question that was answered."""
    ids = records.column("gem_id", pl.String)
    known = articles(
        Articles.model_validate(options).articles, ("gem_id", "id"), ("document", "text", "article", "source")
    )
    answers = pl.DataFrame(
        {
            dimension: choice(records, name, _ANSWERS, required=name == "question1")
            for name, dimension in _QUESTIONS.items()
        }
    )
    parts = [judgement(pl.col(name), dimension=name, normalised=pl.col(name)) for name in answers.columns]
    return pl.DataFrame(
        {
            "prompt": named_turn(found(known, ids), "user", ids),
            "responses": side_by_side([response_turn(records.column("summary", pl.String))]),
            "judgements": judgements(answers, parts),
            "scales": scale_of(len(records), [(name, 0.0, 1.0, True) for name in answers.columns]),
            "generators": side_by_side([records.column("model", pl.String, required=False)]),
            "language": records.column("worker_lang", pl.String, required=False),
            "metadata": rest(records, ("summary", "model", "worker_lang", *_QUESTIONS)),
        }
    ).with_columns(kind=pl.lit("rating"))


ADAPTER = Adapter(
    name="seahorse",
    kinds=("rating",),
    about="SEAHORSE (google-research-datasets/seahorse): summaries in six languages on six dimensions, TSV.",
    keeps="the answers, the models, the languages, the articles' ids",
    unknown="who rated; the articles, unless named in `options.articles`. For its folder `duplicates`, say "
    "`anonymous_copies: votes`",
    fields=("gem_id", "worker_lang", "summary", *_QUESTIONS),
    rows=rows,
    example={"gem_id": "xlsum_english-validation-6416", "worker_lang": "en-US", "summary": "Schools are urged.",
             "model": "t5_base", **dict.fromkeys(_QUESTIONS, "Yes")},
    options=Articles,
    companions=("articles",),
)  # fmt: skip
