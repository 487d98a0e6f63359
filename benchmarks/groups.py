"""Are groups sane, and do splits hold? `python -m benchmarks.groups --data DIR [--rows 3000]`

For chitchat, HH, AlpacaEval and UKP: the groups that a default run makes, how many of them likeness linked, and how
large those are. Then all pairs of a sample of the kept rows' prompts are compared, with none of the pipeline's code:
sets of five words in a row (Jaccard), without the shingles that more than 1 % of the prompts share. How many pairs are
as alike as the threshold, and how many of these stand in two splits?
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from pipelines.commands import Request, run_curate
from transforms.hashing import digest

_SETS = ("chitchat", "hh", "alpaca_eval", "ukp")
_THRESHOLD, _SIZE, _TEMPLATE = 0.7, 5, 0.01


def curate(name: str, data: Path, out: Path) -> dict:
    """A run of an example on the unpacked sets, that looks for no wrong labels; returns the manifest."""
    example = Path("examples", f"{name}.yaml").resolve()
    with contextlib.chdir(out.parent), contextlib.redirect_stdout(io.StringIO()):
        if not Path("data").exists():
            os.symlink(data.resolve(), "data")
        code = run_curate(Request(str(example), str(out), [], None, ["strength.find=false"]))
    if code > 1:
        raise SystemExit(f"curate ended with {code}")
    return json.loads((out / "manifest.json").read_text())


def prompts(out: Path, rows: int) -> pl.DataFrame:
    """Distinct prompts of kept rows, their split and group: a sample by hash."""
    ledger = pl.read_parquet(out / "ledger.parquet", columns=["row_id", "split", "group_id"])
    blocks = pl.concat([
        pl.read_parquet(path, columns=["row_id", "prompt"])
        for path in sorted(out.glob("work/*/blocks/*.parquet"))
    ], how="diagonal_relaxed")  # fmt: skip
    turn = pl.element().struct
    turns = turn.field("role") + ": " + turn.field("content").fill_null("")
    said = blocks.select("row_id", text=pl.col("prompt").list.eval(turns).list.join("\n"))
    kept = ledger.filter(pl.col("split").is_not_null()).join(said, on="row_id").filter(pl.col("text") != "")
    once = kept.unique("text").with_columns(hash=digest(pl.Series(kept.unique("text")["text"])))
    return once.sort("hash").head(rows)


def alike(texts: list[str]) -> np.ndarray:
    """Pairs of texts whose sets of shingles are as alike as the threshold [pairs, 2]."""
    sets = []
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        sets.append({" ".join(words[i : i + _SIZE]) for i in range(len(words) - _SIZE + 1)})
    counted = Counter(shingle for one in sets for shingle in one)
    telling = [shingle for shingle, count in counted.items() if count <= max(20, _TEMPLATE * len(texts))]
    number = {shingle: place for place, shingle in enumerate(telling)}
    places = [[number[s] for s in sorted(one) if s in number] for one in sets]
    sizes = np.array([len(one) for one in places])
    flat = np.array([place for one in places for place in one], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    has = csr_array((np.ones(len(flat), np.float32), flat, starts), shape=(len(texts), len(number)))
    both = (has @ has.T).tocoo()
    a, b = both.coords
    score = both.data / (sizes[a] + sizes[b] - both.data)
    mine = (a < b) & (score >= _THRESHOLD)
    return np.stack([a[mine], b[mine]], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--sets", nargs="*", default=list(_SETS))
    given = parser.parse_args()
    print("| set | kept | groups | largest | linked by likeness | rows in those | largest of those | prompts compared "
          "| pairs alike | in two splits |\n|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.sets:
            out = Path(scratch) / name
            told = curate(name, given.data, out)
            groups, sampled = told["groups"], prompts(out, given.rows)
            pairs = alike(sampled["text"].to_list())
            split = sampled["split"].to_numpy()
            apart = int((split[pairs[:, 0]] != split[pairs[:, 1]]).sum())
            print(
                f"| {name} | {told['counts']['kept']:,} | {groups['groups']:,} | {groups['largest']:,} | "
                f"{groups['linked']:,} | {groups['rows_in_linked']:,} | {groups['largest_linked']:,} | "
                f"{sampled.height:,} | {len(pairs):,} | {apart:,} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
