"""What preferences say of each other: cycles within a prompt, and the least that must be wrong for them to be there.

A judgement for one response over another is an edge of a graph, one graph a prompt. Where a better than b, b than c and
c than a all stand, at least one of them is wrong. An edge lies on a cycle exactly where both of its ends are in one
strongly connected component.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

#: Up to this many responses the cheapest set of reversals is found exactly (over their 2^n subsets).
EXACT = 12
#: Up to this many, an order is improved by moving single responses; beyond, responses stand as they won and lost.
MOVED = 2_000
#: Numbers held at a time while components of one size are looked at together.
_TOGETHER = 1 << 22

CYCLES = pl.Schema({"component": pl.Int64, "reversal": pl.Boolean, "onward": pl.Int64})


def cycles(edges: pl.DataFrame) -> pl.DataFrame:
    """Which judgements are part of a cycle, and which to turn round to break all cycles at the least cost.

    The cost of turning a judgement round is its weight. The set is a cheapest one (a minimum feedback arc set) in
    components of up to `EXACT` responses. Beyond, it is what stands against an order of the responses that no move of
    a single response makes cheaper, and beyond `MOVED` against the order of their wins less their losses. Where several
    sets cost the same, hashes choose.

    Args:
        edges: numbers `group` (a prompt), `winner` and `loser` (responses' hashes) and `weight` (above 0); none of a
            response with itself.

    Returns:
        Frame of `CYCLES`, a line each: how many responses its component has (0 where it is on no cycle), whether it is
        in the set, and the place in `edges` of the heaviest judgement that leads on from its loser, within the
        component.
    """
    ends, count = _numbered(edges)
    _, parts = connected_components(
        csr_array((np.ones(edges.height), tuple(ends)), shape=(count, count)), connection="strong"
    )
    sizes = np.bincount(parts, minlength=1)
    inside = np.flatnonzero(parts[ends[0]] == parts[ends[1]])
    component, reversal = np.zeros(edges.height, dtype=np.int64), np.zeros(edges.height, dtype=bool)
    onward = pl.Series([None], dtype=pl.Int64).new_from_index(0, edges.height)
    if len(inside):
        winner, loser = ends[0][inside], ends[1][inside]
        weight = edges["weight"].to_numpy()[inside]
        component[inside] = sizes[parts[winner]]
        local = _within(parts)
        for size in np.unique(component[inside]):
            same = component[inside] == size
            reversal[inside[same]] = _against(
                parts[winner[same]], local[winner[same]], local[loser[same]], weight[same], size
            )
        # The heaviest edge that leaves each response, the other end's hash deciding among equals.
        order = np.lexsort((loser, -weight, winner))
        leaving = order[np.unique(winner[order], return_index=True)[1]]
        leads = np.zeros(count, dtype=np.int64)
        leads[winner[leaving]] = inside[leaving]
        onward = onward.scatter(inside, leads[loser])
    return pl.DataFrame({"component": component, "reversal": reversal, "onward": onward}, schema=CYCLES)


def _numbered(edges: pl.DataFrame) -> tuple[np.ndarray, int]:
    """The ends of each edge as numbers in the order of (group, hash), shape (2, edges); and how many there are."""
    flat = pl.concat([edges.select("group", node=pl.col(end)) for end in ("winner", "loser")])
    places = flat.select(pl.struct("group", "node").rank("dense") - 1).to_series().cast(pl.Int64).to_numpy()
    return places.reshape(2, -1), int(places.max(initial=-1)) + 1


def _within(parts: np.ndarray) -> np.ndarray:
    """The number of each node within its component, in the order of nodes."""
    order = np.argsort(parts, kind="stable")
    starts = np.searchsorted(parts[order], parts[order])
    local = np.empty(len(parts), dtype=np.int64)
    local[order] = np.arange(len(parts)) - starts
    return local


def _against(part: np.ndarray, winner: np.ndarray, loser: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """Which edges of components of one size stand against the cheapest order found of each.

    Args:
        part: the component of each edge.
        winner: one end, numbered within the component.
        loser: the other.
        weight: cost of turning the edge round.
        size: how many responses a component has.
    """
    names, which = np.unique(part, return_inverse=True)
    out = np.zeros(len(part), dtype=bool)
    held = size << size if size <= EXACT else size**2
    step = max(1, _TOGETHER // int(held))
    for start in range(0, len(names), step):
        some = np.flatnonzero((which >= start) & (which < start + step))
        at = which[some] - start
        if size > MOVED:
            place = _by_record(winner[some], loser[some], weight[some], size)[None]
        else:
            table = np.zeros((int(at.max()) + 1, size, size))
            np.add.at(table, (at, winner[some], loser[some]), weight[some])
            place = _exact(table) if size <= EXACT else np.stack([_moved(one) for one in table])
        out[some] = place[at, winner[some]] > place[at, loser[some]]
    return out


def _exact(table: np.ndarray) -> np.ndarray:
    """The place of each response in an order that costs least.

    Which responses stand first is a subset, and what it costs to put one behind a subset depends on no order within
    either: the cheapest order of every subset follows from those of one response less (Held & Karp, 1962).

    Args:
        table: weight of each edge from row to column, shape (components, n, n).

    Returns:
        Places, shape (components, n).
    """
    many, n, _ = table.shape
    subsets = np.arange(1 << n)
    # behind[c, v, S]: the weight of v's wins over S, all lost by standing behind it.
    behind = np.zeros((many, n, 1 << n))
    for u in range(n):
        behind[:, :, 1 << u : 2 << u] = behind[:, :, : 1 << u] + table[:, :, u, None]
    cost = np.full((many, 1 << n), np.inf)
    cost[:, 0] = 0
    counted = np.bitwise_count(subsets)
    for filled in range(1, n + 1):
        for v in range(n):
            full = subsets[(counted == filled) & (subsets >> v & 1 == 1)]
            rest = full ^ (1 << v)
            cost[:, full] = np.minimum(cost[:, full], cost[:, rest] + behind[:, v, rest])
    place = np.zeros((many, n), dtype=np.int64)
    left, each = np.full(many, (1 << n) - 1), np.arange(many)
    for last in range(n - 1, -1, -1):
        options = np.full((many, n), np.inf)
        for v in range(n):
            has = np.flatnonzero(left >> v & 1 == 1)
            rest = left[has] ^ (1 << v)
            options[has, v] = cost[has, rest] + behind[has, v, rest]
        chosen = options.argmin(axis=1)
        place[each, chosen] = last
        left ^= 1 << chosen
    return place


def _moved(table: np.ndarray) -> np.ndarray:
    """The places in an order that no move of one response makes cheaper; shape (n,)."""
    order = np.argsort(table.sum(axis=0) - table.sum(axis=1), kind="stable")
    better = True
    while better:
        better = False
        for v in range(len(order)):
            now = int(np.flatnonzero(order == v)[0])
            rest = np.delete(order, now)
            lost = np.concatenate([[0], np.cumsum(table[v, rest])])  # v's wins over those before it
            beaten = np.concatenate([[0], np.cumsum(table[rest, v])])
            cost = lost + beaten[-1] - beaten  # and wins over v of those behind it
            best = int(cost.argmin())
            if cost[best] < cost[now] - 1e-9:
                order, better = np.insert(rest, best, v), True
    return np.argsort(order)


def _by_record(winner: np.ndarray, loser: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """The places in the order of wins less losses; shape (n,)."""
    record = np.bincount(winner, weight, size) - np.bincount(loser, weight, size)
    return np.argsort(np.argsort(-record, kind="stable"))
