"""WMT's rankings of translations: five systems' outputs ranked by a judge (CSV), or winners of pairs (`.rank`, TSV).

    srclang,trglang,srcIndex,documentId,segmentId,judgeId,system1Number,system1Id,…,system1rank,…,system5rank
    Czech,English,1018,cs-en.test,1018,A3L1TN…,72,jhu-heiro,…,2,1,1,1,1
    1018  cs-en  sys1  cs-en  sys2      (no header: `reader: tsv`, `columns: [segment, pair, winner, pair_2, loser]`)

Neither holds a text. Where they are, says `options: {texts: [FILES]}`: SGML or plain text, a line a segment, called
after language pair and system as WMT calls them (`cs-en.jhu-heiro.sgm`, `newstest2012.cs-en.jhu-heiro`; references
`cs-en.ref.sgm` or `newstest2012-ref.en`, sources `cs-en.src.sgm` or `newstest2012-src.cs`). A text that is not there is
a message without content that bears the system's name, and its row is dropped as empty. Rank 1 is the best, equal
ranks are ties, -1 says that the judge left it blank.
"""

from __future__ import annotations

import re

import polars as pl
from pydantic import Field

from transforms.ingest.adapters.base import Adapter, Options, Switches, rest
from transforms.ingest.adapters.companions import LANGUAGES, system_name, translated, translations
from transforms.ingest.canonical import judgement, judgements, normalise, scale_of
from transforms.ingest.dialogue import named_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_BEST, _WORST = 1.0, 5.0
_RANKING = ("srclang", "trglang", "srcIndex", "judgeId", "system1Id", "system2Id", "system1rank")
_PAIR = ("segment", "pair", "winner", "loser")
_SYSTEM = re.compile(r"system(\d+)(?:Id|rank)")


class Texts(Switches):
    """Where the texts are."""

    texts: list[str] = Field([], description="Files with translations, references and sources: paths and patterns.")


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One ranking or pair a record, in the order in which the systems are named."""
    known = translations(Texts.model_validate(options).texts)
    return _ranking(records, known) if records.has("system1Id") else _pair(records, known)


def _ranking(records: Records, known: pl.DataFrame) -> pl.DataFrame:
    width = max(int(found[1]) for name in records.names() if (found := _SYSTEM.fullmatch(name)))
    names, ranks = [[f"system{i}{end}" for i in range(1, width + 1)] for end in ("Id", "rank")]
    frame = pl.DataFrame({name: records.column(name, pl.Int64) for name in ranks})
    for name in ranks:
        off = ~(frame[name].is_between(_BEST, _WORST) | (frame[name] == -1))
        records.reject(off, "value_out_of_range", f"{name!r} is neither a rank from 1 to 5 nor -1 (left blank)")
    made = [
        judgement(pl.when(pl.col(name) > 0).then(name), rater=pl.col("judgeId"), response=place,
                  normalised=normalise(pl.col(name), _BEST, _WORST, higher_is_better=False))
        for place, name in enumerate(ranks)
    ]  # fmt: skip
    languages = [
        records.column(name, pl.String).str.to_lowercase().replace(LANGUAGES) for name in ("srclang", "trglang")
    ]
    segments = pl.DataFrame(
        [languages[0].alias("from"), languages[1].alias("to"), records.column("srcIndex", pl.Int64)]
    )
    return _translated(records, known, segments.rename({"srcIndex": "segment"}), names).with_columns(
        judgements(frame.with_columns(records.column("judgeId", pl.String, required=False)), made).alias("judgements"),
        scale_of(len(records), [("overall", _BEST, _WORST, False)]).alias("scales"),
        rest(records, ("srclang", "trglang", "judgeId", *names, *ranks)),
        kind=pl.lit("ranking"),
    )


def _pair(records: Records, known: pl.DataFrame) -> pl.DataFrame:
    languages = records.column("pair", pl.String).str.splitn("-", 2).struct
    segments = pl.DataFrame([languages.field("field_0").alias("from"), languages.field("field_1").alias("to"),
                             records.column("segment", pl.Int64)])  # fmt: skip
    return _translated(records, known, segments, ["winner", "loser"]).with_columns(
        judgements(segments, [judgement(pl.repeat(1.0, pl.len()))]).alias("judgements"),
        rest(records, ("winner", "loser")),
        kind=pl.lit("pair"),
    )


def _translated(records: Records, known: pl.DataFrame, segments: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Prompt, responses, references and generators of records that name systems and segments."""
    systems = [records.column(name, pl.String) for name in names]
    place = pl.concat_str(pl.col("from").fill_null(""), pl.lit("-"), pl.col("to").fill_null(""), pl.lit(":"), "segment")
    responses = []
    for system in systems:
        called = system.replace_strict(
            each := system.drop_nulls().unique(),
            [system_name(name) for name in each],
            default=None,
            return_dtype=pl.String,
        )
        text = translated(known, segments.with_columns(called.alias("system")))
        responses.append(named_turn(text, "assistant", system))
    source, reference = (translated(known, segments.with_columns(system=pl.lit(name))) for name in ("src", "ref"))
    return pl.DataFrame(
        {
            "prompt": named_turn(source, "user", segments.select(place=place)["place"]),
            "responses": side_by_side(responses),
            "references": side_by_side([reference], [reference.is_not_null()]),
            "generators": side_by_side(systems),
            "language": segments["to"],
        }
    )


ADAPTER = Adapter(
    name="wmt_ranking",
    kinds=("ranking", "pair"),
    about="WMT's human rankings of translations, 2012 to 2016 (RNK_results.csv), and pairs won (.rank files).",
    keeps="judges, systems, ties, blanks, languages, references; segment and the rest as metadata",
    unknown="the texts, unless `options.texts` says where they are; who judged the pairs of .rank files, and when",
    fields=(),
    rows=rows,
    fits=lambda records: all(map(records.has, _RANKING)) or all(map(records.has, _PAIR)),
    example={"srclang": "Czech", "trglang": "English", "srcIndex": 7, "judgeId": "A3L1", "system1Id": "onlineA",
             "system2Id": "cu-bojar", "system1rank": 2, "system2rank": 1},
    variants=({"segment": 970, "pair": "cs-en", "winner": "sys10", "pair_2": "cs-en", "loser": "sys2"},),
    options=Texts,
    companions=("texts",),
)  # fmt: skip
