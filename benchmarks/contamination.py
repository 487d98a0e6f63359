"""Planted contamination: what is found of changed benchmark prompts, what else is found, and how long it takes.

    python -m benchmarks.contamination --data DIR [--rows 20000] [--timed 20000 100000] [--seed 0]

DIR holds the unpacked sets hh_rlhf, alpaca_eval_gpt4, ukp_convarg1 and pandalm. The rows are recombined from real
sentences of HH-RLHF; into them go, for each kind of change, 50 prompts of AlpacaEval that no other kind has, and the
whole is curated. Beside it stands what is found of all 805 prompts among the turns of HH-RLHF, without Beam.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import string
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import yaml

from schemas.config import Contamination
from transforms.contamination.benchmarks import distinct
from transforms.contamination.items import Items
from transforms.contamination.judge import judge
from transforms.contamination.scan import Scanner

_TURN = re.compile(r"\n\n(?:Human|Assistant): ")
_PREFIX = "You are a careful and honest assistant. Answer as well as you can, and say so where you do not know: "
_SUFFIX = " Thank you very much. Please keep it short."
Change = Callable[[str, random.Random, list[str]], str]


def _other_word(text: str, rng: random.Random, words: list[str]) -> str:
    parts = text.split()
    place = rng.randrange(len(parts))
    parts[place] = rng.choice([word for word in rng.sample(words, 5) if word != parts[place]])
    return " ".join(parts)


def _dropped(text: str, rng: random.Random, words: list[str]) -> str:
    parts = text.split()
    del parts[rng.randrange(len(parts))]
    return " ".join(parts)


def _added(text: str, rng: random.Random, words: list[str]) -> str:
    parts = text.split()
    parts.insert(rng.randrange(1, len(parts)), rng.choice(words))
    return " ".join(parts)


def _typo(text: str, rng: random.Random, words: list[str]) -> str:
    place = rng.choice([place for place, char in enumerate(text) if char.isalpha()])
    return text[:place] + rng.choice(string.ascii_lowercase) + text[place + 1 :]


#: Kinds of change, and of which of them the project promises all to be found.
CHANGES: dict[str, Change] = {
    "none": lambda text, rng, words: text,
    "case": lambda text, rng, words: text.swapcase(),
    "no punctuation": lambda text, rng, words: re.sub(r"[^\w\s]", "", text),
    "more punctuation": lambda text, rng, words: text.replace(" ", " - ") + " !!!",
    "white space": lambda text, rng, words: re.sub(r"\s", lambda _: rng.choice(["  ", "\n", " \t", " "]), text) + "\n",
    "a prefix": lambda text, rng, words: _PREFIX + text,
    "a suffix": lambda text, rng, words: text + _SUFFIX,
    "a prefix and a suffix": lambda text, rng, words: _PREFIX + text + _SUFFIX,
    "one word substituted": _other_word,
    "one word left out": _dropped,
    "one word put in": _added,
    "one letter changed": _typo,
}


def sentences(data: Path) -> list[str]:
    """Sentences of HH-RLHF."""
    found = set()
    for turn in turns(data):
        found.update(part.strip() for part in re.split(r"(?<=[.?!])\s+", turn) if len(part.split()) >= 3)
    return sorted(found)


def turns(data: Path) -> list[str]:
    """What was said in HH-RLHF, each turn once."""
    found = set()
    for path in sorted((data / "hh_rlhf").rglob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            for side in orjson.loads(line).values():
                found.update(turn.strip() for turn in _TURN.split(side) if turn.strip())
    return sorted(found)


def prompts(data: Path) -> list[str]:
    """AlpacaEval's prompts."""
    path = min((data / "alpaca_eval_gpt4").rglob("annotations.json"))
    return list(dict.fromkeys(record["instruction"] for record in json.loads(path.read_text(encoding="utf-8"))))


def rows_of(parts: list[str], count: int, rng: random.Random) -> list[dict[str, str]]:
    """Pairs put together from sentences."""

    def text(low: int, high: int) -> str:
        return " ".join(rng.choices(parts, k=rng.randint(low, high)))

    return [{"prompt": text(1, 3), "chosen": text(3, 12), "rejected": text(3, 12)} for _ in range(count)]


def curated(rows: list[dict[str, str]], benchmark: list[str]) -> tuple[pl.DataFrame, dict]:
    """The ledger and the manifest of a run on these rows."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "rows.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        (folder / "benchmark.json").write_bytes(orjson.dumps(benchmark))
        config = {
            "sources": [{"input": [str(folder / "rows.jsonl")]}],
            "contamination": {"benchmarks": [{"input": [str(folder / "benchmark.json")], "format": "text"}]},
            "duplicates": {"near": False},  # stages that are not measured here
            "embed": {"model": "off"},
            "raters": {"consensus": "off"},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "pipelines.cli", "curate", str(folder / "config.yaml"), "--out"]
        done = subprocess.run([*command, str(folder / "out")], capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr)
        ledger = pl.read_parquet(folder / "out" / "ledger.parquet")
        return ledger, json.loads((folder / "out" / "manifest.json").read_text())


def found_in(scanner: Scanner, texts: list[str], base: list[str]) -> tuple[int, int]:
    """How many of the texts are found among others, and how many of the others."""
    every = pl.Series([*texts, *base]).unique(maintain_order=True)
    found, words, total = scanner.find(every, np.ones(len(every), np.int64))
    judged = judge(found, scanner.items, scanner.vocabulary, words, total, len(every))
    hit = set(every[judged.filter(~pl.col("common"))["text"].unique().to_numpy()].to_list())
    return sum(text in hit for text in texts), len(hit - set(texts))


def planted(data: Path, count: int, seed: int) -> None:
    rng = random.Random(seed)
    benchmark, parts, said = prompts(data), sentences(data), turns(data)
    words = sorted({word for part in parts for word in part.split() if word.isalpha()})
    order = rng.sample(benchmark, len(benchmark))
    rows = rows_of(parts, count, rng)
    kinds: dict[int, str] = {}
    for nth, (kind, change) in enumerate(CHANGES.items()):
        for text in order[50 * nth : 50 * nth + 50]:
            place = rng.choice([place for place in (rng.randrange(count) for _ in range(20)) if place not in kinds])
            rows[place]["prompt"] = change(text, rng, words)
            kinds[place] = kind
    ledger, _ = curated(rows, benchmark)
    hit = set((ledger.filter(pl.col("reasons").list.contains("contaminated"))["line"] - 1).to_list())
    frame = distinct("alpaca_eval", [(str(nth), "prompt", text) for nth, text in enumerate(benchmark)])
    scanner = Scanner(Items(frame, Contamination()))
    print(f"| change | found of 50 in {count:,} rows | found of all {len(benchmark)} |\n|---|---|---|")
    for kind, change in CHANGES.items():
        mine = [place for place, of in kinds.items() if of == kind]
        every = [change(text, random.Random(f"{seed} {text}"), words) for text in benchmark]
        of_all, _ = found_in(scanner, every, said)
        print(f"| {kind} | {sum(place in hit for place in mine)} | {of_all / len(benchmark):.4f} |", flush=True)
    print("\n| what has nothing of AlpacaEval | texts | found |\n|---|---|---|")
    print(f"| the other {count - len(kinds):,} rows | {3 * (count - len(kinds)):,} | {len(hit - set(kinds))} |")
    for name, texts in (("turns of HH-RLHF", said), ("arguments of UKP", arguments(data))):
        print(f"| {name} | {len(texts):,} | {found_in(scanner, [], texts)[1]} |", flush=True)
    test = json.loads(next((data / "pandalm").rglob("testset-v1.json")).read_text(encoding="utf-8"))
    asked = {f"{r['instruction']}\n\n{r['input']}" if r["input"] else r["instruction"] for r in test}
    print(f"\nOf PandaLM's {len(asked)} prompts {found_in(scanner, [], sorted(asked))[1]} are found in AlpacaEval.")


def arguments(data: Path) -> list[str]:
    """The arguments of UKPConvArg1."""
    found = set()
    for path in sorted((data / "ukp_convarg1").rglob("*.csv")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            found.update(part for part in line.split("\t")[2:] if len(part) > 10)
    return sorted(found)


def timed(data: Path, counts: list[int], seed: int) -> None:
    benchmark, parts = prompts(data), sentences(data)
    print("\n| rows | MB of text | contamination s | all stages s | peak MiB |\n|---|---|---|---|---|")
    for count in counts:
        rows = rows_of(parts, count, random.Random(seed))
        size = sum(len(text) for row in rows for text in row.values()) / 1e6
        _, manifest = curated(rows, benchmark)
        took = {stage["stage"]: stage["seconds"] for stage in manifest["stages"]}
        mine = sum(seconds for name, seconds in took.items() if name.startswith("contamination"))
        peak = max(stage["peak_bytes"] for stage in manifest["stages"]) / 2**20
        print(f"| {count:,} | {size:,.0f} | {mine:.1f} | {sum(took.values()):.1f} | {peak:,.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--timed", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    planted(given.data, given.rows, given.seed)
    timed(given.data, given.timed, given.seed)


if __name__ == "__main__":
    main()
