"""What adapters share: judgements as expressions, and the step from an adapter's columns to canonical rows."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from schemas.arrow import JUDGEMENT, ROW_SCHEMA, SCALE
from schemas.rules import RULES, first_broken
from transforms.ingest.records import Broken, Records
from transforms.lists import of_counts, side_by_side

_JUDGEMENT_DEFAULTS = {"dimension": "overall", "count": 1}


@dataclass(frozen=True)
class Origin:
    """Where a batch of records comes from, and how its raters are to be called.

    `file` is that of all records where they do not name theirs.
    """

    source: str
    file: str
    licence: str | None = None
    pseudonymise: bool = True
    key: bytes = b""


def judgement(value: pl.Expr, **fields: pl.Expr | str | int | float | None) -> pl.Expr:
    """A judgement struct; fields not named take their defaults."""
    given = {"value": value.cast(pl.Float64)} | {
        name: field if isinstance(field, pl.Expr) else pl.lit(field) for name, field in fields.items()
    }
    unknown = set(given) - {field.name for field in JUDGEMENT.fields}
    if unknown:
        raise ValueError(f"a judgement has no {sorted(unknown)}; its fields are {[f.name for f in JUDGEMENT.fields]}")
    return pl.struct(
        given.get(field.name, pl.lit(_JUDGEMENT_DEFAULTS.get(field.name))).cast(field.dtype).alias(field.name)
        for field in JUDGEMENT.fields
    )


def judgements(frame: pl.DataFrame, parts: Sequence[pl.Expr]) -> pl.Series:
    """The judgements of each row as a list; those without a value are left out."""
    columns = frame.select(part.alias(str(i)) for i, part in enumerate(parts)).get_columns()
    return side_by_side(columns, [column.struct.field("value").is_not_null() for column in columns])


def scale_of(rows: int, scales: Sequence[tuple[str, float, float, bool]]) -> pl.Series:
    """The same scales on every row: (dimension, minimum, maximum, higher is better)."""
    value = [dict(zip(("dimension", "minimum", "maximum", "higher_is_better"), scale, strict=True)) for scale in scales]
    return pl.Series("scales", [value], dtype=pl.List(SCALE)).new_from_index(0, rows)


def normalise(value: pl.Expr, minimum: float, maximum: float, higher_is_better: bool = True) -> pl.Expr:
    """A value on a scale as a number in [0, 1], higher is better; null outside the scale."""
    unit = (value - minimum) / (maximum - minimum)
    inside = pl.when(value.is_between(minimum, maximum)).then(unit)
    return inside if higher_is_better else 1 - inside


def outside(value: pl.Series, minimum: float, maximum: float) -> pl.Series:
    """Where a value is not on its scale; null is not outside."""
    return ((value < minimum) | (value > maximum)).fill_null(False)


def to_rows(records: Records, adapted: pl.DataFrame, origin: Origin) -> tuple[pl.DataFrame, list[Broken]]:
    """An adapter's columns as canonical rows, and what cannot be one.

    Args:
        records: the batch; its problems decide which rows are left out.
        adapted: columns of the canonical schema, one line a record; or several with a column `record`, the index of
            the line's record in the batch.
        origin: provenance.

    Returns:
        Rows of `ROW_SCHEMA`, and dead letters.
    """
    several = "record" in adapted.columns
    if not several:
        if adapted.height != len(records):
            raise ValueError(
                f"an adapter returned {adapted.height} rows for {len(records)} records without saying which"
            )
        adapted = adapted.with_row_index("record")
    adapted = adapted.with_columns(pl.col("record").cast(pl.Int64))
    records.spread()
    lines = pl.Series("line", records.lines, dtype=pl.Int64)
    bad = pl.Series("record", sorted(records.problems), dtype=pl.Int64)
    adapted = adapted.filter(~pl.col("record").is_in(bad.implode())) if len(bad) else adapted
    nth = pl.int_range(pl.len()).over("record")
    of = adapted["record"]
    file = pl.lit(origin.file) if records.files is None else records.files.gather(of).alias("file")
    first = pl.concat_str(pl.lit(f"{origin.source}:"), pl.col("file"), pl.lit(":"), pl.col("line"))
    rows = (
        adapted.with_columns(lines[of], source=pl.lit(origin.source), file=file, _nth=nth)
        .with_columns(
            row_id=pl.concat_str(
                first,
                pl.when(pl.col("_nth") > 0).then(pl.concat_str(pl.lit("#"), pl.col("_nth") + 1)).otherwise(pl.lit("")),
            ),
            # A record is one row; what else an adapter makes of it is derived from that.
            parents=pl.when(pl.col("_nth") > 0).then(pl.concat_list(first))
            if several
            else pl.lit(None, dtype=ROW_SCHEMA["parents"]),
            licence=pl.col("licence") if "licence" in adapted.columns else pl.lit(origin.licence),
            content_id=pl.lit(""),
        )
        .with_columns(
            pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in ROW_SCHEMA.items()
            if name not in {*adapted.columns, "row_id", "content_id", "source", "file", "line", "licence", "parents"}
        )
    )
    broken = first_broken(rows)
    for index, rule in zip(rows["record"].to_list(), broken.to_list(), strict=True):
        if rule is not None:
            records.problem(index, RULES[rule].code, RULES[rule].message)
    records.spread()
    rejected = pl.Series(sorted(records.problems), dtype=pl.Int64)
    rows = rows.filter(~pl.col("record").is_in(rejected.implode())) if len(rejected) else rows
    rows = rows.select(pl.col(name).cast(dtype) for name, dtype in ROW_SCHEMA.items())
    if origin.pseudonymise:
        rows = rows.with_columns(pseudonymous(rows["judgements"], origin))
    return rows, records.dead_letters()


def pseudonymous(lists: pl.Series, origin: Origin) -> pl.Series:
    """Judgements whose raters are keyed hashes of what they were called.

    The key is the user's where there is one, else the hash of the source's files: without those at hand nobody can try
    names until one fits.
    """
    flat = lists.explode(empty_as_null=False, keep_nulls=False)
    if flat.struct.field("rater").null_count() == len(flat):
        return lists
    raters = flat.struct.field("rater")
    names = raters.drop_nulls().unique()
    hashed = [
        hmac.new(origin.key, f"{origin.source}\x1f{name}".encode(), hashlib.sha256).hexdigest()[:16] for name in names
    ]
    pseudonyms = raters.replace_strict(names, hashed, default=None, return_dtype=pl.String)
    renamed = flat.struct.unnest().with_columns(rater=pseudonyms).select(pl.struct(pl.all()).alias("judgements"))
    counts = lists.list.len().fill_null(0).to_numpy()
    return of_counts(renamed["judgements"], counts).alias("judgements")
