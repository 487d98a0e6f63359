"""Preferences between two images for a prompt: in a general form, as in Pick-a-Pic, and as in HPDv2's pairs.

    {"prompt": "a red fox", "image_0": IMAGE, "image_1": IMAGE, "preference": 1, "rater": "u1", "model_0": "…",
     "model_1": "…", "timestamp": "…"}
    {"caption": "a red fox", "jpg_0": bytes, "jpg_1": bytes, "image_0_url": "…", "label_0": 1.0, "label_1": 0.0,
     "model_0": "…", "model_1": "…", "user_id": 12, "created_at": …, "has_label": true, "ranking_id": 3, …}
    {"prompt": "a red fox", "image_left_id": "…", "image_right_id": "…", "pref": -1, "user_id": 12, …}

An image is a URI, bytes, or an object with `path` or `uri`, `bytes`, `sha256`. Rows keep where it is and its SHA-256,
not its bytes. A preference is one for the first image: 1 or 0, 0.5 a tie; null where nobody said. HPDv2 says 1 or -1.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, fits_one, nearest, rest
from transforms.ingest.adapters.images import image_turn, images
from transforms.ingest.adapters.parts import generators, times
from transforms.ingest.canonical import judgement, judgements, outside
from transforms.ingest.dialogue import prompt_turns
from transforms.ingest.records import Records
from transforms.lists import side_by_side

_LAYOUTS = {
    "general": ("prompt", "image_0", "image_1", "preference"),
    "pickapic": ("caption", "jpg_0", "jpg_1", "label_0"),
    "hpd": ("prompt", "image_left_id", "image_right_id", "pref"),
}
_READ = {"general": ("rater", "timestamp"), "pickapic": ("user_id", "created_at"), "hpd": ("user_id", "created_at")}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, the first image first."""
    layout = nearest(records, _LAYOUTS)
    prompt, first, second, label = _LAYOUTS[layout]
    who, when = _READ[layout]
    value = records.column(label, pl.Float64, required=False)
    lowest = -1 if layout == "hpd" else 0
    records.reject(outside(value, lowest, 1), "unknown_label", f"{label!r} is not in [{lowest}, 1]")
    raters = [None if one is None else str(one) for one in records.values(who)]
    frame = pl.DataFrame({"value": (value - lowest) / (1 - lowest), "rater": pl.Series(raters, dtype=pl.String)})
    taken = [prompt, first, second, label, who, when, "model_0", "model_1"]
    sides = []
    for place, name in enumerate((first, second)):
        shown: list[Any] = records.values(name)
        if layout == "pickapic":  # bytes may be left out where there is an address
            links = records.values(f"image_{place}_url")
            shown = [{"bytes": data, "uri": link} for data, link in zip(shown, links, strict=True)]
            taken.append(f"image_{place}_url")
        sides.append(image_turn(images(records, shown, range(len(records)), name), "assistant"))
    time = times(records, when)
    return pl.DataFrame(
        {
            "prompt": prompt_turns(records.column(prompt, pl.String)),
            "responses": side_by_side(sides),
            "judgements": judgements(frame, [judgement(pl.col("value"), rater=pl.col("rater"))]),
            "generators": generators(records, ("model_0", "model_1")),
            "timestamp": time,
            "metadata": rest(records, taken),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="image_preference",
    kinds=("pair",),
    about="Two images for a prompt and which is better: a general form, Pick-a-Pic's, HPDv2's pairs.",
    keeps="where images are and their SHA-256, ties, raters, models, times; the rest as metadata",
    unknown="what is in the images: their bytes stay where they are",
    fields=(),
    rows=rows,
    fits=fits_one(_LAYOUTS),
    example={"prompt": "a red fox", "image_0": "https://x/0.png", "image_1": {"path": "1.png", "sha256": "00ff"},
             "preference": 1, "rater": "u1", "model_0": "sd", "model_1": "dalle"},
    variants=(
        {"caption": "a red fox", "jpg_0": b"0", "jpg_1": b"1", "image_0_url": "https://x/0.jpg", "label_0": 0.5,
         "label_1": 0.5, "model_0": "sd", "model_1": "sdxl", "user_id": 12, "created_at": None, "has_label": True},
        {"user_id": 12, "prompt": "a red fox", "image_left_id": "0.jpg", "image_right_id": "1.jpg", "pref": -1},
    ),
)  # fmt: skip
