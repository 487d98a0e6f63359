"""Raters of real data, held against what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.transforms.raters.sets import mlqe, mqm, ukp
from transforms.raters.agreement import alpha
from transforms.raters.consensus import dawid_skene, outcomes_of
from transforms.raters.normalise import moments, normalise

Data = Callable[[str], Path]
#: Agreement with the authors' gold of crowd-kit 1.4.2's Dawid-Skene, as benchmarks/peers/crowdkit.py prints it.
CROWD_KIT = 0.8884


def numbered(votes: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    raters = (votes["rater"].rank("dense").cast(pl.Int64) - 1).to_numpy()
    return votes["unit"].cast(pl.Int64).to_numpy(), raters, votes["value"].to_numpy()


def test_ukp(data: Data) -> None:
    pairs, cast = ukp(data("ukp_convarg1"))
    units, raters, votes = numbered(cast)
    gold = pairs["gold"].to_numpy()
    known = ~np.isnan(gold)
    fit = dawid_skene(units, raters, votes, np.ones(len(votes)))
    concluded = np.array([1.0, 0.5, 0.0])[fit.posterior.argmax(axis=1)]
    counts = np.stack([np.bincount(units, votes == value, len(gold)) for value in (1.0, 0.5, 0.0)], axis=1)
    top = counts.max(axis=1, keepdims=True)
    # Where two labels have most votes, majority is given half a point for each pair it would toss a coin for.
    plain = ((counts == top) & (np.array([1.0, 0.5, 0.0]) == gold[:, None])).sum(axis=1) / (counts == top).sum(axis=1)
    ours = (concluded == gold)[known].mean()
    assert ours > CROWD_KIT
    assert ours > plain[known].mean() + 0.02
    # Workers with 50 votes or more: their estimated reliability, and how often they are with the others' majority.
    many = np.bincount(raters) >= 50
    assert many.sum() == 178
    found = outcomes_of(fit.posterior[units], raters, votes, np.ones(len(votes)), int(raters.max()) + 1)
    reliability = (found[:, 0] + found[:, 3]) / found.sum(axis=1)
    others = counts[units] - (np.array([1.0, 0.5, 0.0]) == votes[:, None])
    ordered = np.sort(others, axis=1)
    clear = ordered[:, 2] > ordered[:, 1]
    with_them = np.array([1.0, 0.5, 0.0])[others.argmax(axis=1)] == votes
    agreement = np.bincount(raters[clear], with_them[clear], len(many)) / np.maximum(
        np.bincount(raters[clear], minlength=len(many)), 1
    )
    assert np.corrcoef(reliability[many], agreement[many])[0, 1] >= 0.8
    held = known[units]
    agreement = np.bincount(raters[held], (votes == gold[units])[held], len(many)) / np.maximum(
        np.bincount(raters[held], minlength=len(many)), 1
    )
    assert np.corrcoef(reliability[many], agreement[many])[0, 1] >= 0.8


def alphas(lines: pl.DataFrame) -> tuple[float, float]:
    """Alpha (interval) of values as they are, and as z-scores of their raters."""
    flat = lines.with_columns(source=pl.lit("s"), dimension=pl.lit("d"))
    z = normalise(flat, moments(flat))
    assert z.height == flat.height
    return alpha(flat, "interval")["alpha"].item(), alpha(z, "interval")["alpha"].item()


@pytest.mark.parametrize("languages", ["ende", "zhen"])
def test_mqm_of_ted(languages: str, data: Data) -> None:
    raw, normalised = alphas(mqm(data("wmt_mqm"), languages))
    assert normalised > raw + 0.03


@pytest.mark.parametrize("languages", ["en-de", "ro-en", "et-en", "si-en"])
@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_direct_assessments(part: str, languages: str, data: Data) -> None:
    raw, normalised = alphas(mlqe(data("mlqe_pe"), part, languages))
    assert normalised > raw
