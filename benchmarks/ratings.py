"""What is found of values that are wrong in ratings of real raters: planted ones, since nobody knows the others.

    python -m benchmarks.ratings --data DIR

DIR holds the unpacked set mlqe_pe: direct assessments, six raters a segment in dev and test. The first value of a tenth
of the rows is replaced by another row's (seed 0). Texts are not looked at: what is found is found by the other raters.
The truth that scores are held against is the mean of the row's values before.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import rankdata

from benchmarks.rater_sets import mlqe
from transforms.ratings.fit import Settings, fit

_SHARE = 0.1


def planted(lines: pl.DataFrame, keep: int | None) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Ratings with the first value of some rows replaced by another row's; which rows; the means before."""
    rng = np.random.default_rng(0)
    part = lines.with_columns(line=pl.col("unit").rank("dense").cast(pl.Int64) - 1).sort("line", "rater")
    part = part.with_columns(nth=pl.int_range(pl.len()).over("line"))
    if keep is not None:
        part = part.filter(pl.col("nth") < keep)
    values, first = part["value"].to_numpy().copy(), (part["nth"] == 0).to_numpy()
    rows = int(part["line"].max()) + 1  # type: ignore[operator, arg-type]
    bad = rng.random(rows) < _SHARE
    truth = part.group_by("line").agg(pl.col("value").mean()).sort("line")["value"].to_numpy()
    where = np.flatnonzero(first)[bad[part["line"].to_numpy()[first]]]
    values[where] = rng.permutation(part["value"].to_numpy()[first])[: len(where)]
    frame = part.select("line", "rater", source=pl.lit("s"), dimension=pl.lit("d")).with_columns(
        value=pl.Series(values)
    )
    return frame, bad, truth


def auroc(scores: np.ndarray, truth: np.ndarray) -> float:
    ranks, some = rankdata(scores), int(truth.sum())
    return float((ranks[truth].sum() - some * (some + 1) / 2) / (some * (~truth).sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    sets = {f"DA {pair} {part}": mlqe(given.data / "mlqe_pe", part, pair)
            for pair, part in (("en-de", "dev"), ("ro-en", "dev"), ("et-en", "dev"), ("si-en", "test"))}  # fmt: skip
    print("| set | values a row | put together | AUROC of a row's worst value | flagged at 0.6 | right | "
          "error of the mean | of the score | s |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name, lines in sets.items():
        for keep in (None, 3):
            frame, bad, truth = planted(lines, keep)
            started = time.perf_counter()
            found, told = fit(frame, None, np.arange(len(bad)).astype(np.uint64), Settings("auto", 5, 0))
            took = time.perf_counter() - started
            worst = found["p_worst"].to_numpy()
            flagged = worst > 0.6
            right = f"{bad[flagged].mean():.2f}" if flagged.any() else "–"
            off = [float(np.abs(found[one].to_numpy() - truth)[bad].mean()) for one in ("mean", "score")]
            each = frame.height / len(bad)
            print(f"| {name} | {each:.1f} | {told[0]['normalised_by']} | {auroc(worst, bad):.3f} | {flagged.sum()} of "
                  f"{bad.sum()} | {right} | {off[0]:.2f} | {off[1]:.2f} | {took:.1f} |")  # fmt: skip


if __name__ == "__main__":
    main()
