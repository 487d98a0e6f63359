"""Does curation help where we know what is wrong? AlpacaEval with planted flips and length bias, and as it is.

    python -m benchmarks.ablate --data DIR [--rows 6000] [--seeds 8] [--sets flips …]

DIR holds the unpacked set alpaca_eval_gpt4. Prompts are cut in two by a hash: of the one half come pairs to train on,
of the other as many pairs to evaluate on, with their labels as they are. 20 % of the training labels are turned round
by chance. In AlpacaEval itself the longer side wins in five of six pairs; where a length bias is planted, pairs to
train and to evaluate on are drawn so that it wins in a half, and the planted bias is the only one: of the training
pairs whose shorter side is chosen, a half (or four in five) are made to choose the longer one. Detectors are told so
(`strength.balanced`). The unplanted set is
AlpacaEval as it is, a quarter of the groups held out.
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

FLIPS = 0.2
#: Share of the prompts that evaluate.
_HELD = 0.5
#: What policy mends what was planted: flips where nothing else is, and everything.
_FLIPS_ALONE = {"policy": {"recipe": "secrets2"}, "strength": {"noise_rate": FLIPS}}
_EVERYTHING = {"policy": {"ambiguous": "soften"}, "balance": {"output": "weights"}}


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


def planted(rows: pl.DataFrame, bias: float) -> pl.DataFrame:
    """The pairs with labels turned round by chance, and then a share of them toward the longer side."""
    flip = uniform(pl.col("key"), 3) < FLIPS
    rows = rows.with_columns(
        label=pl.when(flip).then(1 - pl.col("label")).otherwise("label"), agrees=pl.col("agrees") ^ flip
    )
    bend = ~pl.col("agrees") & (uniform(pl.col("key"), 4) < bias)
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


def run(folder: Path, files: dict[str, str], seeds: int, mending: dict[str, Any]) -> dict[str, Any]:
    """One ablation; with a source `gold`, its rows evaluate."""
    sources = [{"name": name, "input": [path], "licence": "cc-by-nc-4.0"} for name, path in files.items()]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"name": "alpaca-eval", "sources": sources, **mending}))
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
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--sets", nargs="*", help="some of those planted; all when absent")
    given = parser.parse_args()
    whole = drawn(given.data)
    train, held = whole.filter(~pl.col("held")), whole.filter("held")
    known = {**_EVERYTHING, "strength": {"noise_rate": FLIPS, "balanced": True}}
    # Nine in ten choose the longer side, so the others need five mean weights or more: the default cap is below that.
    strong = {**known, "balance": {"output": "weights", "cap": 10}}
    natural, evened = train.head(given.rows), even(train, given.rows)
    lines = []
    for what, clean, bias, gold, mending in (
        ("flips", natural, 0.0, held.head(given.rows), _FLIPS_ALONE),
        ("flips, length 50 %", evened, 0.5, even(held, given.rows), known),
        ("flips, length 80 %", evened, 0.8, even(held, given.rows), strong),
        ("unplanted", natural, None, None, _EVERYTHING),
    ):
        if given.sets and what not in given.sets:
            continue
        bad = clean if bias is None else planted(clean, bias)
        longer, changed = bad["agrees"].mean(), (bad["label"] != clean["label"]).mean()
        print(f"== {what}: the longer side is chosen in {longer:.3f} of the pairs; labels changed: {changed:.3f}")
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            files = {"train": write(bad, folder / "train.jsonl")}
            if gold is not None:
                files["gold"] = write(gold, folder / "gold.jsonl")
            lines += told(what, run(folder, files, given.seeds, mending))
    print("| data | arm | pairs | accuracy | less raw | less random drop | less all |\n|---|---|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
