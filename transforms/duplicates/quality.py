"""Which of several near-copies stands for all of them: the one that policy has least against, and that says most."""

from __future__ import annotations

import numpy as np
import polars as pl

#: What comes before every row of this run: a row that is published already.
PUBLISHED = 0


def quality(rows: pl.DataFrame) -> np.ndarray:
    """A number for each row, less for a better one; 1 to 65535.

    By weight: without what policies drop rows for (an empty response, the same text twice, no judgement, too long),
    without personal data, with more judgements (up to 63), with longer responses (in steps of a tenth). Where a
    representative has something that is dropped, all of its near-copies have something too, so none is lost with it.

    Args:
        rows: columns kind, response_ids, judgements (merged), and the signals characters, empty_response, pii and,
            where tokens were counted, too_long.
    """
    ids = pl.col("response_ids").list
    twice = (pl.col("kind") == "pair") & (ids.first() == ids.last())
    too_long = pl.col("too_long") if "too_long" in rows.columns else pl.lit(False)
    judged = pl.col("judgements").list.len().fill_null(0)
    found = rows.select(
        bad=(pl.col("empty_response") | twice | (judged == 0) | too_long).fill_null(False),
        pii=(pl.col("pii").list.len() > 0).fill_null(False),
        judged=pl.min_horizontal(judged, 63),
        size=pl.col("characters").list.sum(),
    )
    bad, pii, said = (found[name].to_numpy().astype(np.int64) for name in ("bad", "pii", "judged"))
    size = np.minimum(np.floor(8 * np.log2(found["size"].to_numpy() + 1.0)), 254).astype(np.int64)
    return (bad << 15 | pii << 14 | (63 - said) << 8 | (255 - size)).astype(np.uint16)
