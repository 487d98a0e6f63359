"""`python -m benchmarks.embed --data DIR [--only NAME…]`: what embedding costs, and what the choice of model costs.

    throughput   the stage as the pipeline runs it beside one SentenceTransformer.encode call on the same texts, in turn
    distil       one distillation from nothing
    alpaca_eval  the whole set with the default model, already distilled
    quality      static against transformer on HH, UKP Strict and AlpacaEval: what a linear detector can find with each

DIR holds the unpacked sets hh_rlhf, ukp_convarg1 and alpaca_eval_gpt4. Seconds on the clock and of the processor are
both given: on a machine that others work on too, the latter say more. Vectors of the quality part are kept in --cache,
so a stopped measurement goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from pipelines.commands import Request, run_curate
from schemas.config import DEFAULT_MODEL
from transforms.embed.models import in_package
from transforms.embed.sidecars import read_texts
from transforms.hashing import digest

_PENALTIES = (0.01, 0.1, 1.0, 10.0)


class Clock:
    """Seconds on the clock and of this process's processors."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self.wall, time.process_time() - self.cpu


def curate(out: Path, inputs: str, form: str, *sets: str) -> dict:
    """A run in this process that looks for no wrong labels, told nothing about; returns the manifest."""
    sets = (*sets, "strength.find=false", "raters.consensus=off")
    with contextlib.redirect_stdout(io.StringIO()):
        code = run_curate(Request(None, str(out), [inputs], form, list(sets)))
    if code > 1:
        raise SystemExit(f"curate ended with {code}")
    return json.loads((out / "manifest.json").read_text())


def stage(manifest: dict, *names: str) -> float:
    return sum(one["seconds"] for one in manifest["stages"] if one["stage"] in names)


def write_pairs(path: Path, rows: list[tuple[str, str, str]]) -> str:
    path.write_bytes(b"".join(orjson.dumps({"prompt": p, "chosen": a, "rejected": b}) + b"\n" for p, a, b in rows))
    return str(path)


def responses(data: Path, scratch: Path, count: int) -> list[str]:
    """Distinct responses of HH, the first by hash."""
    curate(scratch / "hh", f"{data}/hh_rlhf/harmless-base/*.jsonl.gz", "hh", "embed.model=off", "duplicates.near=false")
    blocks = pl.read_parquet(f"{scratch}/hh/work/ingest-*/blocks/*.parquet", columns=["responses"])
    texts = blocks["responses"].explode().list.last().struct.field("content").str.strip_chars().unique().drop_nulls()
    return texts.filter(texts != "")[digest(texts.filter(texts != "")).arg_sort()][:count].to_list()


def throughput(data: Path, scratch: Path, count: int, runs: int) -> None:
    from sentence_transformers import SentenceTransformer

    texts = responses(data, scratch, 2 * (count // 2))
    source = write_pairs(scratch / "texts.jsonl", [("", a, b) for a, b in zip(texts[::2], texts[1::2], strict=True)])
    folder = in_package(DEFAULT_MODEL)
    assert folder is not None
    ratios, lines = [], []
    for number in range(runs):
        clock = Clock()
        model = SentenceTransformer(folder, device="cpu")
        loading = clock.read()[0]
        clock = Clock()
        model.encode(texts)
        wall, cpu = clock.read()
        del model
        out = scratch / f"transformer{number}"
        clock = Clock()
        told = curate(out, source, "trl", "embed.model=transformer", "semantic.find=false", "duplicates.near=false")
        every = clock.read()
        seconds, found = stage(told, "embed"), stage(told, "texts")
        assert told["embedding"]["texts"]["embedded"] == len(texts)
        ratios.append((wall / seconds, wall / (seconds + found)))
        lines.append(
            f"| {number + 1} | {len(texts) / wall:.1f} ({wall:.1f} s, processor {cpu:.1f} s, loading {loading:.1f} s) "
            f"| {len(texts) / seconds:.1f} ({seconds:.1f} s) | {found:.2f} s | {ratios[-1][0]:.2f} | "
            f"{ratios[-1][1]:.2f} | {every[1]:.1f} s |"
        )
        print(lines[-1], flush=True)
    print(f"\n{len(texts):,} texts; medians {statistics.median(r for r, _ in ratios):.2f}, "
          f"with finding the texts {statistics.median(r for _, r in ratios):.2f}")  # fmt: skip
    static = curate(scratch / "static", source, "trl", "semantic.find=false", "duplicates.near=false")
    print(f"static: {len(texts) / stage(static, 'embed'):,.0f} texts/s ({stage(static, 'embed'):.2f} s)")


def distillation(scratch: Path) -> None:
    source = write_pairs(scratch / "one.jsonl", [("a question", "an answer", "another")] * 2)
    kept = os.environ.get("TRENCHCOAT_CACHE")
    os.environ["TRENCHCOAT_CACHE"] = str(scratch / "fresh")
    clock = Clock()
    told = curate(scratch / "distil", source, "trl", "semantic.find=false", "duplicates.near=false")
    wall, cpu = clock.read()
    print(
        f"distillation: {stage(told, 'distil'):.1f} s in its stage, the whole run {wall:.1f} s, processor {cpu:.1f} s"
    )
    os.environ.pop("TRENCHCOAT_CACHE")
    if kept:
        os.environ["TRENCHCOAT_CACHE"] = kept


def alpaca_eval(data: Path, scratch: Path) -> None:
    pattern = f"{data}/alpaca_eval_gpt4/results/*/*/annotations.json"
    sets = ("semantic.find=false", "duplicates.near=false", "signals.pii=false", "signals.language=false")
    told = curate(scratch / "ae", pattern, "alpaca_eval", *sets)
    texts = told["embedding"]["texts"]
    seconds, found = stage(told, "embed"), stage(told, "texts")
    print(
        f"AlpacaEval, {told['counts']['records_in']:,} records, {texts['distinct']:,} distinct texts, static: "
        f"{seconds + found:.1f} s ({found:.1f} s to find the texts, {seconds:.1f} s to embed them, "
        f"{texts['distinct'] / seconds:,.0f} texts/s)"
    )


def ukp(data: Path, scratch: Path) -> str:
    """UKP Strict as pairs: the topic is the prompt, both stances of it."""
    rows = []
    for path in sorted((data / "ukp_convarg1/data/UKPConvArg1Strict-CSV").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for line in list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]:
                _, label, first, second = line
                rows.append((path.stem.split("_")[0], *((first, second) if label == "a1" else (second, first))))
    return write_pairs(scratch / "ukp.jsonl", rows)


def sampled(data: Path, scratch: Path, rows: int) -> str:
    """Pairs of AlpacaEval with a clear preference, by hash."""
    records = {}
    for path in sorted((data / "alpaca_eval_gpt4").glob("results/*/*/annotations.json")):
        for one in orjson.loads(path.read_bytes()):
            value = one.get("preference")
            if value and abs(value - 1.5) > 1e-6 and one["output_1"] and one["output_2"]:
                sides = (one["output_1"], one["output_2"])
                chosen = sides if value < 1.5 else sides[::-1]
                records[one["instruction"], *chosen] = 1
    every = pl.Series(["\x1f".join(record) for record in records])
    return write_pairs(
        scratch / "ae.jsonl", [tuple(text.split("\x1f")) for text in every[digest(every).arg_sort()][:rows]]
    )


def read(out: Path) -> tuple[np.ndarray, np.ndarray]:
    """Differences of kept pairs' vectors (preferred minus other), and their groups."""
    work = out / "work"
    place = {name: next(work.glob(f"{name}-*")) for name in ("decide", "embed")}
    differences, groups = [], []
    for path in sorted(place["decide"].glob("*.parquet")):
        decided = pl.read_parquet(path, columns=["action", "label", "group_id"])
        vectors = read_texts(str(place["embed"]), path.name)
        kept = decided.with_row_index("row").filter(
            pl.col("action").is_in(["keep", "soften"]), pl.col("label").is_not_null()
        )
        first = vectors.starts[kept["row"].to_numpy()] + kept["label"].to_numpy()
        other = vectors.starts[kept["row"].to_numpy()] + 1 - kept["label"].to_numpy()
        sides = [np.asarray(vectors.responses[place], dtype=np.float32) for place in (first, other)]
        differences.append(sides[0] - sides[1])
        groups += kept["group_id"].to_list()
    return np.concatenate(differences), np.unique(groups, return_inverse=True)[1]


def margins(x: np.ndarray, labels: np.ndarray, groups: np.ndarray, penalty: float) -> np.ndarray:
    """Margins of held-out rows towards their labels; antisymmetric (no intercept), five folds of whole groups."""
    out = np.zeros(len(x))
    scaled = x / x.std(axis=0).clip(1e-9)
    for train, test in GroupKFold(5).split(x, groups=groups):
        model = LogisticRegression(C=penalty, fit_intercept=False, max_iter=2000)
        # Which side comes first is the sign of the label: both signs must occur.
        model.fit(scaled[train] * labels[train, None], labels[train])
        out[test] = scaled[test] @ model.coef_[0]
    return out


def figures(differences: np.ndarray, groups: np.ndarray, seeds: int = 3) -> dict[str, float]:
    """Accuracy and AUROC* of margins on the labels as they are, and AUROC for 10 % planted flips.

    AUROC* = P(m + m' > 0) over pairs of rows: what can be found of few flips (METHODS 0.6). The penalty is the one of
    `_PENALTIES` with the best accuracy on held-out rows, the same for all figures.
    """
    rng = np.random.default_rng(0)
    turned = np.where(rng.random(len(differences)) < 0.5, -1, 1)
    # `differences` are preferred minus other; turned, the label says which way.
    found = {c: margins(differences, turned, groups, c) for c in _PENALTIES}
    best = max(_PENALTIES, key=lambda c: float((found[c] > 0).mean()))
    clean = found[best]
    ordered = np.sort(clean)
    star = float((len(ordered) - np.searchsorted(ordered, -ordered, side="right")).mean() / len(ordered))
    scores = []
    for seed in range(seeds):
        flipped = np.random.default_rng(seed + 1).random(len(differences)) < 0.1
        noisy = np.where(flipped[:, None], -differences, differences)
        scores.append(float(roc_auc_score(flipped, -margins(noisy, turned, groups, best))))
    return {
        "pairs": len(differences),
        "accuracy": float((clean > 0).mean()),
        "star": star,
        "flips": statistics.mean(scores),
    }


def quality(data: Path, scratch: Path, cache: Path, rows: int) -> None:
    sets = {
        "HH": (f"{data}/hh_rlhf/harmless-base/*.jsonl.gz", "hh"),
        "UKP Strict": (ukp(data, scratch), "trl"),
        f"AlpacaEval, {rows:,} by hash": (sampled(data, scratch, rows), "trl"),
    }
    print("| set | pairs | model | accuracy | AUROC* | AUROC at 10 % flips |\n|---|---|---|---|---|---|")
    for number, (name, (source, form)) in enumerate(sets.items()):
        for model in ("static", "transformer"):
            out = scratch / f"quality{number}{model}"
            plain = ("semantic.find=false", "duplicates.near=false", "signals.pii=false", "signals.language=false")
            curate(out, source, form, f"embed.model={model}", f"embed.cache={cache}", *plain)
            got = figures(*read(out))
            print(
                f"| {name} | {got['pairs']:,} | {model} | {got['accuracy']:.3f} | {got['star']:.3f} | "
                f"{got['flips']:.3f} |",
                flush=True,
            )


@contextlib.contextmanager
def folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=["throughput", "distil", "alpaca_eval", "quality"])
    parser.add_argument("--texts", type=int, default=3_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, folder(given.cache) as cache:
        scratch = Path(made)
        if "distil" in given.only:
            distillation(scratch)
        if "alpaca_eval" in given.only:
            alpaca_eval(given.data, scratch)
        if "throughput" in given.only:
            throughput(given.data, scratch, given.texts, given.runs)
        if "quality" in given.only:
            quality(given.data, scratch, cache, given.rows)


if __name__ == "__main__":
    main()
