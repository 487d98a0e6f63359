"""How well wrong labels are found, and what cleaning them is worth: the tables of "who is wrong".

    python -m benchmarks.noise --data DIR --static DISTILLATION --cache DIR [--only flips bins …] [--cleanlab PYTHON]

`--data` holds the unpacked sets, `--static` is a folder that `transforms.embed.distil` made. Folds are by prompt, and
every detector has the same ones. With `--cleanlab`, the interpreter of an environment where cleanlab is installed
(`python -m venv DIR && DIR/bin/pip install cleanlab`, then `DIR/bin/python`), its label quality is among the flips.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression

from benchmarks.noise_data import LOADERS, Given, Judged
from benchmarks.noise_flips import SETS, flips, interval, linear_features, options
from benchmarks.noise_timing import timing
from transforms.strength.bins import BINS, quantiles
from transforms.strength.bins import bins as named
from transforms.strength.combine import sigmoid
from transforms.strength.folds import cuts, fold_of
from transforms.strength.model import Scores, Settings, fit
from transforms.strength.pairs import Pairs
from transforms.strength.selfcheck import auroc, self_check


def synthetic(given: Given) -> None:
    """Noise rates and calibration where the truth is known."""
    print("| judgements | Bayes accuracy | η | η̂ | identified | ECE of p_error | ECE, η from the config |")
    print("|---|---|---|---|---|---|---|")
    for votes in (1, 3):
        for accuracy in (0.6, 0.75, 0.9):
            for eta in (0.0, 0.1, 0.2, 0.3):
                pairs, truth = _synthetic(5000, accuracy, eta, votes, seed=int(1000 * accuracy + 100 * eta))
                said = {}
                for rate in (None, eta):
                    done = fit(pairs, replace(given.settings, noise_rate=rate))
                    wrong = ((pairs.labels > 0.5) != truth)[done.places]
                    said[rate] = (done.model.rate, _ece(done.scores.p_error, wrong))
                rate = said[None][0]
                shown = f"{rate.value:.3f}" if rate.identified else f"in [{rate.low:.3f}, {rate.high:.3f}]"
                ece = f"{said[None][1]:.3f}" if rate.identified else "–"
                print(
                    f"| {votes} | {accuracy} | {eta} | {shown} | {'yes' if rate.identified else 'no'} | {ece} "
                    f"| {said[eta][1]:.3f} |",
                    flush=True,
                )


def _synthetic(rows: int, accuracy: float, eta: float, votes: int, seed: int) -> tuple[Pairs, np.ndarray]:
    rng = np.random.default_rng(seed)
    width = 16
    responses = rng.normal(size=(rows, 2, width)).astype(np.float32)
    direction = rng.normal(size=width)
    margin = (responses[:, 0] - responses[:, 1]) @ (direction / np.linalg.norm(direction))
    low, high = 0.0, 100.0
    for _ in range(60):  # the steepness at which the best guess is right so often
        size = (low + high) / 2
        low, high = (size, high) if sigmoid(size * np.abs(margin)).mean() < accuracy else (low, size)
    truth = rng.random(rows) < sigmoid(size * margin)
    first = (truth[:, None] ^ (rng.random((rows, votes)) < eta)).sum(axis=1).astype(float)
    both = np.stack([first, votes - first], axis=1)
    keys, groups = rng.integers(1, 2**63, (2, rows)).astype(np.uint64)
    surface = rng.normal(size=(rows, 2, 3)).astype(np.float32)
    prompts = rng.normal(size=(rows, width)).astype(np.float32)
    nobody = np.full(rows, np.nan)
    return Pairs(keys, groups, first / votes, both, both, nobody, surface, prompts, responses, np.zeros(rows)), truth


def _ece(p: np.ndarray, wrong: np.ndarray, bins: int = 15) -> float:
    which = np.minimum((p * bins).astype(int), bins - 1)
    return float(
        sum(abs(p[which == b].mean() - wrong[which == b].mean()) * (which == b).mean() for b in np.unique(which))
    )


def bins(given: Given) -> None:
    """Strength, learnt from the sides that a judge took, against the judge's own probability of them."""
    judged = given.judged("AlpacaEval weighted")
    done = fit(judged.pairs, given.settings)
    truth, s = judged.truth[done.places], done.scores
    sign = np.sign(judged.pairs.labels[done.places] - 0.5)
    recorded = np.where(sign > 0, truth, 1 - truth)
    print("| score | judge's mean probability of the first side, by tenths of the score | Spearman |\n|---|---|---|")
    scores = {name: getattr(s, name) for name in ("mu", "logit", "residual")}
    for name, score in scores.items():
        tenth = np.minimum((np.argsort(np.argsort(score)) * 10) // len(score), 9)
        means = [truth[tenth == b].mean() for b in range(10)]
        print(f"| {name} | {' '.join(f'{m:.3f}' for m in means)} | {stats.spearmanr(range(10), means).statistic:.3f} |")
    print(f"\n| bins from | {' | '.join(BINS)} |\n|---|{'---|' * len(BINS)}")
    for name, score in scores.items():
        strength = score * sign
        cut = np.tile(quantiles(strength), (len(strength), 1))
        which = named(strength, s.sigma / np.sqrt(s.members), cut)
        told = [f"{recorded[which == b].mean():.3f} ({(which == b).sum()})" for b in range(len(BINS))]
        print(f"| {name} | {' | '.join(told)} |", flush=True)


def ambiguity(given: Given) -> None:
    """Rows whose raters split against unanimous ones, by how much of the votes the detectors see; mean of seeds."""
    print("| set | the detectors see | split | unanimous | p_ambiguous | p_error | difference |")
    print("|---|---|---|---|---|---|---|")
    for name in ("PandaLM", "UKP votes"):
        judged = given.judged(name)
        for what, see in (("one label a row", _one), ("votes on other rows", _others), ("all votes", _all)):
            found = []
            for seed in range(given.seeds):
                places, s = see(judged, replace(given.settings, seed=seed))
                divided, whole = judged.truth[places] < 0.7, judged.truth[places] > 0.99
                # Where votes are even no side is recorded, so none is wrong: only rows with both probabilities count.
                both = (divided | whole) & ~np.isnan(s.p_error)
                found.append([auroc(one[both], divided[both]) for one in (s.p_ambiguous, s.p_error)])
            counts = f"{(divided & both).sum()} | {(whole & both).sum()}"
            means = " | ".join(f"{v:.3f}" for v in np.mean(found, axis=0))
            print(f"| {name} | {what} | {counts} | {means} | {interval([a - b for a, b in found])} |", flush=True)


def _single(judged: Judged) -> Pairs:
    """The majority as the only vote; where there is none, for the side that the hash says."""
    pairs = judged.pairs
    label = np.where(pairs.sided, pairs.labels, (pairs.keys % 2).astype(float))
    votes = np.stack([label, 1 - label], axis=1)
    return replace(pairs, labels=label, votes=votes, voices=votes)


def _one(judged: Judged, settings: Settings) -> tuple[np.ndarray, Scores]:
    done = fit(_single(judged), settings)
    return done.places, done.scores


def _others(judged: Judged, settings: Settings) -> tuple[np.ndarray, Scores]:
    """What votes say is fitted on other folds, and of its own votes a row shows one."""
    pairs = judged.with_votes()
    done = fit(pairs, settings)
    near = done.near.agreement(pairs.labels[done.places][done.chosen])
    return done.places, done.model.score_from(_single(judged).at(done.places), done.views, near)


def _all(judged: Judged, settings: Settings) -> tuple[np.ndarray, Scores]:
    done = fit(judged.with_votes(), settings)
    return done.places, done.scores


def cleaning(given: Given) -> None:
    """What dropping, or flipping, the likeliest fifth is worth to a small head trained on a fifth of flipped labels."""
    print(
        "| set | clean | noisy | drop | random drop | flip | recovered | drop − random drop (95 % paired bootstrap) |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in ("AlpacaEval", "UKP", "HH"):
        pairs = given.pairs(name)
        pairs = pairs.at(np.flatnonzero(pairs.sided))
        x = linear_features(pairs)
        right: dict[str, list[np.ndarray]] = {arm: [] for arm in ("clean", "noisy", "drop", "random", "flip")}
        for seed in range(given.seeds):
            rng = np.random.default_rng([seed, 7])
            test = fold_of(pairs.groups, cuts(pairs.groups, 4, 100 + seed), 100 + seed) == 0
            train = np.flatnonzero(~test)
            flipped = rng.random(len(train)) < 0.2
            clean = pairs.at(train)
            noisy = clean.turned(flipped)
            done = fit(noisy, given.settings)
            wrong = np.empty(len(train))
            wrong[done.places] = done.scores.p_error
            out = np.zeros(len(train), dtype=bool)
            out[np.argsort(-wrong, kind="stable")[: len(train) // 5]] = True
            chance = np.zeros(len(train), dtype=bool)
            chance[rng.permutation(len(train))[: len(train) // 5]] = True
            turned = np.where(out, 1 - noisy.labels, noisy.labels)
            arms: dict[str, tuple[np.ndarray, np.ndarray]] = {
                "clean": (np.ones(len(train), bool), clean.labels),
                "noisy": (np.ones(len(train), bool), noisy.labels),
                "drop": (~out, noisy.labels),
                "random": (~chance, noisy.labels),
                "flip": (np.ones(len(train), bool), turned),
            }
            for arm, (used, labels) in arms.items():
                head = LogisticRegression(C=0.01, fit_intercept=False)
                head.fit(x[train][used], labels[used] > 0.5)
                right[arm].append(head.predict(x[test]) == (pairs.labels[test] > 0.5))
        mean = {arm: float(np.mean([one.mean() for one in hits])) for arm, hits in right.items()}
        paired = np.concatenate([a.astype(float) - b for a, b in zip(right["drop"], right["random"], strict=True)])
        rng = np.random.default_rng(0)
        drawn = [paired[rng.integers(0, len(paired), len(paired))].mean() for _ in range(1000)]
        low, high = np.quantile(drawn, [0.025, 0.975])
        cost = mean["clean"] - mean["noisy"]
        share = f"{(mean['drop'] - mean['noisy']) / cost:.0%}" if cost > 0 else "–"
        shown = " | ".join(f"{mean[arm]:.4f}" for arm in right)
        print(f"| {name} | {shown} | {share} | {paired.mean():+.4f} [{low:+.4f}, {high:+.4f}] |", flush=True)


def checks(given: Given) -> None:
    """The self-check beside what flips that were really planted say."""
    print(
        "| set | place | planted | AUROC | of them flagged | of others | precision, lower bound at η = 0.1 | at 0.2 |"
        "\n|---|---|---|---|---|---|---|---|"
    )
    for name in SETS:
        pairs = given.pairs(name)
        done = fit(pairs, given.settings)
        for check in (one for one in self_check(pairs, done, given.settings) if not one.spared):
            if check.threshold != 0.8:
                continue
            at = [f"{check.precision(rate):.2f} ({check.lower(rate):.2f})" for rate in (0.1, 0.2)]
            print(
                f"| {name} | {check.place} | {check.planted} | {check.auroc:.3f} | {check.found:.3f} "
                f"| {check.over:.4f} | {at[0]} | {at[1]} |",
                flush=True,
            )


def order(given: Given) -> None:
    """The largest change of any score when rows are shuffled, and when half of them have their sides swapped."""
    print("| set | pairs | rows shuffled | sides swapped |\n|---|---|---|---|")
    for name in given.sets or SETS:
        pairs = given.pairs(name)
        rng = np.random.default_rng(0)
        plain = _scores(pairs, given.settings)
        shuffled = rng.permutation(len(pairs))
        half = rng.random(len(pairs)) < 0.5
        moved = {
            "shuffled": _scores(pairs.at(shuffled), given.settings)[:, np.argsort(shuffled)] - plain,
            "swapped": _scores(pairs.swapped(half), given.settings) - np.where(half & _SIGNED[:, None], -plain, plain),
        }
        told = " | ".join(f"{np.nanmax(np.abs(one)):.1e}" for one in moved.values())
        print(f"| {name} | {len(pairs)} | {told} |", flush=True)


_NAMES = ("mu", "surface", "neighbours", "residual", "logit", "sigma", "p_error", "p_ambiguous")
_SIGNED = np.array([True] * 5 + [False] * 3)


def _scores(pairs: Pairs, settings: Settings) -> np.ndarray:
    """All scores, in the order of the pairs [scores, rows]."""
    done = fit(pairs, settings)
    return np.stack([getattr(done.scores, name)[np.argsort(done.places)] for name in _NAMES])


TABLES: dict[str, Callable[[Given], None]] = {
    one.__name__: one for one in (flips, options, synthetic, bins, ambiguity, cleaning, checks, order, timing)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--static", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(TABLES), default=list(TABLES), help="these tables")
    parser.add_argument("--sets", nargs="*", choices=list(LOADERS), default=[], help="flips are planted in these alone")
    parser.add_argument("--rows", type=int, default=0, help="at most so many pairs of a set; 0 for all")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--cleanlab", metavar="PYTHON", help="interpreter of an environment that has cleanlab")
    asked = vars(parser.parse_args())
    tables = asked.pop("only")
    given = Given(**asked)
    for name in tables:
        print(f"\n### {name}: {(TABLES[name].__doc__ or '').strip()}\n", flush=True)
        TABLES[name](given)


if __name__ == "__main__":
    main()
