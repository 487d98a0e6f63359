"""What some stages say of each row: the types of their sidecars, for whoever reads these without running the stage."""

from __future__ import annotations

import polars as pl

#: What is concluded of one row on one dimension. `soft_label` is the preference for the row's own `responses[0]`, null
#: where all votes were left out; `tied` the probability of a tie that is part of it (half of it counts for each side),
#: 0 where the method knows none; `uncertainty` the probability that another label is right; `raters` how many voices
#: it rests on; `agreement` the share of them that are for the label; `opposed` whether votes were cast for both sides;
#: `left_out` how many votes of raters worse than chance were not counted, and `reliability` the lowest of theirs.
#: `component`, `reversal` and `onward` are of the graph: how many responses are in the cycle's component (0 without
#: one), whether the row is one of the fewest to turn round, the row that leads on from this one's loser.
CONSENSUS = pl.Struct(
    {
        "dimension": pl.String,
        "method": pl.String,
        "soft_label": pl.Float64,
        "tied": pl.Float64,
        "uncertainty": pl.Float64,
        "raters": pl.Int64,
        "agreement": pl.Float64,
        "opposed": pl.Boolean,
        "left_out": pl.Int64,
        "reliability": pl.Float64,
        "component": pl.Int64,
        "reversal": pl.Boolean,
        "onward": pl.String,
    }
)
#: What is said of each row: the row most like it and how alike they are, where that reaches the threshold; and the row
#: that it is a duplicate of, which is none's duplicate itself.
SEMANTIC = pl.Schema(
    {
        "semantic_neighbour": pl.String(),
        "semantic_cosine": pl.Float64(),
        "semantic_of": pl.String(),
        "semantic_of_cosine": pl.Float64(),
    }
)
#: What is said of each new row: the published row that it is a copy of.
PUBLISHED = pl.Schema({"published_of": pl.String()})
#: What is said of rows that show frames of a trajectory, null of others. `trajectory` is its name within the source;
#: `frame` and `value` are those of the row's first response, `earlier_frame` and `earlier_value` of a pair's second.
#: `frame_gap` and `seconds_gap` are how far apart they lie; `value_gap` is the first's value less the second's, and
#: `contradicted_by` how far apart the values are where time and value name different sides.
FRAMES = pl.Schema(
    {
        "trajectory": pl.String(),
        "frame": pl.Int64(),
        "earlier_frame": pl.Int64(),
        "value": pl.Float64(),
        "earlier_value": pl.Float64(),
        "frame_gap": pl.Int64(),
        "seconds_gap": pl.Float64(),
        "value_gap": pl.Float64(),
        "contradicted_by": pl.Float64(),
    }
)
