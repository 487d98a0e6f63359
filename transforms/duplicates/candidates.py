"""Bands to candidates: what meets in a bucket is linked to the bucket's best member, in linear time."""

from __future__ import annotations

import numpy as np
import polars as pl

#: Where a text is, and its place in the order in which representatives are chosen: quality (less is better), then hash.
NODE = {"node": pl.UInt64, "quality": pl.UInt16, "block": pl.UInt32, "row": pl.UInt32, "place": pl.UInt16}
#: What of a text travels for each of its bands.
ENTRY = pl.Schema({"band": pl.UInt8, "key": pl.UInt32, **NODE})
#: Two texts that may be near-duplicates, the better one first.
CANDIDATE = pl.Schema({f"{name}_{side}": dtype for side in "ab" for name, dtype in NODE.items()})


def stars(found: pl.DataFrame) -> pl.DataFrame:
    """Each bucket's best member with each of its others.

    All pairs of a bucket would be quadratic. A pair that only meets behind a better member to which neither is similar
    is lost to this bucket; it has all its other bands to meet again.

    Args:
        found: frame of `ENTRY`, with every entry of a bucket present.

    Returns:
        Frame of `CANDIDATE`, each pair once.
    """
    bucket = pl.col("band").cast(pl.UInt64) * 2**32 + pl.col("key")
    met = (
        found.with_columns(bucket=bucket)
        .filter(pl.col("bucket").is_duplicated())
        .sort("bucket", "quality", "node", "block", "row", "place")
    )
    keys = met["bucket"].to_numpy()
    first = np.concatenate([[True], keys[1:] != keys[:-1]]) if len(keys) else np.empty(0, dtype=bool)
    centre = np.maximum.accumulate(np.where(first, np.arange(len(keys)), 0))
    nodes = met.select(*NODE)
    pairs = pl.concat(
        [nodes[centre].rename(lambda name: f"{name}_a"), nodes.rename(lambda name: f"{name}_b")], how="horizontal"
    )
    return pairs.filter(pl.col("node_a") != pl.col("node_b")).unique(["node_a", "node_b"], maintain_order=True)
