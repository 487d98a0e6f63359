"""Does curation help where we know what is wrong? AlpacaEval with planted flips and length bias, and as it is.

    python -m benchmarks.ablate --data DIR [--rows 6000] [--seeds 8] [--planting 0] [--sets flips …] [--both] …

DIR holds the unpacked set alpaca_eval_gpt4. Prompts are cut in two by a hash: of the one half come pairs to train on,
of the other as many pairs to evaluate on, with their labels as they are. A share of the training labels is turned round
by chance: 20 %, or 40 % of 2,500 pairs. In AlpacaEval itself the longer side wins in five of six pairs; where a length
bias is planted, pairs to train and to evaluate on are drawn so that it wins in a half, and the planted bias is the only
one: of the training pairs whose shorter side is chosen, a half (or four in five) are made to choose the longer one. Or
one side of every pair, by chance, has an emoji behind it, and a half of the training pairs whose other side is chosen
are made to choose that one; all else in AlpacaEval is then as it is. The feature is named where a bias was planted
(`strength.balanced`, `balance.features`), which way it pays is not. The unplanted set is AlpacaEval as it is, a
quarter of the groups held out. `--planting` takes other prompts, pairs and labels, so that what was chosen on one is
not reported on it; `--ceiling` says what raw would be without what was planted; with `--both` each half of the prompts
evaluates what was trained on the other, in one table, which has twice the groups.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from benchmarks.noise_data import alpaca_eval
from transforms.ablate.arms import Arm
from transforms.ablate.compare import outcome
from transforms.ablate.rows import evaluated
from transforms.hashing import digest, uniform

FLIPS = 0.2
#: Share of flips, and pairs, with which a raw head loses more than 0.02.
_MANY, _FEW = 0.4, 2500
#: Share of the prompts that evaluate.
_HELD = 0.5
#: Salts of hashes that a seed has for itself.
_SALTS = 4
#: What policy mends what was planted: flips where nothing else is, and everything.
_FLIPS_ALONE = {"policy": {"recipe": "secrets2"}}
_EVERYTHING = {"policy": {"ambiguous": "soften"}, "balance": {"output": "weights"}}
#: What is put behind a response.
_SMILE = " \U0001f60a"


def known(shortcut: str) -> dict[str, Any]:
    """What is told where labels are known to prefer what has more of a feature."""
    return {
        "policy": {"recipe": "secrets2"},
        "balance": {"output": "weights", "features": [shortcut]},
        "strength": {"balanced": [shortcut]},
    }


@dataclass(frozen=True)
class Planting:
    """What is planted in a set.

    Attributes:
        name: of the set.
        mending: what the configuration says.
        flips: share of labels turned round by chance; None where nothing is planted.
        bias: share of the pairs whose shorter side is chosen that are made to choose the longer one; with a mark, of
            those whose other side is.
        rows: pairs to train on, at most.
        mark: put behind one side of every pair, by chance.
    """

    name: str
    mending: dict[str, Any]
    flips: float | None = FLIPS
    bias: float = 0.0
    rows: int = 1_000_000
    mark: str = ""


SETS = (
    Planting("flips", _FLIPS_ALONE),
    Planting("flips 40 %", _FLIPS_ALONE, _MANY, rows=_FEW),
    Planting("flips, length 50 %", known("characters"), bias=0.5),
    Planting("flips, length 80 %", known("characters"), bias=0.8),
    Planting("flips 40 %, length 50 %", known("characters"), _MANY, bias=0.5),
    Planting("flips, emoji 50 %", known("emoji"), bias=0.5, rows=_FEW, mark=_SMILE),
    Planting("flips 40 %, emoji 50 %", known("emoji"), _MANY, bias=0.5, rows=_FEW, mark=_SMILE),
    Planting("unplanted", _EVERYTHING, None),
)


def drawn(data: Path, seed: int = 0) -> pl.DataFrame:
    """All pairs with a preference, in the order of a hash; `held` says which prompts evaluate; another seed, others."""
    whole = alpaca_eval(data).filter((pl.col("a") != pl.col("b")) & (pl.col("a") != "") & (pl.col("b") != ""))
    text = whole.select(pl.concat_str("prompt", "a", "b", separator="\x1f"))["prompt"]
    longer = pl.col("a").str.len_chars() > pl.col("b").str.len_chars()
    return (
        whole.with_columns(key=digest(text), of=digest(whole["prompt"]))
        .unique("key", keep="first")
        .with_columns(held=uniform(pl.col("of"), 1 + _SALTS * seed) < _HELD, agrees=longer == (pl.col("label") > 0.5))
        .filter(pl.col("a").str.len_chars() != pl.col("b").str.len_chars())
        .sort(uniform(pl.col("key"), 2 + _SALTS * seed))
    )


def marked(rows: pl.DataFrame, mark: str, seed: int = 0) -> pl.DataFrame:
    """One side of every pair, by chance, with a mark behind it; `agrees` says whether that side is the better one."""
    first = uniform(pl.col("key"), 1_000_000 + seed) < 0.5
    return rows.with_columns(
        pl.when(first == (side == "a")).then(pl.col(side) + mark).otherwise(side).alias(side) for side in ("a", "b")
    ).with_columns(agrees=first == (pl.col("label") > 0.5))


def planted(rows: pl.DataFrame, bias: float, flips: float = FLIPS, seed: int = 0) -> pl.DataFrame:
    """The pairs with labels turned round by chance, then a share of them toward the longer side, or the marked one."""
    flip = uniform(pl.col("key"), 3 + _SALTS * seed) < flips
    rows = rows.with_columns(
        label=pl.when(flip).then(1 - pl.col("label")).otherwise("label"), agrees=pl.col("agrees") ^ flip
    )
    bend = ~pl.col("agrees") & (uniform(pl.col("key"), 4 + _SALTS * seed) < bias)
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


def run(scratch: Path, what: str, files: dict[str, str], seeds: int, mending: dict[str, Any]) -> dict[str, Any]:
    """One ablation; with a source `gold`, its rows evaluate."""
    folder = scratch / what
    folder.mkdir()
    sources = [{"name": name, "input": [path], "licence": "cc-by-nc-4.0"} for name, path in files.items()]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"name": "alpaca-eval", "sources": sources, **mending}))
    line = [sys.executable, "-m", "pipelines.cli", "ablate", str(path), "--out", str(folder / "run")]
    line += ["--seeds", str(seeds), *(["--gold", "gold"] if "gold" in files else [])]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    print(done.stdout if what == "planted" else "", flush=True)
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


def ablated(one: Planting, train: pl.DataFrame, held: pl.DataFrame, folder: Path, given: Any) -> dict[str, Any]:
    """A set's ablation; files and the run lie under the folder."""
    rows = min(given.rows, one.rows)
    if one.mark:
        train, held = (marked(part, one.mark, given.planting) for part in (train, held))
    drawn_even = one.bias and not one.mark
    clean, gold = (even(part, n) if drawn_even else part.head(n) for part, n in ((train, rows), (held, given.rows)))
    bad = clean if one.flips is None else planted(clean, one.bias, one.flips, given.planting)
    agreeing, changed = bad["agrees"].mean(), (bad["label"] != clean["label"]).mean()
    side = "marked" if one.mark else "longer"
    print(f"== {one.name}: the {side} side is chosen in {agreeing:.3f} of the pairs; labels changed: {changed:.3f}")
    golden = {} if one.flips is None else {"gold": write(gold, folder / "gold.jsonl")}
    files = {"train": write(bad, folder / "train.jsonl"), **golden}
    told_rate = {} if one.flips is None else {"noise_rate": one.flips}
    mending = {**one.mending, "strength": {**one.mending.get("strength", {}), **told_rate}}
    report = run(folder, "planted", files, given.seeds, mending)
    if one.bias:
        print(by_side(folder, list(report["arms"]), gold["agrees"]), end="\n\n", flush=True)
    if given.ceiling and golden:
        files = {"train": write(clean, folder / "clean.jsonl"), **golden}
        as_was = run(folder, "clean", files, given.seeds, {"strength": {"find": False}})
        print(f"raw, without what was planted: {as_was['arms']['raw']['accuracy']:.4f}\n", flush=True)
    return report


def credits(folder: Path, names: Sequence[str]) -> tuple[pl.DataFrame, np.ndarray]:
    """The rows that evaluated, and what each arm's heads got for them [arms, seeds, rows]."""
    (rows,), (heads,) = (
        folder.glob("planted/run/work/ablate-rows-*"),
        folder.glob("planted/run/work/ablate-[0-9a-f]*"),
    )
    files = [Arm(name).file for name in names]
    seeds = range(len(list(heads.glob(f"{files[0]}-[0-9]*.npy"))))
    right = [np.stack([np.load(heads / f"{file}-{seed}.npy") for seed in seeds]) for file in files]
    return evaluated(pl.read_parquet(rows / "rows.parquet")), np.stack(right)


def by_side(folder: Path, names: list[str], agrees: pl.Series) -> str:
    """How often each arm is right where the side that the bias is for is the better one, and where the other is.

    `agrees` says which, line by line of the rows that evaluate.
    """
    rows, right = credits(folder, names)
    line = rows["row_id"].str.extract(r":(\d+)$").cast(pl.Int64) - 1
    for_it, means = agrees.gather(line).to_numpy(), right.mean(axis=1)
    lines = [f"{n}: {m[for_it].mean():.3f}, {m[~for_it].mean():.3f}" for n, m in zip(names, means, strict=True)]
    return "right where the bias agrees with the better side, and where it does not\n" + "\n".join(lines)


def both(reports: Sequence[dict[str, Any]], folders: Sequence[Path]) -> dict[str, Any]:
    """Two ablations as one: each half of the prompts evaluates what was trained on the other.

    Heads of one seed stand side by side; groups of both halves, and seeds, are drawn again together.
    """
    names = [name for name in reports[0]["arms"] if all(name in report["arms"] for report in reports)]
    parts = [credits(folder, names) for folder in folders]
    right = np.concatenate([one for _, one in parts], axis=2)
    groups = np.concatenate([rows["group"].to_numpy() for rows, _ in parts])
    found = outcome(names, right, groups, 1000, 0)
    arms = {}
    for name in names:
        others = [one["than"] for one in reports[0]["arms"][name]["against"] if one["than"] in names]
        lines = sum(report["arms"][name]["lines"] for report in reports)
        arms[name] = {"lines": lines, **found.alone(name), "against": [found.less(name, other) for other in others]}
    return {"arms": arms}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--sets", nargs="*", choices=[one.name for one in SETS], help="some; all when absent")
    parser.add_argument("--planting", type=int, default=0, help="other prompts, pairs and labels")
    parser.add_argument("--ceiling", action="store_true", help="train on the labels before anything was planted, too")
    parser.add_argument(
        "--both", action="store_true", help="each half of the prompts evaluates the other, as one table"
    )
    given = parser.parse_args()
    whole = drawn(given.data, given.planting)
    halves = [whole.filter(~pl.col("held")), whole.filter("held")]
    lines = []
    for one in SETS:
        if given.sets and one.name not in given.sets:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            reports, folders = [], []
            for train, held in (halves, halves[::-1])[: 1 + (given.both and one.flips is not None)]:
                folders.append(Path(scratch) / str(len(folders)))
                folders[-1].mkdir()
                reports.append(ablated(one, train, held, folders[-1], given))
            lines += told(one.name, both(reports, folders) if len(reports) > 1 else reports[0])
    print("| data | arm | pairs | accuracy | less raw | less random drop | less all |\n|---|---|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
