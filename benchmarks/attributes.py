"""The linear programme on real texts: seconds, quotas, and its objective beside what greed gives.

    python -m benchmarks.attributes --data DIR --static DISTILLATION [--prompts 5000] [--attributes 15]

`--data` holds the unpacked AlpacaEval; as there are only 805 prompts, its responses stand for prompts, too.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.noise_data import LOADERS
from transforms.attributes.discover import discover
from transforms.attributes.programme import assign, bounds
from transforms.embed.static import StaticEncoder
from transforms.hashing import as_number, digest


def greedy(affinity: np.ndarray, quotas: np.ndarray, slack: float) -> np.ndarray:
    """The greatest affinity first: while attributes are short of their least, then up to their most."""
    rows, count = affinity.shape
    out, room = np.zeros((rows, count), dtype=bool), np.full(rows, 2)
    for most in bounds(rows, quotas, slack):
        given = out.sum(axis=0)
        for cell in np.argsort(-affinity.ravel(), kind="stable"):
            row, attribute = divmod(int(cell), count)
            if room[row] and not out[row, attribute] and given[attribute] < most[attribute]:
                out[row, attribute] = True
                room[row] -= 1
                given[attribute] += 1
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--static", required=True)
    parser.add_argument("--prompts", type=int, default=5_000)
    parser.add_argument("--attributes", type=int, default=15)
    asked = parser.parse_args()
    frame = LOADERS["AlpacaEval"](asked.data)
    texts = pl.concat([frame[name].alias("text") for name in ("prompt", "a", "b")]).to_frame()
    named = texts.with_columns(digest(texts["text"]).alias("h")).unique("h").sort("h").head(asked.prompts)
    keyed = named.with_columns(key=as_number(pl.col("h"))).sort("key")
    vectors = StaticEncoder(asked.static).encode(keyed["text"].to_list()).astype(np.float32)
    keys = keyed["key"].to_numpy()
    found = discover("domain", vectors, keys, keyed["text"].str.slice(0, 300), asked.attributes, 0)
    print(
        "| quotas | texts | attributes | wall s | CPU s | quotas off by at most | objective | greedy's, of the same |"
    )
    print("|---|---|---|---|---|---|---|---|")
    skewed = np.arange(1, len(found.names) + 1) ** 0.7
    for name, quotas in (("affinity", found.affinity.mean(axis=0)), ("even", np.ones(len(skewed))), ("skewed", skewed)):
        shares = quotas / quotas.sum()
        wall, cpu = time.perf_counter(), time.process_time()
        chosen = assign(found.affinity, shares, 0.1)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert (chosen.sum(axis=1) == 2).all()
        off = np.abs(chosen.mean(axis=0) / 2 / shares - 1).max()
        other = greedy(found.affinity, shares, 0.1)
        short = int((2 - other.sum(axis=1)).sum())
        print(
            f"| {name} | {len(keys)} | {len(shares)} | {wall:.1f} | {cpu:.1f} | {off:.2%} "
            f"| {found.affinity[chosen].sum():.0f} | {found.affinity[other].sum():.0f} ({short} places left empty) |"
        )
    print("\n" + "; ".join(found.names))


if __name__ == "__main__":
    main()
