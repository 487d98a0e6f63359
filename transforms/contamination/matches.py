"""What a rule says of a text: that it has an item, or most of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

#: `start` and `stop` are words of the texts. `frame` tells what the text has of the item from what other texts have.
#: Where a word was changed, `word` is the item's, else -1, and `other` a hash of what stands in its place.
MATCHES = pl.Schema(
    {
        "text": pl.Int64(),
        "item": pl.Int64(),
        "rule": pl.String(),
        "share": pl.Float64(),
        "start": pl.Int64(),
        "stop": pl.Int64(),
        "frame": pl.UInt64(),
        "word": pl.Int64(),
        "other": pl.UInt64(),
    }
)
_DEFAULTS: dict[str, Any] = {"frame": 0, "word": -1, "other": 0}


def matches(**columns: Any) -> pl.DataFrame:
    """Matches of a rule; one frame, and no changed word, where not given. None at all without columns."""
    if not columns:
        return pl.DataFrame(schema=MATCHES)
    count = len(columns["text"])
    given = {name: columns.get(name, _DEFAULTS.get(name)) for name in MATCHES}
    return pl.DataFrame(
        {name: value if isinstance(value, np.ndarray) else [value] * count for name, value in given.items()},
        schema=MATCHES,
    )
