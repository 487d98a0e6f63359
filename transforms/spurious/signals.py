"""What balancing says of rows, for policy to read."""

from __future__ import annotations

import polars as pl

#: Null for all but training pairs: the weight that is published, and the share that a row's draw must be below for it
#: to be kept.
SIGNALS = pl.Schema({"balance_weight": pl.Float64(), "balance_share": pl.Float64(), "balance_draw": pl.Float64()})
