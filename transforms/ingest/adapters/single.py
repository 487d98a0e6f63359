"""Single responses that are desirable or not, as KTO trains on."""

from __future__ import annotations

import polars as pl

from transforms.ingest.canonical import judgement, judgements, scale_of
from transforms.ingest.records import Records
from transforms.ingest.values import described


def desirable(records: Records, name: str, *, required: bool = True) -> dict[str, pl.Series]:
    """A field that says true or false, or 1 or 0, as kind, judgements and scales of ratings."""
    values: list[float | None] = []
    for index, value in enumerate(records.values(name)):
        known = value in (0, 1) if isinstance(value, bool | int | float) else value is None
        values.append(float(value) if known and value is not None else None)
        if not known:
            said = f"field {name!r} is {described(value)}; true, false, 1 or 0 is expected"
            records.problem(index, "unknown_label" if isinstance(value, int | float) else "wrong_type", said)
        elif value is None and required:
            records.problem(index, "missing_field", f"field {name!r} is missing or null")
    frame = pl.DataFrame({"value": pl.Series(values, dtype=pl.Float64)})
    made = judgement(pl.col("value"), dimension="desirable", normalised=pl.col("value"))
    return {
        "kind": pl.Series(["rating"]).new_from_index(0, len(records)),
        "judgements": judgements(frame, [made]),
        "scales": scale_of(len(records), [("desirable", 0.0, 1.0, True)]),
    }
