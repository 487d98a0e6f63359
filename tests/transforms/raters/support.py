"""What the tests of raters share: rows in, what is known of raters and the rows' labels out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.arrow import ROW_SCHEMA
from schemas.config import Raters
from transforms.identity.copies import DEFAULTS, SIGNALS, keys, merge_copies
from transforms.identity.keys import identify
from transforms.raters.conclude import CONSENSUS, Known, conclude
from transforms.raters.judgements import IDENTITY, JUDGEMENTS, VOTES, judgements, votes
from transforms.raters.measure import COPIES, RATERS, Measured, measure
from transforms.raters.pairs import MODEL

Raw = dict[str, Any]


def judged(value: float, rater: str | None = None, dimension: str = "overall", **other: Any) -> Raw:
    return {"value": float(value), "rater": rater, "dimension": dimension, "count": 1} | other


def row(kind: str, texts: Sequence[str], said: Sequence[Raw], prompt: str = "q", **other: Any) -> Raw:
    dialogue = [{"role": "user", "content": prompt}]
    base = {"row_id": "", "content_id": "", "source": "s", "file": "f", "line": 1, "kind": kind, "prompt": dialogue}
    responses = [[{"role": "assistant", "content": text}] for text in texts]
    return base | {"responses": responses, "judgements": list(said)} | other


def pair(a: str, b: str, *said: Raw, **other: Any) -> Raw:
    return row("pair", [a, b], said, **other)


def swapped(one: Raw) -> Raw:
    """The same pair with its sides the other way round."""
    turned = [{**j, "value": 1 - j["value"]} for j in one["judgements"]]
    writers = one.get("generators")
    return one | {
        "responses": one["responses"][::-1],
        "judgements": turned,
        "generators": writers[::-1] if writers else None,
    }


@dataclass
class Seen:
    """What came of some rows."""

    measured: Measured
    labels: dict[str, list[Raw]]

    def rater(self, name: str | None, dimension: str = "overall") -> Raw:
        """A rater's line in the table."""
        same = pl.col("rater").is_null() if name is None else pl.col("rater") == name
        return self.measured.raters.filter(same & (pl.col("dimension") == dimension)).row(0, named=True)

    def label(self, row_id: str) -> Raw:
        """The only consensus of a row."""
        (one,) = self.labels[row_id]
        return one


def see(rows: Sequence[Raw], blocks: int = 2, **config: Any) -> Seen:
    """Rows through identity, the measuring of raters and the consensus, in blocks of equal sizes."""
    named = [{**one, "row_id": one["row_id"] or f"r{i}"} for i, one in enumerate(rows)]
    step = -(-len(named) // blocks)
    frames = [
        identify(pl.DataFrame(named[i : i + step], schema=ROW_SCHEMA, strict=False)) for i in range(0, len(named), step)
    ]
    found = merge_copies(pl.concat([keys(frame, i, pl.lit(False)) for i, frame in enumerate(frames)]))
    sidecars = []
    for i, frame in enumerate(frames):
        places = pl.DataFrame({"row": pl.int_range(frame.height, dtype=pl.Int64, eager=True)})
        mine = places.join(found.filter(pl.col("block") == i), on="row", how="left", maintain_order="left")
        quiet = [pl.col(name).fill_null(value) for name, value in DEFAULTS.items() if value is not None]
        sidecars.append(mine.with_columns(quiet).select(SIGNALS.names()).select(IDENTITY))
    lines = pl.concat([judgements(*both, i) for i, both in enumerate(zip(frames, sidecars, strict=True))])
    assert lines.schema == JUDGEMENTS
    settings = Raters.model_validate(config)
    measured = measure(lines, settings)
    for frame, schema in ((measured.raters, RATERS), (measured.copies, COPIES), (measured.model, MODEL)):
        assert frame.schema == schema
    cast = pl.concat([votes(*both, i) for i, both in enumerate(zip(frames, sidecars, strict=True))])
    assert cast.schema == VOTES

    def names(addresses: pl.DataFrame) -> pl.Series:
        ids = [frames[block]["row_id"][row] for block, row in addresses.iter_rows()]
        return pl.Series(ids, dtype=pl.String)

    concluded = conclude(cast, Known(measured.model, measured.copies), names)
    assert concluded.schema["consensus"] == pl.List(CONSENSUS)
    labels = {frames[one["block"]]["row_id"][one["row"]]: one["consensus"] for one in concluded.to_dicts()}
    return Seen(measured, labels)
