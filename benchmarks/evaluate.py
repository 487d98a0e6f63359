"""How long judging scorers takes, and what it says of scorers that are known.

    python -m benchmarks.evaluate [--pairs 1000000] [--data DIR]

DIR holds the unpacked set wmt_mqm: its TED tables are then made by whole runs and held against the published ones.
Seconds are the wall clock's, of kernels on arrays in memory.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from transforms.meta import judge_pairs
from transforms.meta.calibration import calibration
from transforms.meta.scope import Settings, halves
from transforms.meta.systems import p_values, soft_pairwise_accuracy
from transforms.meta.ties import Comparisons, calibrate, within


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return run(), time.perf_counter() - started


def made(count: int, prompts: int) -> judge_pairs.Pairs:
    """Pairs with a known truth: margins with noise, a scorer that is constant, one that knows nothing."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0.0, 0.5, 1.0], count, p=[0.45, 0.1, 0.45])
    groups = rng.integers(0, 2**62, prompts).astype(np.uint64)[rng.integers(0, prompts, count)]
    side = labels - 0.5
    margins = {f"noise {s}": side + rng.normal(0, s, count) for s in (0.3, 0.5, 1.0)}
    return judge_pairs.Pairs(labels, groups, margins | {"chance": rng.normal(0, 1, count), "ties": np.zeros(count)})


def pairs_table(count: int) -> None:
    print("\n| pairs | prompts | scorers | resamples | s |\n|---|---|---|---|---|")
    for prompts in (count, count // 5):
        some = made(count, prompts)
        found, seconds = timed(lambda some=some: judge_pairs.judge(some, Settings(resamples=1000)))
        print(f"| {count:,} | {found['prompts']:,} | {len(some.margins)} | 1,000 | {seconds:.1f} |")
    print("\n| scorer | accuracy | 95 % | acc_eq calibrated | held out | ECE |\n|---|---|---|---|---|---|")
    for name, one in found["scorers"].items():
        print(
            f"| {name} | {one['accuracy']:.4f} | {one['low']:.4f}–{one['high']:.4f} | {one['acc_eq_calibrated']:.4f} | "
            f"{one['acc_eq_held_out']:.4f} | {one['calibration_error']:.4f} |"
        )


def systems_table() -> None:
    rng = np.random.default_rng(0)
    gold = rng.normal(0, 1, (20, 2_000)) + np.linspace(0, 0.5, 20)[:, None]
    print("\n| 20 systems × 2,000 segments | SPA | s |\n|---|---|---|")
    for spread in (0, 1, 3, 10):
        noisy = gold + rng.normal(0, spread, gold.shape)
        found, seconds = timed(lambda noisy=noisy: soft_pairwise_accuracy(p_values(gold), p_values(noisy)))
        print(f"| gold with noise {spread} | {found:.4f} | {seconds:.2f} |")
    segments = np.tile(np.arange(2_000), 20)
    i, j = within(segments)
    human, metric = np.round(gold).ravel(), (gold + rng.normal(0, 1, gold.shape)).ravel()
    compared = Comparisons(segments[i], human[i] - human[j], metric[i] - metric[j])
    tied, seconds = timed(lambda: calibrate(compared))
    print(f"\nacc_eq of {len(i):,} comparisons: {tied.plain:.4f}, calibrated {tied.accuracy:.4f}; {seconds:.2f} s")
    sure, groups = made(1_000_000, 1_000_000), np.arange(1_000_000).astype(np.uint64)
    margins = sure.margins["noise 0.5"]
    _, seconds = timed(lambda: calibration(margins, sure.labels, halves(groups)))
    print(f"calibration of 1,000,000 pairs: {seconds:.2f} s")


def published(readme: str, pair: str) -> dict[str, float]:
    """The table of TED talks in the authors' README, by system."""
    part = readme.split("## TED talks ##")[1].split("## newstest")[0].split(f"### {pair} ###")[1].split("###")[0]
    return {name.strip(): float(score) for name, score in re.findall(r"^\| (\S+) \| ([\d.]+)\(", part, re.MULTILINE)}


def mqm_table(data: Path) -> None:
    print("\n| TED | systems | largest difference from the published table |\n|---|---|---|")
    readme = next((data / "wmt_mqm").rglob("README.md")).read_text()
    for short, pair in (("ende", "English to German"), ("zhen", "Chinese to English")):
        with tempfile.TemporaryDirectory() as folder:
            source = {"input": [str(data / f"wmt_mqm/ted/{short}/mqm_ted_{short}.tsv")], "format": "mqm"}
            config = {"sources": [source], "embed": {"model": "off"}, "duplicates": {"near": False},
                      "gate": {"split_tolerance": 0.5}}  # fmt: skip
            Path(f"{folder}/c.yaml").write_text(yaml.safe_dump(config))
            line = [sys.executable, "-m", "pipelines.cli"]
            more = ["--rows", "all", "--segment", "metadata.doc,metadata.seg_id"]
            for command in (["curate", f"{folder}/c.yaml", "--out", f"{folder}/o"], ["evaluate", f"{folder}/o", *more]):
                subprocess.run([*line, *command], check=True, capture_output=True)
            told = json.loads(Path(f"{folder}/o/evaluation.json").read_text())["ratings"]["mqm"]["systems"]
        theirs = {name.replace(".", ""): score for name, score in published(readme, pair).items()}
        ours = {one["system"]: -one["human"] for one in told["means"]}
        # The files call the first reference `ref`.
        first = {"ref": next(name for name in ("refA", "ref") if name in theirs)} if "ref" in ours else {}
        off = [abs(score - theirs[first.get(name, name)]) for name, score in ours.items()]
        print(f"| {short} | {len(ours)} of {len(theirs)} | {max(off):.4f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    pairs_table(given.pairs)
    systems_table()
    if given.data:
        mqm_table(given.data)


if __name__ == "__main__":
    main()
