"""What a rule says of a text: that it has an item, or most of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

#: `start` and `stop` are words of the texts. `frame` is what the text has of the item, and `way` how it says the rest:
#: an item's frame that a dataset uses in many ways is common speech. `word` is the item's word that was changed, or -1.
MATCHES = pl.Schema(
    {
        "text": pl.Int64(),
        "item": pl.Int64(),
        "rule": pl.String(),
        "share": pl.Float64(),
        "start": pl.Int64(),
        "stop": pl.Int64(),
        "frame": pl.UInt64(),
        "way": pl.UInt64(),
        "word": pl.Int64(),
    }
)
_DEFAULTS: dict[str, Any] = {"frame": 0, "way": 0, "word": -1}


def matches(**columns: Any) -> pl.DataFrame:
    """Matches of a rule; frame 0, way 0 and no changed word where not given. None at all without columns."""
    if not columns:
        return pl.DataFrame(schema=MATCHES)
    count = len(columns["text"])
    given = {name: columns.get(name, _DEFAULTS.get(name)) for name in MATCHES}
    return pl.DataFrame(
        {name: value if isinstance(value, np.ndarray) else [value] * count for name, value in given.items()},
        schema=MATCHES,
    )
