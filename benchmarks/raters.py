"""Raters on data where something is known of them, beside what other packages say.

    python -m benchmarks.raters --data DIR [--peers PYTHON]

DIR holds the unpacked sets ukp_convarg1, mlqe_pe, wmt_mqm, pandalm and hh_rlhf. PYTHON is an interpreter with the
packages of benchmarks/peers/raters.py; without it their lines are left out. Seconds are the processor's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from benchmarks.rater_sets import mlqe, mqm, simulated, ukp
from transforms.graph import cycles
from transforms.raters import bradley_terry
from transforms.raters.agreement import Level, alpha
from transforms.raters.consensus import Fit, Model, dawid_skene, outcomes_of, shares
from transforms.raters.normalise import moments, normalise

LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")
#: Labels as preferences, in the order of a posterior's columns.
SIDES = np.array([1.0, 0.5, 0.0])
Peers = Callable[..., dict[str, Any]]


def peers(python: str | None) -> Peers:
    """Ask the other packages; nothing where there is no interpreter for them."""

    def ask(task: str, units: np.ndarray, raters: np.ndarray, values: np.ndarray, **given: Any) -> dict[str, Any]:
        if python is None:
            return {}
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/votes.npz"
            np.savez(path, task=task, unit=units, rater=raters, value=values, **given)
            line = [python, str(Path(__file__).with_name("peers") / "raters.py"), path]
            done: dict[str, Any] = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
            return done

    return ask


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    return run(), time.process_time() - started


def codes(names: pl.Series) -> np.ndarray:
    out: np.ndarray = (names.rank("dense").cast(pl.Int64) - 1).to_numpy()
    return out


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def agreement_table(data: Path, ask: Peers) -> None:
    rng = np.random.default_rng(0)
    random = rng.integers(0, 5, (6, 2_000)).astype(float)
    random[rng.random(random.shape) < 0.5] = np.nan
    votes = json.loads((data / "pandalm/data/testset-v1.json").read_text())
    panda = np.array([[one[f"annotator{i}"] for one in votes] for i in (1, 2, 3)], dtype=float)
    table, _, _ = simulated(20_000)
    sets = {"random, half of it gaps": random, "PandaLM": panda, "simulated 20,000 × 50": table.T}
    direct = mlqe(data / "mlqe_pe", "dev", "en-de")
    sets["MLQE en-de dev"] = direct.pivot(on="rater", index="unit", values="value").drop("unit").to_numpy().T
    print("\n| set | level | alpha | krippendorff | difference | s | krippendorff s |\n|---|---|---|---|---|---|---|")
    for name, values in sets.items():
        rater, unit = np.nonzero(~np.isnan(values))
        lines = pl.DataFrame({"unit": unit, "value": values[rater, unit]})
        theirs = ask("alpha", unit, rater, values[rater, unit], asked=np.array(LEVELS))
        for level in LEVELS:
            found, seconds = timed(lambda level=level, lines=lines: alpha(lines, level)["alpha"].item())
            other = theirs.get(level, {"alpha": float("nan"), "seconds": float("nan")})
            print(
                f"| {name} | {level} | {found:.6f} | {other['alpha']:.6f} | {abs(found - other['alpha']):.0e} | "
                f"{seconds:.3f} | {other['seconds']:.3f} |"
            )


def ukp_tables(data: Path, ask: Peers) -> None:
    pairs, cast = ukp(data / "ukp_convarg1")
    units, raters, values = cast["unit"].cast(pl.Int64).to_numpy(), codes(cast["rater"]), cast["value"].to_numpy()
    gold, ones = pairs["gold"].to_numpy(), np.ones(cast.height)
    known, sided = ~np.isnan(gold), np.isin(gold, (0.0, 1.0))
    counts = np.stack([np.bincount(units, values == side, len(gold)) for side in SIDES], axis=1)
    tossed = (counts == counts.max(axis=1, keepdims=True)).astype(float)
    tossed /= tossed.sum(axis=1, keepdims=True)
    fit, seconds = timed(lambda: dawid_skene(units, raters, values, ones))
    kinds = ["majority", "Dawid-Skene", "MACE"]
    asked = np.array([f"crowd-kit {kind}" for kind in kinds])
    theirs = ask("consensus", units, raters, (2 - 2 * values).astype(int), asked=asked)
    print("\n| UKP, 13,339 pairs | agrees with gold | where gold takes a side | s |\n|---|---|---|---|")
    right = (tossed * (gold[:, None] == SIDES)).sum(axis=1)
    print(f"| majority, a coin between equals | {right[known].mean():.4f} | {right[sided].mean():.4f} | |")
    for name, label, took in [
        ("Dawid-Skene", SIDES[fit.posterior.argmax(axis=1)], seconds),
        *((name, SIDES[one["labels"]], one["seconds"]) for name, one in theirs.items()),
    ]:
        right = label == gold
        print(f"| {name} | {right[known].mean():.4f} | {right[sided].mean():.4f} | {took:.2f} |")
    _reliability(fit, units, raters, values, gold, counts, ask)
    _held_out(pairs, units, raters, values)
    _circles(pairs, counts)


def _reliability(
    fit: Fit,
    units: np.ndarray,
    raters: np.ndarray,
    values: np.ndarray,
    gold: np.ndarray,
    counts: np.ndarray,
    ask: Peers,
) -> None:
    many = np.bincount(raters) >= 50
    found = outcomes_of(fit.posterior[units], raters, values, np.ones(len(values)), len(many))
    estimated = ((found[:, 0] + found[:, 3]) / found.sum(axis=1))[many]
    others = counts[units] - (values[:, None] == SIDES)
    ordered = np.sort(others, axis=1)
    clear = ordered[:, 2] > ordered[:, 1]
    known = ~np.isnan(gold[units])
    agree = {
        "the majority of the others": (SIDES[others.argmax(axis=1)] == values, clear),
        "the authors' gold": (gold[units] == values, known),
    }
    print(
        f"\n| workers with 50 votes or more ({many.sum()}): agreement with | correlation with reliability |\n|---|---|"
    )
    for name, (right, some) in agree.items():
        share = np.bincount(raters[some], right[some], len(many)) / np.maximum(
            np.bincount(raters[some], minlength=len(many)), 1
        )
        print(f"| {name} | {correlation(estimated, share[many]):.3f} |")
    theirs = ask("without", units, raters, (2 - 2 * values).astype(int), asked=np.flatnonzero(many))
    if theirs:
        share = np.array([theirs[str(rater)] for rater in np.flatnonzero(many)])
        print(f"| crowd-kit Dawid-Skene of all but their own votes | {correlation(estimated, share):.3f} |")


def _held_out(pairs: pl.DataFrame, units: np.ndarray, raters: np.ndarray, values: np.ndarray) -> None:
    """How probable votes are that the model has not seen: a tenth of them."""
    held = np.random.default_rng(0).random(len(values)) < 0.1
    ones = np.ones(len(values))
    print("\n| prior votes | log-likelihood of held-out votes | agrees with gold |\n|---|---|---|")
    gold = pairs["gold"].to_numpy()
    known = ~np.isnan(gold)
    for prior in (1, 2, 5, 10, 20, 40, 80):
        seen = dawid_skene(units, raters, values, ones * ~held, prior)
        whole = dawid_skene(units, raters, values, ones, prior)
        said = _likelihood(seen.model, seen.posterior[units[held]], raters[held], values[held])
        agrees = (SIDES[whole.posterior.argmax(axis=1)] == gold)[known].mean()
        print(f"| {prior} | {said:.4f} | {agrees:.4f} |")
    ends = pl.concat([pairs.select("topic", node=f"id_{side}") for side in "ab"])
    places = (ends.select(pl.struct(pl.all()).rank("dense")).to_series().cast(pl.Int64) - 1).to_numpy()
    a, b = places.reshape(2, -1)

    def votes(some: np.ndarray) -> bradley_terry.Votes:
        return bradley_terry.Votes(
            a[units[some]], b[units[some]], raters[some], np.ones(some.sum()), shares(values[some])
        )

    (found, strengths), seconds = timed(lambda: bradley_terry.fit_raters(votes(~held)))
    test = votes(held)
    gap = strengths[test.a] - strengths[test.b]
    odds = bradley_terry.odds(found.care[test.rater] * gap + found.place[test.rater], found.ties[test.rater])
    said = np.log((np.stack(odds, axis=1) * test.cast).sum(axis=1)).mean()
    (_, strengths), _ = timed(lambda: bradley_terry.fit_raters(votes(np.ones(len(values), dtype=bool))))
    sided = np.isin(gold, (0.0, 1.0))
    agrees = ((strengths[a] > strengths[b]) == (gold == 1))[sided].mean()
    print(f"| Bradley-Terry | {said:.4f} | {agrees:.4f} where gold takes a side; {seconds:.1f} s |")


def _likelihood(model: Model, truth: np.ndarray, raters: np.ndarray, values: np.ndarray) -> float:
    confusion = model.raters[raters]
    right, tie, wrong, tied = confusion.T
    first, equal, second = truth.T
    said = np.select(
        [values == 1, values == 0],
        [
            first * right + second * wrong + equal * (1 - tied) / 2,
            second * right + first * wrong + equal * (1 - tied) / 2,
        ],
        (first + second) * tie + equal * tied,
    )
    return float(np.log(said).mean())


def _circles(pairs: pl.DataFrame, counts: np.ndarray) -> None:
    net = pl.Series("net", counts[:, 0] - counts[:, 2])
    arguments = pl.concat([pairs["id_a"], pairs["id_b"]]).unique().sort()
    number = dict(zip(arguments, range(len(arguments)), strict=True))
    edges = pairs.with_columns(
        net,
        group=pl.col("topic").rank("dense"),
        a=pl.col("id_a").replace_strict(number, return_dtype=pl.Int64),
        b=pl.col("id_b").replace_strict(number, return_dtype=pl.Int64),
    ).filter((pl.col("net") != 0) & (pl.col("a") != pl.col("b")))
    ahead = pl.col("net") > 0
    lines = edges.select(
        "group",
        winner=pl.when(ahead).then("a").otherwise("b"),
        loser=pl.when(ahead).then("b").otherwise("a"),
        weight=pl.col("net").abs(),
    )
    found, seconds = timed(lambda: cycles(lines))
    turned, on = found["reversal"], (found["component"] > 0).sum()
    votes, whole = lines["weight"].filter(turned).sum(), lines["weight"].sum()
    print(
        f"\nUKP's {lines.height:,} judgements for a side: {on:,} on cycles, in components of up to "
        f"{found['component'].max()} arguments; {turned.sum():,} to turn round ({votes:,.0f} of {whole:,.0f} votes); "
        f"{seconds:.2f} s"
    )


def simulated_table(ask: Peers) -> None:
    table, truth, skill = simulated(20_000)
    unit, rater = np.nonzero(~np.isnan(table))
    values = table[unit, rater]
    fit, seconds = timed(lambda: dawid_skene(unit, rater, values, np.ones(len(values))))
    counted = np.bincount(unit, values) / np.bincount(unit)
    theirs = ask("consensus", unit, rater, values.astype(int), asked=np.array(["crowd-kit Dawid-Skene"]))
    rng = np.random.default_rng(2)
    model = np.clip(np.where(truth == 1, 0.7, 0.3) + rng.normal(0, 0.25, len(truth)), 0.02, 0.98)
    theirs |= ask("crowdlab", unit, rater, values.astype(int), model=np.stack([1 - model, model], axis=1))
    print("\n| 20,000 rows, 50 simulated raters, 5 votes each | right | s |\n|---|---|---|")
    print(f"| majority | {((counted > 0.5) == truth).mean():.5f} | |")
    print(f"| Dawid-Skene | {((fit.posterior[:, 0] > 0.5) == truth).mean():.5f} | {seconds:.2f} |")
    for name, one in theirs.items():
        print(f"| {name} | {(np.array(one['labels']) == truth).mean():.5f} | {one['seconds']:.2f} |")
    found = outcomes_of(fit.posterior[unit], rater, values, np.ones(len(values)), 50)
    print(f"\nreliability against the raters' true accuracy: {correlation(found[:, 0] / found.sum(axis=1), skill):.4f}")


def normalised_table(data: Path) -> None:
    sets = {f"MQM TED {pair}": mqm(data / "wmt_mqm", pair) for pair in ("ende", "zhen")}
    for pair in ("en-de", "ro-en", "et-en", "si-en"):
        for part in ("train", "dev", "test"):
            sets[f"DA {pair} {part}"] = mlqe(data / "mlqe_pe", part, pair)
    print("\n| set | units judged twice | raters | alpha | alpha of z-scores |\n|---|---|---|---|---|")
    for name, lines in sets.items():
        flat = lines.with_columns(source=pl.lit("s"), dimension=pl.lit("d"))
        raw, z = (alpha(one, "interval") for one in (flat, normalise(flat, moments(flat))))
        units, people, before, after = (
            raw["units"].item(),
            flat["rater"].n_unique(),
            raw["alpha"].item(),
            z["alpha"].item(),
        )
        print(f"| {name} | {units:,} | {people} | {before:.4f} | {after:.4f} |")


def controls(data: Path) -> None:
    """Whole runs: figures of HH, where nothing must be found."""
    with tempfile.TemporaryDirectory() as folder:
        source = {"input": [str(data / "hh_rlhf/**/*.jsonl.gz")], "format": "hh"}
        Path(f"{folder}/c.yaml").write_text(yaml.safe_dump({"sources": [source]}))
        line = [sys.executable, "-m", "pipelines.cli", "curate", f"{folder}/c.yaml", "--out", f"{folder}/out"]
        subprocess.run(line, check=True, capture_output=True)
        told = json.loads(Path(f"{folder}/out/manifest.json").read_text())
    found = {name: told["raters"][name] for name in ("opposed", "on_cycles", "reversals")}
    print(f"\nHH, {told['counts']['rows_in']:,} rows: {found}, conflicts {told['counts']['conflicts']}")


def speed() -> None:
    rng = np.random.default_rng(0)
    print("\n| votes | raters | Dawid-Skene s | rounds |\n|---|---|---|---|")
    for rows, raters in ((20_000, 50), (200_000, 1_000), (400_000, 20_000)):
        units = np.repeat(np.arange(rows), 5)
        people = rng.integers(0, raters, len(units))
        truth, skill = rng.integers(0, 2, rows), rng.uniform(0.5, 0.95, raters)
        values = np.where(rng.random(len(units)) < skill[people], truth[units], 1 - truth[units]).astype(float)
        fit, seconds = timed(lambda u=units, p=people, v=values: dawid_skene(u, p, v, np.ones(len(v))))
        print(f"| {len(units):,} | {raters:,} | {seconds:.1f} | {fit.rounds} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers")
    given = parser.parse_args()
    ask = peers(given.peers)
    agreement_table(given.data, ask)
    ukp_tables(given.data, ask)
    simulated_table(ask)
    normalised_table(given.data)
    controls(given.data)
    speed()


if __name__ == "__main__":
    main()
