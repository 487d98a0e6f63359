"""How well wrong labels are found, and what cleaning them is worth: the tables of "who is wrong".

    python -m benchmarks.noise --data DIR --static DISTILLATION --cache DIR [--tables flips bins …] [--seeds 10]

`--data` holds the unpacked sets, `--static` is a folder that `transforms.embed.distil` made. Folds are by prompt, and
every detector has the same ones. For cleanlab, `--scores DIR` writes what it needs; `benchmarks/noise_cleanlab.py`, run
where cleanlab is installed, adds its scores, and a second run with `--scores DIR` puts them into the table.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression

from benchmarks.noise_data import load
from transforms.strength.combine import sigmoid
from transforms.strength.folds import cuts, fold_of
from transforms.strength.model import Settings, fit
from transforms.strength.pairs import Pairs, measure_scaling
from transforms.strength.selfcheck import attainable, auroc, self_check

SETS = ("AlpacaEval", "UKP", "HH", "PandaLM")
RATES = (0.1, 0.2, 0.3)
#: Inverse penalties of the tuned linear model, beside 1.
_PENALTIES = (0.1, 0.01, 0.001)


@dataclass(frozen=True)
class Given:
    data: Path
    static: str
    cache: Path
    rows: int
    seeds: int
    members: int
    scores: Path | None

    def pairs(self, name: str) -> tuple[Pairs, np.ndarray]:
        return load(name, self.data, self.static, self.cache, self.rows)

    @property
    def settings(self) -> Settings:
        return Settings(members=self.members)


def linear_features(pairs: Pairs) -> np.ndarray:
    """The detectors' features as one linear model takes them: surface, embeddings, nearness to the prompt."""
    scaling = measure_scaling(pairs)
    views = scaling.views(pairs)
    width = pairs.responses.shape[2]
    return np.hstack([views.surface, views.whole[:, -(width + 1) :]])


def linear(x: np.ndarray, labels: np.ndarray, fold: np.ndarray, penalty: float) -> np.ndarray:
    """Margins of an antisymmetric logistic regression, out of fold."""
    out = np.zeros(len(x))
    for k in np.unique(fold):
        mine = fold != k
        s = np.sign(labels[mine] - 0.5)
        model = LogisticRegression(C=penalty, fit_intercept=False, tol=1e-3)
        out[~mine] = model.fit(x[mine], s > 0).decision_function(x[~mine])
    return out


def tuned(x: np.ndarray, labels: np.ndarray, fold: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """The same with the penalty of the least loss out of fold; `plain` is that of 1."""
    tried = [plain, *(linear(x, labels, fold, penalty) for penalty in _PENALTIES)]
    loss = [np.logaddexp(0, -margin * np.sign(labels - 0.5)).sum() for margin in tried]
    return tried[int(np.argmin(loss))]


def found(wrongness: np.ndarray, flipped: np.ndarray) -> tuple[float, float]:
    """AUROC, and the precision among as many rows as were flipped."""
    lowest = np.argsort(-wrongness, kind="stable")[: flipped.sum()]
    return auroc(wrongness, flipped), float(flipped[lowest].mean())


def interval(differences: Sequence[float]) -> str:
    """The mean of paired differences with its 95 % interval over seeds."""
    d = np.array(differences)
    if len(d) < 2:
        return f"{d.mean():+.4f}"
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return f"{d.mean():+.4f} [{d.mean() - half:+.4f}, {d.mean() + half:+.4f}]"


def flips(given: Given) -> None:
    """Planted flips against one linear model, plain and tuned, and cleanlab."""
    print(
        "| set | pairs | flips | AUROC* | AUROC, P@k | linear C=1 | linear tuned | cleanlab "
        "| − linear | − tuned | − cleanlab |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in SETS:
        pairs, _ = given.pairs(name)
        pairs = pairs.at(np.flatnonzero(pairs.sided))
        x = linear_features(pairs)
        fold = fold_of(pairs.groups, cuts(pairs.groups, 5, 0), 0)
        clean = fit(pairs, given.settings)
        best = attainable(clean.scores.logit * np.sign(pairs.labels[clean.places] - 0.5))
        for rate in RATES:
            results: dict[str, list[tuple[float, float]]] = {"ours": [], "linear": [], "tuned": [], "cleanlab": []}
            for seed in range(given.seeds):
                flipped = np.random.default_rng([seed, int(rate * 100)]).random(len(pairs)) < rate
                noisy = pairs.turned(flipped)
                sign = np.sign(noisy.labels - 0.5)
                scores = fit(noisy, given.settings)
                ours = np.empty(len(pairs))
                ours[scores.places] = scores.scores.p_error
                results["ours"].append(found(ours, flipped))
                plain = linear(x, noisy.labels, fold, 1.0)
                results["linear"].append(found(-plain * sign, flipped))
                results["tuned"].append(found(-tuned(x, noisy.labels, fold, plain) * sign, flipped))
                theirs = _cleanlab(given.scores, f"{name}-{rate}-{seed}", noisy.labels, plain)
                if theirs is not None:
                    results["cleanlab"].append(found(-theirs, flipped))
            shown = {who: " ".join(f"{v:.3f}" for v in np.mean(r, axis=0)) if r else "–" for who, r in results.items()}
            over = {
                who: interval([a[0] - b[0] for a, b in zip(results["ours"], r, strict=True)]) if r else "–"
                for who, r in results.items()
            }
            print(
                f"| {name} | {len(pairs)} | {rate:.0%} | {best:.3f} | {shown['ours']} | {shown['linear']} | {shown['tuned']} | "  # noqa: E501
                f"{shown['cleanlab']} | {over['linear']} | {over['tuned']} | {over['cleanlab']} |",
                flush=True,
            )


def _cleanlab(folder: Path | None, name: str, labels: np.ndarray, margins: np.ndarray) -> np.ndarray | None:
    """cleanlab's label quality where it is there already; else what it needs is written."""
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"{name}.quality.npy"
    if done.exists():
        return np.load(done)
    p = sigmoid(margins)
    np.savez(folder / f"{name}.npz", labels=(labels > 0.5).astype(int), probabilities=np.stack([1 - p, p], axis=1))
    return None


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
    """Tenths of the strength against the judge's own probability."""
    pairs, truth = given.pairs("AlpacaEval")
    done = fit(pairs, given.settings)
    truth = truth[done.places]
    print("| score | judge's mean probability of the first side, by tenths of the score | Spearman |\n|---|---|---|")
    for name in ("mu", "logit", "residual"):
        score = getattr(done.scores, name)
        tenth = np.minimum((np.argsort(np.argsort(score)) * 10) // len(score), 9)
        means = [truth[tenth == b].mean() for b in range(10)]
        print(f"| {name} | {' '.join(f'{m:.3f}' for m in means)} | {stats.spearmanr(range(10), means).statistic:.3f} |")


def ambiguity(given: Given) -> None:
    """Rows whose raters split against unanimous ones; the detectors see one label a row and no votes."""
    print("| set | split | unanimous | p_ambiguous | p_error | closeness |\n|---|---|---|---|---|---|")
    for name in ("PandaLM", "UKP votes"):
        pairs, agreed = given.pairs(name)
        sided = pairs.sided
        # Without a majority, the side that the hash says.
        label = np.where(sided, pairs.labels, (pairs.keys % 2).astype(float))
        votes = np.stack([label, 1 - label], axis=1)
        done = fit(replace(pairs, labels=label, votes=votes, voices=votes), given.settings)
        divided, whole = agreed[done.places] < 0.7, agreed[done.places] > 0.99
        both = divided | whole
        s = done.scores
        near = pairs.at(done.places).closeness()
        shown = [auroc(one[both], divided[both]) for one in (s.p_ambiguous, s.p_error, near)]
        print(f"| {name} | {divided.sum()} | {whole.sum()} | {' | '.join(f'{v:.3f}' for v in shown)} |", flush=True)


def cleaning(given: Given) -> None:
    """What dropping, or flipping, the likeliest fifth is worth to a small head trained on a fifth of flipped labels."""
    print(
        "| set | clean | noisy | drop | random drop | flip | recovered | drop − random drop (95 % paired bootstrap) |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in ("AlpacaEval", "UKP", "HH"):
        pairs, _ = given.pairs(name)
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
        "| set | place | planted | AUROC | TPR | others flagged | precision at η = 0.1 (lower bound) | at η = 0.2 |"
        "\n|---|---|---|---|---|---|---|---|"
    )
    for name in SETS:
        pairs, _ = given.pairs(name)
        done = fit(pairs, given.settings)
        for check in self_check(pairs, done, given.settings):
            if check.threshold != 0.8:
                continue
            at = [f"{check.precision(rate):.2f} ({check.lower(rate):.2f})" for rate in (0.1, 0.2)]
            print(
                f"| {name} | {check.place} | {check.planted} | {check.auroc:.3f} | {check.tpr:.3f} | {check.over:.4f} "
                f"| {at[0]} | {at[1]} |",
                flush=True,
            )


def timing(given: Given) -> None:
    """Heads and all detectors on synthetic pairs of 384 dimensions; each size is best run in a process of its own."""
    print("| pairs | dimensions | heads (M=10, K=5) s | all detectors s | peak GiB |\n|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    rows, width = given.rows or 100_000, 384
    from transforms.strength.heads import fit_heads

    keys, groups = rng.integers(1, 2**63, (2, rows)).astype(np.uint64)
    responses = rng.standard_normal((rows, 2, width), dtype=np.float32)
    difference = responses[:, 0] - responses[:, 1]
    labels = (rng.random(rows) < sigmoid(difference[:, :8].sum(axis=1) / 2)).astype(float)
    started = time.perf_counter()
    fit_heads(difference, labels, groups)
    heads = time.perf_counter() - started
    del difference
    votes = np.stack([labels, 1 - labels], axis=1)
    surface = rng.standard_normal((rows, 2, 33), dtype=np.float32)
    pairs = Pairs(
        keys, groups, labels, votes, votes, np.full(rows, np.nan), surface, responses[:, 0], responses, np.zeros(rows)
    )
    started = time.perf_counter()
    fit(pairs, replace(given.settings, ceiling=rows))
    every = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"| {rows:,} | {width} | {heads:.0f} | {every:.0f} | {peak:.2f} |")


TABLES: dict[str, Callable[[Given], None]] = {
    one.__name__: one for one in (flips, synthetic, bins, ambiguity, cleaning, checks, timing)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--static", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument(
        "--tables", nargs="*", choices=list(TABLES), default=[name for name in TABLES if name != "timing"]
    )
    parser.add_argument("--rows", type=int, default=0, help="at most so many pairs of a set; 0 for all")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--scores", type=Path, help="folder for cleanlab's input and output")
    asked = vars(parser.parse_args())
    tables = asked.pop("tables")
    given = Given(**asked)
    for name in tables:
        print(f"\n### {name}: {(TABLES[name].__doc__ or '').strip()}\n", flush=True)
        TABLES[name](given)


if __name__ == "__main__":
    main()
