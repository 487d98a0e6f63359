"""Near-duplicates beside other tools, on corpora with known duplicates.

    python -m benchmarks.dedup --data DIR [--rows 20000 100000] [--short 1000000] [--peer NAME=PYTHON[,MODEL]]

DIR holds the unpacked set hh_rlhf, whose sentences the corpora are made of. A peer is rensa, datatrove or semhash;
PYTHON is that of an environment with it (see `benchmarks/peers/`), MODEL the folder that semhash embeds with. CPU
seconds are user and system beyond start-up and imports. Ours are of the stages identity to groups on
rows that were read; the peers' hold reading the corpus, half a second for 100,000 rows. `--short` is a corpus of 5 to
25 words a text, on which only ours is run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import yaml

from benchmarks import corpus

HERE = Path(__file__).parent
_MAPPING = {"kind": "rating", "responses": ["text"], "scores": [{"field": "score", "minimum": 0, "maximum": 1}]}


def watch(line: list[str]) -> dict[str, float]:
    """Run a command whose last line of output is JSON; adds seconds and peak memory of its process tree."""
    started, peak = time.perf_counter(), 0
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, sum(_resident(one) for one in [root, *_children(root)]))
            time.sleep(0.05)
        assert process.stdout is not None
        said = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(line)} ended with {process.returncode}")
    wall = time.perf_counter() - started
    return {**json.loads(said.splitlines()[-1]), "wall": wall, "peak": peak / 2**20}


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def ours(path: Path, scratch: Path) -> dict[str, float]:
    config, out = scratch / "config.yaml", scratch / "run"
    source = {"input": [str(path)], "format": "mapping", "mapping": _MAPPING}
    only = {
        "signals": {"language": False, "pii": False}, "embed": {"model": "off"}, "raters": {"consensus": "off"},
    }  # fmt: skip
    config.write_text(yaml.safe_dump({"sources": [source], **only}))
    line = [sys.executable, "-m", "pipelines.cli", "curate", str(config), "--out", str(out)]
    subprocess.run(line, check=False, stdout=subprocess.DEVNULL)
    return watch([sys.executable, "-m", "benchmarks.own", str(config), str(out), str(scratch / "kept.json")])


def show(tool: str, path: Path, rows: int, found: dict[str, float], kept: Path) -> None:
    scored = corpus.score(path, set(json.loads(kept.read_text())))
    print(
        f"| {rows:,} | {tool} | {scored['recall']:.4f} | {scored['distinct lost']} | {scored['short kept']} | "
        f"{scored['short copies removed']} | {found['cpu']:.1f} | {found['wall']:.1f} | {found['peak']:,.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--short", type=int, nargs="*", default=[])
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON[,MODEL]")
    given = parser.parse_args()
    hh = given.data / "hh_rlhf" / "harmless-base" / "test.jsonl.gz"
    print("| rows | tool | recall | rows lost | short kept | short copies removed | CPU s | wall s | peak MiB |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for rows, short in [*((n, False) for n in given.rows), *((n, True) for n in given.short)]:
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            path, kept = scratch / "corpus.jsonl", scratch / "kept.json"
            corpus.write(path, rows, hh, short=short)
            show("trenchcoat, short texts" if short else "trenchcoat", path, rows, ours(path, scratch), kept)
            for peer in [] if short else given.peer:
                tool, _, rest = peer.partition("=")
                python, *more = rest.split(",")
                line = [python, str(HERE / "peers" / f"{tool}.py"), str(path), str(kept), *more]
                show(tool, path, rows, watch(line), kept)


if __name__ == "__main__":
    main()
