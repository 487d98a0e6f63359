"""How long reports and questions take: `python -m benchmarks.report --data DIR [--rows 1000000] [--keep FOLDER]
[--only …]`

Runs are made first, and not timed: examples of AlpacaEval and WMT13 as they are; AlpacaEval's with its rows repeated
until there are as many as asked for, which has embeddings, detectors, slices and shortcuts of that many rows without
hours of making them (`benchmarks.repeated`); and synthetic pairs of 1.5 KB with nothing embedded and no detectors. Then
`report` of each, `explain` of a row in the middle and `diff` of WMT13's run with itself are timed three times, as
processes of their own from their start; medians are told, with CPU seconds and peak memory. `--keep` takes the runs
that a folder has and leaves new ones there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from benchmarks import generate
from benchmarks.repeated import repeat

_TIMES = 3
_RUNS = ("alpaca_eval", "wmt13", "repeated", "pairs")
_ROOT = Path(__file__).parents[1]
_CHEAP = {
    "embed": {"model": "off"}, "strength": {"find": False}, "raters": {"consensus": "off"},
    "shortcuts": {"find": False}, "slices": {"find": False},
}  # fmt: skip


@dataclass(frozen=True)
class Took:
    """Seconds of the clock and of the CPU, and peak memory in MiB."""

    clock: float
    cpu: float
    peak: float


def command(folder: Path, *line: str) -> Took:
    """Run the command line in a folder; raises SystemExit where it fails otherwise than by its gate."""
    paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    started = time.perf_counter()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *line],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
    clock = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit((folder / "log.txt").read_text())
    return Took(clock, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def runs(folder: Path, data: Path, rows: int, wanted: Sequence[str]) -> dict[str, Path]:
    """The runs that are wanted, of `_RUNS`, made where they are not there yet."""
    if not (folder / "data").exists():
        (folder / "data").symlink_to(data.resolve())
    out = {}
    for name in ("alpaca_eval", "wmt13"):
        if name not in wanted:
            continue
        out[name] = folder / name
        if not (out[name] / "manifest.json").exists():
            command(folder, "curate", str(_ROOT / "examples" / f"{name}.yaml"), "--out", name)
    if "repeated" in wanted:
        times = -(-rows // _rows(out["alpaca_eval"]))
        name = f"alpaca_eval_{times}_times"
        out[name] = folder / name
        if not (out[name] / "manifest.json").exists():
            repeat(out["alpaca_eval"], out[name], times)
    if "pairs" not in wanted:
        return out
    name = f"pairs{rows}"
    out[name] = folder / name
    if not (out[name] / "manifest.json").exists():
        generate.pairs(folder / f"{name}.jsonl", rows)
        config = {"sources": [{"input": [f"{name}.jsonl"]}], "duplicates": {"near": False}, **_CHEAP}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
        command(folder, "curate", f"{name}.yaml", "--out", name)
    return out


def _rows(run: Path) -> int:
    return int(pl.scan_parquet(run / "ledger.parquet").select(pl.len()).collect().item())


def measure(what: str, run: Path, page: bool, *line: str) -> None:
    """Time a command and print a line of the table."""
    took = [command(run.parent, *line) for _ in range(_TIMES)]
    clock, cpu, peak = (statistics.median(getattr(one, name) for one in took) for name in ("clock", "cpu", "peak"))
    size = f"{(run / 'report.html').stat().st_size / 1e6:.2f}" if page else ""
    print(f"| {what} | {_rows(run):,} | {clock:.1f} | {cpu:.1f} | {peak / 1024:.2f} | {size} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", nargs="+", choices=_RUNS, default=_RUNS, help="repeated takes alpaca_eval as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {*given.only, *(["alpaca_eval"] if "repeated" in given.only else [])}
        made = runs(folder.resolve(), given.data, given.rows, sorted(wanted))
        print("| what | rows | s | CPU s | peak, GiB | page, MB |\n|---|---|---|---|---|---|", flush=True)
        for name, run in made.items():
            measure(f"`report`, {name}", run, True, "report", str(run))
        for name, run in made.items():
            names = pl.read_parquet(run / "ledger.parquet", columns=["row_id"])["row_id"]
            measure(f"`explain`, {name}, by name", run, False, "explain", str(run), names[len(names) // 2])
        if "wmt13" in made:
            wmt = str(made["wmt13"])
            measure("`diff`, wmt13 with itself", made["wmt13"], False, "diff", wmt, wmt)


if __name__ == "__main__":
    main()
