"""MQM: errors that raters marked in translations, a line an error (WMT's TSV files without quoting, 2020 to 2024).

    system  doc     doc_id    seg_id       rater   source  target                category           severity
    online  talk.1  1         1            rater1  Hello.  Hallo <v>da</v>.      Accuracy/Addition  Minor
    system  doc     docSegId  globalSegId  rater   source  target  category  severity  metadata              (from 2023)
    year  source_lang  target_lang  document_id  doc_segment_id  system_id  rater_id  source  reference  candidate  …

All lines of one system's translation of a segment, wherever they stand in the file, make one rating. A rater's value is
the sum of the weights of the errors, 0 without any, so lower is better. Weights are WMT's (Major 5, Minor 1, Neutral 0,
Major/Non-translation 25, Minor/Fluency/Punctuation 0.1; Critical 5 as in 2024); of several names the most specific
holds. The scale ends at 25, and a larger sum counts as 25. The errors are the judgement's reason, a JSON list.
"""

from __future__ import annotations

import polars as pl
from pydantic import Field

from schemas.arrow import JUDGEMENT, SCALE
from transforms.ingest.adapters import spans
from transforms.ingest.adapters.base import Adapter, Options, Switches, rest
from transforms.ingest.canonical import judgement
from transforms.ingest.dialogue import prompt_turns, response_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

WEIGHTS = {"critical": 5, "major": 5, "minor": 1, "neutral": 0, "no-error": 0, "hotw-test": 0,
           "major/non-translation": 25, "minor/fluency/punctuation": 0.1}  # fmt: skip
WORST = 25.0
_UNIT = ("system", "system_id", "doc", "document_id", "doc_id", "docSegId", "doc_segment_id", "seg_id", "globalSegId",
         "year", "source_lang", "target_lang")  # fmt: skip
_LINE = (
    "rater",
    "rater_id",
    "source",
    "target",
    "candidate",
    "reference",
    "category",
    "severity",
    "comment",
    "metadata",
)


class Mqm(Switches):
    """How much errors count."""

    weights: dict[str, float] = Field(
        {}, description="More weights, by severity, severity/category or severity/category/subcategory."
    )


def _judged(lines: pl.DataFrame) -> pl.DataFrame:
    """One line a unit: its judgements, one for each rater, and the largest sum of weights."""
    shown = pl.col("span").filter((pl.col("weight") > 0) | pl.col("note").is_not_null()).implode().list.join(",")
    value = pl.col("weight").sum().round(6)
    said = pl.col("note").str.json_path_match("$.timestamp").drop_nulls().last()
    raters = lines.group_by("unit", "rater", maintain_order=True).agg(value=value, errors=shown, timestamp=said)
    errors = pl.when(pl.col("errors") != "").then(pl.concat_str(pl.lit("["), "errors", pl.lit("]")))
    made = judgement(pl.col("value"), dimension="mqm", rater=pl.col("rater"), reason=errors,
                     normalised=1 - pl.col("value").clip(0, WORST) / WORST, timestamp=pl.col("timestamp"))  # fmt: skip
    each = raters.select("unit", "value", judgements=made)
    return each.group_by("unit").agg("judgements", worst=pl.col("value").max())


def _commonest(lines: pl.DataFrame, name: str) -> pl.Series:
    """A unit's text: in the lines of 2020 some have what was marked twice, so the commonest, then the shortest."""
    texts = lines.group_by("unit", spans.unmarked(pl.col(name))).len()
    order = texts.sort("unit", "len", pl.col(name).str.len_bytes(), name, descending=[False, True, False, False])
    return order.group_by("unit", maintain_order=True).first()[name]


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a segment and system, with a judgement for each rater."""
    known = WEIGHTS | {spans.name_of(name): value for name, value in Mqm.model_validate(options).weights.items()}

    def text(*names: str, required: bool = False) -> pl.Series:
        return records.column(next(filter(records.has, names), names[0]), pl.String, required=required)

    lines = pl.DataFrame(
        {
            "unit": records.unite(_UNIT),
            "system": text("system", "system_id"),
            "rater": text("rater", "rater_id"),
            "source": text("source", required=True),
            "target": text("target", "candidate", required=True),
            "reference": text("reference"),
            "category": text("category"),
            "severity": text("severity"),
            "note": text("metadata", "comment"),
        }
    )
    error = pl.struct(
        "category", "severity", pl.coalesce(spans.marked("target"), spans.marked("source")).alias("mark"), "note"
    )
    lines = lines.with_columns(
        weight=spans.weights(lines["severity"], lines["category"], known), span=error.struct.json_encode()
    )
    silent = lines["severity"].is_null()
    records.reject(silent & lines["rater"].is_not_null(), "missing_field", "'severity' is missing where 'rater' is not")
    for index in (lines["weight"].is_null() & ~silent).arg_true().to_list():
        allowed = ", ".join(name for name in known if "/" not in name)
        said = f"'severity' is {lines['severity'][index]!r}; known are {allowed}, more can be given in `options`"
        records.problem(index, "unknown_label", said)
    units = lines["unit"].unique().sort().to_frame()
    judged = units.join(_judged(lines.filter(~silent)), on="unit", how="left", maintain_order="left")
    first = lines[units["unit"]]
    scale = pl.struct(dimension=pl.lit("mqm"), minimum=pl.lit(0.0), maximum=pl.max_horizontal("worst", pl.lit(WORST)),
                      higher_is_better=pl.lit(False)).cast(SCALE)  # fmt: skip
    return pl.DataFrame(
        {
            "record": units["unit"],
            "prompt": prompt_turns(_commonest(lines, "source")),
            "responses": side_by_side([response_turn(_commonest(lines, "target"))]),
            "judgements": judged["judgements"].fill_null(pl.Series([[]], dtype=pl.List(JUDGEMENT))),
            "scales": side_by_side([judged.select(scale).to_series()]),
            "generators": side_by_side([first["system"]]),
            "references": first.select(pl.when(pl.col("reference").is_not_null()).then(pl.concat_list("reference")))[
                "reference"
            ],
            "language": records.column("target_lang", pl.String, required=False)[units["unit"]],
            "metadata": rest(records, ("system", "system_id", "target_lang", *_LINE))[units["unit"]],
        }
    ).with_columns(kind=pl.lit("rating"))


ADAPTER = Adapter(
    name="mqm",
    kinds=("rating",),
    about="MQM annotations of translations (google/wmt-mqm-human-evaluation, 2020 to 2024): TSV, a line an error.",
    keeps="each rater's sum of weighted errors, and the errors with category, severity, place and notes as its "
    "reason; system, references, times, document and segment",
    unknown="the languages, before 2022 (the file's name says them)",
    fields=("source", "category", "severity"),
    rows=rows,
    fits=lambda records: records.has("target") or records.has("candidate"),
    example={"system": "online", "doc": "talk.1", "doc_id": "1", "seg_id": "1", "rater": "rater1", "source": "Hello.",
             "target": "Hallo <v>da</v>.", "category": "Accuracy/Addition", "severity": "Minor"},
    variants=(
        {"system": "online", "doc": "talk.1", "docSegId": "1", "globalSegId": "1", "rater": "r1", "source": "Hello.",
         "target": "Hallo.", "category": "No-error", "severity": "No-error", "metadata": '{"timestamp": 1}'},
        {"year": "2022", "source_lang": "en", "target_lang": "zh", "document_id": "d", "doc_segment_id": "1",
         "system_id": "online", "rater_id": "rater1", "source": "Hello.", "reference": "你好。", "candidate": "你好",
         "category": "fluency/punctuation", "severity": "minor"},
    ),
    options=Mqm,
    joins=_UNIT,
)  # fmt: skip
