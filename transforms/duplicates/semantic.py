"""Semantic likeness: rows whose prompts and responses say the same, and prompts that do.

Two rows are as alike as their least alike part: the smaller of their prompts' cosine and of their responses', the
responses matched in the better of their two orders (for rankings each with its nearest). Compared are rows of one kind
with equally many responses. Rows without a prompt are alike in that.

Where there are too many rows to compare each with each, vectors are put into partitions (`kmeans`), and each row is
compared with the members of its nearest few. A partition that is far too full (many rows with nearly the same vector)
is cut into slices in the order of a hash; all of them are compared with the first rows of the whole as well, so that
what is one cloud stays connected. So the work grows with the number of rows, whatever the rows are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

#: Rows that a partition should hold, and at most holds before it is cut into slices.
ROWS, MOST = 1024, 4096
#: Rows of an over-full partition that all its slices are compared with.
COMMON = 64
#: Neighbours of a row that are kept, of the nearest and of those first in order.
NEAREST = 16
#: Rows with more responses are not compared.
MOST_RESPONSES = 8
#: Digits to which a likeness is rounded before it is compared with anything.
DIGITS = 5
_UNITS = 10**DIGITS
_AT_ONCE = 512

#: Where a row is, the key that orders it, and that of what groups it.
END = {"block": pl.Int64(), "row": pl.Int64(), "key": pl.UInt64(), "group": pl.UInt64()}
#: A pair of rows, and how alike they are.
PAIRS = pl.Schema({**{f"{name}_{side}": dtype for side in "ab" for name, dtype in END.items()}, "cosine": pl.Float64()})


@dataclass(frozen=True)
class Parts:
    """What rows of one class are compared by.

    Attributes:
        prompts: of length 1, or 0 for rows without one; [n, dimensions].
        responses: of length 1; [n, responses a row, dimensions]; with no responses only prompts are compared.
    """

    prompts: np.ndarray
    responses: np.ndarray

    def __getitem__(self, rows: Any) -> Parts:
        return Parts(self.prompts[rows], self.responses[rows])

    def __len__(self) -> int:
        return len(self.prompts)

    def on(self, device: str) -> tuple[Any, Any]:
        """As tensors of 32 bits, with a further dimension of prompts for rows that have none."""
        import torch

        # float16 keeps a length to three digits only.
        prompts, responses = (
            torch.nn.functional.normalize(torch.from_numpy(part.astype(np.float32)).to(device), dim=-1)
            for part in (self.prompts, self.responses)
        )
        none = (prompts == 0).all(dim=1, keepdim=True).to(prompts.dtype)
        return torch.cat([prompts, none], dim=1), responses


def alike(
    ours: Parts, theirs: Parts, threshold: float, device: str = "cpu"
) -> Iterator[tuple[np.ndarray, np.ndarray, Any]]:
    """How alike rows of one class are, for some of ours at a time, and without those that are alike to nobody.

    Args:
        ours: rows; fastest where those with one prompt lie side by side.
        theirs: rows to compare each of them with.
        threshold: on the likeness.
        device: cpu or cuda.

    Yields:
        Places in `ours`, places in `theirs`, and their likeness in units of the last digit: int64 [ours, theirs], -1
        where it is below the threshold.
    """
    import torch

    prompts, responses = theirs.on(device)
    places, least = responses.shape[1], np.ceil(threshold * _UNITS - 1e-6)
    for start in range(0, len(ours), _AT_ONCE):
        mine, answers = ours[start : start + _AT_ONCE].on(device)
        likeness = (mine @ prompts.T * _UNITS).round()
        hit = likeness >= least
        # Most rows' prompts are like nobody's: what is left to compare is a corner of what there is.
        rows, columns = hit.any(dim=1).nonzero()[:, 0], hit.any(dim=0).nonzero()[:, 0]
        if not len(rows):
            continue
        likeness = likeness[rows][:, columns]
        if places:
            answers, others = answers[rows], responses[columns]
            between = [[answers[:, a] @ others[:, b].T for b in range(places)] for a in range(places)]
            likeness = torch.minimum(likeness, (_matched(between) * _UNITS).round())
        likeness = torch.where(likeness >= least, likeness, -1).long()
        yield (rows + start).cpu().numpy(), columns.cpu().numpy(), likeness


def _matched(between: list[list[Any]]) -> Any:
    """The likeness of two rows' responses from that of each with each."""
    import torch

    if len(between) == 1:
        return between[0][0]
    if len(between) == 2:
        straight = torch.minimum(between[0][0], between[1][1])
        return torch.maximum(straight, torch.minimum(between[0][1], between[1][0]))
    whole = torch.stack([torch.stack(row) for row in between])
    return torch.minimum(whole.amax(dim=1).amin(dim=0), whole.amax(dim=0).amin(dim=0))


def slices(base: int, queries: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Which members of a partition are compared: their places, and places of those that look among them.

    Args:
        base: members, in order.
        queries: rows that look, in order.
    """
    count = max(1, -(-base // MOST))
    common = np.arange(min(COMMON, base)) if count > 1 else np.arange(0)
    for members, askers in zip(
        np.array_split(np.arange(base), count), np.array_split(np.arange(queries), count), strict=True
    ):
        yield np.union1d(common, members), askers


def neighbours(
    queries: Parts, query_keys: np.ndarray, base: Parts, base_keys: np.ndarray, threshold: float, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each row that looks, members at least this like it: the `NEAREST` nearest, and the first in order.

    Args:
        queries: rows that look.
        query_keys: their keys [q].
        base: members, in the order of their keys.
        base_keys: their keys [m]; a row is not its own neighbour.
        threshold: on the likeness.
        device: cpu or cuda.

    Returns:
        Keys of rows that look, keys of members, and their likeness.
    """
    import torch

    found = [(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0))]
    for rows, columns, likeness in alike(queries, base, threshold, device):
        width = likeness.shape[1]
        same = torch.from_numpy(query_keys[rows][:, None] == base_keys[columns][None]).to(device)
        likeness = torch.where(same, -1, likeness)
        first = torch.arange(width, 0, -1, device=device).expand_as(likeness)
        chosen = torch.zeros_like(likeness, dtype=torch.bool)
        # Whole numbers of which no two are the same in a row, so that a tie is cut alike everywhere.
        for score in (likeness * (width + 1) + first, first):
            best = torch.where(likeness >= 0, score, -1).topk(min(NEAREST, width), dim=1).indices
            chosen.scatter_(1, best, True)
        i, j = (chosen & (likeness >= 0)).nonzero(as_tuple=True)
        value = (likeness[i, j].double() / _UNITS).cpu().numpy()
        found.append((query_keys[rows[i.cpu().numpy()]], base_keys[columns[j.cpu().numpy()]], value))
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))  # type: ignore[return-value]


def links(
    queries: Parts, query_keys: np.ndarray, base: Parts, base_keys: np.ndarray, threshold: float, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs at least this alike, thinned to a forest that connects what all of them connect.

    There are fewer pairs than rows, and they are the likest: at a higher threshold they still connect the same rows.

    Args:
        queries: rows that look.
        query_keys: their keys [q].
        base: members.
        base_keys: their keys [m]; a row is not linked with itself.
        threshold: on the likeness.
        device: cpu or cuda.

    Returns:
        Keys of both rows of each pair, the smaller first, and their likeness.
    """
    nodes = np.unique(np.concatenate([query_keys, base_keys]))
    ours, theirs = np.searchsorted(nodes, query_keys), np.searchsorted(nodes, base_keys)
    a, b, cosine = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    for rows, columns, likeness in alike(queries, base, threshold, device):
        i, j = (likeness >= 0).nonzero(as_tuple=True)
        new = (ours[rows[i.cpu().numpy()]], theirs[columns[j.cpu().numpy()]], likeness[i, j].cpu().numpy() / _UNITS)
        a, b, cosine = (np.concatenate(both) for both in zip((a, b, cosine), new, strict=True))
        kept = forest(a, b, cosine, len(nodes))
        a, b, cosine = a[kept], b[kept], cosine[kept]
    return nodes[a], nodes[b], cosine


def forest(a: np.ndarray, b: np.ndarray, cosine: np.ndarray, nodes: int) -> np.ndarray:
    """Which edges connect what all of them connect, the likest: a maximum spanning forest, by Borůvka's rounds.

    Args:
        a: one end of each edge, below `nodes`.
        b: the other end; an edge of a node with itself is not chosen.
        cosine: the likeness; of equal ones the earlier edge comes first.
        nodes: how many there are.

    Returns:
        Places of the chosen edges, rising.
    """
    label, chosen = np.arange(nodes), np.zeros(len(a), dtype=bool)
    live = np.arange(len(a))
    while True:
        live = live[label[a[live]] != label[b[live]]]
        if not len(live):
            return np.flatnonzero(chosen)
        ends, value = (label[a[live]], label[b[live]]), cosine[live]
        best, first = np.full(nodes, -1.0), np.full(nodes, len(a))
        for end in ends:
            np.maximum.at(best, end, value)
        for end in ends:
            top = value == best[end]
            np.minimum.at(first, end[top], live[top])
        chosen[first[first < len(a)]] = True
        graph = coo_array((np.ones(chosen.sum(), dtype=bool), (a[chosen], b[chosen])), shape=(nodes, nodes))
        label = connected_components(graph, directed=False)[1]


def representatives(a: np.ndarray, b: np.ndarray, cosine: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows stand for which: no row stands for one that is not like it itself, so there are no chains.

    In the order of their numbers, a row that is like no row that stands for others before it stands for itself; any
    other is a duplicate of the likest of those. Worked out in rounds, each for all rows at once.

    Args:
        a: one end of each pair, as numbers in the order of preference.
        b: the other end.
        cosine: their likeness.
        rows: how many there are.

    Returns:
        For each row the row that stands for it (itself where none does), and their likeness (1 for itself).
    """
    ends = np.concatenate([a, b])
    others = np.concatenate([b, a])
    weights = np.concatenate([cosine, cosine])
    stands = np.arange(rows)
    alike = np.ones(rows)
    undecided = np.zeros(rows, dtype=bool)
    undecided[ends] = True
    kept = ~undecided
    while undecided.any():
        live = undecided[ends] & undecided[others]
        lowest = np.full(rows, rows)
        np.minimum.at(lowest, ends[live], others[live])
        new = undecided & (np.arange(rows) < lowest)
        kept |= new
        covered = new[others] & undecided[ends] & ~new[ends]
        undecided &= ~new
        undecided[ends[covered]] = False
    # Every other row is like one that is kept; of these the likest, and of equally like ones the first.
    to_kept = kept[others] & ~kept[ends]
    ends, others, weights = ends[to_kept], others[to_kept], weights[to_kept]
    order = np.lexsort((others, -weights, ends))
    ends, others, weights = ends[order], others[order], weights[order]
    first = np.ones(len(ends), dtype=bool)
    first[1:] = ends[1:] != ends[:-1]
    stands[ends[first]] = others[first]
    alike[ends[first]] = weights[first]
    return stands, alike
