"""Planted flips: our detectors beside one linear model and cleanlab, on the same features and folds."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression

from benchmarks.noise_data import Given
from transforms.spurious.features import NAMES
from transforms.strength.combine import sigmoid
from transforms.strength.folds import cuts, fold_of
from transforms.strength.model import fit
from transforms.strength.pairs import Pairs, measure_scaling
from transforms.strength.selfcheck import attainable, auroc

SETS = ("AlpacaEval", "UKP", "HH", "PandaLM")
RATES = (0.1, 0.2, 0.3)
_BRIEF = (0.1, 0.2)
#: Inverse penalties of the tuned linear model, beside 1.
_PENALTIES = (0.1, 0.01, 0.001)
_PEER = Path(__file__).with_name("noise_cleanlab.py")


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
        model = LogisticRegression(C=penalty, fit_intercept=False, tol=1e-3)
        out[~mine] = model.fit(x[mine], labels[mine] > 0.5).decision_function(x[~mine])
    return out


def tuned(x: np.ndarray, labels: np.ndarray, fold: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """The same with the penalty of the least loss out of fold; `plain` is that of 1."""
    tried = [plain, *(linear(x, labels, fold, penalty) for penalty in _PENALTIES)]
    loss = [np.logaddexp(0, -margin * np.sign(labels - 0.5)).sum() for margin in tried]
    return tried[int(np.argmin(loss))]


def found(wrongness: np.ndarray, flipped: np.ndarray) -> tuple[float, float]:
    """AUROC, and the precision among as many rows as were flipped."""
    highest = np.argsort(-wrongness, kind="stable")[: flipped.sum()]
    return auroc(wrongness, flipped), float(flipped[highest].mean())


def interval(differences: Sequence[float]) -> str:
    """The mean of paired differences with its 95 % interval over seeds."""
    d = np.array(differences)
    if len(d) < 2:
        return f"{d.mean():+.4f}"
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return f"{d.mean():+.4f} [{d.mean() - half:+.4f}, {d.mean() + half:+.4f}]"


def flips(given: Given) -> None:
    """Planted flips against one linear model, plain and tuned, and cleanlab's label quality from the tuned one."""
    print(
        "| set | pairs | flips | AUROC* | AUROC, P@k | linear C=1 | linear tuned | cleanlab "
        "| − linear | − tuned | − cleanlab |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in given.sets or SETS:
        pairs = given.pairs(name)
        pairs = pairs.at(np.flatnonzero(pairs.sided))
        x = linear_features(pairs)
        fold = fold_of(pairs.groups, cuts(pairs.groups, 5, 0), 0)
        clean = fit(pairs, given.settings)
        best = attainable(clean.scores.logit * np.sign(pairs.labels[clean.places] - 0.5))
        planted = {
            (rate, seed): np.random.default_rng([seed, int(rate * 100)]).random(len(pairs)) < rate
            for rate in RATES
            for seed in range(given.seeds)
        }
        wrongness: dict[str, list[np.ndarray]] = {"ours": [], "linear": [], "tuned": []}
        for flipped in planted.values():
            noisy = pairs.turned(flipped)
            sign = np.sign(noisy.labels - 0.5)
            # No label has a part in neighbours and units, so those of one fit serve for all.
            done = fit(noisy, given.settings, clean, same_ridge=False)
            ours = np.empty(len(pairs))
            ours[done.places] = done.scores.p_error
            plain = linear(x, noisy.labels, fold, 1.0)
            wrongness["ours"].append(ours)
            wrongness["linear"].append(-plain * sign)
            wrongness["tuned"].append(-tuned(x, noisy.labels, fold, plain) * sign)
        if given.cleanlab:
            signs = [np.sign(pairs.turned(flipped).labels - 0.5) for flipped in planted.values()]
            margins = [-one * sign for one, sign in zip(wrongness["tuned"], signs, strict=True)]
            wrongness["cleanlab"] = [-one for one in _cleanlab(given.cleanlab, signs, margins)]
        for rate in RATES:
            _line(name, len(pairs), rate, best, list(planted), list(planted.values()), wrongness)


def options(given: Given) -> None:
    """What the options for biased labels cost where no bias is planted, in AUROC of planted flips.

    With `policy.counterexample: keep` no counterexample is suspected; with `strength.balanced` detectors are weighed,
    so that length does not pay (`[characters]`), or no feature (`true`).
    """
    ways = {"off": (), "characters": (NAMES.index("characters"),), "all": tuple(range(len(NAMES)))}
    columns = [name for way in ways for name in (way, f"{way}, keep")]
    over = [f"{name} − off" for name in ("off, keep", "characters", "all")]
    print(f"| set | pairs | flips | surface right | leads | {' | '.join([*columns, *over])} |")
    print(f"|{'---|' * (5 + len(columns) + len(over))}")
    for name in given.sets or SETS:
        pairs = given.pairs(name)
        pairs = pairs.at(np.flatnonzero(pairs.sided))
        clean = fit(pairs, given.settings)
        for rate in _BRIEF:
            found, standings = [], []
            for seed in range(given.seeds):
                flipped = np.random.default_rng([seed, int(rate * 100)]).random(len(pairs)) < rate
                noisy, line = pairs.turned(flipped), []
                for balanced in ways.values():
                    done = fit(noisy, replace(given.settings, balanced=balanced), clean, same_ridge=False)
                    mine = flipped[done.places]
                    left = np.where(done.scores.counterexample > 0.5, 0.0, done.scores.p_error)
                    line += [auroc(done.scores.p_error, mine), auroc(left, mine)]
                standings.append(done.model.standing)  # with all features the ruler is the one without any
                found.append(line)
            right = np.mean([one.right for one in standings])
            leads = f"{sum(one.leads for one in standings)} of {given.seeds}"
            means = " | ".join(f"{value:.3f}" for value in np.mean(found, axis=0))
            less = " | ".join(interval([line[i] - line[0] for line in found]) for i in (1, 2, 4))
            print(f"| {name} | {len(pairs)} | {rate:.0%} | {right:.3f} | {leads} | {means} | {less} |", flush=True)


def _line(
    name: str,
    rows: int,
    rate: float,
    best: float,
    cases: list[tuple[float, int]],
    planted: list[np.ndarray],
    wrongness: dict[str, list[np.ndarray]],
) -> None:
    mine = [place for place, case in enumerate(cases) if case[0] == rate]
    results = {who: [found(every[place], planted[place]) for place in mine] for who, every in wrongness.items()}
    peers = ("linear", "tuned", "cleanlab")
    shown = {who: " ".join(f"{v:.3f}" for v in np.mean(r, axis=0)) for who, r in results.items()}
    over = {
        who: interval([a[0] - b[0] for a, b in zip(results["ours"], results[who], strict=True)])
        for who in peers
        if who in results
    }
    told = [*(shown.get(who, "–") for who in ("ours", *peers)), *(over.get(who, "–") for who in peers)]
    print(f"| {name} | {rows} | {rate:.0%} | {best:.3f} | {' | '.join(told)} |", flush=True)


def _cleanlab(python: str, signs: list[np.ndarray], margins: list[np.ndarray]) -> list[np.ndarray]:
    """cleanlab's label quality, by the interpreter of an environment that has it.

    Args:
        python: that interpreter.
        signs: the recorded labels, 1 for the first response and -1 for the second, one array a case.
        margins: out of fold, for the first response.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, (sign, margin) in enumerate(zip(signs, margins, strict=True)):
            p = sigmoid(margin)
            probabilities = np.stack([1 - p, p], axis=1)
            np.savez(f"{folder}/{number}.npz", labels=(sign > 0).astype(int), probabilities=probabilities)
        subprocess.run([python, str(_PEER), folder], check=True)
        return [np.load(f"{folder}/{number}.quality.npy") for number in range(len(signs))]
