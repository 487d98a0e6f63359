"""Does curation help where we know what is wrong? AlpacaEval with planted flips and length bias, and as it is.

    python -m benchmarks.ablate --data DIR [--rows 3500] [--gold 1200] [--seeds 5]

DIR holds the unpacked set alpaca_eval_gpt4. Prompts are cut in two by a hash: of the one part come pairs to train on, of
the other pairs to evaluate on, with their labels as they are. In AlpacaEval itself the longer side wins in five of six
pairs; from both parts pairs are drawn so that it wins in a half, and so the length bias that is planted is the only one:
a half of the training pairs whose shorter side is chosen are made to choose the longer one. 20 % of the labels are
turned round by chance before that. The unplanted set is AlpacaEval as it is, a quarter of the groups held out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from benchmarks.noise_data import alpaca_eval
from transforms.hashing import digest, uniform

FLIPS, BIAS = 0.2, 0.5
#: Share of the prompts that evaluate.
_HELD = 0.3


def drawn(data: Path) -> pl.DataFrame:
    """All pairs with a preference, in the order of a hash; `held` says which prompts evaluate."""
    whole = alpaca_eval(data).filter((pl.col("a") != pl.col("b")) & (pl.col("a") != "") & (pl.col("b") != ""))
    text = whole.select(pl.concat_str("prompt", "a", "b", separator="\x1f"))["prompt"]
    longer = pl.col("a").str.len_chars() > pl.col("b").str.len_chars()
    return (
        whole.with_columns(key=digest(text), of=digest(whole["prompt"]))
        .unique("key", keep="first")
        .with_columns(held=uniform(pl.col("of"), 1) < _HELD, agrees=longer == (pl.col("label") > 0.5))
        .filter(pl.col("a").str.len_chars() != pl.col("b").str.len_chars())
        .sort(uniform(pl.col("key"), 2))
    )


def planted(rows: pl.DataFrame) -> pl.DataFrame:
    """The pairs with labels turned round by chance, and then toward the longer side."""
    flip = uniform(pl.col("key"), 3) < FLIPS
    rows = rows.with_columns(
        label=pl.when(flip).then(1 - pl.col("label")).otherwise("label"), agrees=pl.col("agrees") ^ flip
    )
    bend = ~pl.col("agrees") & (uniform(pl.col("key"), 4) < BIAS)
    return rows.with_columns(
        label=pl.when(bend).then(1 - pl.col("label")).otherwise("label"), agrees=pl.col("agrees") | bend
    )


def even(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """As many pairs whose longer side is the better one as pairs whose shorter one is."""
    return pl.concat([rows.filter(pl.col("agrees") == side).head(count // 2) for side in (True, False)])


def write(rows: pl.DataFrame, path: Path) -> str:
    first = pl.col("label") > 0.5
    rows.select(
        "prompt",
        chosen=pl.when(first).then("a").otherwise("b"),
        rejected=pl.when(first).then("b").otherwise("a"),
    ).write_ndjson(path)
    return str(path)


def run(folder: Path, files: dict[str, str], seeds: int, planted: bool) -> dict[str, Any]:
    """One ablation; with a source `gold`, its rows evaluate."""
    config = {
        "name": "alpaca-eval",
        "sources": [{"name": name, "input": [path], "licence": "cc-by-nc-4.0"} for name, path in files.items()],
        "policy": {"ambiguous": "soften"},
        "balance": {"output": "weights"},
        # What was planted is known; of what is as it is nothing is.
        **({"strength": {"noise_rate": FLIPS}} if planted else {}),
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    line = [sys.executable, "-m", "pipelines.cli", "ablate", str(path), "--out", str(folder / "run")]
    line += ["--seeds", str(seeds), *(["--gold", "gold"] if "gold" in files else [])]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    print(done.stdout, flush=True)
    return dict(json.loads((folder / "run" / "ablation.json").read_text()))


def told(what: str, report: dict[str, Any]) -> list[str]:
    """Lines of the table for `results.md`."""
    out = []
    for name, one in report["arms"].items():
        held = {against["than"]: against for against in one["against"]}
        cells = [
            f"{held[other]['difference']:+.4f} ({held[other]['low']:+.4f} to {held[other]['high']:+.4f})"
            if other in held
            else "–"
            for other in ("raw", f"{name}: random drop", "all")
        ]
        out.append(f"| {what} | {name} | {one['lines']:,} | {one['accuracy']:.4f} | {' | '.join(cells)} |")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=3500)
    parser.add_argument("--gold", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    whole = drawn(given.data)
    train, held = whole.filter(~pl.col("held")).head(given.rows), whole.filter("held")
    bad = planted(train)
    print(
        f"longer wins: {train['agrees'].mean():.3f} of the pairs to train on, {bad['agrees'].mean():.3f} once planted"
        f"; labels changed: {(bad['label'] != train['label']).mean():.3f}\n"
    )
    lines = []
    for what, plant, gold in (
        ("planted, as it is", True, held.head(given.gold)),
        ("planted, lengths even", True, even(held, given.gold)),
        ("unplanted", False, None),
    ):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            files = {"train": write(bad if plant else train, folder / "train.jsonl")}
            if gold is not None:
                files["gold"] = write(gold, folder / "gold.jsonl")
            print(f"== {what}")
            lines += told(what, run(folder, files, given.seeds, plant))
    print("| data | arm | pairs | accuracy | less raw | less random drop | less all |\n|---|---|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
