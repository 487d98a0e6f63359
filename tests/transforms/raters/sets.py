"""Real judgements of several raters, as tests and benchmarks read them. Names of people stay in memory."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
from lxml import etree

#: An argument pair's labels as preferences for the first.
UKP = {"a1": 1.0, "equal": 0.5, "a2": 0.0}


def ukp(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """UKPConvArg1: pairs of arguments of a topic, and what workers said of them.

    Returns:
        Pairs: unit, topic, id_a, id_b (of arguments), a, b (texts), gold (the authors': a preference for a, null where
        they concluded none). Votes: unit, rater, value.
    """
    pairs, votes = [], []
    for path in sorted((folder / "data" / "UKPConvArg1-full-XML").glob("*.xml")):
        for one in etree.parse(str(path)).getroot():
            ids, texts = ([one.findtext(f"arg{i}/{name}") for i in (1, 2)] for name in ("id", "text"))
            pairs.append((path.stem, *ids, *texts, UKP.get(one.findtext("goldLabel"))))
            votes += [
                (len(pairs) - 1, vote.findtext("turkID"), UKP[vote.findtext("value")])
                for vote in one.find("mTurkAssignments")
            ]
    schema = ["topic", "id_a", "id_b", "a", "b", "gold"]
    return (
        pl.DataFrame(pairs, schema=schema, orient="row").with_row_index("unit"),
        pl.DataFrame(votes, schema=["unit", "rater", "value"], orient="row"),
    )


def mlqe(folder: Path, part: str, languages: str) -> pl.DataFrame:
    """MLQE-PE's direct assessments (unit, rater, value); a rater is a place in the list of scores."""
    with tarfile.open(folder / "data" / "direct-assessments" / part / f"{languages}-{part}.tar.gz") as archive:
        (name,) = [name for name in archive.getnames() if name.endswith(".tsv")]
        file = archive.extractfile(name)
        assert file is not None
        lines = file.read().decode().splitlines()
    column = lines[0].split("\t").index("scores")
    scores = [json.loads(line.split("\t")[column]) for line in lines[1:]]
    flat = [(unit, str(rater), float(value)) for unit, each in enumerate(scores) for rater, value in enumerate(each)]
    return pl.DataFrame(flat, schema=["unit", "rater", "value"], orient="row")


def mqm(folder: Path, languages: str) -> pl.DataFrame:
    """TED's MQM scores (unit, rater, value), lower is better.

    Each system's translation of a segment has one rater; systems that made the same one give it several. Weights are
    the published ones: major 5, minor 1, punctuation 0.1, non-translation 25.
    """
    table = pl.read_csv(folder / "ted" / languages / f"mqm_ted_{languages}.tsv", separator="\t", quote_char=None)
    major, minor = pl.col("severity") == "Major", pl.col("severity") == "Minor"
    weight = (
        pl.when(major & pl.col("category").str.starts_with("Non-translation"))
        .then(25.0)
        .when(major)
        .then(5.0)
        .when(minor & (pl.col("category") == "Fluency/Punctuation"))
        .then(0.1)
        .when(minor)
        .then(1.0)
        .otherwise(0.0)
    )
    target = pl.col("target").str.replace_all("</?v>", "").str.strip_chars()
    scores = table.group_by("system", "doc", "seg_id", "rater").agg(value=weight.sum(), target=target.first())
    unit = pl.struct("doc", "seg_id", "target").rank("dense").cast(pl.Int64)
    # One rater's scores of the same translation by several systems are one judgement, their mean.
    return scores.with_columns(unit=unit).group_by("unit", "rater").agg(pl.col("value").mean()).sort("unit", "rater")


def simulated(rows: int, raters: int = 50, each: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Votes of raters right with 0.95 down to 0.45: a table of rows by raters with gaps, the truth, the accuracies."""
    rng = np.random.default_rng(1)
    skill, truth = np.linspace(0.95, 0.45, raters), rng.integers(0, 2, rows)
    table = np.full((rows, raters), np.nan)
    for i in range(rows):
        some = rng.choice(raters, each, replace=False)
        right = rng.random(each) < skill[some]
        table[i, some] = np.where(right, truth[i], 1 - truth[i])
    return table, truth, skill
