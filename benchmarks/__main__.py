"""`make bench`: the pipeline beside the hand-written script of `benchmarks.baseline`, in turn, ratios of medians.

    python -m benchmarks [--data DIR] [--rows 100000] [--runs 3] [--plain]

DIR holds the unpacked sets alpaca_eval_gpt4 and wmt13_pairs; without it, only synthetic pairs are measured. `--plain`
switches language and personal data off, which the script does not look for. Seconds are of the stages: imports,
start-up and the gate are printed apart.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks import generate

_WMT = {
    "kind": "pair",
    "prompt": "segment",
    "responses": ["text_a", "text_b"],
    "label": {"field": "winner", "values": {"a": 1, "b": 0, "tie": 0.5}},
    "generators": ["system_a", "system_b"],
}


def script(kind: str, source: str, folder: Path) -> float:
    line = [sys.executable, "-m", "benchmarks.baseline", kind, source, str(folder / "script")]
    return float(subprocess.run(line, check=True, capture_output=True, text=True).stdout.split()[0])


def pipeline(source: dict, folder: Path, plain: bool) -> dict[str, float]:
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    signals = {"language": not plain, "pii": not plain}
    # The script looks for no likeness, no wrong labels, no shortcuts and no raters.
    spine = {
        "duplicates": {"near": False}, "embed": {"model": "off"}, "strength": {"find": False},
        "raters": {"consensus": "off"}, "shortcuts": {"find": False}, "slices": {"find": False},
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump({"sources": [source], "signals": signals, **spine}))
    started = time.perf_counter()
    line = [sys.executable, "-m", "pipelines.cli", "curate", str(folder / "config.yaml"), "--out", str(out)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - started
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    manifest = json.loads((out / "manifest.json").read_text())
    stages = sum(stage["seconds"] for stage in manifest["stages"])
    rows = sum(manifest["published"].values())
    return {
        "stages": stages,
        "gate": manifest["gate"]["seconds"],
        "other": whole - stages - manifest["gate"]["seconds"],
        "peak": max(stage["peak_bytes"] for stage in manifest["stages"]) / 2**20,
        "records": manifest["counts"]["records_in"],
        "gate_us": 1e6 * manifest["gate"]["seconds"] / max(rows, 1),
    }


def measure(name: str, kind: str, pattern: str, source: dict, runs: int, plain: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        script(kind, pattern, folder)  # a warm-up: files in the page cache
        by_hand, ours = [], []
        for _ in range(runs):
            by_hand.append(script(kind, pattern, folder))
            ours.append(pipeline(source, folder, plain))
    median = {key: statistics.median(run[key] for run in ours) for key in ours[0]}
    hand = statistics.median(by_hand)
    print(
        f"| {name} | {median['records']:,.0f} | {hand:.2f} | {median['stages']:.2f} | {median['stages'] / hand:.1f} | "
        f"{1e6 * median['stages'] / median['records']:.0f} | {median['gate']:.1f} ({median['gate_us']:.0f} µs) | "
        f"{median['other']:.1f} | {median['peak']:,.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    print("| data | records | script s | stages s | ratio | µs a record | gate s (a row) | start-up s | peak MiB |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        if given.data:
            pattern = str(given.data / "alpaca_eval_gpt4/results/*/*/annotations.json")
            source = {"input": [pattern], "format": "alpaca_eval"}
            measure("AlpacaEval", "alpaca_eval", pattern, source, given.runs, given.plain)
            path = Path(scratch) / "wmt13.jsonl"
            generate.wmt(given.data / "wmt13_pairs/training_wmt13", path)
            source = {"input": [str(path)], "format": "mapping", "mapping": _WMT}
            measure("WMT13", "wmt", str(path), source, given.runs, given.plain)
        for rows in given.rows:
            path = Path(scratch) / f"pairs{rows}.jsonl"
            generate.pairs(path, rows)
            measure("synthetic 1.5 KB", "pairs", str(path), {"input": [str(path)]}, given.runs, given.plain)


if __name__ == "__main__":
    main()
