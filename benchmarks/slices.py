"""Whether planted slices are found, and whether the null holds: the tables of "slices".

    python -m benchmarks.slices --data DIR --static DISTILLATION --cache DIR [--rows 20000] [--seeds 10]

`--data` holds the unpacked AlpacaEval, `--static` is a folder that `transforms.embed.distil` made: the scanner's
embedding. A slice is planted by turning 60 % of the labels of one of 10 (or 20) clusters of prompts; they are k-means
clusters of another embedding: the transformer, or TF-IDF. Detectors are fitted on the labels with the flips.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.noise_data import LOADERS, chosen, load
from transforms.embed.models import in_package
from transforms.slices.find import Rows, Settings, aware, families
from transforms.slices.scan import measure, select
from transforms.slices.signals import contradicted
from transforms.strength.model import Settings as Fitting
from transforms.strength.model import fit
from transforms.strength.pairs import Pairs

_FLIPPED, _TOP = 0.6, 3
_SETTINGS = Settings()


@dataclass(frozen=True)
class Given:
    """The pairs, each pair's prompt by number, and the prompts."""

    pairs: Pairs
    prompt: np.ndarray
    prompts: list[str]


def given(data: Path, static: str, cache: Path, rows: int) -> Given:
    pairs, _ = load("AlpacaEval", data, static, cache, rows)
    frame = chosen(LOADERS["AlpacaEval"](data), rows)
    prompts = frame["prompt"].unique().sort()
    number = frame["prompt"].replace_strict(prompts, pl.int_range(len(prompts), eager=True)).to_numpy()
    return Given(pairs, number, prompts.to_list())


def transformer(prompts: list[str]) -> np.ndarray:
    """The model that the scanner's embedding is a distillation of: it reads words in their order."""
    from sentence_transformers import SentenceTransformer

    from schemas.config import DEFAULT_MODEL

    return np.asarray(SentenceTransformer(str(in_package(DEFAULT_MODEL))).encode(prompts, normalize_embeddings=True))


def tfidf(prompts: list[str]) -> np.ndarray:
    """Words and pairs of words, without any model of a language."""
    counted = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2).fit_transform(prompts)
    reduced = TruncatedSVD(100, random_state=0).fit_transform(counted)
    return np.asarray(reduced / np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-9))


EMBEDDINGS = {"transformer": transformer, "TF-IDF": tfidf}


def views(pairs: Pairs) -> dict[str, np.ndarray]:
    """The vectors that a run looks at, but for the differences, in which no prompt's cluster lies."""
    rows = pairs.prompts + pairs.responses.mean(axis=1)
    return {"prompts": pairs.prompts, "rows": rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)}


def signal(pairs: Pairs, members: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of detectors that are fitted on these labels, and their residuals."""
    done = fit(pairs, Fitting(members=members))
    logits = np.empty(len(pairs))
    logits[done.places] = done.scores.logit
    return contradicted(pairs.labels, logits)


def planted(known: Given, seeds: int, members: int, clusters: int) -> None:
    """One cluster a seed."""
    rows = Rows(known.pairs.keys, known.pairs.groups, views(known.pairs))
    fixed = families(rows, _SETTINGS)
    print(f"{clusters} clusters:\n")
    print(
        "| planted by | cluster | rows | errors in it | best of the top three: precision, recall, errors, p, by | s |"
    )
    print("|---|---|---|---|---|---|")
    for name, embed in EMBEDDINGS.items():
        each = KMeans(clusters, n_init=3, random_state=0).fit_predict(embed(known.prompts))
        precisions, recalls = [], []
        for seed in range(seeds):
            inside = each[known.prompt] == seed
            flipped = inside & (np.random.default_rng([seed, 3]).random(len(inside)) < _FLIPPED)
            error, residual = signal(known.pairs.turned(flipped), members)
            started = time.perf_counter()
            every = [*fixed, *aware(rows, residual, _SETTINGS)]
            tested = measure(residual, every, rows.keys, rows.groups, _SETTINGS.permutations, _SETTINGS.smallest)
            found = select(tested, every, _SETTINGS.level, _SETTINGS.most)
            took = time.perf_counter() - started
            top = found[:_TOP]
            precision = [float(inside[one.rows].mean()) for one in top]
            best = int(np.argmax(precision)) if top else -1
            precisions.append(max(precision, default=0.0))
            recalls.append(float((inside & top[best].rows).sum() / inside.sum()) if top else 0.0)
            said = "–"
            if top:
                one = top[best]
                said = (
                    f"{precisions[-1]:.2f}, {recalls[-1]:.2f}, {error[one.rows].mean():.2f}, {one.p:.3f}, "
                    f"{every[one.family].method} of {every[one.family].view}"
                )
            print(
                f"| {name} | {seed} | {inside.sum()} | {error[inside].mean():.2f} | {said} | {took:.1f} |", flush=True
            )
        p = np.array(precisions)
        print(
            f"\n{name}: of a slice among the top three, 60 % of the rows or more are planted in {(p >= 0.6).sum()} of "
            f"{seeds} runs, half or more in {(p >= 0.5).sum()}; mean recall {np.mean(recalls):.2f}\n",
            flush=True,
        )


def null(known: Given, draws: int) -> None:
    """How often anything is found where nothing is: errors that have to do with no text, alike within a prompt."""
    print("| errors | draws | runs with a slice | level |\n|---|---|---|---|")
    pairs = known.pairs
    settings = Settings(resolutions=(10, 20, 40), seeds=1, permutations=100)
    rows = Rows(pairs.keys, pairs.groups, views(pairs))
    fixed = families(rows, settings)
    for name, spread in (("each row by itself", 0.0), ("alike within a prompt", 1.0)):
        false = alone = 0
        for draw in range(draws):
            rng = np.random.default_rng([draw, 5])
            prompt = rng.normal(-1.7, spread, len(known.prompts))[known.prompt]
            values = (rng.random(len(pairs)) < 1 / (1 + np.exp(-prompt))).astype(np.float64)
            every = [*fixed, *aware(rows, values, settings)]
            tested = measure(values, every, rows.keys, rows.groups, settings.permutations, settings.smallest)
            false += bool(select(tested, every, settings.level, 1))
            single = measure(values, every, rows.keys, rows.keys, settings.permutations, settings.smallest)
            alone += bool(select(single, every, settings.level, 1))
        print(f"| {name}, whole prompts change places | {draws} | {false} | {settings.level} |", flush=True)
        print(f"| {name}, single rows change places | {draws} | {alone} | {settings.level} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--static", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--clusters", type=int, nargs="*", default=[10, 20])
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--tables", nargs="*", default=["planted", "null"])
    asked = parser.parse_args()
    known = given(asked.data, asked.static, asked.cache, asked.rows)
    if "planted" in asked.tables:
        for clusters in asked.clusters:
            planted(known, asked.seeds, asked.members, clusters)
    if "null" in asked.tables:
        null(known, asked.draws)


if __name__ == "__main__":
    main()
