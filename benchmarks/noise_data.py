"""Real pairs for `benchmarks/noise.py`: texts and labels as files hold them, and as arrays that detectors take."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import orjson
import polars as pl

from transforms.embed.static import StaticEncoder
from transforms.hashing import digest
from transforms.spurious.features import scaled, surface
from transforms.strength.likeness import likeness
from transforms.strength.model import Settings
from transforms.strength.pairs import Pairs

#: Votes as counts, where a set has several a row.
_CAST = ("for_first", "for_second", "even")


@dataclass(frozen=True)
class Judged:
    """A set's pairs with one vote each, and what else the set says of them.

    Attributes:
        pairs: each with one vote, the majority's.
        truth: the judge's probability of the first side, or the share of the raters who agreed; NaN where unknown.
        cast: how many voted for the first, for the second, for neither [rows, 3].
    """

    pairs: Pairs
    truth: np.ndarray
    cast: np.ndarray

    def with_votes(self) -> Pairs:
        """The pairs with all votes; one for neither is half a vote for each."""
        return replace(self.pairs, votes=self.cast[:, :2] + self.cast[:, 2:] / 2, voices=self.cast[:, :2])


@dataclass(frozen=True)
class Given:
    """What the command was given."""

    data: Path
    static: str
    cache: Path
    rows: int
    seeds: int
    members: int
    sets: Sequence[str]
    cleanlab: str | None

    def judged(self, name: str) -> Judged:
        return load(name, self.data, self.static, self.cache, self.rows)

    def pairs(self, name: str) -> Pairs:
        return self.judged(name).pairs

    @property
    def settings(self) -> Settings:
        return Settings(members=self.members)


def hh(data: Path) -> pl.DataFrame:
    with gzip.open(data / "hh_rlhf/harmless-base/test.jsonl.gz") as file:
        raw = [orjson.loads(line) for line in file]
    pairs = [(side.rpartition("\n\nAssistant:") for side in (one["chosen"], one["rejected"])) for one in raw]
    rows = [(a[0], b[0], a[2].strip(), b[2].strip()) for a, b in pairs]
    frame = pl.DataFrame(rows, schema=["prompt", "other", "a", "b"], orient="row")
    return frame.filter(pl.col("prompt") == pl.col("other")).select(
        "prompt", "a", "b", label=1.0, truth=pl.lit(None, dtype=pl.Float64)
    )


def alpaca_eval(data: Path) -> pl.DataFrame:
    frames = [
        pl.read_json(path).select("instruction", "output_1", "output_2", pl.col("preference").cast(pl.Float64))
        for path in sorted((data / "alpaca_eval_gpt4/results").glob("*/*/annotations.json"))
    ]
    frame = pl.concat(frames).filter(pl.col("preference").is_between(1, 2) & (pl.col("preference") != 1.5))
    truth = 2 - pl.col("preference")
    label = (truth > 0.5).cast(pl.Float64)
    return frame.select(prompt="instruction", a="output_1", b="output_2", label=label, truth=truth)


def alpaca_eval_weighted(data: Path) -> pl.DataFrame:
    """Pairs whose judge gave a probability; `truth` is the first side's, the label the likelier side."""
    frames = [
        pl.read_json(path).select("instruction", "output_1", "output_2", pl.col("preference").cast(pl.Float64))
        for path in sorted((data / "alpaca_eval_multijudge/results").glob("*/weighted_*/annotations.json"))
    ]
    frame = pl.concat(frames).filter(pl.col("preference").is_between(1, 2) & (pl.col("preference") != 1.5))
    truth = 2 - pl.col("preference")
    return frame.select(
        prompt="instruction", a="output_1", b="output_2", label=(truth > 0.5).cast(pl.Float64), truth=truth
    )


def pandalm(data: Path) -> pl.DataFrame:
    raw = orjson.loads((data / "pandalm/data/testset-v1.json").read_bytes())
    rows = []
    for one in raw:
        votes = [one[f"annotator{i}"] for i in (1, 2, 3)]
        ones, twos = votes.count(1), votes.count(2)
        label = 0.5 if ones == twos else float(ones > twos)
        prompt = f"{one['instruction']}\n{one['input']}"
        cast = (ones, twos, 3 - ones - twos)
        rows.append((prompt, str(one["response1"]), str(one["response2"]), label, max(cast) / 3, *cast))
    return pl.DataFrame(rows, schema=["prompt", "a", "b", "label", "truth", *_CAST], orient="row")


def ukp(data: Path) -> pl.DataFrame:
    """The authors' cleaned subset, which has no ties."""
    rows = []
    for path in sorted((data / "ukp_convarg1/data/UKPConvArg1Strict-CSV").glob("*.csv")):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            _, label, a, b = line.split("\t")
            rows.append((path.stem, a, b, float(label == "a1"), None))
    return pl.DataFrame(rows, schema=["prompt", "a", "b", "label", "truth"], orient="row").with_columns(
        pl.col("a", "b").str.replace_all("<br/>", "\n", literal=True)
    )


def ukp_votes(data: Path) -> pl.DataFrame:
    """All pairs with what most of their five voters said; `truth` is that majority's share of the votes."""
    rows = []
    for path in sorted((data / "ukp_convarg1/data/UKPConvArg1-full-XML").glob("*.xml")):
        for pair in ElementTree.parse(path).getroot().iter("annotatedArgumentPair"):
            votes = [found.text for found in pair.iter("value")]
            first, second = votes.count("a1"), votes.count("a2")
            label = 0.5 if first == second else float(first > second)
            cast = (first, second, votes.count("equal"))
            texts = pair.findtext("arg1/text"), pair.findtext("arg2/text")
            rows.append((path.stem, *texts, label, max(cast) / len(votes), *cast))
    return pl.DataFrame(rows, schema=["prompt", "a", "b", "label", "truth", *_CAST], orient="row")


LOADERS = {
    "HH": hh,
    "AlpacaEval": alpaca_eval,
    "AlpacaEval weighted": alpaca_eval_weighted,
    "UKP": ukp,
    "PandaLM": pandalm,
    "UKP votes": ukp_votes,
}


def load(name: str, data: Path, static: str, cache: Path, rows: int) -> Judged:
    """A set's pairs; kept in `cache`.

    Args:
        name: one of `LOADERS`.
        data: folder of the unpacked sets.
        static: folder of a static distillation.
        cache: folder for what was computed.
        rows: at most so many pairs, those of the lowest hash; 0 for all.
    """
    target = cache / f"{name.replace(' ', '_')}-{rows}.npz"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(target, **_arrays(chosen(LOADERS[name](data), rows), static))
    with np.load(target) as kept:
        found = {part: kept[part] for part in kept.files}
    truth, cast = found.pop("truth"), found.pop("cast")
    return Judged(Pairs(**found), truth, cast)


def chosen(frame: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Pairs that differ, each once, sides in the order of their hashes, in the order of their own."""
    if "even" not in frame.columns:
        frame = frame.with_columns(
            for_first=(pl.col("label") > 0.5).cast(pl.Int64),
            for_second=(pl.col("label") < 0.5).cast(pl.Int64),
            even=(pl.col("label") == 0.5).cast(pl.Int64),
        )
    frame = frame.filter((pl.col("a") != pl.col("b")) & pl.all_horizontal(pl.col("a", "b").str.contains(r"\S")))
    sides = frame.with_columns(digest(frame["a"]).alias("_a"), digest(frame["b"]).alias("_b"))
    turned = pl.col("_a") > pl.col("_b")
    truth = pl.when(turned).then(1 - pl.col("truth")).otherwise("truth") if _directed(frame) else pl.col("truth")
    first, second, even = (pl.col(name) for name in _CAST)
    frame = sides.select(
        "prompt",
        a=pl.when(turned).then("b").otherwise("a"),
        b=pl.when(turned).then("a").otherwise("b"),
        label=pl.when(turned).then(1 - pl.col("label")).otherwise("label"),
        truth=truth,
        for_first=pl.when(turned).then(second).otherwise(first),
        for_second=pl.when(turned).then(first).otherwise(second),
        even=even,
    )
    names = digest(frame.select(pl.concat_str("prompt", "a", "b", separator="\x1f")).to_series())
    named = frame.with_columns(names.alias("id")).unique("id", keep="first", maintain_order=True).sort("id")
    return named.head(rows) if rows else named


def _directed(frame: pl.DataFrame) -> bool:
    """Whether the truth is a probability of the first side, and not how far raters agreed."""
    return bool((frame["truth"].cast(pl.Float64) < 1 / 3 - 1e-9).any())


def _hashed(names: pl.Series) -> np.ndarray:
    return names.str.slice(0, 15).str.to_integer(base=16).to_numpy().astype(np.uint64)


def _arrays(frame: pl.DataFrame, static: str) -> dict[str, np.ndarray]:
    encoder = StaticEncoder(static)
    texts = pl.concat([frame[side] for side in ("prompt", "a", "b")]).unique(maintain_order=True)
    vectors = np.concatenate([encoder.encode(texts[i : i + 4096].to_list()) for i in range(0, len(texts), 4096)])
    place = dict(zip(texts.to_list(), range(len(texts)), strict=True))
    prompt, a, b = (vectors[[place[text] for text in frame[side].to_list()]] for side in ("prompt", "a", "b"))
    counted = [scaled(surface(frame[side], frame["prompt"])).to_numpy() for side in ("a", "b")]
    label = frame["label"].to_numpy()
    votes = np.stack([label, 1 - label], axis=1)
    return {
        "keys": _hashed(frame["id"]),
        "groups": _hashed(digest(frame["prompt"])),
        "labels": label,
        "votes": votes,
        "voices": np.where(label[:, None] == 0.5, 0, votes),
        "trusted": np.full(len(label), np.nan),
        "surface": np.stack(counted, axis=1),
        "prompts": prompt,
        "responses": np.stack([a, b], axis=1),
        "likeness": likeness(frame["a"], frame["b"]),
        "truth": frame["truth"].to_numpy(),
        "cast": frame.select(_CAST).to_numpy().astype(np.float64),
    }
