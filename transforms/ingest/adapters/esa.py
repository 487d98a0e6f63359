"""ESA: error spans marked in translations and a score for each, from WMT 2024 on (JSONL).

    {"langs": "en-cs", "line_id": 3, "src": "…", "tgt": "…", "doc_id": "…", "domain": "news", "esa_score": 83,
     "esa_spans": [{"start_i": 0, "end_i": 5, "severity": "minor", "error_type": null}], "system": "Claude-3.5",
     "annotator": "engces1106", "times": ["171…", "171…"], "speech_info": null}
    {"doc_id": "cs-de_DE_#_news_#_…", "src_text": "…", "tgt_text": {"Claude-4": "…", …},
     "scores": {"Claude-4": [{"score": 83.0, "annotator": "a1", "errors": [span, …], "times": […]}, …]}}

A score is 0 to 100, higher is better. The spans are the judgement's reason, a JSON list; "missing" in place of an index
says that something was left out. The second layout (genmt-humeval) makes one row a system.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, fits_one, rest, without
from transforms.ingest.canonical import judgement, judgements, normalise, outside, scale_of
from transforms.ingest.dialogue import prompt_turns, response_turn
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records
from transforms.ingest.values import described
from transforms.lists import element, side_by_side

_SCALE = (0.0, 100.0)
_LAYOUTS = {"lines": ("src", "tgt", "esa_score", "esa_spans"), "segments": ("src_text", "tgt_text", "scores")}


def _spans(spans: list[Any]) -> pl.Series:
    """Lists of spans as JSON; null where nothing was marked."""
    return pl.Series([orjson.dumps(one).decode() if one else None for one in spans], dtype=pl.String)


def _judgement() -> pl.Expr:
    score = pl.col("score")
    return judgement(score, dimension="esa", normalised=normalise(score, *_SCALE), rater=pl.col("annotator"),
                     reason=pl.col("reason"), timestamp=pl.col("time"))  # fmt: skip


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a system and segment; annotators of one translation meet where copies are merged."""
    out = _lines(records) if records.has("esa_score") else _segments(records)
    return out.with_columns(scale_of(out.height, [("esa", *_SCALE, True)]).alias("scales"), kind=pl.lit("rating"))


def _lines(records: Records) -> pl.DataFrame:
    score = pl.Series([_number(value) for value in records.values("esa_score")], dtype=pl.Float64, strict=False)
    spans = records.values("esa_spans")
    for index, value in enumerate(spans):
        if value is not None and not isinstance(value, list):
            records.problem(index, "wrong_type", f"field 'esa_spans' is {described(value)}; a list is expected")
    records.reject(score.is_null(), "wrong_type", "'esa_score' is not a number")
    records.reject(outside(score, *_SCALE), "value_out_of_range", "'esa_score' is not in [0, 100]")
    frame = pl.DataFrame(
        {
            "score": score,
            "annotator": records.column("annotator", pl.String, required=False),
            "reason": _spans(spans),
            "time": element(records.column("times", pl.List(pl.String), required=False), 0),
        }
    )
    pair = records.column("langs", pl.String, required=False).str.splitn("-", 2).struct
    return pl.DataFrame(
        {
            "prompt": prompt_turns(records.column("src", pl.String)),
            "responses": side_by_side([response_turn(records.column("tgt", pl.String))]),
            "judgements": judgements(frame, [_judgement()]),
            "generators": side_by_side([records.column("system", pl.String, required=False)]),
            "language": pair.field("field_1"),
            "metadata": rest(records, ("src", "tgt", "esa_score", "esa_spans", "system", "annotator")),
        }
    )


def _number(value: Any) -> float | None:
    """A number, or a text that is one: the file of 2024 was made from a CSV."""
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except ValueError:
        return None


def _segments(records: Records) -> pl.DataFrame:
    items: list[dict[str, Any]] = []
    owners: list[int] = []
    for index, (texts, scores) in enumerate(zip(records.values("tgt_text"), records.values("scores"), strict=True)):
        for name, value in (("tgt_text", texts), ("scores", scores)):
            if not isinstance(value, dict):
                said = f"field {name!r} is {described(value)}; an object with a field for each system is expected"
                records.problem(index, "missing_field" if value is None else "wrong_type", said)
        if isinstance(texts, dict) and isinstance(scores, dict):
            systems = dict.fromkeys([*texts, *scores])
            items += [{"system": name, "tgt": texts.get(name), "scores": scores.get(name) or []} for name in systems]
            owners += [index] * len(systems)
    inner = Records(np.array(owners, np.int64), items=items)
    text, each = inner.column("tgt", pl.String), Listed(inner, "scores")
    frame = pl.DataFrame(
        {
            "score": each.column("score", pl.Float64),
            "annotator": each.column("annotator", pl.String, required=False),
            "reason": _spans(each.values("errors")),
            "time": element(each.column("times", pl.List(pl.String), required=False), 0),
        }
    )
    off = each.lists(outside(frame["score"], *_SCALE)).list.any()
    inner.reject(off, "value_out_of_range", "'score' is not in [0, 100]")
    for at, (code, message) in inner.problems.items():
        records.problem(owners[at], code, f"system {items[at]['system']!r}: {message}")
    source, document = records.column("src_text", pl.String), records.column("doc_id", pl.String, required=False)
    left = rest(records, ("src_text", "tgt_text"), {"scores": without("score", "annotator", "errors")})
    place = pl.Series(owners, dtype=pl.Int64)
    return pl.DataFrame(
        {
            "record": place,
            "prompt": prompt_turns(source[place]),
            "responses": side_by_side([response_turn(text)]),
            "judgements": each.judgements(frame, [_judgement()]),
            "generators": side_by_side([inner.column("system", pl.String)]),
            "language": document.str.extract(r"^[a-z]{2,3}-([A-Za-z_]+)_#_", 1)[place],
            "metadata": left[place],
        }
    )


_SPAN = {"start_i": 0, "end_i": 5, "severity": "minor"}

ADAPTER = Adapter(
    name="esa",
    kinds=("rating",),
    about="Error span annotations of translations from WMT 2024 on: wmt24_esa.jsonl, wmt25-genmt-humeval.jsonl.",
    keeps="scores, spans as their reason, annotators, systems, times, target languages; document, domain and the rest",
    unknown="how spans and score were weighed against each other",
    fields=(),
    rows=rows,
    fits=fits_one(_LAYOUTS),
    example={"langs": "en-cs", "line_id": 3, "src": "Hello.", "tgt": "Ahoj.", "doc_id": "d", "domain": "news",
             "esa_spans": [_SPAN], "esa_score": 83, "system": "Claude-3.5", "annotator": "engces1106",
             "times": ["1718000000.1", "1718000009.5"], "speech_info": None},
    variants=({"doc_id": "cs-de_DE_#_news_#_1", "src_text": "Ahoj.", "tgt_text": {"A": "Hallo.", "B": "Guten Tag."},
               "scores": {"A": [{"score": 83.0, "annotator": "a1", "errors": [_SPAN], "times": ["1"]}], "B": []}},),
)  # fmt: skip
