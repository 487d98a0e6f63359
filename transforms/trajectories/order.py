"""Value-order correlation: whether what a scorer, or a label, says of frames rises with time.

VOC of a trajectory is Spearman's correlation of R(o_1), …, R(o_T) with 1, …, T (Ma et al., "Vision Language Models are
In-Context Value Learners", 2024; Roy et al., arXiv 2512.20675). A scorer that gives frames no value but says how much
better one of two is gives values by least squares: those whose differences are nearest to what it says of the pairs
(HodgeRank: Jiang et al., 2011). They are comparable only where pairs connect the frames.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

#: Values of least squares are told apart from here on, relative to the largest; what is nearer is rounding.
_TIED = 1e-9


def value_order(owners: np.ndarray, times: np.ndarray, values: np.ndarray) -> pl.DataFrame:
    """Spearman's correlation of values with times, for each owner.

    Args:
        owners: whose each value is [frames].
        times: when it was [frames].
        values: NaN ones do not count [frames].

    Returns:
        `owner` in ascending order, how many `frames` counted, `voc`, and `why` there is none: `short` for fewer than
        two frames, `constant` where all values, or all times, are the same. Ties have their mean rank.
    """
    known = np.isfinite(values)
    frame = pl.DataFrame({"owner": owners[known], "x": times[known], "y": values[known]})
    ranked = frame.select("owner", pl.col("x", "y").rank("average").over("owner"))
    # Ranks less their mean are whole or half numbers, whose sums are exact.
    centred = ranked.select("owner", pl.col("x", "y") - (pl.len().over("owner") + 1) / 2)
    x, y = pl.col("x"), pl.col("y")
    spread = (x * x).sum() * (y * y).sum()
    voc = pl.when(spread > 0).then((x * y).sum() / spread.sqrt()).otherwise(float("nan"))
    short = pl.when(pl.len() < 2).then(pl.lit("short")).when(spread == 0).then(pl.lit("constant"))
    return centred.group_by("owner").agg(frames=pl.len().cast(pl.Int64), voc=voc, why=short).sort("owner")


def values_of_pairs(left: np.ndarray, right: np.ndarray, margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of frames from how much better one of two is.

    Args:
        left: number of the first frame of each pair, from 0 [pairs].
        right: of the second [pairs].
        margins: how much better the first is; all finite [pairs].

    Returns:
        For each frame up to the highest number its value, 0 on average in each part, and the number of the part of
        the frames that it is connected with by pairs: only values of one part can be compared.
    """
    count = int(max(left.max(initial=-1), right.max(initial=-1))) + 1
    ones = np.ones(len(left))
    graph = coo_array((ones, (left, right)), shape=(count, count))
    parts, part = connected_components(graph, directed=False)
    if count == 0:
        return np.empty(0), part
    degree = np.bincount(left, minlength=count) + np.bincount(right, minlength=count)
    pull = np.bincount(left, margins, count) - np.bincount(right, margins, count)
    # The first frame of each part stays where it is: differences say nothing of the level.
    _, held = np.unique(part, return_index=True)
    free = np.setdiff1d(np.arange(count), held)
    values = np.zeros(count)
    if len(free):
        laplacian = (coo_array((degree, (np.arange(count),) * 2), shape=(count, count)) - graph - graph.T).tocsc()
        values[free] = splu(laplacian[free][:, free].tocsc()).solve(pull[free])
    values -= (np.bincount(part, values, parts) / np.bincount(part, minlength=parts))[part]
    step = _TIED * max(np.abs(values).max(), 1e-300)
    return np.round(values / step) * step, part


def pair_order(
    owners: np.ndarray, left: np.ndarray, right: np.ndarray, margins: np.ndarray, times: np.ndarray
) -> pl.DataFrame:
    """Value-order correlation of what is said of pairs of frames.

    Args:
        owners: whose each frame is, by the frame's number [frames].
        left: as of `values_of_pairs`; both frames of a pair are of one owner.
        right: likewise.
        margins: likewise; NaN where nothing is said.
        times: when each frame was [frames].

    Returns:
        As `value_order`. Where the pairs of an owner leave its frames in several parts, `voc` is the mean of those of
        the parts that have one, each counted by its frames.
    """
    some = np.isfinite(margins)
    used = np.unique(np.concatenate([left[some], right[some]]))
    a, b = np.searchsorted(used, left[some]), np.searchsorted(used, right[some])
    values, part = values_of_pairs(a, b, margins[some])
    owner, time = owners[used], times[used]
    found = value_order(part.astype(np.int64), time, values).with_columns(pl.col("owner").cast(pl.Int64))
    whose = pl.DataFrame({"part": part.astype(np.int64), "whose": owner}).unique()
    joined = found.join(whose, left_on="owner", right_on="part", how="left", maintain_order="left")
    defined = pl.col("why").is_null()
    weighed = (pl.col("voc") * pl.col("frames")).filter(defined).sum() / pl.col("frames").filter(defined).sum()
    return (
        joined.group_by("whose")
        .agg(
            frames=pl.col("frames").sum(),
            voc=pl.when(defined.any()).then(weighed).otherwise(float("nan")),
            why=pl.when(~defined.any()).then(pl.col("why").sort().first()),
        )
        .rename({"whose": "owner"})
        .sort("owner")
    )
