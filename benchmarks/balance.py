"""Shortcuts before and after balancing, on real pairs.

    python -m benchmarks.balance --data DIR --static DISTILLATION --cache DIR [--tables balance heads …] [--runs OUT …]

`--data` holds the unpacked sets, `--static` is a folder that `transforms.embed.distil` made. Rows are as files hold
them: only exact copies and pairs with an empty or the same side are left out. Folds are by prompt, and a fifth of the
prompts, by hash, is held out. `--runs` are output folders of `trenchcoat curate` with `balance.output: weights`, whose
`spurious.json` is put into a table of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from benchmarks.noise_data import load
from schemas.config import Balance
from transforms.embed.static import StaticEncoder
from transforms.spurious.balance import balance, moments
from transforms.spurious.bias import gaps
from transforms.spurious.entropy import effective
from transforms.spurious.features import COUNTS, NAMES, scaled, surface
from transforms.spurious.given import Sides
from transforms.spurious.heads import halves, head, views
from transforms.spurious.measure import accuracy, competency, in_units, parts, right, shares, sizes
from transforms.spurious.rulers import fit_linear, linear, out_of_fold, trees
from transforms.strength.folds import uniform

SETS = ("AlpacaEval", "UKP", "HH")
_LONG = NAMES.index("characters")
_LOGS = np.array([name in COUNTS for name in NAMES])
_DRAWS = 1000


@dataclass(frozen=True)
class Given:
    data: Path
    static: str
    cache: Path
    rows: int
    runs: list[Path]

    def pairs(self, name: str) -> tuple[Sides, np.ndarray]:
        """Pairs, and differences of their embeddings; labels are soft where the judge's are."""
        judged = load(name, self.data, self.static, self.cache, self.rows)
        found = judged.pairs
        # AlpacaEval's truth is the probability of the first side; the other sets' is how many raters agreed.
        soft = judged.truth if name == "AlpacaEval" else found.labels
        return sides(found.keys, found.groups, soft, found.surface), found.responses[:, 0] - found.responses[:, 1]


def sides(keys: np.ndarray, groups: np.ndarray, soft: np.ndarray, counted: np.ndarray) -> Sides:
    """Pairs from features of both sides as models take them [rows, 2, features]."""
    rows = len(keys)
    plain = counted.copy()
    plain[:, :, _LOGS] = np.expm1(plain[:, :, _LOGS])
    return Sides(
        keys=keys,
        groups=groups,
        block=np.zeros(rows, dtype=np.int64),
        row=np.arange(rows),
        held=uniform(groups, 77) < 0.2,
        sides=2 * soft - 1,
        weights=np.ones(rows),
        raw=np.round(plain[:, 0] - plain[:, 1], 3),
        scaled=counted[:, 0] - counted[:, 1],
        generators=np.full((rows, 2), -1),
        within=np.full(rows, "", dtype=object),
        scores=np.zeros((rows, 0)),
    )


def outside(values: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> int:
    """How many weighted means have a 95 % interval, by a bootstrap of groups, that does not hold nought."""
    _, group = np.unique(groups, return_inverse=True)
    count = group.max() + 1
    sums = np.stack([np.bincount(group, weights * values[:, j], count) for j in range(values.shape[1])], axis=1)
    total = np.bincount(group, weights, count)
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _DRAWS)
    means = (draws @ sums) / (draws @ total)[:, None]
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return int(((low > 0) | (high < 0)).sum())


def told(x: np.ndarray, pairs: Sides, weights: np.ndarray, ruler: Callable[..., np.ndarray]) -> str:
    margins = out_of_fold(ruler, x, pairs.sides, weights, pairs.groups)
    found = accuracy(margins, pairs.sides, weights, pairs.groups)
    return f"{found.value[0]:.3f} ({found.low[0]:.3f}–{found.high[0]:.3f})"


def balanced(given: Given) -> None:
    """Training pairs raw and weighed (by the defaults of `balance:`); held-out ones by the same lambda."""
    print(
        "| set | pairs | weights | ESS/N | largest | longer wins | linear ruler | trees | means off 0: train | held |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in SETS:
        whole, _ = given.pairs(name)
        train, held = whole.at(np.flatnonzero(~whole.held)), whole.at(np.flatnonzero(whole.held))
        x = in_units(train.scaled, sizes(train.scaled))
        for what, asked in (("raw", None), ("balanced", Balance(output="weights"))):
            found = balance(train, range(len(NAMES)), asked) if asked else None
            weights = found.weigh(train) if found else train.weights
            theirs = found.weigh(held) if found else held.weights
            used = found.columns if found else np.arange(len(NAMES))
            off = [outside(moments(rows, used)[0], w, rows.groups) for rows, w in ((train, weights), (held, theirs))]
            longer = shares(train.raw, train.sides, weights, train.groups)
            print(
                f"| {name} | {len(train):,} | {what} | {effective(weights):.3f} | {weights.max() / weights.mean():.1f} "
                f"| {longer.value[_LONG]:.3f} ({longer.low[_LONG]:.3f}–{longer.high[_LONG]:.3f}) "
                f"| {told(x, train, weights, linear)} | {told(x, train, weights, trees)} "
                f"| {off[0]} of {2 * len(used)} | {off[1]} of {2 * len(used)} |",
                flush=True,
            )


def heads(given: Given) -> None:
    """Linear heads on surface and embeddings, on raw and on balanced pairs, by prompts never seen in training."""
    print("| set | trained on | longer was chosen | shorter was chosen | mean | worst gap | at | LLMBar | its others |")
    print("|---|---|---|---|---|---|---|---|---|")
    golds = [gold(given, part) for part in ("LLMBar", "Processed")]
    for name in SETS:
        pairs, difference = given.pairs(name)
        x = views(pairs.scaled, difference)
        size, wide = sizes(pairs.scaled), np.sqrt(np.square(difference, dtype=np.float64).mean())
        found = balance(pairs, range(len(NAMES)), Balance(output="weights"))
        for what, weights in (("raw", pairs.weights), ("balanced", found.weigh(pairs))):
            margins = out_of_fold(head, x, pairs.sides, weights, pairs.groups)
            half = halves(margins, pairs, _LONG)
            sided = np.flatnonzero(pairs.sides != 0)
            turned = pairs.raw[sided] * np.sign(pairs.sides[sided])[:, None]
            worst = gaps(turned, right(margins[sided], pairs.sides[sided]))
            most = max(range(len(NAMES)), key=lambda j: worst[j].gap)
            scores = []
            for other, embedded in golds:
                theirs = np.hstack([in_units(other.scaled, size), embedded / np.float32(wide)])
                made = accuracy(head(x, pairs.sides, weights, theirs), other.sides, other.weights, other.groups)
                scores.append(f"{made.value[0]:.3f} ({made.low[0]:.3f}–{made.high[0]:.3f})")
            print(
                f"| {name} | {what} | {_told(half['agrees'])} | {_told(half['misleads'])} | {half['mean']:.3f} "
                f"| {worst[most].gap:.3f} (length {worst[_LONG].gap:.3f}) | {NAMES[most]} {worst[most].threshold:.3g} "
                f"| {scores[0]} | {scores[1]} |",
                flush=True,
            )


def _told(one: dict[str, float]) -> str:
    return f"{one['accuracy']:.3f} ({one['low']:.3f}–{one['high']:.3f})"


def gold(given: Given, part: str) -> tuple[Sides, np.ndarray]:
    """LLMBar's pairs, of which one side is objectively better."""
    frame = pl.concat(
        [
            pl.DataFrame(json.loads(path.read_text()), infer_schema_length=None).select(
                prompt=pl.col("input"), a="output_1", b="output_2", label=pl.col("label").cast(pl.Int64)
            )
            for path in sorted((given.data / "llmbar/Dataset" / part).glob("*/dataset.json"))
        ]
    )
    encoder = StaticEncoder(given.static)
    counted = np.stack([scaled(surface(frame[side], frame["prompt"])).to_numpy() for side in "ab"], axis=1)
    vectors = [encoder.encode(frame[side].to_list()).astype(np.float32) for side in "ab"]
    places = np.arange(frame.height).astype(np.uint64) + np.uint64(1)
    soft = (frame["label"] == 1).cast(pl.Float64).to_numpy()
    return sides(places, places, soft, counted), vectors[0] - vectors[1]


def chance(given: Given) -> None:
    """A feature that is a hash: in how many of 100 seeds it has a gap (of the raw linear ruler), and is flagged."""
    print("| set | seeds with a significant gap | seeds flagged |\n|---|---|---|")
    for name in SETS:
        pairs, _ = given.pairs(name)
        sided = pairs.at(np.flatnonzero(pairs.sides != 0))
        x = in_units(sided.scaled, sizes(sided.scaled))
        got = right(out_of_fold(linear, x, sided.sides, sided.weights, sided.groups), sided.sides)
        drawn = np.stack([uniform(sided.keys, 500 + s) - uniform(sided.keys, 900 + s) for s in range(100)], axis=1)
        turned = drawn * np.sign(sided.sides)[:, None]
        flagged = competency(drawn.astype(np.float32), sided.sides)[2]
        print(f"| {name} | {sum(gap.significant for gap in gaps(turned, got))} | {int(flagged.sum())} |", flush=True)


def planted(given: Given) -> None:
    """A token added to 70 % of winners: its place among all features by each measure."""
    print("| set | share of the chosen side | by z | by its part of the linear ruler | by prediction bias of a head |")
    print("|---|---|---|---|---|")
    for name in SETS:
        pairs, difference = given.pairs(name)
        has = (uniform(pairs.keys, 7) < 0.7) * np.sign(pairs.sides)
        with_it = replace(
            pairs,
            raw=np.hstack([pairs.raw, has[:, None]]),
            scaled=np.hstack([pairs.scaled, has[:, None]]).astype(np.float32),
        )
        x = in_units(with_it.scaled, sizes(with_it.scaled))
        _, z, _ = competency(with_it.raw, pairs.sides)
        part = parts(x, fit_linear(x, pairs.sides, pairs.weights), pairs.sides, pairs.weights)
        sided = np.flatnonzero(pairs.sides != 0)
        seen = views(with_it.scaled, difference)
        got = right(out_of_fold(head, seen, pairs.sides, pairs.weights, pairs.groups)[sided], pairs.sides[sided])
        gap = [one.gap for one in gaps(with_it.raw[sided] * np.sign(pairs.sides[sided])[:, None], got)]
        places = [int((np.asarray(value) > value[-1]).sum()) + 1 for value in (np.abs(z), part, gap)]
        share = shares(with_it.raw, pairs.sides, pairs.weights, pairs.groups).value[-1]
        print(f"| {name} | {share:.3f} | {places[0]} | {places[1]} | {places[2]} |", flush=True)


def timing(given: Given) -> None:
    """Features of AlpacaEval's responses, and a million rows of 40 features and their signs, in CPU seconds."""
    from benchmarks.noise_data import alpaca_eval

    frame = alpaca_eval(given.data)
    texts = pl.concat([frame["a"], frame["b"]])
    started = time.process_time()
    surface(texts, pl.concat([frame["prompt"], frame["prompt"]]))
    took = time.process_time() - started
    print(f"{len(texts):,} responses: {took:.1f} CPU s, {60 * len(texts) / took:,.0f} a minute and core")
    rng, rows = np.random.default_rng(0), 1_000_000
    difference = rng.standard_normal((rows, 40), dtype=np.float32)
    side = np.sign(difference[:, :5].sum(axis=1) + 2 * rng.standard_normal(rows, dtype=np.float32)).astype(np.float64)
    keys = np.arange(rows).astype(np.uint64) + np.uint64(1)
    none = np.zeros(rows, dtype=np.int64)
    pairs = Sides(
        keys, keys // np.uint64(2), none, none, none > 0, side, np.ones(rows), difference, difference,
        np.zeros((rows, 2)), np.full(rows, ""), np.zeros((rows, 0)),
    )  # fmt: skip
    for trees_too in (False, True):
        before, wall = time.process_time(), time.perf_counter()
        with threadpool_limits(1):
            found = balance(pairs, range(40), Balance(output="weights", trees=trees_too))
            weights = found.weigh(pairs)
        took, wall = time.process_time() - before, time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"1,000,000 rows x 40 features, trees {'too' if trees_too else 'not'}: {took:.1f} CPU s, {wall:.1f} s, "
            f"{found.strata[0].solution.steps} steps, ESS/N {effective(weights):.3f}, {peak:.2f} GiB at the peak",
            flush=True,
        )


def runs(given: Given) -> None:
    """What whole runs of `trenchcoat curate` say: training pairs, kept, with their final labels."""
    print(
        "| run | pairs | ESS/N | longer wins | after | linear ruler | after | trees | after | held-out linear | after |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for out in given.runs:
        said = json.loads((out / "spurious.json").read_text())
        long = next(one for one in said["pairs"]["features"] if one["feature"] == "characters")
        line, tree = (said["pairs"]["rulers"][name] for name in ("linear", "trees"))
        cells = [
            out.name, f"{said['pairs']['rows']:,}", f"{said['balance']['ess']:.3f}",
            f"{long['share_before']:.3f}", f"{long['share_after']:.3f}",
            *(f"{one[when]['accuracy']:.3f}" for one in (line, tree) for when in ("before", "after")),
            *(f"{line[when]['accuracy']:.3f}" if line[when] else "–" for when in ("held_before", "held_after")),
        ]  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


TABLES: dict[str, Callable[[Given], None]] = {
    "balance": balanced, "heads": heads, "chance": chance, "planted": planted, "timing": timing, "runs": runs,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--static", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--tables", nargs="*", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--rows", type=int, default=0, help="at most so many pairs of a set; 0 for all")
    parser.add_argument("--runs", type=Path, nargs="*", default=[], help="output folders of balanced runs")
    asked = vars(parser.parse_args())
    tables = asked.pop("tables")
    given = Given(**asked)
    for name in tables:
        print(f"\n### {name}: {(TABLES[name].__doc__ or '').strip()}\n", flush=True)
        TABLES[name](given)


if __name__ == "__main__":
    main()
