"""ImageInWords: two descriptions of an image compared by people on five dimensions.

    {"image": "test_00731", "IIW": "…", "DOCCI": "…", "metrics/Comprehensiveness": "IIW is marginally better",
     "metrics/First few line(s) as tldr": "Neutral", "metrics/Hallucination": "DOCCI is substantially better", …}
    {"image/key": "aar_test_04600", "IIW": "…", "IIW-P5B": "…", "objects": […],
     "iiw-human-sxs-gpt4v": {"metrics/Comprehensiveness": "GPT-4V is marginally better", …},
     "iiw-human-sxs-iiw-p5b": {"metrics/Comprehensiveness": "IIW-Human is substantially better", …}}

A record has one comparison or two. How much better a side is (1 marginally, 2 substantially, 0 neutral) is the
strength. Descriptions of DCI and GPT-4V are not in the files: such a side is a message without content that bears its
name. Records without a comparison are ratings that nobody gave. An image is known by its key.
"""

from __future__ import annotations

import polars as pl

from schemas.arrow import JUDGEMENT
from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.images import image_turn, images
from transforms.ingest.adapters.parts import towards_first
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.dialogue import named_turn, response_turn
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_DIMENSIONS = {"Comprehensiveness": "comprehensiveness", "First few line(s) as tldr": "tldr",
               "Hallucination": "hallucination", "Human Like": "human_like", "Specificity": "specificity"}  # fmt: skip
#: Where a comparison with the human description is, and what the other side is called.
_COMPARISONS = {"iiw-human-sxs-gpt4v.": "GPT-4V", "iiw-human-sxs-iiw-p5b.": "IIW-P5B"}
_SIZES = {"marginally better": 1, "substantially better": 2}


def _side(records: Records, name: str) -> pl.Series:
    """A side's descriptions, or where the files have none its name."""
    text = records.column(name, pl.String, required=False)
    return named_turn(text, "assistant", pl.Series([name]).new_from_index(0, len(records)))


def _compared(records: Records, prefix: str, other: str) -> pl.DataFrame:
    """The pairs of one comparison; no judgements where a record does not have it."""
    gaps = {}
    for name, dimension in _DIMENSIONS.items():
        said = records.column(f"{prefix}metrics/{name}", pl.String, required=False)
        parts = said.str.splitn(" is ", 2).struct
        size = parts.field("field_1").replace_strict(_SIZES, default=None, return_dtype=pl.Int64)
        gap = pl.when(said == "Neutral").then(0).when(parts.field("field_0") == other).then(-size)
        gap = gap.when(parts.field("field_0").is_in(["IIW", "IIW-Human"])).then(size)
        gaps[dimension] = pl.select(gap).to_series()
        for index in (said.is_not_null() & gaps[dimension].is_null()).arg_true().to_list():
            known = f"'Neutral', or 'IIW' or {other!r} with ' is marginally better' or ' is substantially better'"
            records.problem(index, "unknown_label", f"'metrics/{name}' is {said[index]!r}; allowed are {known}")
    made = [judgement(towards_first(pl.col(name)), dimension=name, strength=pl.col(name).abs()) for name in gaps]
    return pl.DataFrame(
        {
            "responses": side_by_side([_side(records, "IIW"), _side(records, other)]),
            "judgements": judgements(pl.DataFrame(gaps), made),
            "generators": pl.Series([["IIW", other]]).new_from_index(0, len(records)),
        }
    ).with_columns(kind=pl.lit("pair"))


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a comparison, the description of IIW first; a rating without judgement where there is none."""
    key = "image" if records.has("image") else "image/key"
    flat = any(records.has(f"metrics/{name}") for name in _DIMENSIONS)
    compared = {"": "DOCCI" if records.has("DOCCI") else "DCI"} if flat else _COMPARISONS
    taken = (
        key,
        "IIW",
        *compared.values(),
        *(f"metrics/{name}" for name in _DIMENSIONS),
        *(name[:-1] for name in compared),
    )
    every = pl.DataFrame(
        {
            "record": pl.int_range(len(records), dtype=pl.Int64, eager=True),
            "prompt": image_turn(images(records, records.values(key), range(len(records)), key), "user"),
            "metadata": rest(records, taken),
        }
    )
    pairs = [every.hstack(_compared(records, prefix, other)) for prefix, other in compared.items()]
    found = pl.concat(pairs).filter(pl.col("judgements").list.len() > 0)
    described = "IIW" if records.has("IIW") else "IIW-P5B"
    alone = every.with_columns(
        side_by_side([response_turn(records.column(described, pl.String))]).alias("responses"),
        pl.Series("judgements", [[]], dtype=pl.List(JUDGEMENT)).new_from_index(0, len(records)),
        pl.Series("generators", [[described]]).new_from_index(0, len(records)),
        kind=pl.lit("rating"),
    ).filter(~pl.col("record").is_in(found["record"].implode()))
    return pl.concat([found, alone]).sort("record", maintain_order=True)


_SAID = dict(zip((f"metrics/{name}" for name in _DIMENSIONS), ("IIW is marginally better",) * 5, strict=True))

ADAPTER = Adapter(
    name="imageinwords",
    kinds=("pair", "rating"),
    about="ImageInWords (google/imageinwords): descriptions of images compared side by side on five dimensions.",
    keeps="the five dimensions, how much better, who wrote which, the images' keys; objects and the rest as metadata",
    unknown="who judged; the images, and the descriptions of DCI and GPT-4V, which are published elsewhere",
    fields=(),
    rows=rows,
    fits=lambda records: any(map(records.has, ("IIW", "IIW-P5B"))) and any(map(records.has, ("image", "image/key"))),
    example={"image": "test_1", "IIW": "A white toilet.", "DOCCI": "A toilet.", **_SAID},
    variants=(
        {"image/key": "aar_1", "IIW": "A flower.", "IIW-P5B": "A bee.", "objects": [],
         "iiw-human-sxs-gpt4v": {"metrics/Hallucination": "GPT-4V is substantially better"},
         "iiw-human-sxs-iiw-p5b": {"metrics/Hallucination": "Neutral"}},
        {"image": "sa_1.jpg", "ex_id": "1", "IIW": "A balcony.", **_SAID},
        {"image/key": "0004", "image/source": "0004", "IIW-P5B": "A pair of chickens."},
    ),
)  # fmt: skip
