"""What somebody would write by hand with polars: read, normalise, drop exact duplicates, split, write the same Parquet.

It keeps no ledger, finds no bad record, merges labels by their mean, and looks at no signal. Its output has the shapes
`preference` and `preference_soft` of the pipeline: messages, three splits, zstd.
"""

from __future__ import annotations

import glob
import sys
import time
from pathlib import Path

import polars as pl

_FIELDS = ("instruction", "output_1", "output_2", "preference")


def read_alpaca_eval(pattern: str) -> pl.DataFrame:
    frames = [pl.read_json(path).select(_FIELDS) for path in sorted(glob.glob(pattern))]
    frame = pl.concat([f.with_columns(pl.col("preference").cast(pl.Float64)) for f in frames])
    draw = pl.col("preference") == 0
    value = pl.when(draw).then(0.5).otherwise(2 - pl.col("preference"))
    return frame.select(prompt="instruction", a="output_1", b="output_2", value=value)


def read_wmt(path: str) -> pl.DataFrame:
    frame = pl.read_ndjson(path)
    value = pl.col("winner").replace_strict({"a": 1.0, "b": 0.0, "tie": 0.5})
    return frame.select(prompt="segment", a="text_a", b="text_b", value=value)


def read_pairs(path: str) -> pl.DataFrame:
    frame = pl.read_ndjson(path)
    return frame.select("prompt", a="chosen", b="rejected", value=pl.lit(1.0))


def _message(text: str, role: str) -> pl.Expr:
    return pl.concat_list(pl.struct(role=pl.lit(role), content=pl.col(text)))


def curate(frame: pl.DataFrame, out: Path) -> pl.DataFrame:
    text = pl.col("prompt", "a", "b")
    tidy = text.str.replace_all("\r\n", "\n", literal=True).str.strip_chars().str.normalize("NFC")
    frame = frame.with_columns(tidy).filter(
        pl.col("value").is_not_null() & (pl.col("a") != pl.col("b")) & (pl.col("a") != "") & (pl.col("b") != "")
    )
    swap = pl.col("a") > pl.col("b")
    frame = frame.select(
        "prompt",
        a=pl.when(swap).then("b").otherwise("a"),
        b=pl.when(swap).then("a").otherwise("b"),
        value=pl.when(swap).then(1 - pl.col("value")).otherwise("value"),
    )
    frame = frame.group_by("prompt", "a", "b", maintain_order=True).agg(soft=pl.col("value").mean())
    first = pl.col("soft") >= 0.5
    frame = frame.with_columns(
        place=pl.col("prompt").hash(1) / 2**64,
        chosen=pl.when(first).then("a").otherwise("b"),
        rejected=pl.when(first).then("b").otherwise("a"),
        soft_label=pl.when(first).then("soft").otherwise(1 - pl.col("soft")),
        weight=pl.lit(1.0),
    )
    shaped = frame.select(
        "place",
        "soft_label",
        "weight",
        _message("prompt", "user").alias("prompt"),
        _message("chosen", "assistant").alias("chosen"),
        _message("rejected", "assistant").alias("rejected"),
    )
    for name, low, high in (("train", 0, 0.9), ("validation", 0.9, 0.95), ("test", 0.95, 1.1)):
        part = shaped.filter((pl.col("place") >= low) & (pl.col("place") < high)).drop("place")
        for configuration, rows in (
            ("preference", part.filter(pl.col("soft_label") > 0.5).select("prompt", "chosen", "rejected")),
            ("preference_soft", part.select("prompt", "chosen", "rejected", "soft_label", "weight")),
        ):
            (out / configuration).mkdir(parents=True, exist_ok=True)
            rows.write_parquet(out / configuration / f"{name}.parquet", compression="zstd", compression_level=1)
    return frame


READERS = {"alpaca_eval": read_alpaca_eval, "wmt": read_wmt, "pairs": read_pairs}

if __name__ == "__main__":
    kind, source, target = sys.argv[1:4]
    started = time.perf_counter()
    kept = curate(READERS[kind](source), Path(target))
    print(f"{time.perf_counter() - started:.3f} {kept.height}")
