"""What the found pairs say of each row: its neighbour, what it is a duplicate of; the edges of groups; and the recall.

One task for all blocks, which holds the found pairs: about 100 bytes each, and a row has at most 32 for each of its
probes and few in most data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from schemas.signals import SEMANTIC
from transforms import blocks
from transforms.blocks import Block, read_frame
from transforms.duplicates.semantic import DIGITS, END, PAIRS, alike, forest, representatives
from transforms.duplicates.semantic_members import Members, Search, gather, members, parts
from transforms.groups import NODE_COLUMNS, group_nodes
from transforms.markers import Stats

EDGES = "edges.parquet"
#: Rows, and prompts, that are compared with all others to find the recall: this many comparisons, within these bounds.
_COMPARISONS, _FEWEST, _MOST = 40_000_000, 256, 2_000


def conclude(every: Sequence[Block], search: Search, most: int, folder: str) -> Stats:
    """Write all blocks' signals (`SEMANTIC`), and `edges.parquet`: `PAIRS` with the nodes of groups that they connect.

    Args:
        every: all blocks.
        search: how likeness was looked for.
        most: how many files of found pairs there are for prompts, and then for rows.
        folder: with these files in `found/`; to write to.
    """
    linked = _pairs(folder, range(most))
    alike = _pairs(folder, range(most, 2 * most))
    said = row_signals(alike)
    names = blocks.gather(every, said, ["row_id"])["row_id"] if said.height else pl.Series("row_id", [], pl.String)
    named = said.with_columns(names.alias("row_id"))
    of = dict(zip(named["key"].to_list(), named["row_id"].to_list(), strict=True))
    named = named.with_columns(
        pl.col("neighbour").replace_strict(list(of), list(of.values()), return_dtype=pl.String),
        pl.col("duplicate_of").replace_strict(list(of), list(of.values()), return_dtype=pl.String),
    )
    for block in every:
        blocks.write_frame(_sidecar(block, named), f"{folder}/{block.sidecar}")
    edges = _with_groups(pl.concat([thinned(linked), thinned(alike)]), every)
    blocks.write_frame(edges, f"{folder}/{EDGES}")
    duplicates = int(named["duplicate_of"].count())
    stats = {"rows": sum(block.rows for block in every), "with_neighbour": named.height, "duplicates": duplicates}
    return {**stats, "edges": edges.height, "recall": recall(every, search, said, linked)}


def _with_groups(edges: pl.DataFrame, every: Sequence[Block]) -> pl.DataFrame:
    """Edges with the nodes that they connect (`transforms.groups`)."""
    ends = [
        blocks.gather(every, edges.select(block=f"block_{side}", row=f"row_{side}"), NODE_COLUMNS) for side in "ab"
    ] if edges.height else []  # fmt: skip
    nodes = [group_nodes(end) for end in ends] or [np.empty(0, np.uint64)] * 2
    return edges.with_columns(pl.Series(f"group_{side}", end, pl.UInt64) for side, end in zip("ab", nodes, strict=True))


def _pairs(folder: str, numbers: range) -> pl.DataFrame:
    files = [read_frame(f"{folder}/found/{number:06d}.parquet") for number in numbers]
    return pl.concat([pl.DataFrame(schema=PAIRS), *files])


def _sidecar(block: Block, named: pl.DataFrame) -> pl.DataFrame:
    mine = named.filter(pl.col("block") == block.index)
    every = pl.DataFrame({"row": pl.int_range(block.rows, dtype=pl.Int64, eager=True)})
    told = every.join(mine, on="row", how="left", maintain_order="left").select(
        semantic_neighbour="neighbour",
        semantic_cosine="cosine",
        semantic_of="duplicate_of",
        semantic_of_cosine="duplicate_cosine",
    )
    return told.cast(SEMANTIC)  # where no row is like another, the columns have had no names in them


def row_signals(alike: pl.DataFrame) -> pl.DataFrame:
    """The nearest neighbour of each row that has one, and what it is a duplicate of.

    Args:
        alike: frame of `PAIRS`, with rows at or above the threshold, in any order.

    Returns:
        block, row and key of each row that is in a pair; neighbour (key) and cosine; duplicate_of (key, null where the
        row stands for itself) and duplicate_cosine.
    """
    ends = [alike.select(**{name: f"{name}_{side}" for name in END}) for side in "ab"]
    nodes = pl.concat(ends).unique("key", keep="any").sort("key")
    keys = nodes["key"].to_numpy()
    a, b = (np.searchsorted(keys, alike[f"key_{side}"].to_numpy()) for side in "ab")
    cosine = alike["cosine"].to_numpy()
    stands, how = representatives(a, b, cosine, len(keys))
    one, other, value = np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([cosine, cosine])
    order = np.lexsort((other, -value, one))
    _, first = np.unique(one[order], return_index=True)
    nearest = order[first]
    duplicate = pl.Series(stands != np.arange(len(keys)))
    return nodes.select("block", "row", "key").with_columns(
        neighbour=pl.Series(keys[other[nearest]], dtype=pl.UInt64),
        cosine=pl.Series(value[nearest], dtype=pl.Float64),
        duplicate_of=pl.when(duplicate).then(pl.Series(keys[stands], dtype=pl.UInt64)),
        duplicate_cosine=pl.when(duplicate).then(pl.Series(how, dtype=pl.Float64)),
    )


def thinned(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs that connect what all of these connect, fewer than there are rows; frame of `PAIRS`."""
    pairs = pairs.sort("key_a", "key_b")
    keys = np.unique(np.concatenate([pairs["key_a"].to_numpy(), pairs["key_b"].to_numpy()]))
    a, b = (np.searchsorted(keys, pairs[f"key_{side}"].to_numpy()) for side in "ab")
    return pairs[forest(a, b, pairs["cosine"].to_numpy(), len(keys))]


def recall(every: Sequence[Block], search: Search, said: pl.DataFrame, linked: pl.DataFrame) -> dict[str, Any]:
    """How much of what comparing each with each would find was found, on a sample by hash.

    For rows: of those sampled that have a neighbour, the share whose nearest was found. For prompts: of the pairs of a
    sampled prompt and any other, the share that ended in one group.

    Returns:
        For rows and for prompts: `sampled`, how many there were to find (`true`), how many of them were `found`, and
        `recall`, absent where there was nothing to find.
    """
    own = [members(block, search) for block in every]
    there = _true_pairs(every, search, own, "rows", search.threshold).group_by("ours").agg(pl.col("true").max())
    best = there.join(said.select("key", "cosine"), left_on="ours", right_on="key", how="left")
    hits = best.filter(pl.col("cosine") >= pl.col("true") - 1.5 * 10.0**-DIGITS).height
    pairs = _true_pairs(every, search, own, "prompts", search.group_threshold)
    sides = [linked["key_a"], linked["key_b"], pairs["ours"], pairs["theirs"]]
    keys = np.unique(np.concatenate([side.to_numpy() for side in sides]))
    a, b, ours, theirs = (np.searchsorted(keys, side.to_numpy()) for side in sides)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(keys), len(keys)))
    labels = connected_components(graph, directed=False)[1] if len(keys) else np.zeros(0, dtype=np.int64)
    sampled = {what: _sample([getattr(one, what) for one in own]).height for what in ("rows", "prompts")}
    return {
        "rows": _measured(sampled["rows"], there.height, hits),
        "prompts": _measured(sampled["prompts"], pairs.height, int((labels[ours] == labels[theirs]).sum())),
    }


def _measured(sampled: int, true: int, found: int) -> dict[str, Any]:
    measured = {"sampled": sampled, "true": true, "found": found}
    return {**measured, "recall": round(found / true, 5)} if true else measured


def _sample(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Those with the smallest keys."""
    whole = pl.concat(frames).sort("key", "block", "row").unique("key", keep="first", maintain_order=True)
    return whole.head(min(max(_COMPARISONS // max(whole.height, 1), _FEWEST), _MOST))


def _true_pairs(
    every: Sequence[Block], search: Search, own: Sequence[Members], what: str, threshold: float
) -> pl.DataFrame:
    """All pairs of a sampled member and another that are at least this alike: `ours` and `theirs` (keys), `true`."""
    found = [pl.DataFrame(schema={"ours": pl.UInt64, "theirs": pl.UInt64, "true": pl.Float64})]
    sample = _sample([getattr(one, what) for one in own])
    for (kind, count), ours in sample.partition_by("kind", "count", as_dict=True, maintain_order=True).items():
        mine, keys = gather(search.vectors, every, ours), ours["key"].to_numpy()
        for one in own:
            theirs = getattr(one, what).filter((pl.col("kind") == kind) & (pl.col("count") == count))
            if theirs.is_empty():
                continue
            others = theirs["key"].to_numpy()
            for rows, columns, likeness in alike(mine, parts(one.vectors, theirs), threshold, search.device):
                i, j = (part.cpu().numpy() for part in (likeness >= 0).nonzero(as_tuple=True))
                value = likeness.cpu().numpy()[i, j] / 10**DIGITS
                found.append(pl.DataFrame({"ours": keys[rows[i]], "theirs": others[columns[j]], "true": value}))
    # A prompt that stands in several blocks was compared in each.
    return pl.concat(found).filter(pl.col("ours") != pl.col("theirs")).unique(["ours", "theirs"])
