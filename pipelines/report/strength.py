"""Wrong labels and ambiguous pairs on the page: the curve of strength, the self-check, and the pairs at both ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from pipelines.finished import Finished
from pipelines.limits import self_checks
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.parts import SHOWN, Chart, Link, Sample, Section, Table, many, number, share
from pipelines.report.samples import highest
from transforms import blocks
from transforms.strength.bins import BINS

#: Bins of the curve and of histograms.
_BINS = 20
_SIGNALS = ("strength_mu", "strength_sigma", "strength_bin", "p_error", "p_ambiguous")
_MEANING = {
    "incorrect": "in the lowest tenth, and surely against its label",
    "doubtful": "in the lowest fifth, and against its label",
    "ambiguous": "in the lower two fifths",
    "normal": "as most are",
    "strong": "in the highest tenth",
}


def pairs_of(run: Finished) -> pl.DataFrame:
    """Every pair that was judged by the detectors: its place, signals, strength for its label, and its hash."""
    folders = run.left("pairs"), run.left("strength")
    if None in folders or not run.every:
        return pl.DataFrame(schema={"place": pl.Int64})
    parts = []
    for block, start in zip(run.every, run.starts[:-1].tolist(), strict=True):
        labels = blocks.read_frame(f"{folders[0]}/{block.sidecar}", ["row", "label"])
        said = blocks.read_frame(f"{folders[1]}/{block.sidecar}", _SIGNALS)[labels["row"]]
        sign = (pl.col("label") - 0.5).sign().fill_nan(0)
        floats = pl.col("strength_mu", "strength_sigma", "p_error", "p_ambiguous").cast(pl.Float32)
        part = said.with_columns(labels["label"], place=labels["row"] + start)
        part = part.with_columns(floats, strength=(pl.col("strength_mu") * sign).cast(pl.Float32), sided=sign != 0)
        parts.append(part.drop("label", "strength_mu").with_columns(pl.col("strength_bin").cast(pl.Enum(BINS))))
    chances = run.ledger().select(chance=CHANCE).collect(engine="streaming")["chance"]
    whole = pl.concat(parts)
    return whole.with_columns(chances[whole["place"]])


def strength(run: Finished, pairs: pl.DataFrame) -> Section | None:
    """Wrong labels; None where nobody looked for them."""
    told = run.manifest["strength"]
    if told is None:
        return None
    if not told["fitted"]:
        return Section("strength", "Wrong labels", f"Wrong labels were not looked for: there are {told['why']}.")
    sided = pairs.filter("sided") if pairs.height else pairs
    lead = _noise(told)
    words = [
        f"Out of fold, the ensemble prefers the other side of {told['below_zero']:.1%} of the pairs. "
        f"{_rights(told['right'])}",
    ]
    pictures = [] if sided.is_empty() else [_curve(sided)]
    checks = self_checks(run.config.policy, told)
    at = _roc(checks)
    if checks:
        words.append(_checked(checks))
    if at:
        pictures.append(at)
    bins = told["bins"]
    samples = [sample for name in BINS if (sample := _of_bin(sided, name))]
    there = {sample.key for sample in samples}
    lines = [
        [name, _MEANING[name], Link(bins.get(name, 0), f"bin-{name}") if f"bin-{name}" in there else bins.get(name, 0)]
        for name in BINS
    ]
    worst = highest(sided, "p_error", run.config.policy.doubtful_at, "most-wrong", "most probably mislabelled")
    tables = [Table(["strength", "what it means", "pairs"], lines, "Pairs by strength, within their source")]
    if checks:
        tables.append(_check_table(checks))
    return Section(
        "strength", "Wrong labels", lead, words=words, charts=pictures, tables=tables, samples=[*worst, *samples]
    )


def ambiguity(run: Finished, pairs: pl.DataFrame) -> Section | None:
    """Pairs that can hardly be told apart; None where nobody looked for them."""
    told = run.manifest["strength"]
    if told is None or not told["fitted"]:
        return None
    known = pairs.drop_nulls("p_ambiguous") if pairs.height else pairs
    if known.is_empty():
        return None
    at = run.config.policy.ambiguous_at
    over = int((known["p_ambiguous"] >= at).sum())
    how = (
        "votes"
        if told["ambiguity_identified"]
        else "the ensemble's margin alone, since no pair has votes to learn it from"
    )
    return Section(
        "ambiguity",
        "Ambiguity",
        f"{many(over, 'pair')} of {known.height:,} ({share(over, known.height)}) can hardly be told apart "
        f"(p_ambiguous from {at:g} on).",
        words=[f"How hardly the sides of a pair can be told apart is read off {how}."],
        charts=[
            charts.histogram(
                known["p_ambiguous"].to_numpy(),
                (0.0, 1.0),
                "p_ambiguous",
                "pairs",
                "Pairs by how probably they are ambiguous.",
            )
        ],
        samples=highest(known, "p_ambiguous", at, "most-ambiguous", "hardest to tell apart"),
    )


def _noise(told: dict[str, Any]) -> str:
    if told["eta_identified"]:
        return (
            f"About {told['eta']:.1%} of single judgements name the wrong side (95 % interval {told['eta_low']:.1%} to "
            f"{told['eta_high']:.1%}, from {told['eta_source']})."
        )
    return (
        f"How many labels are wrong is not known, since no pair has judgements of several raters: at most "
        f"{told['eta_high']:.1%}."
    )


def _rights(right: dict[str, float]) -> str:
    names = {
        "mu": "the ensemble",
        "surface": "surface features alone",
        "neighbours": "similar comparisons",
        "logit": "all together",
    }
    said = ", ".join(f"{what} {right[name]:.1%}" for name, what in names.items() if name in right)
    return f"Agreement with the recorded label: {said}."


def _curve(sided: pl.DataFrame) -> Chart:
    """Mean strength and its spread in bins of as many pairs each."""
    ordered = sided.sort("strength", "chance")
    values = []
    for number_, part in enumerate(np.array_split(np.arange(ordered.height), _BINS)):
        if len(part):
            mine = ordered[int(part[0]) : int(part[-1]) + 1]
            mean, sd = mine["strength"].mean(), mine["strength_sigma"].mean()
            values.append(((number_ + 0.5) / _BINS, float(mean or 0), float(sd or 0)))  # type: ignore[arg-type]
    return charts.band(
        values,
        "share of pairs, the weakest first",
        "strength for the recorded side",
        "Strength in 20 bins: the ensemble's mean margin μ for the recorded side, and as a band how far its members "
        "differ (σ). Below 0 it prefers the other side.",
    )


def _roc(checks: list[dict[str, Any]]) -> Chart | None:
    if not any(check["found"] or check["over"] for check in checks):
        return None
    values = []
    for place in dict.fromkeys(check["place"] for check in checks):
        mine = [check for check in checks if check["place"] == place]
        name = f"{'anywhere' if place == 'uniform' else 'close pairs'} ({mine[0]['auroc']:.2f})"
        values += [(name, 0.0, 0.0), *((name, check["over"], check["found"]) for check in mine)]
    return charts.curves(
        sorted(values, key=lambda value: (value[0], value[1], value[2])),
        "share of other labels alarmed",
        "share of planted flips found",
        "The self-check: labels that the run turned round itself, anywhere and among close pairs, and how many of them "
        "p_error finds, dashed where no threshold was tried; in brackets the area under the whole curve.",
    )


def _checked(checks: list[dict[str, Any]]) -> str:
    least = min(checks, key=lambda check: abs(check["threshold"] - 0.9))
    return (
        f"Of flips that the run planted itself, p_error finds {least['found']:.0%} at a threshold of "
        f"{least['threshold']:g}, and {least['over']:.1%} of all other labels are beyond it too."
    )


def _check_table(checks: list[dict[str, Any]]) -> Table:
    columns = ["flips", "p_error from", "planted", "found", "others beyond", "right if flipped, at least", "AUROC"]
    lines = [
        [check["place"], check["threshold"], check["planted"], number(check["found"]), number(check["over"]),
         number(check["precision_bound"]), number(check["auroc"])]
        for check in checks
    ]  # fmt: skip
    return Table(columns, lines, "The self-check in figures", folded=True)


def _of_bin(sided: pl.DataFrame, name: str) -> Sample | None:
    if sided.is_empty():
        return None
    mine = sided.filter(pl.col("strength_bin") == name)
    chosen = mine.bottom_k(SHOWN // 4, by="chance").sort("chance")
    if chosen.is_empty():
        return None
    about = {
        place: f"Strength {mu:.3f} for its label (σ {sd:.3f})."
        for place, mu, sd in chosen.select("place", "strength", "strength_sigma").rows()
    }
    return Sample(f"bin-{name}", f"strength: {name}", mine.height, places=chosen["place"].to_list(), about=about)
