"""COMET's training data: scored translations, or a better and a worse one (CSV).

    lp,src,mt,ref,score,raw,annotators,domain,year            (WMT's sets have these; src, mt and score are enough)
    src,pos,neg,ref

`ref` may be absent or empty. A score's scale is not in the file: it is z-normalised in some sets, 0 to 1 or 0 to 100 in
others. `options: {minimum: 0, maximum: 1}` says it; without, scores stay as they are and have no normalised value.
"""

from __future__ import annotations

from typing import Self

import polars as pl
from pydantic import Field, model_validator

from transforms.ingest.adapters.base import Adapter, Options, Switches, rest
from transforms.ingest.adapters.parts import first_wins
from transforms.ingest.canonical import judgement, judgements, normalise, outside, scale_of
from transforms.ingest.dialogue import prompt_turns, response_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_TAKEN = ("src", "mt", "pos", "neg", "ref", "score", "system")


class Scale(Switches):
    """The scale of the scores."""

    minimum: float | None = Field(None, description="The lowest score that there can be.")
    maximum: float | None = Field(None, description="The highest one.")
    higher_is_better: bool = Field(True, description="Which end is the better one.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.minimum is None) != (self.maximum is None):
            raise ValueError("minimum and maximum belong together")
        if self.minimum is not None and self.maximum is not None and not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a record, or one pair with the better side first."""
    pair = records.has("pos")
    texts = [records.column(name, pl.String) for name in (("pos", "neg") if pair else ("mt",))]
    reference = records.column("ref", pl.String, required=False)
    language = records.column("lp", pl.String, required=False).str.splitn("-", 2).struct.field("field_1")
    out = {
        "prompt": prompt_turns(records.column("src", pl.String)),
        "responses": side_by_side([response_turn(text) for text in texts]),
        "references": side_by_side([reference], [reference.fill_null("") != ""]),
        "language": language,
        "metadata": rest(records, _TAKEN),
    }
    if pair:
        return pl.DataFrame({**out, "judgements": first_wins(len(records))}).with_columns(kind=pl.lit("pair"))
    said = Scale.model_validate(options)
    score, normalised = records.column("score", pl.Float64), pl.lit(None, dtype=pl.Float64)
    if said.minimum is not None and said.maximum is not None:
        scale = (said.minimum, said.maximum, said.higher_is_better)
        off = outside(score, said.minimum, said.maximum)
        records.reject(off, "value_out_of_range", f"'score' is not in [{said.minimum:g}, {said.maximum:g}]")
        out["scales"] = scale_of(len(records), [("overall", *scale)])
        normalised = normalise(pl.col("score"), *scale)
    out["judgements"] = judgements(score.to_frame(), [judgement(pl.col("score"), normalised=normalised)])
    out["generators"] = side_by_side([records.column("system", pl.String, required=False)])
    return pl.DataFrame(out).with_columns(kind=pl.lit("rating"))


ADAPTER = Adapter(
    name="comet",
    kinds=("rating", "pair"),
    about="COMET's training data and what is in its layout: CSV with src, mt, ref and score, or src, pos, neg and ref.",
    keeps="references, systems, the target language; raw scores, annotators and the rest as metadata",
    unknown="the scale of the scores, unless `options` says it; who rated",
    fields=("src",),
    rows=rows,
    fits=lambda records: all(map(records.has, ("mt", "score"))) or all(map(records.has, ("pos", "neg"))),
    example={"lp": "en-de", "src": "Hello.", "mt": "Hallo.", "ref": "Guten Tag.", "score": 0.5, "system": "online"},
    variants=({"src": "Hello.", "pos": "Hallo.", "neg": "Halo.", "ref": "Guten Tag."},),
    options=Scale,
)
